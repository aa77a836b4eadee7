import pytest

from sentinel.core.names import Name, Names, matches
from tests.formats.reading import NAMES


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("eval_loss", "val.loss"),
        ("validation/main/loss", "val.loss"),
        ("Average Train Loss", "train.loss"),
        ("val_acc", "val.accuracy"),
        ("top1Accuracy", "accuracy"),
        ("err-top1", "top1_error"),
        ("GradNorm", "grad_norm"),
        ("train_grad_norm", "grad_norm"),
        ("metrics/mAP50-95(B)", "map50_95"),
        ("train/box_loss", "train.loss.box"),
        ("loss_countdown", "loss.countdown"),
        ("val_char_acc", "val.char_accuracy"),
        ("elapsed time per iteration (ms)", "step_time"),
        ("lr-AdamW", "lr"),
        ("lr/pg1", "lr.pg1"),
        ("weight_type", "weight.type"),
        ("valid_1's auc", "val.auc"),
        ("new best dev f1 score", "val.best_f1"),
        ("fast_rcnn/cls_accuracy", "fast_rcnn.cls_accuracy"),
        ("custom/bleu_dev", "custom.bleu_dev"),
        ("loss_weight", "loss_weight"),
    ],
)
def test_every_spelling_has_its_canonical_name(raw, name):
    assert NAMES.canonical(raw) == name


def test_the_split_of_the_place_counts_only_where_the_key_names_none():
    assert NAMES.canonical("acc", "val") == "val.accuracy"
    assert NAMES.canonical("train_acc", "val") == "train.accuracy"
    assert NAMES.canonical("lr", "val") == "lr"


def test_kinds_and_components_inherit_what_is_known_of_their_metric():
    assert NAMES.better("val.char_accuracy") == "higher"
    assert NAMES.share("val.span_f1")
    assert NAMES.better("train.loss.countdown") == "lower"
    assert not NAMES.known("train.nothing_of_the_kind")


def test_a_typo_is_offered_the_nearest_declared_name():
    assert NAMES.near("val.acuracy") == "val.accuracy"


def test_a_users_spelling_is_taken_over_the_rules_of_spelling():
    names = Names({"custom.bleu_dev": Name("custom.bleu_dev", "higher", spellings=("my/dev_score",))})
    assert names.canonical("my/dev_score") == "custom.bleu_dev"


def test_a_star_matches_one_part():
    assert matches("train.loss.*", "train.loss.type")
    assert not matches("train.loss.*", "train.loss")

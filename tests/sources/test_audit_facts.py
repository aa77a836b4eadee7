"""Config keys and source lines become the facts that audit rules judge."""

import pytest

from sentinel.core.records import Fact
from sentinel.sources.audit_facts import well_known
from sentinel.sources.audit_source import source_facts


def known(**config):
    facts = [
        Fact(f"config.{key.replace('__', '.')}", value, "c.yaml", n) for n, (key, value) in enumerate(config.items(), 1)
    ]
    return {fact.name: fact.value for fact in well_known(facts)}


@pytest.mark.parametrize(
    ("config", "name", "value"),
    [
        ({"data__shuffle": False}, "fact.shuffle", 0),
        (
            {"data__train_start_idx": 1434, "data__num_examples": 2812},
            "fact.skipped_share",
            pytest.approx(0.51, abs=0.01),
        ),
        ({"optimizer__name": "adamw"}, "fact.adam_like", 1),
        ({"optimizer": "sgd"}, "fact.adam_like", 0),
        ({"lr_stage1": "6.4e-4", "stage1_trainable": "embeddings"}, "fact.lr_over_band", pytest.approx(12.8)),
        ({"learning_rate": 5e-5, "model_name_or_path": "org/model"}, "fact.lr_over_band", pytest.approx(1.0)),
        (
            {"learning_rate": 2e-4, "model_name_or_path": "org/model", "use_lora": True},
            "fact.lr_over_band",
            pytest.approx(0.4),
        ),
        ({"countdown__clip": (-20, 20)}, "fact.target_width", 40.0),
        ({"training__mlm_probability": 0.3}, "fact.mask_rate", 0.3),
        ({"early_stop_patience": 0}, "fact.stop_patience", 0),
    ],
)
def test_a_key_becomes_the_fact_that_it_states(config, name, value):
    assert known(**config)[name] == value


def test_a_rate_from_scratch_is_not_held_against_a_band_of_fine_tuning():
    assert "fact.lr_over_band" not in known(learning_rate=0.02, optimizer="adam")


def test_the_rate_of_a_fasttext_run_is_not_the_models():
    assert "fact.lr" not in known(fasttext__lr=0.05)


def test_one_head_over_two_vocabularies_is_seen_only_when_they_add_up():
    both = {"tokenizer__char_tokens": 43, "tokenizer__tld_tokens": 512, "model__vocab_size": 555}
    assert known(**both, model__mlm_head="single")["fact.vocabularies_in_one_head"] == 2
    assert known(**both, model__mlm_head="char_head+tld_head")["fact.vocabularies_in_one_head"] == 1


def source(text):
    return {fact.name: fact.line for fact in source_facts("train.py", text)}


def test_a_shuffle_that_is_commented_out_is_found_at_its_line():
    assert source("a = 1\n    # if self.shuffle:\n    #     random.shuffle(examples)\n") == {
        "fact.shuffle_commented_out": 2
    }


def test_a_word_about_shuffling_in_a_comment_is_no_shuffle_commented_out():
    assert source("# shuffle the data once a day\nx = 1  # random order\n") == {}


def test_a_training_loader_over_several_lines_that_never_shuffles_is_found():
    text = "train_loader = DataLoader(\n    data,\n    shuffle=False,\n)\nval_loader = DataLoader(val, shuffle=False)\n"
    assert source(text) == {"fact.loader_unshuffled": 1}


def test_a_loader_with_a_sampler_may_say_shuffle_false():
    assert source("train_loader = DataLoader(data, shuffle=False, sampler=sampler)\n") == {}

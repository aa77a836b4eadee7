"""Habits of people rather than of frameworks: remarks between rows, tables with thick strokes, Chinese, messages of services."""

import pytest

from tests.formats.reading import facts, items, rows, said


def test_a_remark_between_the_rows_of_a_table_ends_nothing():
    text = "   iter    loss\n     10    2.31\n     20    2.10\n# val at 20: loss = 2.25, acc = 0.31\n     30    1.92\n"
    met = said(text)
    assert [(row["step"], row["train.loss"]) for row in met if "train.loss" in row] == [
        (10, 2.31),
        (20, 2.1),
        (30, 1.92),
    ]
    assert [row["val.accuracy"] for row in met if "val.accuracy" in row] == [0.31]


def test_a_table_with_thick_strokes():
    text = (
        "┏━━━━━━━┳━━━━━━━━┳━━━━━━━━━━┓\n┃ epoch ┃ loss   ┃ val loss ┃\n┡━━━━━━━╇━━━━━━━━╇━━━━━━━━━━┩\n"
        "│     1 │ 1.9185 │   2.3026 │\n│     2 │ 1.3412 │   1.7011 │\n└───────┴────────┴──────────┘\n"
    )
    assert said(text) == [
        {"train.loss": 1.9185, "val.loss": 2.3026, "epoch": 1},
        {"train.loss": 1.3412, "val.loss": 1.7011, "epoch": 2},
    ]


def test_keras_with_one_line_an_epoch_counts_epochs_and_plans_no_steps():
    text = "".join(
        f"Epoch {n}/9\n24/24 - 1s - 12ms/step - loss: {2 / n:.4f} - val_loss: {3 / n:.4f}\n" for n in (1, 2, 3)
    )
    assert [(row["epoch"], row["val.loss"]) for row in said(text)] == [(1, 3.0), (2, 1.5), (3, 1.0)]
    assert not any("step" in row for row in said(text))
    assert facts(text).get("fact.planned_steps") is None


@pytest.mark.parametrize(
    "line",
    [
        "VALID @ 240  loss 0.31  acc 0.9",
        "✓ val    240 → loss 0.31 · acc 0.9",
        '{"msg": "eval", "data": {"step": 240, "loss": 0.31, "acc": 0.9}}',
    ],
)
def test_a_line_that_begins_with_a_split_is_of_that_split(line):
    (row,) = said(line + "\n")
    assert (row["val.loss"], row["val.accuracy"]) == (0.31, 0.9)


def test_a_share_after_a_split_is_no_step():
    (row,) = said("val accuracy 1 loss 0.31\n")
    assert row["val.accuracy"] == 1


@pytest.mark.parametrize("head", ["[rank 1]", "[Rank 1/4]", "[RANK1]:", "[rank=1]"])
def test_a_rank_in_brackets_says_who_speaks(head):
    text = f"{head.replace('1', '0', 1)} step 30 loss 3.11\n{head} step 30 loss 3.15\n"
    assert [(row.rank, row.names) for row in rows(text)] == [(0, ("train.loss",)), (1, ("train.loss",))]


def test_a_unit_behind_a_number_names_no_loss():
    (row,) = said("Finished epoch 11 of 25 after 198.0 s with loss 1.1440 and acc 0.31\n")
    assert (row["train.loss"], row["train.accuracy"]) == (1.144, 0.31)


def test_chinese_words_for_losses_scores_and_epochs():
    assert said("Epoch 5/20 | 训练损失: 0.4312 | 验证准确率: 0.8125 | 学习率: 0.001000\n") == [
        {"train.loss": 0.4312, "val.accuracy": 0.8125, "lr": 0.001, "epoch": 5}
    ]
    assert said("第3轮 步数 54 训练损失：1.0891，梯度范数：1.79\n") == [
        {"train.loss": 1.0891, "grad_norm": 1.79, "epoch": 3, "step": 54}
    ]


def test_chinese_sentences_measure_nothing():
    assert not said("训练 12 个样本, 保存到 3 号目录\n")
    assert items("最佳模型已保存\n")

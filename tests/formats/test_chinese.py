import pytest

from tests.formats.reading import said


def test_a_chinese_log_keeps_its_test_set_apart_from_its_training():
    log = "----第 3 轮训练开始----\n训练次数：100, Loss：1.91\n整体测试集上的Loss: 252.6\n整体测试集上的正确率: 0.31\n模型已保存\n"
    assert said(log) == [
        {"train.loss": 1.91, "step": 100, "epoch": 3},
        {"test.loss": 252.6, "step": 100, "epoch": 3},
        {"test.accuracy": 0.31, "step": 100, "epoch": 3},
    ]


def test_splits_and_scores_in_one_line_are_told_apart():
    line = "第 5 轮, 训练损失: 0.31, 验证损失: 0.42, 验证准确率: 0.91\n"
    assert said(line) == [{"train.loss": 0.31, "val.loss": 0.42, "val.accuracy": 0.91, "epoch": 5}]


@pytest.mark.parametrize(
    "line",
    [
        "训练数据集的长度为：50000",
        "训练开始，共 3000 张图片",
        "这次事故的损失为300万元",
        "他们的损失 3 倍于我们",
        "准确率很高 95",
        "测试用例 12 通过",
    ],
)
def test_what_only_speaks_of_losses_and_sets_is_no_reading(line):
    assert said(line + "\n") == []

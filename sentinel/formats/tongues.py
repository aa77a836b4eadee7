"""What Chinese logs call a loss, a split or an epoch, in the words that all other lines use."""

from __future__ import annotations

import re

_WORDS = {
    "训练集": "train", "训练": "train", "验证集": "val", "验证": "val", "测试集": "test", "测试": "test",
    "损失值": "loss", "损失": "loss", "准确率": "accuracy", "正确率": "accuracy", "召回率": "recall", "精确率": "precision",
    "学习率": "lr", "困惑度": "perplexity", "梯度范数": "grad_norm", "奖励": "reward", "平均": "mean", "最佳": "best",
    "轮次": "epoch", "步数": "step", "：": ":", "，": ",", "（": "(", "）": ")",
}  # fmt: skip
_ANY = re.compile("|".join(sorted(_WORDS, key=len, reverse=True)))
_MEASURED = re.compile(r"(?:损失值?|率|困惑度|奖励)\s*[:：=]?\s*[-+\d]")
_COUNTED = re.compile(r"第\s*(\d+)(\s*/\s*\d+)?\s*(轮|步)")
_COUNTERS = {"轮": "epoch", "步": "step"}


def in_english(text: str) -> str | None:
    """A line that measures something in Chinese, with its known words put into English; None where it does not."""
    if not _MEASURED.search(text):
        return None
    said = _COUNTED.sub(lambda found: f"{_COUNTERS[found[3]]} {found[1]}{found[2] or ''} ", text)
    said = _ANY.sub(lambda found: f" {_WORDS[found[0]]} ", said)
    return re.sub(r"\s+(?=[:,)])", "", re.sub(r"\s+", " ", said)).strip()

"""The words for splits, scores and counters in Chinese, so that such a line is read as any other.

Only whole terms are known, the longest first; what is not known stays as it is and names nothing. A score is one before a colon,
a sign of equality or a "to be" alone, and no amount of money, people or days: what a model wrote may speak of losses too.
"""

from __future__ import annotations

import re

_TERMS = {
    "训练次数": " step ",
    "训练步数": " step ",
    "迭代次数": " iteration ",
    "步数": " step ",
    "学习率": " lr ",
    "梯度范数": " grad_norm ",
    "轮次": " epoch ",
    "训练集": " train ",
    "训练": " train ",
    "验证集": " val ",
    "验证": " val ",
    "测试集": " test ",
    "测试": " test ",
    "整体": "",
    "平均": "",
    "当前": "",
    "最佳": " best ",
    "上的": " ",
    "的": " ",
    "为": " ",
    "：": ": ",
    "，": ", ",
    "；": "; ",
    "（": " (",
    "）": ") ",
}
_SCORES = {
    "准确率": " accuracy ",
    "正确率": " accuracy ",
    "精确率": " precision ",
    "召回率": " recall ",
    "损失值": " loss ",
    "损失": " loss ",
    "困惑度": " perplexity ",
    "奖励": " reward ",
}
_TERM = re.compile("|".join(sorted(_TERMS, key=len, reverse=True)))
_SCORE = re.compile(f"({'|'.join(_SCORES)})(?=\\s*[:：=为是])")
_AMOUNT = re.compile(r"\d\s?[元块万亿个人名岁年月天]")
_ROUND = re.compile(r"第\s*(\d+(?:\s*/\s*\d+)?)\s*(?:个\s*)?(轮|epoch|周期|步)")
_COUNTERS = {"步": "step"}
_HAN = re.compile(r"[一-鿿]")


def in_english(text: str) -> str:
    """A line with its known Chinese words in English; the very same text where it holds none."""
    if text.isascii() or not _HAN.search(text):
        return text
    counted = _ROUND.sub(lambda found: f" {_COUNTERS.get(found[2], 'epoch')} {found[1]} ", text)
    if _AMOUNT.search(counted):
        return text
    scored = _SCORE.sub(lambda found: _SCORES[found[0]], counted)
    return _TERM.sub(lambda found: _TERMS[found[0]], scored)

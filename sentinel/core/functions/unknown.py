"""Arithmetic with the unknown: NaN stands for an unknown number, None for an unknown yes or no.

Compiled expressions write the usual case out in place and call these for the rest.
"""

from __future__ import annotations

from math import exp as _exp
from math import inf, isfinite, log, nan, sqrt

from sentinel.core.heard import Known
from sentinel.core.records import Answer, Scalar

LARGEST = 1.7976931348623157e308


def overflow(left: float, right: float, result: float) -> float:
    """A result that is not finite: fine where an infinity went in, unknown where the number became too large."""
    return nan if isfinite(left) and isfinite(right) else result


def logarithm(x: float) -> float:
    """The natural logarithm; unknown at zero and below."""
    return log(x) if x > 0.0 else nan


def exponential(x: float) -> float:
    """e to that power; unknown where it overflows."""
    return _exp(x) if x < 709.0 else inf if x == inf else nan


def root(x: float) -> float:
    """The square root; unknown below zero."""
    return sqrt(x) if x >= 0.0 else nan


def least(*values: float) -> float:
    """The least of several numbers; unknown if one is."""
    return nan if any(value != value for value in values) else min(values)


def greatest(*values: float) -> float:
    """The greatest of several numbers; unknown if one is."""
    return nan if any(value != value for value in values) else max(values)


def pick(condition: Answer, x: float, y: float) -> float:
    """`x if condition else y` for numbers: where the condition is unknown both must agree."""
    if condition is None:
        return x if x == y else nan
    return x if condition else y


def pick_answer(condition: Answer, x: Answer, y: Answer) -> Answer:
    """`x if condition else y` for yes and no."""
    if condition is None:
        return x if x is y else None
    return x if condition else y


def same_answer(x: Answer, y: Answer) -> Answer:
    """Whether two answers are the same; unknown if one is."""
    return None if x is None or y is None else x is y


def same_fact(known: Known, other: Known) -> Answer:
    """Whether two facts say the same."""
    if known.value is None or other.value is None:
        return None
    if known.number == known.number and other.number == other.number:
        return known.number == other.number
    return _folded(known.value) == _folded(other.value)


def is_text(known: Known, text: str) -> Answer:
    """Whether a fact is that text, upper and lower case being one."""
    return None if known.value is None else _folded(known.value) == text.casefold()


def is_one_of(known: Known, choices: tuple[float | str, ...]) -> Answer:
    """Whether a fact is one of these texts and numbers."""
    if known.value is None:
        return None
    texts = {choice.casefold() for choice in choices if isinstance(choice, str)}
    return _folded(known.value) in texts or known.number in choices


def one_of(value: float, choices: tuple[float, ...]) -> Answer:
    """Whether a number is one of these."""
    return value in choices if value == value else None


def holds(known: Known, text: str) -> Answer:
    """Whether a fact's text holds another, or its list has it as an entry."""
    if known.value is None:
        return None
    if isinstance(known.value, tuple):
        return text.casefold() in {_folded(entry) for entry in known.value}
    return text.casefold() in _folded(known.value)


def _folded(value: Scalar | tuple[Scalar, ...]) -> str:
    return str(value).casefold()

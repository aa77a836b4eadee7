"""Percent and fraction are one thing: which of them a share turned out to be, settled once for each series (contracts 4)."""

from __future__ import annotations

from enum import IntEnum
from math import floor, nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentinel.core.series import Series

SETTLED_AFTER = 20  # readings after which a share that never passed 1.5 is a fraction
PERCENT_FROM = 1.5


class Share(IntEnum):
    """Whether percent and fraction are one thing for a series, and which of them it turned out to be."""

    NONE = 0  # no share, or a fraction for certain: values are taken as they are
    OPEN = 1  # not known yet; rules of severity high and above are unknown on it
    PERCENT = 2  # readings are divided by 100
    FRACTION = 0


def settle(series: Series, value: float, epoch: float) -> None:
    """Percent or fraction, by the reading that came last: a fraction never exceeds 1.5 in 20 readings or an epoch."""
    first = series.epochs[0] if series.count <= series.size else nan
    if value > PERCENT_FROM and value - value == 0.0:
        series.unit = Share.PERCENT
        series.scale(0.01)
    elif series.count >= SETTLED_AFTER or (first == first and epoch == epoch and floor(epoch) > floor(first)):
        series.unit = Share.FRACTION

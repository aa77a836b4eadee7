"""Between what the next readings of a series are expected to lie: while they do, much need not be asked again. No judging.

What a rule's outlook ruled out stays ruled out for as long as each series that it reads is in its band. A band is broken by
the first reading beside it, by a reading that is no number and by every change of what was read before, and it ends by itself
after some readings, for edges of windows hold no longer.
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentinel.core.series import Series

AHEAD = 8  # readings: so far ahead the edges of windows of 80 readings hold
WIDER = 1 / 8  # of the span of the newest readings, to each side: a slow trend stays inside so long


class Band:
    """A band of one series; NaN ends where nothing is expected, and then nothing is ruled out by it either."""

    __slots__ = ("high", "low", "until")

    def __init__(self, low: float, high: float, until: int) -> None:
        """Until the series counts more readings than that."""
        self.low = low
        self.high = high
        self.until = until


NOWHERE = Band(nan, nan, -1)  # of all series of which nothing was expected yet; it is over and never begins


def expect(series: Series) -> Band:
    """The band of a series: the one in force if it has some way to go, else a new one."""
    band, value = series.band, series.value
    if band.until >= series.count + AHEAD // 2:
        return band
    band.until = -1
    low, high = series.near_low, series.near_high
    if low <= value <= high:
        room = (high - low) * WIDER
        band = Band(low - room, high + room, series.count + AHEAD)
    else:
        band = Band(nan, nan, series.count + AHEAD)
    series.band = band
    return band

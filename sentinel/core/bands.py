"""Between what the next readings of a series are expected to lie: while they do, much need not be asked again. No judging.

What a rule's outlook ruled out stays ruled out for as long as each series that it reads is in its band. A band is broken by
the first reading beside it, by a reading that is no number and by every change of what was read before, and it ends by itself
after some readings. A series has two: the wide band is asked first and holds long, and rules that it cannot rule out are asked
with the narrow one inside it, together with the edges of windows, which hold for a few readings only.
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentinel.core.series import Series

AHEAD = 8  # readings: so far ahead the edges of windows of 80 readings hold
WIDER = 1 / 8  # of the span of the newest readings, to each side: a slow trend stays inside so long
FAR = 128  # readings that a wide band holds at most: it is laid anew, for what was wild may have become calm
MUCH_WIDER = 1.0  # of the same span: a trend stays inside for as many readings as were spanned


class Band:
    """A band of one series; NaN ends where nothing is expected, and then nothing is ruled out by it either."""

    __slots__ = ("high", "low", "until")

    def __init__(self, low: float, high: float, until: int) -> None:
        """Until the series counts more readings than that."""
        self.low = low
        self.high = high
        self.until = until


class WideBand(Band):
    """A band that says too between what windows lie that reach back before it, for as long as it holds."""

    __slots__ = ("_newest", "_series")

    def __init__(self, low: float, high: float, until: int, series: Series | None = None) -> None:
        """As the series stands."""
        super().__init__(low, high, until)
        self._series = series
        self._newest: dict[int, tuple[float, float]] = {}

    def lowest(self, readings: int) -> float:
        """What no reading is below in a window of so many, now and while the band holds."""
        return self._of_newest(readings)[0]

    def highest(self, readings: int) -> float:
        """What no reading is above in it."""
        return self._of_newest(readings)[1]

    def _of_newest(self, readings: int) -> tuple[float, float]:
        known = self._newest.get(readings)
        if known is None:
            known = self._newest[readings] = self._look_back(readings)
        return known

    def _look_back(self, readings: int) -> tuple[float, float]:
        series = self._series
        if series is None or self.low != self.low:
            return nan, nan
        low, high = series.low, series.high
        if series.count - readings >= series.oldest:
            newest = [v for v in series.slice(series.count - readings, series.count) if v - v == 0.0]
            low, high = min(newest, default=low), max(newest, default=high)
        return min(low, self.low), max(high, self.high)


NOWHERE, FAR_NOWHERE = Band(nan, nan, -1), WideBand(nan, nan, -1)  # of all series of which nothing was expected yet


def expect(series: Series) -> Band:
    """The narrow band of a series: the one in force if it has some way to go, else a new one."""
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
    wide = series.wide
    if not (wide.low <= band.low and band.high <= wide.high):
        wide.until = -1
    return band


def expect_long(series: Series) -> WideBand:
    """The wide band of a series; the narrow one lies inside it."""
    wide, band = series.wide, expect(series)
    if wide.until >= series.count + FAR // 2:
        return wide
    wide.until = -1
    low, high = series.near_low, series.near_high
    room = (high - low) * MUCH_WIDER
    until = series.count + FAR
    if band.low == band.low:
        wide = WideBand(min(low - room, band.low), max(high + room, band.high), until, series)
    else:
        wide = WideBand(nan, nan, until)
    series.wide = wide
    return wide


def leave(series: Series, value: float) -> None:
    """A reading lies beside the narrow band, and perhaps beside the wide one."""
    series.band.until = -1
    if not series.wide.low <= value <= series.wide.high:
        series.wide.until = -1


def break_off(series: Series) -> None:
    """Nothing that was expected holds any more."""
    series.band.until = series.wide.until = -1

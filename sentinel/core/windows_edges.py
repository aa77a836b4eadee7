"""Edges: what a window's quantile or deviation is no less than, or no more than, for some readings to come.

They spare most looks the window itself: while the series counts no more than `until` readings, `value` holds. Only
windows that count readings and do not lag have edges that last.
"""

from __future__ import annotations

from math import nan, sqrt
from typing import Protocol

from sentinel.core.amounts import Unit
from sentinel.core.series import Series
from sentinel.core.windows import Sums, Window
from sentinel.core.windows_ranked import Ranked

WIDER = 1e-12  # relative: what rounding between neighbours can add
SURE = 1e-9  # relative: what rounding in sums can add
AHEAD_OF = 8  # a deviation is bounded for one part in so many of its window
FEW = 16  # readings with which a deviation has no edge that lasts


class Edge(Protocol):
    """A bound that holds for a while."""

    value: float
    until: int

    def renew(self) -> float:
        """Look at the window and say how long what it says will hold."""

    def reach(self, until: int) -> float:
        """What holds until the series counts so many readings; unknown where nothing holds so long."""


class RankEdge:
    """Of a quantile: each reading that comes or goes moves a rank by one at most."""

    __slots__ = ("ahead", "least", "n", "rank", "series", "share", "until", "upper", "value", "window")

    def __init__(self, window: Ranked, share: float, least: int, upper: bool) -> None:
        """The lower or upper edge of one quantile of a window."""
        self.window = window
        self.series: Series = window.series
        self.share = share
        self.least = least
        self.upper = upper
        self.value = nan
        self.until = -1
        self.n, self.ahead, self.rank = 0, 0, -1  # which rank of so many readings bounds the quantile how far ahead

    def renew(self) -> float:
        """Look at the window and say how long what it says will hold; all its edges share what is sorted."""
        window = self.window
        self.until = end = self.series.count
        if lasts(window):
            if window.head != end:
                window.update()
            ranked = window.sorted
            if len(ranked) >= self.least and self._look_ahead(ranked):
                return self.value
        self.value = window.quantile(self.least, self.share)
        return self.value

    def reach(self, until: int) -> float:
        """What holds until the series counts so many readings; unknown where nothing holds so long."""
        if self.until < until:
            if self._furthest(int(self.window.length)) < until - self.series.count:
                return nan  # not even from now on: the window need not be brought up to date for that
            self.renew()
        return self.value if self.until >= until else nan

    def _look_ahead(self, ranked: list[float]) -> bool:
        """A third as far as the ends of the slice allow: further ahead the edge is too wide to decide much."""
        n = len(ranked)
        if n != self.n:
            self._plan(n)
        if self.rank < 0:
            return False
        value = ranked[n - 1 - self.rank] if self.upper else ranked[self.rank]
        self.value = value + WIDER * abs(value) if self.upper else value - WIDER * abs(value)
        self.until += self.ahead
        return True

    def _plan(self, n: int) -> None:
        share = self._share()
        self.n, self.ahead = n, self._furthest(n) or 1
        self.rank = int(share * (n - 1 - self.ahead)) - self.ahead if int(share * (n - 1) / (1.0 + share)) else -1

    def _furthest(self, n: int) -> int:
        share = self._share()
        return int(share * (n - 1) / (1.0 + share)) // 3

    def _share(self) -> float:
        return 1.0 - self.share if self.upper else self.share


class SpreadEdge:
    """What a deviation is no less than: new readings only add to the squares, old ones take what is known of them."""

    __slots__ = ("least", "series", "until", "value", "window")

    def __init__(self, window: Sums, least: int) -> None:
        """The lower edge of the deviation of a window."""
        self.window = window
        self.series: Series = window.series
        self.least = least
        self.value = nan
        self.until = -1

    def renew(self) -> float:
        """Look at the window and say how long what it says will hold."""
        window = self.window
        value = window.std(self.least)
        self.until, self.value = self.series.count, value
        if value == value and window.n > FEW and lasts(window):
            self._look_ahead(window)
        return self.value

    def reach(self, until: int) -> float:
        """What holds until the series counts so many readings; unknown where nothing holds so long."""
        if self.until < until:
            if self.window.length // AHEAD_OF < until - self.series.count:
                return nan
            self.renew()
        return self.value if self.until >= until else nan

    def _look_ahead(self, window: Sums) -> None:
        n, ahead = window.n, window.n // AHEAD_OF
        mean = window.shift + window.first / n
        squares = window.second - window.first * window.first / n
        leaving = [value - mean for value in self.series.slice(window.tail, window.tail + ahead)]
        if self.series.nonfinite:
            leaving = [off for off in leaving if off - off == 0.0]
        gone = sum(leaving)
        left = squares - sum([off * off for off in leaving]) - gone * gone / (n - ahead) - SURE * squares
        self.value = sqrt(left / (n + ahead)) if left > 0.0 else 0.0
        self.until += ahead


def lasts(window: Window) -> bool:
    """Whether at most one reading leaves for each that comes."""
    return window.unit is Unit.READINGS and not window.is_long and not window.lag

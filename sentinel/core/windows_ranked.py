"""Windows that rank and fit: quantiles of a sorted slice, lines by shifted sums, what thinned readings tell.

Theil-Sen, autocorrelation and oscillation look at no more than 64 evenly thinned readings of their window.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from math import floor, inf, nan, sqrt

from sentinel.core.amounts import Unit
from sentinel.core.series import LARGEST, Series
from sentinel.core.windows import DOMINANT, Window

THINNED = 64
SORT_AT = 6  # where more than a sixth of it is new it is sorted afresh
_MAD = -1.0  # under which the deviation is remembered beside the quantiles
NORMAL = 1.4826  # a median absolute deviation times this is the standard deviation of normal noise


class Ranked(Window):
    """The finite readings in order of size."""

    __slots__ = ("answers", "sorted")

    def clear(self) -> None:
        """Nothing is counted."""
        self.sorted: list[float] = []
        self.answers: dict[float, float] = {}

    def add(self, value: float, _number: int) -> None:
        """Count a finite reading."""
        insort(self.sorted, value)
        self.answers.clear()

    def drop(self, value: float, _number: int) -> bool:
        """A reading left."""
        del self.sorted[bisect_left(self.sorted, value)]
        self.answers.clear()
        return False

    def update(self) -> None:
        """Take in what came since it was last asked; what is sorted follows from the readings alone, however late."""
        if self.unit is not Unit.READINGS:
            super().update()
            return
        series = self.series
        end = series.count - self.lag
        if end < 0:
            return
        tail = max(series.oldest, end - int(self.length))
        new = end - self.head
        if self.head >= 0 <= new and new * SORT_AT <= len(self.sorted) and self.tail <= tail <= self.head:
            ranked = self.sorted
            for value in finite(series, self.head, end):
                insort(ranked, value)
            for value in finite(series, self.tail, tail):
                del ranked[bisect_left(ranked, value)]
        else:
            self.sorted = finite(series, tail, end)
            self.sorted.sort()
        self.head, self.tail = end, tail
        self.answers.clear()

    def quantile(self, least: int, share: float) -> float:
        """The value that this share of the readings does not exceed, between neighbours by proportion."""
        if self.head != self.series.count - self.lag:
            self.update()
        ranked = self.sorted
        n = len(ranked)
        if n < least or not n:
            return nan
        known = self.answers.get(share)
        if known is None:
            known = self.answers[share] = self._at(share, ranked, n)
        return known

    @staticmethod
    def _at(share: float, ranked: list[float], n: int) -> float:
        at = share * (n - 1)
        below = int(at)
        part = at - below
        return ranked[below] * (1.0 - part) + ranked[below + 1] * part if part else ranked[below]

    def median(self, least: int) -> float:
        """The middle one."""
        return self.quantile(least, 0.5)

    def mad(self, least: int) -> float:
        """The median distance from the median, by bisection over the two sides of the sorted slice."""
        middle = self.median(least)
        if middle != middle:
            return nan
        known = self.answers.get(_MAD)
        if known is None:
            known = self.answers[_MAD] = self._deviation(middle)
        return known

    def _deviation(self, middle: float) -> float:
        n = len(self.sorted)
        if n % 2:
            return self._distance(middle, n // 2)
        return (self._distance(middle, n // 2 - 1) + self._distance(middle, n // 2)) / 2

    def _distance(self, middle: float, rank: int) -> float:
        """The distance of that rank from the middle: a merge of two sorted sides, found by halving."""
        ranked = self.sorted
        n = len(ranked)
        split = bisect_left(ranked, middle)  # left side downwards: split-1, split-2 ...; right side upwards
        low, high = max(0, rank + 1 - (n - split)), min(rank + 1, split)
        while low < high:  # how many of the rank + 1 nearest lie on the left
            left = (low + high) // 2
            right = rank + 1 - left
            if left < split and middle - ranked[split - 1 - left] < ranked[split + right - 1] - middle:
                low = left + 1
            else:
                high = left
        left, right = low, rank + 1 - low
        from_left = middle - ranked[split - left] if left else 0.0
        from_right = ranked[split + right - 1] - middle if right else 0.0
        return max(from_left, from_right)

    def robust_z(self, least: int) -> float:
        """How many robust deviations the newest reading lies above the median of those before it (lags by one)."""
        scale = self.mad(least) * NORMAL
        return (self.series.value - self.median(least)) / scale if scale > 0.0 else nan


def finite(series: Series, first: int, end: int) -> list[float]:
    """The finite ones of the kept readings with these numbers."""
    values = series.slice(first, end)
    return [value for value in values if value - value == 0.0] if series.nonfinite else values


class Line(Window):
    """A straight line through the readings by least squares, in sums around the first one."""

    __slots__ = ("n", "x0", "xs", "xx", "xy", "y0", "ys", "yy")

    def clear(self) -> None:
        """Nothing is counted."""
        self.n, self.x0, self.y0 = 0, 0.0, 0.0
        self.xs = self.ys = self.xx = self.xy = self.yy = 0.0

    def _x(self, number: int) -> float:
        return float(number) if self.unit is Unit.READINGS else self.column()[number % self.series.size]

    def add(self, value: float, number: int) -> None:
        """Count a finite reading."""
        x = self._x(number)
        if not self.n:
            self.x0, self.y0 = x, value
        self._sum(x - self.x0, value - self.y0, 1.0)

    def drop(self, value: float, number: int) -> bool:
        """A reading left."""
        y = value - self.y0
        self._sum(self._x(number) - self.x0, y, -1.0)
        off_centre = self.ys * self.ys
        return not (y * y <= DOMINANT * self.yy and off_centre <= DOMINANT * (self.yy * self.n - off_centre)) and bool(
            self.n and self.yy
        )

    def _sum(self, x: float, y: float, sign: float) -> None:
        self.n += int(sign)
        self.xs += sign * x
        self.ys += sign * y
        self.xx += sign * x * x
        self.xy += sign * x * y
        self.yy += sign * y * y

    def slope(self, least: int) -> float:
        """How much the line rises for one step, epoch, second or reading, as the window counts."""
        if self.head != self.series.count - self.lag:
            self.update()
        n = self.n
        spread = n * self.xx - self.xs * self.xs
        if n < least or n < 2 or not spread > 0.0:
            return nan
        slope = (n * self.xy - self.xs * self.ys) / spread
        return slope if slope - slope == 0.0 else nan


class Changes(Window):
    """How often the value was another than the one before."""

    __slots__ = ("at", "n", "previous")

    def clear(self) -> None:
        """Nothing is counted."""
        self.at: deque[int] = deque()
        self.previous = nan
        self.n = 0

    def add(self, value: float, number: int) -> None:
        """Count a finite reading."""
        if self.n and value != self.previous:
            self.at.append(number)
        self.previous = value
        self.n += 1

    def drop(self, _value: float, number: int) -> bool:
        """A reading left, and with it the change that led away from it."""
        self.n -= 1
        while self.at and self.at[0] <= number + 1:
            self.at.popleft()
        return False

    def changes(self, least: int) -> float:
        """The number of changes inside."""
        if self.head != self.series.count - self.lag:
            self.update()
        return float(len(self.at)) if self.n >= least else nan


class Thinned(Window):
    """At most 64 readings, evenly thinned, read when asked; for what cannot be kept up to date cheaply."""

    __slots__ = ()

    def clear(self) -> None:
        """Nothing is added up here."""

    def add(self, _value: float, _number: int) -> None:
        """Nothing is added up here."""

    def drop(self, _value: float, _number: int) -> bool:
        """Nothing is added up here."""
        return False

    def _sample(self, least: int) -> list[tuple[float, float]]:
        """(where, value) of the finite readings inside, thinned; empty if there are too few."""
        if self.head != self.series.count - self.lag:
            self.update()
        series, readings = self.series, self.head - self.tail
        if readings < least or readings < 2:
            return []
        stride = max(1.0, (readings - 1) / (THINNED - 1))
        numbers = [self.tail + floor(k * stride + 0.5) for k in range(min(readings, THINNED))]
        column = None if self.unit is Unit.READINGS else self.column()
        size = series.size
        pairs = [(float(k) if column is None else column[k % size], series.values[k % size]) for k in numbers]
        return [(x, y) for x, y in pairs if y - y == 0.0 and x == x]

    def trend(self, least: int) -> float:
        """The median of the slopes between readings half a window apart: one wild reading cannot turn it."""
        pairs = self._sample(least)
        half = len(pairs) // 2
        slopes = sorted((b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(pairs, pairs[half:], strict=False) if b[0] > a[0])
        n = len(slopes)
        return (slopes[(n - 1) // 2] + slopes[n // 2]) / 2 if half and n else nan

    def oscillation(self, least: int, by: float) -> float:
        """The share of readings at which the direction turned, with swings smaller than `by` left out."""
        values = [y for _, y in self._sample(least)]
        if len(values) < 3:
            return nan
        turns, way, corner = 0, 0, values[0]
        for value in values[1:]:
            swing = value - corner
            now = (swing > 0) - (swing < 0)
            if now == way:
                corner = value
            elif abs(swing) >= by and now:
                turns += way != 0
                way, corner = now, value
        return turns / (len(values) - 2)

    def autocorr(self, least: int, lag: float) -> float:
        """The correlation of readings with those `lag` readings before, over at most 64 pairs."""
        if self.head != self.series.count - self.lag:
            self.update()
        series, gap = self.series, round(lag) if 1.0 <= lag < LARGEST else 0
        first, room = self.tail + gap, self.head - self.tail - gap
        if gap < 1 or room < max(least, 3):
            return nan
        stride = max(1.0, (room - 1) / (THINNED - 1))
        numbers = [first + floor(k * stride + 0.5) for k in range(min(room, THINNED))]
        values, size = series.values, series.size
        pairs = [(values[(k - gap) % size], values[k % size]) for k in numbers]
        return _correlation([(x, y) for x, y in pairs if x - x == 0.0 == y - y])


def _correlation(pairs: list[tuple[float, float]]) -> float:
    n = len(pairs)
    if n < 3:
        return nan
    x0, y0 = sum(x for x, _ in pairs) / n, sum(y for _, y in pairs) / n
    xx = sum((x - x0) * (x - x0) for x, _ in pairs)
    yy = sum((y - y0) * (y - y0) for _, y in pairs)
    if not (0.0 < xx < inf and 0.0 < yy < inf):
        return nan
    return sum((x - x0) * (y - y0) for x, y in pairs) / sqrt(xx) / sqrt(yy)

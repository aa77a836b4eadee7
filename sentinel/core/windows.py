"""Windows: a slice of a series that is kept up to date when somebody asks, never rescanned. Here what adds up.

A window remembers up to which reading it has counted (`head`) and which is its oldest (`tail`). Whenever `head` passes
a multiple of 256 everything is computed afresh from the kept readings, so that what a window says follows from the
readings alone: not from when it was asked, where a file was cut, or whether Sentinel was restarted. Non-finite readings
never enter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import exp, nan, sqrt

from sentinel.core.amounts import Unit
from sentinel.core.series import FRESH, Series

SHOWS = 32.0  # a faded reading this much larger than the mean still shows when it is let go
DOMINANT = 1e6  # a reading that leaves and was so much larger than all others together took their digits with it


class Window:
    """The bookkeeping that all windows share; each kind adds up in its own way."""

    __slots__ = ("about", "head", "lag", "length", "series", "tail", "unit")

    def __init__(self, series: Series, unit: Unit, length: float, lag: int = 0) -> None:
        """A window over a series; `lag` leaves out that many newest readings."""
        self.series = series
        self.unit = unit
        self.length = length
        self.lag = lag
        self.head = -1
        self.tail = 0
        self.about = False
        self.clear()
        if unit is Unit.READINGS:
            self._lengthen(int(length))

    def column(self) -> Sequence[float]:
        """What its length is measured in; not used for readings."""
        series = self.series
        if self.unit is Unit.STEPS:
            return series.positions
        return series.epochs if self.unit is Unit.EPOCHS else series.times

    def update(self) -> None:
        """Take in what came since it was last asked."""
        series = self.series
        end = series.count - self.lag
        if end < 0:
            return
        head = self.head
        if end - head == 1 and head >= 0 and end % FRESH and self.unit is Unit.READINGS and not self.about:
            self._one(series, head)
            return
        mark = end - end % FRESH
        if head < mark or head > end:
            head = self._afresh(mark)
        while head < end:
            value = series.values[head % series.size]
            if value - value == 0.0:
                self.add(value, head)
            head += 1
            if self._leave(head):
                self._recount(head)
        self.head = head
        if head - self.tail + FRESH > series.size and self.unit is not Unit.READINGS:
            self._lengthen(head - self.tail + (head - self.tail) // 2)

    def _one(self, series: Series, head: int) -> None:
        """The usual case in short: one reading came, at most one leaves."""
        values, size = series.values, series.size
        value = values[head % size]
        if value - value == 0.0:
            self.add(value, head)
        head += 1
        self.head = head
        tail = self.tail
        if tail < head - self.length:
            self.tail = tail + 1
            value = values[tail % size]
            if value - value == 0.0 and self.drop(value, tail):
                self._recount(head)

    def _leave(self, head: int) -> bool:
        """Let go of what is out of the window now that its newest is `head - 1`; whether a fresh sum is needed."""
        edge = self._edge(head)
        tail, spoilt = self.tail, False
        while tail < edge:
            value = self.series.values[tail % self.series.size]
            tail += 1
            if value - value == 0.0 and self.drop(value, tail - 1):
                spoilt = True
        self.tail = tail
        return spoilt

    def _edge(self, head: int) -> int:
        """The number of the oldest reading that is inside."""
        if self.unit is Unit.READINGS:
            return max(self.tail, head - int(self.length))
        column, size, tail = self.column(), self.series.size, self.tail
        edge = column[(head - 1) % size] - self.length
        while tail < head - 1 and column[tail % size] <= edge:
            tail += 1
        return tail

    def _afresh(self, mark: int) -> int:
        """Start anew as if nothing had been counted; up to which reading it then counts."""
        series, oldest = self.series, self.series.oldest
        mark = max(mark, oldest)
        tail = oldest
        if self.unit is Unit.READINGS:
            tail = max(oldest, mark - int(self.length))
        elif mark > oldest:
            column, size = self.column(), series.size
            edge, tail = column[(mark - 1) % size] - self.length, mark - 1
            while tail > oldest and not column[(tail - 1) % size] <= edge:
                tail -= 1
        self.tail = tail
        self._recount(mark)
        return mark

    def _recount(self, head: int) -> None:
        self.clear()
        values, size = self.series.values, self.series.size
        for number in range(self.tail, head):
            value = values[number % size]
            if value - value == 0.0:
                self.add(value, number)

    def _lengthen(self, readings: int) -> None:
        """It holds more readings than the ring keeps beside what a fresh start reads."""
        if not self.series.need(readings):
            self.about = True

    @property
    def readings(self) -> int:
        """How many readings are inside, finite or not."""
        if self.head != self.series.count - self.lag:
            self.update()
        return max(0, self.head - self.tail)

    # --- what each kind adds up ----------------------------------------------------------------------------------

    def clear(self) -> None:
        """Nothing is counted."""
        raise NotImplementedError

    def add(self, value: float, number: int) -> None:
        """Count a finite reading."""
        raise NotImplementedError

    def drop(self, value: float, number: int) -> bool:
        """A finite reading left; True asks for a fresh sum because its size had eaten the others' digits."""
        raise NotImplementedError


class Sums(Window):
    """Count, mean, sum and deviation, by sums around a shift."""

    __slots__ = ("first", "n", "second", "shift")

    def clear(self) -> None:
        """Nothing is counted."""
        self.n, self.shift, self.first, self.second = 0, 0.0, 0.0, 0.0

    def add(self, value: float, _number: int) -> None:
        """Count a finite reading."""
        if not self.n:
            self.shift, self.first, self.second = value, 0.0, 0.0
        self.n += 1
        off = value - self.shift
        self.first += off
        self.second += off * off

    def update(self) -> None:
        """Take in what came since it was last asked."""
        series, head = self.series, self.head
        end = series.count - self.lag
        plain = self.unit is Unit.READINGS and not self.about and not series.nonfinite
        if not plain or head < end - end % FRESH or head > end or self.n + self.tail != head or self.n < self.length:
            super().update()
            return
        self.head = end
        self._roll(series.slice(head, end), series.slice(self.tail, self.tail + end - head), head)

    def _roll(self, new: list[float], old: list[float], head: int) -> None:
        """A full window of finite readings: for each that comes one leaves."""
        n, shift, first, second = self.n, self.shift, self.first, self.second
        for value, gone in zip(new, old, strict=True):
            off, out = value - shift, gone - shift
            square = out * out
            first = first + off - out
            second = second + off * off - square
            head += 1
            self.tail += 1
            off_centre = first * first
            if (
                square > DOMINANT * second
                or second - second != 0.0
                or off_centre > DOMINANT * (second * n - off_centre)
            ):
                self._recount(head)
                shift, first, second = self.shift, self.first, self.second
        self.first, self.second = first, second

    def drop(self, value: float, _number: int) -> bool:
        """A reading left."""
        self.n -= 1
        off = value - self.shift
        square = off * off
        first = self.first = self.first - off
        second = self.second = self.second - square
        if square > DOMINANT * second or second - second != 0.0:
            return True
        off_centre = first * first
        return off_centre > DOMINANT * (second * self.n - off_centre)  # the shift has become a bad one

    def _recount(self, head: int) -> None:
        values, size = self.series.values, self.series.size
        kept = [values[number % size] for number in range(self.tail, head)]
        finite = [value for value in kept if value - value == 0.0]
        self.clear()
        self.n = len(finite)
        if not finite:
            return
        shift = sum(finite) / self.n
        self.shift = shift = shift if shift - shift == 0.0 else finite[0]
        offs = [value - shift for value in finite]
        self.first = sum(offs)
        self.second = sum([off * off for off in offs])

    def mean(self, least: int) -> float:
        """The arithmetic mean."""
        if self.head != self.series.count - self.lag:
            self.update()
        return self.shift + self.first / self.n if self.n >= least else nan

    def sum(self, least: int) -> float:
        """All added up."""
        if self.head != self.series.count - self.lag:
            self.update()
        return self.shift * self.n + self.first if self.n >= least else nan

    def std(self, least: int) -> float:
        """The sample's standard deviation."""
        if self.head != self.series.count - self.lag:
            self.update()
        n = self.n
        if n < least or n < 2:
            return nan
        rest = self.second - self.first * self.first / n
        return sqrt(max(rest, 0.0) / (n - 1)) if rest - rest == 0.0 else nan

    def zscore(self, least: int) -> float:
        """How many deviations the newest reading lies above the mean of those before it (the window lags by one)."""
        std = self.std(least)
        if not std > 0.0:
            return nan
        return (self.series.value - self.mean(least)) / std

    def counted(self, _least: int) -> float:
        """How many readings are inside, non-finite ones too."""
        return float(self.readings) if self.series.count else nan

    def broken(self, _least: int) -> float:
        """How many of them are not finite."""
        return float(self.readings - self.n) if self.series.count else nan


class Extremes(Window):
    """The least and the greatest, by two queues that only keep what can still become one."""

    __slots__ = ("highs", "lows")

    def clear(self) -> None:
        """Nothing is counted."""
        self.lows: deque[tuple[float, int]] = deque()
        self.highs: deque[tuple[float, int]] = deque()

    def add(self, value: float, number: int) -> None:
        """Count a finite reading."""
        lows, highs = self.lows, self.highs
        while lows and lows[-1][0] >= value:
            lows.pop()
        lows.append((value, number))
        while highs and highs[-1][0] <= value:
            highs.pop()
        highs.append((value, number))

    def drop(self, _value: float, number: int) -> bool:
        """A reading left."""
        if self.lows and self.lows[0][1] <= number:
            self.lows.popleft()
        if self.highs and self.highs[0][1] <= number:
            self.highs.popleft()
        return False

    def low(self, least: int) -> float:
        """The least."""
        return self.lows[0][0] if self._enough(least) else nan

    def high(self, least: int) -> float:
        """The greatest."""
        return self.highs[0][0] if self._enough(least) else nan

    def range(self, least: int) -> float:
        """The greatest less the least."""
        return self.highs[0][0] - self.lows[0][0] if self._enough(least) else nan

    def fall(self, least: int) -> float:
        """How far the newest reading lies under the greatest."""
        return self.highs[0][0] - self.series.value if self._enough(least) else nan

    def rise(self, least: int) -> float:
        """How far the newest reading lies above the least."""
        return self.series.value - self.lows[0][0] if self._enough(least) else nan

    def flat(self, least: int, within: float) -> bool | None:
        """Whether all readings are the same, give or take."""
        return self.highs[0][0] - self.lows[0][0] <= within if self._enough(least) else None

    def _enough(self, least: int) -> bool:
        if self.head != self.series.count - self.lag:
            self.update()
        return self.head - self.tail >= least and bool(self.lows)


class Fading(Window):
    """A mean in which older readings fade, with a memory of about the length that was asked for."""

    __slots__ = ("at", "n", "span", "weighted", "weights")
    MEMORY = 4  # what is older than so many lengths weighs less than 1/2,980 and is let go

    def __init__(self, series: Series, unit: Unit, length: float, lag: int = 0) -> None:
        """A fading mean over a series."""
        self.span = length
        super().__init__(series, unit, length * self.MEMORY, lag)

    def clear(self) -> None:
        """Nothing is counted."""
        self.n, self.weighted, self.weights, self.at = 0, 0.0, 0.0, nan

    def add(self, value: float, number: int) -> None:
        """Let what was fade and count a finite reading."""
        fade = self._fade(number)
        self.weighted = self.weighted * fade + value
        self.weights = self.weights * fade + 1.0
        self.n += 1

    def _fade(self, number: int) -> float:
        if self.unit is Unit.READINGS:
            return 1.0 - 2.0 / (self.span + 1.0)
        at = self.column()[number % self.series.size]
        gone, self.at = at - self.at, at
        return exp(-2.0 * max(0.0, gone) / self.span) if gone == gone else 1.0

    def drop(self, value: float, _number: int) -> bool:
        """Readings fade and need not be taken out, unless one was so large that it still shows."""
        return abs(value) * self.weights > SHOWS * abs(self.weighted)

    def mean(self, least: int) -> float:
        """The faded mean."""
        if self.head != self.series.count - self.lag:
            self.update()
        return self.weighted / self.weights if self.n >= least else nan

"""Windows: a slice of a series that is kept up to date when somebody asks, never rescanned. Here what adds up.

A window remembers up to which reading it has counted (`head`) and which is its oldest (`tail`). Whenever `head` passes
a multiple of 256 everything is computed afresh from the kept readings, so that what a window says follows from the
readings alone: not from when it was asked, where a file was cut, or whether Sentinel was restarted. Non-finite readings
never enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan, sqrt

from sentinel.core.amounts import Unit
from sentinel.core.blocks import BLOCK, Block, together
from sentinel.core.series import FRESH, LONGEST, Series

DOMINANT = 1e6  # a reading that leaves and was so much larger than all others together took their digits with it


PLACES = {Unit.READINGS: "end", Unit.STEPS: "position", Unit.EPOCHS: "epoch", Unit.SECONDS: "at"}


class Window:
    """The bookkeeping that all windows share; each kind adds up in its own way."""

    __slots__ = ("about", "begun", "head", "is_long", "lag", "length", "series", "tail", "unit")
    in_blocks = False  # whether it can be begun from blocks; else it looks at no more than the ring holds
    MEMORY = 1  # over how many of its lengths it reaches back

    def __init__(self, series: Series, unit: Unit, length: float, lag: int = 0) -> None:
        """A window over a series; `lag` leaves out that many newest readings."""
        self.series = series
        self.unit = unit
        self.length = length
        self.lag = lag
        self.head = -1
        self.tail = 0
        self.begun = -1  # a long one: at which reading it was begun from blocks
        self.about = False
        self.is_long = False  # it is begun from blocks
        self.clear()
        if unit is Unit.READINGS and not series.need(int(length)):
            self.about = True
            if self.in_blocks:
                self.is_long = True
                series.keep_blocks()
            else:
                self.length = LONGEST

    def column(self) -> Sequence[float]:
        """What its length is measured in; not used for readings."""
        return self.series.column(self.unit)

    def update(self) -> None:
        """Take in what came since it was last asked."""
        series, head = self.series, self.head
        end = series.count - self.lag
        if end - head == 1 and head >= 0:
            if self.is_long:
                if series.count % BLOCK:
                    value = series.values[head % series.size]
                    if value - value == 0.0:
                        self.add(value, head)
                    self.head = end
                    return
            elif end % FRESH and self.unit is Unit.READINGS:
                self._one(series, head)
                return
        if end >= 0:
            self._catch_up(series, head, end)

    def _catch_up(self, series: Series, head: int, end: int) -> None:
        if self.unit is not Unit.READINGS and head < 0:
            self.about = (self.unit, self.length) in series.long
            self.is_long = self.about and self.in_blocks
        if self.is_long:
            self._long(series, end)
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

    def _long(self, series: Series, end: int) -> None:
        """Longer than the ring: begun from blocks whenever one has closed, then what came since is added.

        One that lags is begun one block earlier: it may not have come to the end of the newest.
        """
        mark, head = series.count - series.count % BLOCK - (BLOCK if self.lag else 0), self.head
        if mark != self.begun or not 0 <= head <= end:
            assert series.blocks is not None
            inside = self._inside(series.blocks.blocks, mark)
            self.clear()
            self.begun = mark
            self.tail = head = max(mark, series.oldest)
            if inside:
                self.begin(inside)
                self.tail, head = inside[0].start, max(inside[-1].end, series.oldest)
        for number, value in enumerate(series.slice(head, end), head):
            if value - value == 0.0:
                self.add(value, number)
        self.head = end

    def _inside(self, blocks: list[Block], mark: int) -> list[Block]:
        """The blocks that end inside the window, as of the newest of them."""
        last = len(blocks) - 1
        while last >= 0 and blocks[last].end > mark:
            last -= 1
        if last < 0:
            return []
        column = Block._fields.index(PLACES[self.unit])
        edge, first = blocks[last][column] - self.length, last
        while first and not blocks[first - 1][column] <= edge:
            first -= 1
        return blocks[first : last + 1]

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
        return max(tail, head - LONGEST)

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
            oldest = max(oldest, mark - LONGEST)
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

    def begin(self, blocks: Sequence[Block]) -> None:
        """Count what blocks hold, for those that can."""
        raise NotImplementedError


class Sums(Window):
    """Count, mean, sum and deviation, by sums around a shift."""

    __slots__ = ("first", "n", "second", "shift")
    in_blocks = True

    def begin(self, blocks: Sequence[Block]) -> None:
        """Count what blocks hold."""
        self.n, mean, self.second = together(blocks)
        self.shift, self.first = mean if self.n else 0.0, 0.0

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

    def _catch_up(self, series: Series, head: int, end: int) -> None:
        plain = self.unit is Unit.READINGS and not self.is_long and not series.nonfinite
        if not plain or head < end - end % FRESH or head > end or self.n + self.tail != head or self.n < self.length:
            super()._catch_up(series, head, end)
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

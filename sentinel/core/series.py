"""A series: the readings of one name in one run, the newest in a ring of plain numbers that windows read in place.

Nothing here knows rules. What is not known is NaN in the columns and None in the views for people.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from math import inf, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from sentinel.core.amounts import Unit
from sentinel.core.bands import FAR_NOWHERE, NOWHERE, break_off, leave
from sentinel.core.blocks import BLOCK, Blocks
from sentinel.core.curve import Bucket, Curve
from sentinel.core.shares import Share

if TYPE_CHECKING:
    from sentinel.core.windows import Window
    from sentinel.core.windows_edges import Edge

FRESH = 256  # every sum is computed afresh when the count is a multiple of this
SMALLEST, USUAL, LARGEST = 16, 256, 1024  # how many readings the ring holds at first, without windows, at most
START = 32  # how many first values are kept, for `first(x, n)`
LONGEST = LARGEST - FRESH  # readings in a window that the ring can hold; longer ones read blocks
NEAR = 64  # of at least how many newest readings the extremes are known
LINES = 32  # of how many readings the line is kept
MOST_LINES = (1 << 32) - 1

_EMPTY = array("d", bytes(8 * SMALLEST))  # the ring of all series without a reading, which is never written to
_NO_EPOCHS, _NO_LINES = array("f", bytes(4 * SMALLEST)), array("I", bytes(4 * LINES))

Span = Callable[[], tuple[Unit, float] | None]  # how long a window is as the run stands; None while that is not known


class Point(NamedTuple):
    """One kept reading, as people and pictures see it."""

    value: float
    step: int | None
    epoch: float | None
    at: float | None
    file: str
    line: int


class Series:
    """Readings of one name, in the order in which they came."""

    __slots__ = (
        "band",
        "blocks",
        "count",
        "curve",
        "edges",
        "epochs",
        "files",
        "first_value",
        "floor",
        "giver",
        "high",
        "last_position",
        "lines",
        "long",
        "low",
        "name",
        "near_high",
        "near_low",
        "nonfinite",
        "positions",
        "room",
        "size",
        "source",
        "sources",
        "spans",
        "start",
        "times",
        "unit",
        "value",
        "values",
        "wide",
        "windows",
    )

    def __init__(self, name: str, files: list[str] | None = None) -> None:
        """An empty series."""
        self.name = name
        self.files = [] if files is None else files  # of the run; a reading knows its file by number
        self.count = 0  # readings taken; the next one's number
        self.floor = 0  # readings before this number are gone for good
        self.value = nan  # the last one; NaN also where there is none
        self.first_value = nan  # the first finite one
        self.low, self.high = inf, -inf
        self.near_low, self.near_high = inf, -inf  # of the newest 64 readings at least, for hunches
        self.band, self.wide = NOWHERE, FAR_NOWHERE  # where its next readings are expected, for outlooks
        self.nonfinite = 0
        self.last_position = nan
        self.source = -1  # the number of the file that gave it first
        self.giver = -1  # the number of the file that gave the last reading
        self.sources: list[tuple[int, int]] = []  # (from which reading on, file number)
        self.unit = Share.NONE
        self.room = USUAL
        self.start = array("d")  # its first finite values, for `first(x, n)`
        self.curve = Curve()
        self.windows: dict[object, Window] = {}
        self.edges: dict[object, Edge] = {}
        self.blocks: Blocks | None = None  # what windows longer than the ring read; kept once there is one
        self.long: frozenset[tuple[Unit, float]] = frozenset()  # the lengths that turned out to hold more than the ring
        self.spans: dict[object, Span] = {}  # the lengths that are asked for, but those in readings
        # nearly all series that rules ask for never have a reading: they share one empty ring
        self.size = SMALLEST
        self.lines, self.values, self.positions, self.times, self.epochs = _NO_LINES, _EMPTY, _EMPTY, _EMPTY, _NO_EPOCHS

    def _lay(self, size: int) -> None:
        self.size = size
        self.values = array("d", bytes(8 * size))
        self.positions = array("d", bytes(8 * size))
        self.times = array("d", bytes(8 * size))
        self.epochs = array("f", bytes(4 * size))

    def push(self, value: float, position: float, epoch: float, at: float, line: int) -> None:
        """Take one reading in; NaN says "unknown" for position, epoch and time."""
        number = self.count
        i = number % self.size
        if not i:
            self._come_round()
            i = number % self.size
        self.values[i] = value
        self.positions[i] = position
        self.epochs[i] = epoch
        self.times[i] = at
        self.lines[number % LINES] = line
        self.count = number = number + 1
        self.value = value
        if position == position:
            self.last_position = position
        if value - value == 0.0:
            if value < self.near_low:
                self.near_low = value
                if value < self.low:
                    self.low = value
                if value < self.band.low:
                    leave(self, value)
            if value > self.near_high:
                self.near_high = value
                if value > self.high:
                    self.high = value
                if value > self.band.high:
                    leave(self, value)
            if len(self.start) < START:
                self._begin(value)
        else:
            self.nonfinite += 1
            break_off(self)
        if not number % NEAR:
            self._turn(number)

    def _turn(self, number: int) -> None:
        """What is done whenever so many have come, so that it depends on the readings alone."""
        if not number % BLOCK and self.blocks is not None:
            self.blocks.take(self, number)
        if not number % FRESH:
            for span in self.spans.values():
                self._measure(span, number)
        # from now on the newest 64 readings are among these and those to come
        newest = [v for v in self.slice(max(self.oldest, number - NEAR), number) if v - v == 0.0]
        self.near_low, self.near_high = min(newest, default=inf), max(newest, default=-inf)

    def _begin(self, value: float) -> None:
        if not self.start:
            self.first_value = value
        self.start.append(value)
        break_off(self)

    # --- the ring ------------------------------------------------------------------------------------------------

    @property
    def oldest(self) -> int:
        """The number of the oldest reading still kept."""
        return max(self.floor, self.count - self.size)

    def kept(self, column: Sequence[float], since: int = 0) -> list[float]:
        """A column's kept readings from that number on, oldest first."""
        return self._stretch(column, max(self.oldest, since), self.count)

    def slice(self, first: int, end: int) -> list[float]:
        """The values of the kept readings with these numbers."""
        return self._stretch(self.values, first, end)

    def _stretch(self, column: Sequence[float], first: int, end: int) -> list[float]:
        if first >= end:
            return []
        low, high = first % self.size, (end - 1) % self.size + 1
        return list(column[low:high]) if low < high else [*column[low:], *column[:high]]

    def _come_round(self) -> None:
        """The ring begins, or comes round: it grows while it may, else the curve takes what is about to be overwritten."""
        if not self.count:
            self.lines = array("I", bytes(4 * LINES))  # of the newest readings alone: evidence asks for no older ones
            self._lay(self.size)
            return
        if self.size < self.room:
            self.resize(min(2 * self.size, self.room))
            return
        since = self.curve.taken
        columns = (self.values, self.positions, self.epochs)
        values, positions, epochs = (self.kept(column, since) for column in columns)
        self.curve.taken = max(since, self.oldest)
        self.curve.take(values, positions, epochs)

    def span(self, key: object, span: Span) -> None:
        """Windows of that length will be asked for: enough is kept for them, whether they are asked often or never."""
        if key not in self.spans:
            self.spans[key] = span
            self._measure(span, self.count - self.count % FRESH)

    def _measure(self, span: Span, end: int) -> None:
        """How many readings a window in steps, epochs or time holds there decides how much must be kept for it.

        That is measured at every 256th reading. From one to the next no window grows by more than 256, for which there
        is always room: so the ring holds what a window needs until it has turned out to be a long one.
        """
        if end <= self.oldest or (length := span()) is None or length[0] is Unit.READINGS:
            return
        unit, long = length
        column = self.column(unit)
        before = self.number_at(column, column[(end - 1) % self.size] - long)
        inside = end - 1 - before if before >= 0 else end - self.oldest
        if not self.need(inside + inside // 2) and inside > LONGEST and length not in self.long:
            self.long |= {length}
            self.keep_blocks()
            self.forget_windows()

    def keep_blocks(self) -> None:
        """From now on what leaves the ring is kept in blocks."""
        if self.blocks is None:
            self.blocks = Blocks(self.oldest)
            self.blocks.take(self, self.count)

    def column(self, unit: Unit) -> Sequence[float]:
        """What a length in that unit is measured in."""
        if unit is Unit.STEPS:
            return self.positions
        return self.epochs if unit is Unit.EPOCHS else self.times

    def resize(self, size: int) -> None:
        """Make the ring hold so many readings."""
        floor, was = self.oldest, self.size
        old: list[array[Any]] = [self.values, self.positions, self.epochs, self.times]
        self._lay(size)
        new: list[array[Any]] = [self.values, self.positions, self.epochs, self.times]
        at = floor
        while at < self.count:  # in stretches that neither ring breaks
            many = min(self.count - at, was - at % was, size - at % size)
            for before, after in zip(old, new, strict=True):
                after[at % size : at % size + many] = before[at % was : at % was + many]
            at += many
        self.floor = floor

    def need(self, readings: int) -> bool:
        """Ask for a ring that holds a window of so many readings and what a fresh start reads; False if too long."""
        self.room = min(max(self.room, readings + FRESH), LARGEST)
        if self.size >= USUAL and self.size < self.room:
            self.resize(self.room)
        return readings + FRESH <= self.room

    # --- views for people ----------------------------------------------------------------------------------------

    def point(self, number: int) -> Point:
        """The kept reading of that number."""
        i = number % self.size
        position, epoch, at = self.positions[i], self.epochs[i], self.times[i]
        return Point(
            self.values[i],
            None if position != position else int(position),
            None if epoch != epoch else round(epoch, 5),
            None if at != at else at,
            self._file(number),
            self.lines[number % LINES] if number >= self.count - LINES else 0,
        )

    def _file(self, number: int) -> str:
        at = bisect_right(self.sources, (number, 1 << 60)) - 1
        return self.files[self.sources[at][1]] if at >= 0 else ""

    @property
    def points(self) -> list[Point]:
        """The kept readings, oldest first; slow, for people and pictures."""
        return [self.point(number) for number in range(self.oldest, self.count)]

    @property
    def last(self) -> Point | None:
        """The newest reading."""
        return self.point(self.count - 1) if self.count > self.oldest else None

    def history(self) -> list[Bucket]:
        """Everything it ever held in at most 48 buckets and the kept readings, oldest first: for pictures."""
        since = max(self.curve.taken, self.oldest)
        columns = (self.positions, self.epochs, self.values)
        rest = zip(*(self.kept(column, since) for column in columns), strict=True)
        return self.curve.buckets() + [Bucket(p, e, v, v, v) for p, e, v in rest]

    # --- looking back --------------------------------------------------------------------------------------------

    def back(self, readings: int) -> float:
        """The value so many readings before the last one; NaN where none is kept."""
        number = self.count - 1 - readings
        return self.values[number % self.size] if number >= self.oldest else nan

    def number_at(self, column: Sequence[float], limit: float) -> int:
        """The number of the newest kept reading whose column is at most the limit; -1 where there is none."""
        first = low = self.oldest
        high, size = self.count, self.size
        while low < high:
            middle = (low + high) // 2
            if column[middle % size] > limit:
                high = middle
            else:
                low = middle + 1
        return low - 1 if low > first else -1

    # --- whence it comes, and starting afresh --------------------------------------------------------------------

    def came_from(self, file: int) -> None:
        """From the next reading on it comes from that file."""
        self.giver = file
        if self.source < 0:
            self.source = file
        if not self.sources or self.sources[-1][1] != file:
            self.sources = [*self.sources[-63:], (self.count, file)]

    def given_by(self, file: int) -> int:
        """How many of its readings came from that file."""
        ends = [number for number, _ in self.sources[1:]] + [self.count]
        return sum(end - begin for (begin, own), end in zip(self.sources, ends, strict=True) if own == file)

    def forget_windows(self) -> None:
        """All windows start afresh, and nothing is expected any more."""
        break_off(self)
        for window in self.windows.values():
            window.head = -1
        for edge in self.edges.values():
            edge.until = -1

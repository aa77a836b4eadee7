"""The whole history of a series in at most 48 buckets of equal size: for pictures, and for `best` after a resume.

Buckets double in size when they run out. They are filled from the ring just before it is overwritten, in slices, so
that a reading costs next to nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from math import inf, isfinite, nan
from typing import NamedTuple

from sentinel.core.records import Json

MOST = 48


class Bucket(NamedTuple):
    """Some readings in a row as one."""

    position: float  # of its last reading
    epoch: float
    mean: float
    low: float
    high: float


_NONE = (array("d"), array("f"), array("f"), array("d"), array("d"))  # of all curves without a bucket


class Curve:
    """Equal buckets over everything that a series has ever held."""

    __slots__ = ("columns", "stride", "taken")

    def __init__(self) -> None:
        """An empty curve."""
        self.stride = 1  # readings in a bucket
        self.taken = 0  # readings that are in buckets
        self.columns = _NONE

    def __len__(self) -> int:
        """How many buckets there are."""
        return len(self.columns[0])

    def take(self, values: Sequence[float], positions: Sequence[float], epochs: Sequence[float]) -> int:
        """Take whole buckets from these readings, oldest first; how many readings went in."""
        used = 0
        while used + self.stride <= len(values):
            room = MOST + 1 - len(self)
            end = used + self.stride * min(room, (len(values) - used) // self.stride)
            self._add(values[used:end], positions[used:end], epochs[used:end])
            used = end
            if len(self) > MOST:
                self._halve()
        self.taken += used
        return used

    def _add(self, values: Sequence[float], positions: Sequence[float], epochs: Sequence[float]) -> None:
        """Add the buckets that these readings fill."""
        self._begin()
        stride = self.stride
        parts = [values[at : at + stride] for at in range(0, len(values), stride)]
        if not isfinite(sum(values)):
            parts = [[value for value in part if value - value == 0.0] for part in parts]
        places, ends, means, lows, highs = self.columns
        places.extend(positions[stride - 1 :: stride])
        ends.extend(epochs[stride - 1 :: stride])
        means.extend([sum(part) / len(part) if part else nan for part in parts])
        lows.extend([min(part, default=inf) for part in parts])
        highs.extend([max(part, default=-inf) for part in parts])

    def _begin(self) -> None:
        """Columns of its own, once there is a bucket to hold."""
        if self.columns is _NONE:
            self.columns = (array("d"), array("f"), array("f"), array("d"), array("d"))

    def _halve(self) -> None:
        if len(self) % 2:
            self.taken -= self.stride  # they are still in the ring and come again with the next bucket
            for column in self.columns:
                column.pop()
        places, ends, means, lows, highs = self.columns
        places[:], ends[:] = places[1::2], ends[1::2]
        means[:] = array("f", map(_middle, means[::2], means[1::2]))
        lows[:] = array("d", map(min, lows[::2], lows[1::2]))
        highs[:] = array("d", map(max, highs[::2], highs[1::2]))
        self.stride *= 2

    def _set(self, buckets: Iterable[Bucket]) -> None:
        self._begin()
        for column in self.columns:
            del column[:]
        for bucket in buckets:
            for column, value in zip(self.columns, bucket, strict=True):
                column.append(value)

    def buckets(self) -> list[Bucket]:
        """All buckets, oldest first."""
        return [Bucket(*row) for row in zip(*self.columns, strict=True)]

    def cut(self, position: float, epoch: float = nan) -> None:
        """Drop the buckets that reach to a position or beyond, or to an epoch where they have no position."""
        kept = [
            bucket
            for bucket in self.buckets()
            if not (bucket.position >= position or (bucket.position != bucket.position and bucket.epoch >= epoch))
        ]
        self.taken = len(kept) * self.stride
        self._set(kept)

    def scale(self, factor: float) -> None:
        """Multiply every value: the unit of a share was settled."""
        self._set(
            bucket._replace(mean=bucket.mean * factor, low=bucket.low * factor, high=bucket.high * factor)
            for bucket in self.buckets()
        )

    def save(self) -> Json:
        """What `load` needs."""
        return [self.stride, self.taken, *([_word(v) for v in column] for column in self.columns)]

    def load(self, saved: Sequence[Json]) -> None:
        """Become what was saved."""
        self.stride, self.taken = int(saved[0]), int(saved[1])  # type: ignore[arg-type]
        self._begin()
        for column, values in zip(self.columns, saved[2:], strict=True):
            column[:] = array(column.typecode, [_number(v) for v in values])  # type: ignore[union-attr]


def _middle(a: float, b: float) -> float:
    """The mean of two buckets; one without a finite reading says nothing."""
    return b if a != a else a if b != b else (a + b) / 2


def _word(value: float) -> Json:
    return value if isfinite(value) else str(value)


def _number(value: Json) -> float:
    return float(value)  # type: ignore[arg-type]

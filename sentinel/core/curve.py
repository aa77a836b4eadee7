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
            end = used + self.stride
            self._add(values[used:end], positions[end - 1], epochs[end - 1])
            used = end
            if len(self) > MOST:
                self._halve()
        self.taken += used
        return used

    def _add(self, values: Sequence[float], position: float, epoch: float) -> None:
        finite = [value for value in values if value - value == 0.0]
        self._begin()
        places, epochs, means, lows, highs = self.columns
        places.append(position)
        epochs.append(epoch)
        means.append(sum(finite) / len(finite) if finite else nan)
        lows.append(min(finite, default=inf))
        highs.append(max(finite, default=-inf))

    def _begin(self) -> None:
        """Columns of its own, once there is a bucket to hold."""
        if self.columns is _NONE:
            self.columns = (array("d"), array("f"), array("f"), array("d"), array("d"))

    def _halve(self) -> None:
        buckets = self.buckets()
        spare = buckets.pop() if len(buckets) % 2 else None
        pairs = [_joined(a, b) for a, b in zip(buckets[::2], buckets[1::2], strict=True)]
        if spare is not None:
            self.taken -= self.stride  # they are still in the ring and come again with the next bucket
        self._set(pairs)
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


def _joined(a: Bucket, b: Bucket) -> Bucket:
    mean = b.mean if a.mean != a.mean else a.mean if b.mean != b.mean else (a.mean + b.mean) / 2
    return Bucket(b.position, b.epoch, mean, min(a.low, b.low), max(a.high, b.high))


def _word(value: float) -> Json:
    return value if isfinite(value) else str(value)


def _number(value: Json) -> float:
    return float(value)  # type: ignore[arg-type]

"""What a series held beyond its ring, in blocks that are the larger the older they are: for windows longer than the ring.

A block is 128 readings when it closes. Of each size 16 are kept; of more, the two oldest become one of twice the size. So
a window is known to about a sixteenth of its length (a short one to 255 readings), at a cost that does not grow with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, nan
from typing import TYPE_CHECKING, NamedTuple

from sentinel.core.records import Json

if TYPE_CHECKING:
    from sentinel.core.series import Series

BLOCK = 128
OF_A_SIZE = 16


class Block(NamedTuple):
    """Some readings in a row as one; the places are those of its last reading."""

    start: int
    end: int
    n: int  # finite ones
    mean: float
    squares: float  # around the mean
    low: float
    high: float
    position: float
    epoch: float
    at: float


class Blocks:
    """The past of one series, oldest first."""

    __slots__ = ("blocks", "taken")

    def __init__(self, taken: int = 0) -> None:
        """Nothing is taken before that reading."""
        self.taken = taken
        self.blocks: list[Block] = []

    def take(self, series: Series, end: int) -> None:
        """Take what has come up to a reading, in whole blocks."""
        while self.taken // BLOCK * BLOCK + BLOCK <= end:
            edge = self.taken // BLOCK * BLOCK + BLOCK
            start = max(self.taken, series.oldest)
            if start < edge:
                self.blocks.append(_block(series, start, edge))
                self._tidy()
            self.taken = edge

    def _tidy(self) -> None:
        """Blocks stand in order of size, the smallest last: of each there are at most 16."""
        blocks, size, first = self.blocks, BLOCK, len(self.blocks)
        while True:
            after = first
            while first and blocks[first - 1].end - blocks[first - 1].start <= size:
                first -= 1
            if after - first <= OF_A_SIZE:
                return
            blocks[first : first + 2] = [_joined(blocks[first], blocks[first + 1])]
            size *= 2
            first += 1

    def cut(self, number: int) -> None:
        """Drop what reaches beyond a reading: the run was resumed there."""
        self.blocks = [block for block in self.blocks if block.end <= number]
        self.taken = self.blocks[-1].end if self.blocks else 0

    def renew(self, series: Series) -> None:
        """Readings in the ring were rewritten: the blocks that still lie in it are made anew."""
        self.blocks = [_block(series, b.start, b.end) if b.start >= series.oldest else b for b in self.blocks]

    def scale(self, factor: float) -> None:
        """Multiply what they hold: the unit of a share was settled."""
        self.blocks = [
            b._replace(mean=b.mean * factor, squares=b.squares * factor**2, low=b.low * factor, high=b.high * factor)
            for b in self.blocks
        ]

    def save(self) -> Json:
        """What `load` needs."""
        return [self.taken, [[x if isfinite(x) else str(x) for x in block] for block in self.blocks]]

    @classmethod
    def load(cls, saved: Sequence[Json]) -> Blocks:
        """As they were saved."""
        blocks = cls(int(saved[0]))  # type: ignore[arg-type]
        for row in saved[1]:  # type: ignore[union-attr]
            start, end, n, *rest = row  # type: ignore[misc]
            blocks.blocks.append(Block(int(start), int(end), int(n), *(float(x) for x in rest)))  # type: ignore[arg-type]
        return blocks


def _block(series: Series, start: int, end: int) -> Block:
    finite = [value for value in series.slice(start, end) if value - value == 0.0]
    n, i = len(finite), (end - 1) % series.size
    mean = sum(finite) / n if n else nan
    squares = sum([(value - mean) * (value - mean) for value in finite])
    low, high = min(finite, default=inf), max(finite, default=-inf)
    return Block(start, end, n, mean, squares, low, high, series.positions[i], series.epochs[i], series.times[i])


def _joined(a: Block, b: Block) -> Block:
    n, mean, squares = together((a, b))
    return b._replace(start=a.start, n=n, mean=mean, squares=squares, low=min(a.low, b.low), high=max(a.high, b.high))


def together(blocks: Sequence[Block]) -> tuple[int, float, float]:
    """How many finite readings, their mean, and the squares around it."""
    known = [block for block in blocks if block.n]
    n = sum([block.n for block in known])
    if not n:
        return 0, nan, 0.0
    mean = sum([block.n * block.mean for block in known]) / n
    between = sum([block.n * (block.mean - mean) * (block.mean - mean) for block in known])
    return n, mean, sum([block.squares for block in known]) + between

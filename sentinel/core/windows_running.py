"""Windows that run along: the extremes by two queues, and a mean in which older readings fade."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import exp, log, nan

from sentinel.core.amounts import Unit
from sentinel.core.blocks import Block
from sentinel.core.series import Series
from sentinel.core.windows import PLACES, Window

_EMPTY: deque[tuple[float, int]] = deque(maxlen=0)  # of all windows that no reading entered: most are never asked
SHOWS = 32.0  # a faded reading this much larger than the mean still shows when it is let go


class Extremes(Window):
    """The least and the greatest, by two queues that only keep what can still become one."""

    __slots__ = ("highs", "lows")
    in_blocks = True
    highs: deque[tuple[float, int]]
    lows: deque[tuple[float, int]]

    def begin(self, blocks: Sequence[Block]) -> None:
        """The extremes of blocks; none of their readings leaves before the window is begun anew."""
        known = [block for block in blocks if block.n]
        if known:
            self.lows = deque([(min([block.low for block in known]), blocks[0].start)])
            self.highs = deque([(max([block.high for block in known]), blocks[0].start)])

    def clear(self) -> None:
        """Nothing is counted."""
        self.lows = self.highs = _EMPTY

    def add(self, value: float, number: int) -> None:
        """Count a finite reading."""
        if self.lows is _EMPTY:
            self.lows, self.highs = deque(), deque()
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
    in_blocks = True
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

    def begin(self, blocks: Sequence[Block]) -> None:
        """Let each block fade as if its readings lay evenly in it."""
        column = Block._fields.index(PLACES[self.unit])
        before = float(blocks[0].start) if self.unit is Unit.READINGS else nan
        weighted = weights = 0.0
        fades: dict[float, tuple[float, float]] = {}  # most blocks are of few lengths
        for block in blocks:
            here, n = float(block[column]), block.n
            gone, before = here - before, here
            known = fades.get(gone)
            if known is None:
                fade = exp(-2.0 * gone / self.span) if gone > 0.0 else 1.0
                known = fades[gone] = fade, (1.0 - fade) / -log(fade) if 0.0 < fade < 1.0 else 1.0
            weighted = weighted * known[0] + (known[1] * n * block.mean if n else 0.0)
            weights = weights * known[0] + known[1] * n
            self.n += n
        self.weighted, self.weights, self.at = weighted, weights, before

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

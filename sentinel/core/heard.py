"""What a run said apart from its series: lines that matched a pattern, facts as expressions read them, and its pace."""

from __future__ import annotations

from collections import deque
from math import inf, nan

from sentinel.core.amounts import Amount, Unit
from sentinel.core.records import Json, Scalar

KEPT = 256
FEWEST_GAPS = 5


class Heard:
    """The lines that matched one text pattern."""

    __slots__ = ("count", "hits")

    def __init__(self) -> None:
        """None so far."""
        self.count = 0
        self.hits: deque[tuple[float, float, float]] = deque(maxlen=KEPT)  # position, epoch, time; NaN is unknown

    def hear(self, position: float, epoch: float, at: float) -> None:
        """One more line."""
        self.count += 1
        self.hits.append((position, epoch, at))

    def within(self, unit: Unit, length: float, newest: float) -> float:
        """How many were within that length of the newest position, epoch or time; unknown if that is unknown."""
        if not self.hits:
            return 0.0
        if newest != newest:
            return nan
        column = {Unit.STEPS: 0, Unit.EPOCHS: 1, Unit.SECONDS: 2}[unit]
        edge, found = newest - length, 0
        for hit in reversed(self.hits):
            if hit[column] <= edge:
                break
            found += hit[column] == hit[column]
        return float(found)


class Known:
    """One fact in the three forms that expressions ask for; unknown until somebody tells it."""

    __slots__ = ("number", "truth", "value")

    def __init__(self) -> None:
        """An unknown fact."""
        self.forget()

    def forget(self) -> None:
        """Nobody knows it, or knows it any more."""
        self.value: Scalar | tuple[Scalar, ...] | None = None
        self.number = nan
        self.truth: bool | None = None

    def learn(self, value: Scalar | tuple[Scalar, ...]) -> None:
        """Now it is known."""
        self.value = value
        self.number = _number(value)
        self.truth = _truth(value)


def _number(value: Scalar | tuple[Scalar, ...]) -> float:
    if isinstance(value, bool | tuple):
        return nan
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return nan
    return number if not isinstance(value, str) or number - number == 0.0 else nan


_WORDS = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}


def _truth(value: Scalar | tuple[Scalar, ...]) -> bool | None:
    if isinstance(value, bool):
        return value
    return _WORDS.get(value.strip().lower()) if isinstance(value, str) else None


class Pace:
    """How regularly a run writes: when it last grew, and the gaps between its rows."""

    __slots__ = ("_typical", "gaps", "longest")

    def __init__(self) -> None:
        """No gap was seen."""
        self.gaps: deque[float] = deque(maxlen=KEPT)
        self.longest = 0.0
        self._typical = nan

    def grew(self, gap: float) -> None:
        """It was still for so many seconds and then wrote."""
        self.gaps.append(gap)
        self.longest = max(self.longest, gap)
        self._typical = inf  # to be worked out when asked

    @property
    def typical(self) -> float:
        """The gap that half of the time passes in or above; bursts of lines do not shrink it. Unknown before 5 gaps."""
        if self._typical == inf:
            self._typical = self._middle()
        return self._typical

    def _middle(self) -> float:
        if len(self.gaps) < FEWEST_GAPS:
            return nan
        half, passed = sum(self.gaps) / 2, 0.0
        for gap in sorted(self.gaps):
            passed += gap
            if passed >= half:
                return gap
        return nan

    def save(self) -> Json:
        """What `load` needs."""
        return [self.longest, *self.gaps]

    def load(self, saved: list[float]) -> None:
        """Become what was saved."""
        self.longest, self._typical = saved[0], inf
        self.gaps = deque(saved[1:], maxlen=KEPT)


def amount_known(amount: Amount, step: float, epoch: float, now: float) -> bool:
    """Whether the unit of an amount is known, given where a run stands."""
    here = {Unit.STEPS: step, Unit.EPOCHS: epoch, Unit.SECONDS: now}.get(amount.unit, 0.0)
    return here == here

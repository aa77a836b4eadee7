"""How long a verdict has lasted, in looks, steps, epochs, percent and seconds at once (contracts 2).

A stretch counts only between two looks that agree; unknown neither adds nor resets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sentinel.core.amounts import Amount, Unit
from sentinel.core.records import Json


class Spot(NamedTuple):
    """Where a look stands."""

    at: float | None
    step: int | None
    epoch: float | None
    progress: float | None
    counts: bool = True  # False: only time went on, which is no reading


@dataclass(slots=True)
class Hold:
    """What was held so far."""

    looks: int = 0
    seconds: float = 0.0
    steps: float = 0.0
    epochs: float = 0.0
    percent: float = 0.0
    last: Spot | None = None  # the look before, if it agreed

    def add(self, spot: Spot) -> None:
        """One more look that agrees."""
        self.looks += spot.counts
        before, self.last = self.last, spot
        if before is None:
            return
        self.seconds += _forward(before.at, spot.at)
        self.steps += _forward(before.step, spot.step)
        self.epochs += _forward(before.epoch, spot.epoch)
        self.percent += 100 * _forward(before.progress, spot.progress)

    def pause(self) -> None:
        """An unknown: what was held stays, but the stretch over it does not count."""
        self.last = None

    def reached(self, wanted: tuple[Amount, ...], spot: Spot) -> bool:
        """Whether the first of the amounts whose unit is known here was held."""
        for amount in wanted:
            held = self._held(amount.unit, spot)
            if held is not None:
                return held >= amount.number
        return False

    def _held(self, unit: Unit, spot: Spot) -> float | None:
        if unit is Unit.READINGS:
            return self.looks
        if unit is Unit.SECONDS:
            return None if spot.at is None else self.seconds
        if unit is Unit.STEPS:
            return None if spot.step is None else self.steps
        if unit is Unit.EPOCHS:
            return None if spot.epoch is None else self.epochs
        return None if spot.progress is None else self.percent

    def save(self) -> Json:
        """For the store; the look before is kept, so that a restart changes nothing."""
        last = None if self.last is None else list(self.last)
        return [self.looks, self.seconds, self.steps, self.epochs, self.percent, last]

    @classmethod
    def load(cls, saved: Json) -> Hold:
        """As it was saved."""
        assert isinstance(saved, list)
        looks, seconds, steps, epochs, percent, last = saved
        return cls(looks, seconds, steps, epochs, percent, None if last is None else Spot(*last))


def _forward(before: float | None, now: float | None) -> float:
    """How far it went on; going back (a resume) counts nothing."""
    if before is None or now is None:
        return 0.0
    return max(0.0, now - before)

"""The rules that wait for their `after`: until where none of them can have reached it, they need not be asked. No judging here.

A run asks at every look, so that must cost next to nothing; what the limits say is a little too early rather than too late,
and whether an `after` is reached is then asked exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, nan

from sentinel.core.amounts import Amount, Unit
from sentinel.core.bound import Bound
from sentinel.core.run import Run

EARLY = 1e-12  # relative: by so much the limits come before what rounding could say


class Warming:
    """Rules that are not ready, as of one look of a run that has not gone back since."""

    __slots__ = ("_epoch", "_looks", "_now", "_position", "_waits")

    def __init__(self, early: Iterable[Bound]) -> None:
        """Many rules wait for the same: each `after` is asked once. What a rule reads matters where readings are counted."""
        self._waits: dict[tuple[tuple[Amount, ...], frozenset[str]], list[Bound]] = {}
        for bound in early:
            after = bound.rule.after
            counted = any(amount.unit is Unit.READINGS for amount in after)
            self._waits.setdefault((after, bound.reads if counted else frozenset()), []).append(bound)
        self._position = self._epoch = self._now = self._looks = -inf if self._waits else inf

    def is_over(self, run: Run, looks: int) -> bool:
        """Whether any of them may have reached it at this look; a place that is still unknown reaches nothing."""
        if run.position >= self._position or looks >= self._looks:
            return True
        epoch, now = run.epoch, run.now
        return (epoch is not None and epoch >= self._epoch) or (now is not None and now >= self._now)

    def ready(self, run: Run, looks: int) -> list[Bound]:
        """Those that have reached it, which are ready from now on."""
        self._position = self._epoch = self._now = self._looks = inf
        ready: list[Bound] = []
        for (after, reads), bounds in self._waits.items():
            if run.reached(after, reads) is True:
                ready += bounds
            else:
                self._wait(run, looks, after, reads)
        for bound in ready:
            bound.ready = True
        return ready

    def _wait(self, run: Run, looks: int, after: Iterable[Amount], reads: Iterable[str]) -> None:
        """Set the limits by the first unit that is known; one before it decides as soon as it becomes known."""
        for amount in after:
            unit, gone = amount.unit, run.gone(amount.unit, reads)
            missing = amount.number - gone
            if unit is Unit.READINGS:  # half of what is missing: a row may hold a series twice
                self._looks = min(self._looks, looks + missing // 2)
            elif unit is Unit.STEPS:
                self._position = _sooner(self._position, run.position, missing)
            elif unit is Unit.EPOCHS:
                self._epoch = _sooner(self._epoch, run.epoch, missing)
            elif unit is Unit.SECONDS:
                self._now = _sooner(self._now, run.now, missing)
            else:
                self._share(run, missing)
            if gone == gone:
                return

    def _share(self, run: Run, missing: float) -> None:
        """A share of the plan is reached by steps where those are known and planned, else by epochs; facts renew this."""
        steps = run.planned_steps == run.planned_steps
        if steps:
            self._position = _sooner(self._position, run.position, missing / 100.0 * run.planned_steps)
        if run.planned_epochs == run.planned_epochs and not (steps and run.step is not None):
            self._epoch = _sooner(self._epoch, run.epoch, missing / 100.0 * run.planned_epochs)


def _sooner(limit: float, here: float | None, missing: float) -> float:
    """The nearer of the limit and the one that lies so far ahead; whatever is unknown is asked as soon as it is known."""
    ahead = nan if here is None else here + missing
    return min(limit, ahead - EARLY * abs(ahead)) if ahead == ahead else -inf

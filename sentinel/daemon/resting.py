"""Which runs are put to sleep, and when: those that are over, and those whose files stood still for ten times their longest gap.

A run sleeps only as it was written down in this very turn, so what wakes up is what went to sleep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sentinel.core.engine import Engine
from sentinel.core.watched import Watched

LOOK_EVERY = 5.0
CALM = 60.0  # a run that wrote within this time stays awake
GAPS = 10.0  # ... and within so many of its longest gaps: to wake one costs as much as a hundred lines
LONGEST = 6 * 3600.0
AT_ONCE = 8  # runs in one turn, so that no alert waits for them


class Resting:
    """The runs that wait for their sleep."""

    def __init__(self, engine: Engine) -> None:
        """Nobody is tired yet."""
        self._engine = engine
        self._since: dict[str, float] = {}  # since when a run without any time of its own has been awake
        self._tired: list[str] = []
        self.held: Callable[[], Iterable[str]] = tuple  # runs that others need awake: those with a stop plan
        self._look_at = 0.0

    @property
    def more(self) -> bool:
        """Whether some wait for the next turn."""
        return bool(self._tired)

    def due(self, now: float, reading: Iterable[str]) -> list[str]:
        """Runs that can go to sleep after this turn, if it writes them down; never one whose history is being read."""
        if now >= self._look_at and not self._tired:
            self._look_at = now + LOOK_EVERY
            current = self._engine.keys()
            still = {current.get(key, key) for key in reading} | set(self.held())
            self._since = {key: self._since.get(key, now) for key in self._engine.runs}
            self._tired = [
                key for key, run in self._engine.runs.items() if key not in still and self._calm(key, run, now)
            ]
        chosen, self._tired = self._tired[:AT_ONCE], self._tired[AT_ONCE:]
        return [key for key in chosen if self._engine.may_sleep(key)]

    def _calm(self, key: str, watched: Watched, now: float) -> bool:
        if watched.over:
            return True
        run = watched.run
        last = self._since[key] if run.grew is None else run.grew
        return now - last >= min(max(CALM, GAPS * run.pace.longest), LONGEST)

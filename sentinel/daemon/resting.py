"""Which runs are put to sleep, and when: those that are over, and those whose files stood still for ten times their longest gap.

A run sleeps only as it was written down in this very turn, so what wakes up is what went to sleep.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from sentinel.core.engine import Engine
from sentinel.core.watched import Watched
from sentinel.daemon.memory import give_back

LOOK_EVERY = 5.0
ENDED = 3600.0  # one of a batch that ended within the hour stays awake: the batch is looked over for others that died
CALM = 60.0  # a run that wrote within this time stays awake
GAPS = 10.0  # ... and within so many of its longest gaps: to wake one costs as much as a hundred lines
LONGEST = 6 * 3600.0
CROWD = 100  # after so many went to sleep the memory that they took is given back, at most once in BREATH
BREATH = 60.0
AT_ONCE = 8  # runs in one turn, so that no alert waits for them
MANY = 24  # ... while history is read: more than are begun in one turn, lest those that are awake grow in number


class Resting:
    """The runs that wait for their sleep."""

    def __init__(self, engine: Engine) -> None:
        """Nobody is tired yet."""
        self._engine = engine
        self._tired: list[str] = []
        self._gone = 0  # since memory was last given back
        self.held: Callable[[], Iterable[str]] = tuple  # runs that others need awake: those with a stop plan
        self.let_go: Callable[[], None] = give_back
        self._look_at = 0.0
        self._breathe_at = 0.0

    @property
    def more(self) -> bool:
        """Whether some wait for the next turn."""
        return bool(self._tired)

    def due(self, now: float, reading: Collection[str]) -> list[str]:
        """Runs that can go to sleep after this turn, if it writes them down; never one whose history is being read.

        While history is read they go in large groups: what a first sweep finds is mostly of the past.
        """
        self._breathe(now)
        if (now >= self._look_at or reading) and not self._tired:
            self._look_at = now + LOOK_EVERY
            current = self._engine.keys()
            still = {current.get(key, key) for key in reading} | set(self.held())
            self._tired = [key for key, run in self._engine.runs.items() if key not in still and _calm(run, now)]
        many = MANY if reading else AT_ONCE
        chosen, self._tired = self._tired[:many], self._tired[many:]
        return [key for key in chosen if self._engine.may_sleep(key)]

    def lay_down(self, keys: Sequence[str]) -> None:
        """Put these to sleep."""
        for key in keys:
            self._engine.lay_down(key)
        self._gone += len(keys)

    def _breathe(self, now: float) -> None:
        """What a crowd took is given back, also by the last of them: nobody may follow for hours."""
        if self._gone >= CROWD and not self._tired and now >= self._breathe_at:
            self._gone, self._breathe_at = 0, now + BREATH
            self.let_go()


def _calm(watched: Watched, now: float) -> bool:
    """Whether it stood still for long enough; of one without any time of its own only the past was read."""
    run = watched.run
    if watched.over and run.info.batch:
        return run.now is None or now - run.now >= ENDED
    if watched.over or run.grew is None:
        return True
    return now - run.grew >= min(max(CALM, GAPS * run.pace.longest), LONGEST)

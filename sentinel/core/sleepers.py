"""The runs that sleep, and how they wake: the engine asks here for every run that it does not find awake. Pure."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from sentinel.core.asleep import Asleep, asleep_of, look_ahead
from sentinel.core.course import Course
from sentinel.core.records import Json
from sentinel.core.watched import Watched

MOST_AT_ONCE = 2  # runs that time wakes in one turn; late is not lost, for they live through the time they slept

Recall = Callable[[str], Json]


class Sleepers:
    """Quiet runs by the key of their generation."""

    def __init__(self, recall: Recall | None = None) -> None:
        """`recall` brings back the state of a run as it was last written down."""
        self.runs: dict[str, Asleep] = {}
        self._recall = recall
        self._next = inf
        self.moves = 0  # how often one went to sleep, woke or was forgotten

    def lay_down(self, key: str, watched: Watched, course: Course) -> None:
        """The run sleeps from now on; what it held is in the store."""
        self.moves += 1
        asleep = self.runs[key] = asleep_of(watched)
        asleep.course = course
        asleep.wakes = look_ahead(watched)
        self._next = min(self._next, asleep.wakes)

    def keep(self, key: str, asleep: Asleep) -> None:
        """A run that slept when Sentinel ended sleeps on."""
        self.moves += 1
        self.runs[key] = asleep
        self._next = min(self._next, asleep.wakes)

    def due(self, now: float) -> list[str]:
        """Those that time wakes now; not too many in one turn."""
        if now < self._next:
            return []
        ripe = sorted((asleep.wakes, key) for key, asleep in self.runs.items() if asleep.wakes <= now)
        if len(ripe) <= MOST_AT_ONCE:
            self._next = min((asleep.wakes for asleep in self.runs.values() if asleep.wakes > now), default=inf)
        return [key for _, key in ripe[:MOST_AT_ONCE]]

    def wake(self, key: str, watched: Watched) -> Course:
        """Make a fresh run what the sleeping one was; the course that it was on."""
        self.moves += 1
        asleep = self.runs.pop(key)
        if self._recall is not None:
            watched.restore(self._recall(key))
        if asleep.away is not None and not watched.over:
            watched.was_away(asleep.away)
        watched.marks.extend(asleep.marks)
        watched.last = asleep.last
        return asleep.course or Course()

    def forget(self, key: str) -> None:
        """Nothing is known of this run any more."""
        self.moves += 1
        self.runs.pop(key, None)

    def look_again(self) -> None:
        """Other rules are in force: when time wakes a run is to be found anew."""
        for asleep in self.runs.values():
            if not asleep.over:
                asleep.wakes = self._next = -inf

    def was_away(self, now: float) -> None:
        """Nobody watched until now; what that means for each shows when it wakes."""
        for asleep in self.runs.values():
            asleep.away = now
        self.look_again()

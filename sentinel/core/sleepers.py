"""The runs that sleep, and how they wake: the engine asks here for every run that it does not find awake. Pure."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import inf

from sentinel.core.asleep import NOW, Asleep, asleep_of, look_ahead
from sentinel.core.course import Course
from sentinel.core.records import Json
from sentinel.core.watched import Watched

SURE = 0.02  # seconds from one run that time wakes, for an alert of it moves, to the next
PACE = 0.2  # ... and from one that is only looked through again: two hundredths of a core, and late is not lost
CREDIT = 1.0  # a loop that turns seldom makes up for so long at once
IDLE = 64  # plans of runs that woke otherwise may lie about; with more of them than runs they are cleared away

Recall = Callable[[str], Json]


class Sleepers:
    """Quiet runs by the key of their generation."""

    def __init__(self, recall: Recall | None = None) -> None:
        """`recall` brings back the state of a run as it was last written down."""
        self.runs: dict[str, Asleep] = {}
        self._recall = recall
        self._plans: list[tuple[float, str]] = []  # when time wakes each, the soonest first
        self._ripe: list[tuple[tuple[float, ...], str]] = []  # those whose time has come, by rank
        self._free_at = -inf  # when the next one may be woken
        self.moves = 0  # how often one went to sleep, woke or was forgotten
        self.planned: dict[str, None] = {}  # those whose waking was worked out and is not written down yet

    def lay_down(self, key: str, watched: Watched, course: Course) -> None:
        """The run sleeps from now on; what it held is in the store."""
        self.moves += 1
        asleep = self.runs[key] = asleep_of(watched)
        asleep.course = course
        self._plan(key, watched, watched.run.now)

    def keep(self, key: str, asleep: Asleep) -> None:
        """A run that slept when Sentinel ended sleeps on."""
        self.moves += 1
        self.runs[key] = asleep
        heappush(self._plans, (asleep.waking.at, key))

    def sleep_on(self, key: str, watched: Watched, base: float | None) -> None:
        """It was looked through and nothing of it moved: it sleeps on as it was written down, which begins at `base`."""
        self._plan(key, watched, base)

    def _plan(self, key: str, watched: Watched, base: float | None) -> None:
        waking = self.runs[key].waking = look_ahead(watched, base)
        watched.run.let_go()
        self.planned[key] = None
        if waking.at < inf:
            heappush(self._plans, (waking.at, key))
        if len(self._plans) > IDLE + 2 * len(self.runs):
            self._plans = [(asleep.waking.at, key) for key, asleep in self.runs.items() if asleep.waking.at < inf]
            heapify(self._plans)

    def due(self, now: float) -> list[str]:
        """Those that time wakes now, at a pace: first those of which an alert moves, the longest overdue before others."""
        while self._plans and self._plans[0][0] <= now:
            at, key = heappop(self._plans)
            asleep = self.runs.get(key)
            if asleep is not None and asleep.waking.at == at:
                heappush(self._ripe, (asleep.rank(), key))
        self._free_at = min(max(self._free_at, now - CREDIT), now + PACE)
        chosen: dict[str, None] = {}
        while self._ripe and self._free_at <= now:
            key = heappop(self._ripe)[1]
            asleep = self.runs.get(key)
            if asleep is not None and asleep.waking.at <= now and key not in chosen:
                chosen[key] = None
                self._free_at += SURE if asleep.waking.sure else PACE
        return list(chosen)

    @property
    def pressing(self) -> bool:
        """Whether some wait for the next turn of whom an alert is to move."""
        asleep = self.runs.get(self._ripe[0][1]) if self._ripe else None
        return asleep is not None and asleep.waking.sure

    def recall(self, key: str, watched: Watched) -> Course:
        """Make a fresh run what the sleeping one was; the course that it was on."""
        asleep = self.runs[key]
        if self._recall is not None:
            watched.restore(self._recall(key))
        if asleep.away is not None and not watched.over:
            watched.was_away(asleep.away)
        watched.marks.extend(asleep.marks)
        watched.last = asleep.last
        return asleep.course or Course()

    def forget(self, key: str) -> None:
        """It woke, or nothing is known of this run any more."""
        self.moves += 1
        self.runs.pop(key, None)
        self.planned.pop(key, None)

    def look_again(self, everybody: bool = True) -> None:
        """Other rules are in force, for everybody or for those that bring some: when time wakes them is to be found anew."""
        for key, asleep in self.runs.items():
            if not asleep.over and asleep.waking is not NOW and (everybody or asleep.waking.after is None):
                asleep.waking = NOW
                heappush(self._plans, (NOW.at, key))

"""Runs that are quiet: a few figures of each are kept, its state lies in the store. A row wakes it, or time does. Pure.

When time alone will next move one of its alerts is found by letting that time pass before it is put to sleep: without
new rows its future is certain. So a run that sleeps costs nothing, and is awake whenever something happens to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

from sentinel.core.bound import ages
from sentinel.core.course import Course
from sentinel.core.grid import next_point
from sentinel.core.records import Json, Mark, Phase, Row, RunInfo
from sentinel.core.standing import CANNOT_TELL, FINE, QUIET, SILENT, standing
from sentinel.core.watched import Watched

MOST_POINTS = (
    420  # of the grid that are looked ahead at once: the first two hours of silence, or three days after the first
)
GAPLESS = 10.0  # a wakening that was found on one grid may come so much sooner on another that began later
MACHINE_GONE = 120.0  # the machine showed nothing of the run for so long: no process of it lives here


class Waking(NamedTuple):
    """When time alone wakes a run that sleeps."""

    at: float
    sure: bool  # whether an alert of it moves then; else it is only looked through again
    # So long after the end of an absence, should there be one; None: at once, for ages went on, or own rules may have moved.
    after: float | None

    def kept(self) -> Json:
        """What of it holds over a restart under the same rules."""
        return [self.after, self.sure]


NOW = Waking(-inf, False, None)
NEVER = Waking(inf, False, inf)


@dataclass(slots=True)
class Asleep:
    """What people and the machine's source may ask of a run without waking it, and what no snapshot holds."""

    info: RunInfo
    over: str
    word: str  # how it stood
    firing: int
    step: int | None
    epoch: float | None
    progress: float | None
    grew: float | None
    series: int
    files: tuple[str, ...]
    waking: Waking = NOW
    away: float | None = None  # nobody watched until then
    course: Course | None = None
    marks: tuple[Mark, ...] = ()
    last: Row | None = None

    def standing(self, now: float) -> str:
        """How it does now: of its five words only silence comes by time alone."""
        quiet = not self.over and self.grew is not None and now - self.grew > QUIET
        return SILENT if quiet and self.word in (FINE, CANNOT_TELL) else self.word

    def rank(self) -> tuple[float, ...]:
        """Its place among those that wait to be woken: by deadline, then those that fire, then the last to fall silent."""
        if self.waking.sure:
            return 0.0, self.waking.at
        return (1.0 if self.firing else 2.0), -(self.grew or 0.0)

    def brief(self) -> Json:
        """What lets it stay asleep over a restart."""
        place = [self.step, self.epoch, self.progress, self.grew]
        return [self.over, self.word, self.firing, place, self.series, list(self.files)]


def asleep_of(watched: Watched) -> Asleep:
    """A run as it is known while it sleeps."""
    run = watched.run
    since = run.grew if run.grew is not None else run.now or 0.0
    return Asleep(
        run.info,
        watched.over,
        standing(watched, since),
        len(watched.firing()),
        run.step,
        run.epoch,
        run.progress,
        run.grew,
        len(run.series),
        tuple(run.files),
        marks=tuple(watched.marks),
        last=watched.last,
    )


def asleep_from(info: RunInfo, brief: Any, now: float, kept: Any = None) -> Asleep:
    """A run that slept when Sentinel ended. `kept` is what its waking said, where the same rules are in force."""
    over, word, firing, (step, epoch, progress, grew), series, files = brief
    after, sure = kept or (None, False)
    waking = NEVER if over else NOW if after is None else Waking(now + after, sure, after)
    return Asleep(info, over, word, firing, step, epoch, progress, grew, series, tuple(files), waking, now)


def may_sleep(watched: Watched) -> bool:
    """Whether nothing but a row or time can happen to it: no process of it is seen, nothing of it is still to be told."""
    if watched.moved or watched.catching_up or watched.run.info.kind == "host" or watched.run.now is None:
        return False
    run = watched.run
    shown = (run.age(series) for name, series in run.series.items() if name.startswith(("proc.", "gpu.", "rank.")))
    if not watched.over and any(age < MACHINE_GONE for age in shown):
        return False
    begun = (bound for bound in watched.bounds.values() if bound.alert.phase in (Phase.PENDING, Phase.FIRING))
    return not any(name.startswith("disk.") for bound in begun for name in bound.reads)


def look_ahead(watched: Watched, base: float | None = None) -> Waking:
    """When time alone will move an alert of the run. It is found by living on: the run itself is of no use afterwards.

    `base` is the run's time where the state begins that is in the store.
    """
    run = watched.run
    if watched.over or run.now is None:
        return NEVER
    point = before = run.now
    base = run.now if base is None else base
    timed = watched.narrow_to_time()
    by_silence = watched.settled and not any(map(ages, timed)) and not any(rule.own for rule in watched.rules)
    if by_silence and not (timed and run.grew is not None):
        return NEVER
    for _ in range(MOST_POINTS):
        before, point = point, next_point(point, run.grew or point)
        watched.pass_time(point)
        if watched.moved:
            break
    after = max(0.0, before - base - GAPLESS) if by_silence else None
    return Waking(point, bool(watched.moved), after)

"""Runs that are quiet: a few figures of each are kept, its state lies in the store. A row wakes it, or time does. Pure.

When time alone will next move one of its alerts is found by letting that time pass before it is put to sleep: without
new rows its future is certain. So a run that sleeps costs nothing, and is awake whenever something happens to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

from sentinel.core.course import Course
from sentinel.core.grid import next_point
from sentinel.core.records import Json, Mark, Phase, Row, RunInfo
from sentinel.core.standing import CANNOT_TELL, FINE, QUIET, SILENT, standing
from sentinel.core.watched import Watched

MOST_POINTS = (
    420  # of the grid that are looked ahead at once: the first two hours of silence, or three days after the first
)
MACHINE_GONE = 120.0  # the machine showed nothing of the run for so long: no process of it lives here


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
    wakes: float = -inf
    away: float | None = None  # nobody watched until then
    course: Course | None = None
    marks: tuple[Mark, ...] = ()
    last: Row | None = None

    def standing(self, now: float) -> str:
        """How it does now: of its five words only silence comes by time alone."""
        quiet = not self.over and self.grew is not None and now - self.grew > QUIET
        return SILENT if quiet and self.word in (FINE, CANNOT_TELL) else self.word

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


def asleep_from(info: RunInfo, brief: Any, now: float) -> Asleep:
    """A run that slept when Sentinel ended, which is awake no sooner than it must be."""
    over, word, firing, (step, epoch, progress, grew), series, files = brief
    wakes = inf if over else -inf
    return Asleep(info, over, word, firing, step, epoch, progress, grew, series, tuple(files), wakes, now)


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


def look_ahead(watched: Watched) -> float:
    """When time alone will move an alert of the run. It is found by living on: the run itself is of no use afterwards."""
    run = watched.run
    if watched.over or run.now is None:
        return inf
    point = run.now
    watched.narrow_to_time()
    for _ in range(MOST_POINTS):
        point = next_point(point, run.grew or point)
        watched.pass_time(point)
        if watched.moved:
            break
    return point

"""Who was there when a plan was made and when its run was first asked: whoever came later was never judged, and is told by
pid and start together, never by names or by a pid alone. It signals nobody.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sentinel.outlets.hands.process import Process, all_processes, read_process
from sentinel.outlets.hands.resuming import note_resume
from sentinel.outlets.hands.starters import note_starter
from sentinel.outlets.hands.survey import Crew

CREW, ALIVE = "crew.json", "alive"  # who was there when it was first asked or signalled; when they were last seen
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who was there."""

    pid: int
    start: int
    launcher: bool = False
    worker: bool = False  # below a rank: never signalled, and yet its end is waited for


def younger(ranks: Iterable[Process], task: dict[str, Any]) -> list[Process]:
    """Ranks that were started after the plan was made."""
    return [rank for rank in ranks if age_of(rank, task) < task["age"]]


def age_of(rank: Process, task: dict[str, Any]) -> float:
    """How long ago it was started, when the task was given."""
    return float(task["sent"] - rank.start / TICKS)


def remember(crew: Crew, folder: Path) -> None:
    """Who was there when the run was first asked or signalled: whether they have gone is told by this, not by names."""
    if not (folder / CREW).exists():
        note_alive(folder)
        note_resume(crew, folder)
        note_starter(crew, folder)
        rows = [[one.pid, one.start, one.launcher, one.worker] for one in _all_of(crew)]
        (folder / CREW).write_text(json.dumps(rows))


def asked_before(folder: Path) -> bool:
    """Whether somebody was asked or signalled already."""
    return (folder / CREW).exists()


def _all_of(crew: Crew) -> list[Known]:
    agents, workers = ({process.pid for process in part} for part in (crew.agents, crew.others))
    return [Known(one.pid, one.start, one.pid in agents, one.pid in workers) for one in crew.all]


def known_of(crew: Crew, folder: Path) -> list[Known]:
    """Those who were there then; before that, those who are there now."""
    try:
        return [Known(*row) for row in json.loads((folder / CREW).read_text())]
    except (OSError, ValueError):
        return _all_of(crew)


def still_here(known: Iterable[Known]) -> list[Known]:
    """Those who are still the same process."""
    return [one for one in known if (now := read_process(one.pid)) is not None and now.start == one.start]


def elsewhere(crew: Crew, folder: Path) -> bool:
    """Whether ranks live where no signal of ours reaches them; those that were here and have gone are nowhere else."""
    ranks = sum(not one.launcher and not one.worker for one in known_of(crew, folder))
    return crew.world > max(ranks, len(crew.ranks))


def known_alone(crew: Crew, folder: Path) -> Crew:
    """The crew with those ranks alone that were there when it was first asked or signalled."""
    known = {(one.pid, one.start) for one in known_of(crew, folder) if not one.worker}
    return replace(crew, ranks=tuple(rank for rank in crew.ranks if (rank.pid, rank.start) in known))


def newcomers(crew: Crew, folder: Path) -> list[Process]:
    """Ranks that were started after the known ones were last seen: loaders that outlive their rank are older. What a
    known launcher has started again counts before it has opened any file.
    """
    there = known_of(crew, folder)
    known = {(one.pid, one.start) for one in there}
    try:
        seen = int((folder / ALIVE).read_text())
    except (OSError, ValueError):
        seen = 0
    ranks = {rank.pid: rank for rank in (*crew.ranks, *_below([one for one in still_here(there) if one.launcher]))}
    return [rank for rank in ranks.values() if (rank.pid, rank.start) not in known and rank.start >= seen]


def _below(launchers: Iterable[Known]) -> list[Process]:
    """The ranks that these have started."""
    pids = {one.pid for one in launchers}
    return [p for p in all_processes().values() if p.parent in pids and "RANK" in p.environment] if pids else []


def note_alive(folder: Path) -> None:
    """The known ones are there now."""
    (folder / ALIVE).write_text(str(int(since_boot() * TICKS)))


def since_boot() -> float:
    """Now, as /proc counts when a process was started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)

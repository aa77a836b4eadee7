"""Who was there when a plan was made and when its run was first asked: whoever came later was never judged, and is told by
pid and start together, never by names or by a pid alone. It signals nobody.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sentinel.outlets.hands.process import Process, read_process
from sentinel.outlets.hands.survey import Crew

CREW, ALIVE = "crew.json", "alive"  # who was there when it was first asked or signalled; when they were last seen
TICKS = os.sysconf("SC_CLK_TCK")


def younger(ranks: Iterable[Process], task: dict[str, Any]) -> list[Process]:
    """Ranks that were started after the plan was made; nobody, where no plan was made yet."""
    if task.get("age") is None:
        return []
    made = (task["sent"] - task["age"]) * TICKS
    return [rank for rank in ranks if rank.start > made]


def remember(crew: Crew, folder: Path) -> None:
    """Who was there when the run was first asked or signalled: whether they have gone is told by this, not by names."""
    if not (folder / CREW).exists():
        note_alive(folder)
        (folder / CREW).write_text(json.dumps([[p.pid, p.start] for p in (*crew.ranks, *crew.agents)]))


def asked_before(folder: Path) -> bool:
    """Whether somebody was asked or signalled already."""
    return (folder / CREW).exists()


def known_of(crew: Crew, folder: Path) -> list[list[int]]:
    """Pid and start of those who were there then; before that, of those who are there now."""
    try:
        known: list[list[int]] = json.loads((folder / CREW).read_text())
    except (OSError, ValueError):
        known = [[process.pid, process.start] for process in (*crew.ranks, *crew.agents)]
    return known


def still_here(known: Iterable[list[int]]) -> list[int]:
    """The pids of those who are still the same process."""
    return [pid for pid, start in known if (now := read_process(pid)) is not None and now.start == start]


def newcomers(crew: Crew, folder: Path) -> list[Process]:
    """Ranks that were started after the known ones were last seen: loaders that outlive their rank are older."""
    known = known_of(crew, folder)
    try:
        seen = int((folder / ALIVE).read_text())
    except (OSError, ValueError):
        seen = 0
    return [rank for rank in crew.ranks if [rank.pid, rank.start] not in known and rank.start >= seen]


def note_alive(folder: Path) -> None:
    """The known ones are there now."""
    (folder / ALIVE).write_text(str(int(since_boot() * TICKS)))


def since_boot() -> float:
    """Now, as /proc counts when a process was started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)

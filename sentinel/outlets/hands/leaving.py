"""Who of a run is still there after it was asked or signalled: ranks, their launcher, and who has outlived them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sentinel.outlets.hands.graphics import holds_gpu
from sentinel.outlets.hands.process import PROC, Process, open_for_writing, read_process
from sentinel.outlets.hands.remembered import Known, known_of, newcomers, note_alive, still_here
from sentinel.outlets.hands.survey import Crew

SHOWN = 4


def look_who_stays(crew: Crew, run: Path, folder: Path) -> dict[str, Any]:
    """Those who were there at first and have not gone, and who writes for the run though its ranks have gone.

    A launcher may start ranks again; whoever goes on writing is a part of the run, whatever it was called before.
    """
    there = still_here(known_of(crew, folder))
    ranks = {one.pid for one in there if not one.launcher and not one.worker} & {rank.pid for rank in crew.ranks}
    # The crew was counted before this look: who died in between is gone, only somebody new has come back.
    new = newcomers(crew, folder)
    if ranks:
        note_alive(folder)
    stays = [one for one in there if not one.worker or _matters(one.pid, run)]
    late = {rank.pid for rank in new} | {one.pid for one in there}
    strays = [Known(rank.pid, rank.start, worker=True) for rank in crew.ranks if rank.pid not in late]
    here = [*stays, *still_here(strays)]
    left = bool(here) and all(one.launcher or one.worker for one in here)
    return {
        "here": [one.pid for one in here], "launcher": left, "back": not ranks and bool(new),
        "left": ", ".join(named(one.pid) for one in here[:SHOWN]),
    }  # fmt: skip


def _matters(pid: int, run: Path) -> bool:
    """Whether a worker that has outlived its rank still works on the run: what only serves a page does not."""
    return open_for_writing(pid, str(run)) or holds_gpu(pid)


def named(pid: int) -> str:
    """A process for people: its pid, its name, and where in the kernel it is stuck, if it is."""
    process = read_process(pid)
    return f"pid {pid}" if process is None else f"pid {pid} ({process.name}{_stuck_in(process)})"


def _stuck_in(process: Process) -> str:
    if process.state != "D":
        return ""
    try:
        where = (PROC / str(process.pid) / "wchan").read_text(encoding="ascii", errors="replace").strip("0\n ")
    except OSError:
        where = ""
    return f", stuck in the kernel{f' at {where}' if where else ''}"

"""Which other runs a run's processes carry, have carried or may have carried: such a process is never signalled."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from sentinel.outlets.hands.process import PROC, Process, written_files
from sentinel.outlets.hands.survey import Crew

LOGS = (".log", ".out", ".jsonl", ".csv")
LOOKED_AT = 200  # entries of another run's folder


@dataclass(frozen=True, slots=True)
class Other:
    """Another run of this host, and the processes (pid, start) that were seen to work for it."""

    folder: str
    known: frozenset[tuple[int, int]] = frozenset()
    earlier: bool = False  # a run of before in the very same folder


def carried(crew: Crew, folder: str, others: Iterable[Other]) -> Iterator[str]:
    """Each other run that a rank is tied to, in words; what cannot be excluded counts too."""
    others = [replace(other, folder=os.path.realpath(other.folder)) for other in others if other.folder]
    home = os.path.realpath(folder)
    if any(other.folder == home and not other.earlier for other in others):
        yield f"{folder} is the folder of another run too"
    folders = sorted({home, *(other.folder for other in others)}, key=len, reverse=True)
    tied = {rank.pid for rank in crew.ranks if set(named_folders(rank, folders)) == {home}}
    for rank in crew.ranks:
        for place in sorted({_owner_of(path, folders) for path in written_files(rank.pid)} - {"", home}):
            yield f"pid {rank.pid} also writes for {place}"
        for other in others:
            if (rank.pid, rank.start) in other.known:
                yield f"pid {rank.pid} has worked for {other.folder} before"
            elif not other.known and rank.pid not in tied and _may_have_written(rank, home, other.folder):
                yield f"pid {rank.pid} was there when {other.folder} was written, and nobody saw who wrote it"


def other_logs(rank: Process, folder: Path) -> list[str]:
    """Logs that it holds open for writing in folders beside the run's: what a sweep in one process leaves behind it."""
    home = os.path.realpath(folder)
    above = os.path.dirname(home)
    beside = (path for path in written_files(rank.pid, above) if above != "/" and not path.startswith(home + "/"))
    return sorted(path for path in beside if os.path.dirname(path) != above and path.endswith(LOGS))


def _owner_of(path: str, folders: list[str]) -> str:
    return next((folder for folder in folders if path.startswith(folder + "/")), "")


def _may_have_written(rank: Process, home: str, other: str) -> bool:
    """Whether that run was written in this process's lifetime, in a folder of its user."""
    if other == home or home.startswith(other + "/") or other.startswith(home + "/"):
        return False
    try:
        if os.stat(other).st_uid != rank.uid:
            return False
        with os.scandir(other) as entries:
            times = [entry.stat(follow_symlinks=False).st_mtime for entry in islice(entries, LOOKED_AT)]
    except OSError:
        return False
    return any(time >= born(rank) for time in times)


def named_folders(rank: Process, folders: Iterable[str]) -> Iterator[str]:
    """The runs' folders that its command line names: where that is one alone, it was started for that run.

    The working directory says nothing, for a sweep in one process may change it from run to run.
    """
    words = [part.partition("=")[2] or part for part in rank.command]
    paths = [(word, os.path.realpath(os.path.join(rank.cwd or "/", word))) for word in words]
    for folder in folders:
        name = os.path.basename(folder)
        if any(name in word.split("/") and f"{path}/".startswith(f"{folder}/") for word, path in paths):
            yield folder


def born(process: Process, proc: Path = PROC) -> float:
    """When it was started, in seconds since 1970."""
    line = next(line for line in (proc / "stat").read_text().splitlines() if line.startswith("btime"))
    return int(line.split()[1]) + process.start / os.sysconf("SC_CLK_TCK")

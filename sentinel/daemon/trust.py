"""Which files may tell a daemon with rights what to do: only those that nobody but root and itself can change.

The one exception, own rules of a run's folder (contracts 8), does not pass here: they may tell and never act.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

_STATUS = Path("/proc/self/status")


def is_privileged(euid: int, status: str) -> bool:
    """Root, or a process with any capability: what it is told then matters to others."""
    effective = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0")
    return euid == 0 or int(effective, 16) != 0


def am_privileged() -> bool:
    """The same of this very process."""
    try:
        return is_privileged(os.geteuid(), _STATUS.read_text(encoding="ascii"))
    except OSError:
        return os.geteuid() == 0


def distrust(path: Path, uid: int, look: Callable[[Path], os.stat_result] = os.stat) -> str:
    """Why this file must not be obeyed, with the command that mends it; nothing when it may be.

    Every folder above it counts: who can write there can put another file in its place.
    """
    real = path.resolve()
    for part in (real, *real.parents):
        try:
            facts = look(part)
        except OSError as error:
            return f"{part}: {error.strerror}"
        if facts.st_uid not in {0, uid}:
            return f"{part} belongs to uid {facts.st_uid}; mend: chown root {part}"
        if _others_write(facts):
            return f"{part} can be changed by others (mode {stat.S_IMODE(facts.st_mode):o}); mend: chmod go-w {part}"
    return ""


def _others_write(facts: os.stat_result) -> bool:
    """In a sticky folder such as /tmp others cannot replace what is not theirs."""
    if stat.S_ISDIR(facts.st_mode) and facts.st_mode & stat.S_ISVTX:
        return False
    shared = facts.st_mode & stat.S_IWOTH
    return bool(shared or (facts.st_mode & stat.S_IWGRP and facts.st_gid != 0))


def distrusted(paths: Iterable[Path], uid: int) -> list[str]:
    """The reasons against these files, each once; empty when all may be obeyed."""
    return list(dict.fromkeys(reason for path in paths if (reason := distrust(path, uid))))

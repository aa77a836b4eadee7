"""Which files may tell a daemon with rights what to do: only those that nobody but root and itself can change.

The one exception, rules that a run brings itself (contracts 8), does not pass here but through `sources.own_rules`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

_ACCESS_LIST = "system.posix_acl_access"
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

    Every folder above it counts, and above each link on the way: who can write there can put another file in its place.
    """
    for part in _on_the_way(path.absolute()):
        try:
            facts = look(part)  # a circle of links ends here
            is_link = part.is_symlink()
            owner = part.lstat().st_uid if is_link else facts.st_uid
        except OSError as error:
            return f"{part}: {error.strerror}"
        if owner not in {0, uid}:
            return f"{part} belongs to uid {owner}; mend: chown -h root {part}"
        if is_link:
            continue  # where it leads comes later
        if _others_write(facts):
            return f"{part} can be changed by others (mode {stat.S_IMODE(facts.st_mode):o}); mend: chmod go-w {part}"
        if facts.st_mode & stat.S_IWGRP and _has_access_list(part):
            return f"{part} can be changed by others (its access list names them); mend: setfacl -b {part}"
    return ""


def _on_the_way(path: Path) -> list[Path]:
    """The path, what lies above it, and the same of wherever links lead; a circle ends."""
    found: dict[Path, None] = {}
    ways = [path]
    for way in ways:
        for part in (way, *way.parents):
            if part not in found and part.is_symlink():
                ways.append(Path(os.path.normpath(part.parent / os.readlink(part))))
            found.setdefault(part)
    return list(found)


def _has_access_list(path: Path) -> bool:
    """Where one is, the group's bits are its mask, and say nothing of whom it names."""
    try:
        return bool(os.getxattr(path, _ACCESS_LIST))
    except OSError:
        return False


def _others_write(facts: os.stat_result) -> bool:
    """In a sticky folder such as /tmp others cannot replace what is not theirs."""
    if stat.S_ISDIR(facts.st_mode) and facts.st_mode & stat.S_ISVTX:
        return False
    shared = facts.st_mode & stat.S_IWOTH
    return bool(shared or (facts.st_mode & stat.S_IWGRP and facts.st_gid != 0))


def distrusted(paths: Iterable[Path], uid: int) -> list[str]:
    """The reasons against these files, each once; empty when all may be obeyed."""
    return list(dict.fromkeys(reason for path in paths if (reason := distrust(path, uid))))

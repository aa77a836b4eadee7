"""Who acts on a run: one Sentinel or one person at a time. The kernel's own lock on the run's folder says so.

Nothing is written for it, anybody who may read the folder can take it, and it falls when its holder ends, however that
was. Where the kernel cannot lock a folder (some network file systems) everybody goes on as if alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import time
from pathlib import Path

from sentinel.outlets.hands.process import PROC

LOCKS = Path("/proc/locks")
AGAIN = 0.05
ACCOUNT = "sentinel"  # the service's


class Reins:
    """The reins of runs, in the hands of this process until it drops them or ends."""

    def __init__(self) -> None:
        """None yet."""
        self._held: dict[str, int] = {}

    def take(self, folder: str, owner: int | None, patience: float = 0.0) -> str:
        """Take those of a run of that user; "" if nobody else has them, else who has, in words."""
        until = time.monotonic() + patience
        while folder not in self._held and (handle := _opened(folder)) is not None:
            rival = "" if _locked(handle) else _holder(os.fstat(handle).st_ino, owner)
            if not rival and _locked(handle):  # whoever had it may have ended since
                self._held[folder] = handle
                break
            os.close(handle)
            if not rival or time.monotonic() >= until:
                return rival
            time.sleep(AGAIN)
        return ""

    def rival(self, folder: str, owner: int | None) -> str:
        """Who else has them now, in words; "" where nobody has. Nothing is taken."""
        try:
            return "" if folder in self._held else _holder(os.stat(folder).st_ino, owner)
        except OSError:
            return ""

    def drop(self, folder: str) -> None:
        """Let go of those of one run."""
        handle = self._held.pop(folder, None)
        if handle is not None:
            os.close(handle)


def _opened(folder: str) -> int | None:
    with contextlib.suppress(OSError):
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return None


def _locked(handle: int) -> bool:
    """False only where somebody else holds it; a file system without locks holds nobody up."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _holder(inode: int, owner: int | None) -> str:
    """The Sentinel that holds it, in words. A lock of anything else, or of a stranger's, keeps nobody from acting."""
    trusted = {0, os.geteuid(), owner, *_service()}
    for pid in _holders(inode):
        try:
            uid = (PROC / str(pid)).stat().st_uid
            words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it ended meanwhile
        if words == [""]:
            return f"pid {pid} had it, and is ending"
        if uid in trusted and any("sentinel" in word for word in words[:4]):
            return f"pid {pid} of uid {uid} is at it: {' '.join(words).strip()}"[:200]
    return ""


def _holders(inode: int) -> list[int]:
    """Who has an exclusive lock on that inode, by the kernel's own list."""
    try:
        rows = [line.split() for line in LOCKS.read_text().splitlines()]
    except OSError:
        return []
    return [
        int(row[4]) for row in rows
        if row[1:2] == ["FLOCK"] and row[3] == "WRITE" and row[5].rpartition(":")[2] == str(inode) and row[4].isdigit()
    ]  # fmt: skip


def _service() -> set[int]:
    try:
        return {pwd.getpwnam(ACCOUNT).pw_uid}
    except KeyError:
        return set()

"""Writes into a run's folder with its owner's rights: who may more must not be led elsewhere by a link the owner laid."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

MOST = 1 << 16
CAP_SETUID = 7


class NotDone(Exception):
    """It could not be done with the owner's rights; the message says why."""


def as_owner(folder: Path, work: Callable[[], str | None]) -> str:
    """What `work` gives when it is done by the owner of that folder, where we may become that user: root may, and a
    service with CAP_SETUID. Without that, or where the folder is ours or root's, it is done with our own rights.
    """
    about = folder.lstat()
    if about.st_uid in (0, os.geteuid()) or not _may_become():
        return work() or ""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, json.dumps(_done_by(about.st_uid, about.st_gid, work)).encode()[:MOST])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read(MOST)
    os.waitpid(child, 0)
    if not said:
        raise NotDone("it ended without a word")
    good, text = json.loads(said)
    if not good:
        raise NotDone(text)
    return str(text)


def _may_become() -> bool:
    """Whether we hold the right to be another user."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    held = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(held.split()[1], 16) & 1 << CAP_SETUID)


def _done_by(uid: int, gid: int, work: Callable[[], str | None]) -> tuple[bool, str]:
    try:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        return True, work() or ""
    except BaseException as trouble:  # nothing may escape into a second copy of the parent
        return False, str(trouble) or type(trouble).__name__

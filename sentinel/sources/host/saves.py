"""How large a run's checkpoints are and how often they come: whether the next one will still fit on its disk."""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Sequence
from typing import NamedTuple

from sentinel.sources.host.disks import GIB, Disk

MOST = 2000  # files of one checkpoint that are counted
DEEPEST = 4


class Save(NamedTuple):
    """The newest checkpoint that a run's log told of."""

    path: str
    every: float | None = None  # seconds between two of them; None after the first
    uid: int | None = None  # the run's user: what belongs to others is not looked at


def cadence(times: Sequence[float]) -> float | None:
    """The usual time between saves."""
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(times) if later > earlier)
    return gaps[len(gaps) // 2] if gaps else None


def size_of(save: Save) -> float | None:
    """Bytes of a checkpoint, file or folder; None where it is gone or somebody else's. It may hang: not for the loop."""
    try:
        found = os.lstat(save.path)
    except OSError:
        return None
    if save.uid is not None and found.st_uid != save.uid:
        return None
    if stat.S_ISREG(found.st_mode):
        return float(found.st_size)
    return _below(save.path, DEEPEST) if stat.S_ISDIR(found.st_mode) else None


def _below(folder: str, depth: int) -> float:
    total = 0.0
    try:
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number >= MOST:
                    break
                if entry.is_file(follow_symlinks=False):
                    total += entry.stat(follow_symlinks=False).st_size
                elif depth and entry.is_dir(follow_symlinks=False):
                    total += _below(entry.path, depth - 1)
    except OSError:
        return total
    return total


def readings(save: Save, size: float | None, disk: Disk) -> dict[str, float]:
    """How many more saves fit, when what others write until the next one is taken off."""
    if not size or not disk.looks:
        return {}
    last, first = disk.looks[-1], disk.looks[0]
    free = last.free
    if save.every is not None and last.at > first.at:
        eaten = (first.free - last.free) / (last.at - first.at) * save.every
        free -= max(0.0, eaten - size)  # of what goes between two saves, one save is its own
    return {"save_gb": size / GIB, "saves_left": max(0.0, free / size)}

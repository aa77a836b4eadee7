"""What lies in a run's folder: logs, configs, rotated siblings, in a fixed order. Lists names; opens nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

DEEPEST = 8
MOST = 20_000  # names under one match; a data set put there by mistake must not stop the daemon
KEPT_HIDDEN = frozenset({".hydra"})
SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
LEFT_ALONE = ".nosentinel"

_ROTATED = re.compile(
    r"(?P<stem>.+\.[A-Za-z]+)(?:\.(?P<age>\d{1,3})|[.-](?P<date>\d{4}-?\d{2}-?\d{2}[-_T\d:]*))(?:\.gz)?"
)


def walk(folder: str) -> Iterator[str]:
    """Paths of files below a folder, relative to it, in name order; hidden ones only where runs keep configs."""
    left = MOST
    for relative in _walk(folder, "", DEEPEST):
        left -= 1
        if left < 0:
            return
        yield relative


def _walk(folder: str, below: str, depth: int) -> Iterator[str]:
    entries = entries_of(os.path.join(folder, below))
    if any(entry.name == LEFT_ALONE for entry in entries):
        return
    for entry in entries:
        relative = f"{below}/{entry.name}" if below else entry.name
        if entry.is_dir(follow_symlinks=False):
            if depth and enters(entry.name):
                yield from _walk(folder, relative, depth - 1)
        elif entry.is_file(follow_symlinks=True) and not entry.name.startswith("."):
            yield relative


def entries_of(folder: str) -> list[os.DirEntry[str]]:
    """A folder's entries by name; none where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def enters(name: str) -> bool:
    """Whether a folder of this name can hold what a run writes."""
    return name in KEPT_HIDDEN or not (name.startswith(".") or name in SKIPPED)


def rotated_from(name: str) -> tuple[str, tuple[int, str]] | None:
    """`train.log.2` is an older part of `train.log`: the living name, and a key that sorts the oldest first."""
    match = _ROTATED.fullmatch(name)
    if match is None:
        return None
    if match["age"] is not None:
        return match["stem"], (-int(match["age"]), "")
    return match["stem"], (-1000, match["date"])

"""A stop file that was written and that nobody has answered: noted before it is written, taken back when its plan ends."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sentinel.outlets.hands.owner import NotDone, as_owner
from sentinel.outlets.hands.ways import Way

ASKED = "asked.json"
WORDS = (b"stop\n", b"checkpoint\n")  # what `sending` writes into it


def note_request(way: Way, folder: Path) -> None:
    """Which file is about to be written, if the way is a file."""
    if way.protocol == "file":
        (folder / ASKED).write_text(json.dumps(way.argument))


def withdraw(folder: Path) -> str:
    """Take the file back if it is still there as it was written; what was done, in words, "" if nothing was."""
    try:
        path = Path(json.loads((folder / ASKED).read_text()))
    except (OSError, ValueError):
        return ""
    try:
        return as_owner(path.parent, lambda: _taken(path))
    except (NotDone, OSError) as trouble:
        return f"{path} could not be taken back: {trouble}"


def _taken(path: Path) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    with os.fdopen(handle, "rb") as file:
        if file.read(64) not in WORDS:
            return f"{path} is not what was written: it stays"
    path.unlink()
    return f"took {path} back"

"""The settings as they were last in force, kept beside the state: should they be broken at a start, people are still told."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from sentinel.daemon.settings import Settings, load_settings

NAME = "settings-in-force.toml"


def remember(state: Path, settings: Path | None) -> None:
    """Keep a copy; a folder that takes nothing costs the copy, not the watch."""
    if settings is None:
        return
    with contextlib.suppress(OSError):
        fresh = state / f".{NAME}.new"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(settings.read_bytes())
        fresh.replace(state / NAME)


def recall(environ: Mapping[str, str], home: Path) -> Settings | None:
    """The copy, from where a service of the machine or of a user keeps its state."""
    folders = [*filter(None, environ.get("STATE_DIRECTORY", "").split(":")), str(home / ".local/state/sentinel")]
    for folder in folders:
        path = Path(folder, NAME)
        if path.is_file():
            return load_settings(path)[0]
    return None

"""The channels as they were last in force, kept beside the state: should the settings be broken at a start, people are told.

Only channels whose address is a reference are kept, for no secret belongs into the state.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from sentinel.daemon.settings import Settings

NAME = "channels-in-force.json"
REFERENCES = ("credential:", "file:", "env:")


def remember(state: Path, settings: Settings) -> None:
    """Keep them; a folder that takes nothing costs the copy, not the watch."""
    text = json.dumps({"channel": [c.model_dump() for c in settings.channel if _bare(c.url) and _bare(c.proxy)],
                       "tell": settings.tell.model_dump(include={"no_proxy", "ca", "zone"} | _proxy_of(settings))})  # fmt: skip
    with contextlib.suppress(OSError):
        fresh = state / f".{NAME}.new"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(state / NAME)


def _bare(address: str) -> bool:
    """Nothing, or a reference: it holds no secret itself."""
    return not address or address.startswith(REFERENCES)


def _proxy_of(settings: Settings) -> set[str]:
    """A proxy is kept where it is a reference or names no user."""
    return {"proxy"} if _bare(settings.tell.proxy) or "@" not in settings.tell.proxy else set()


def recall(environ: Mapping[str, str], home: Path) -> Settings | None:
    """The copy, from where a service of the machine or of a user keeps its state."""
    folders = [*filter(None, environ.get("STATE_DIRECTORY", "").split(":")), str(home / ".local/state/sentinel")]
    for folder in folders:
        with contextlib.suppress(OSError, ValueError):
            return Settings.model_validate_json(Path(folder, NAME).read_bytes())
    return None

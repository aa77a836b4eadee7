"""The channels as they were last in force, kept beside the state: should the settings be broken at a start, people are told.

Only channels whose address is a reference are kept, for no secret belongs into the state.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from sentinel.daemon.sections import read
from sentinel.daemon.settings import Settings

NAME = "channels-in-force.json"
REFERENCES = ("credential:", "file:", "env:")


def remember(state: Path, settings: Settings) -> None:
    """Keep them; a folder that takes nothing costs the copy, not the watch."""
    channels = [asdict(c) for c in settings.channel if _bare(c.url) and _bare(c.proxy)]
    tell = {name: getattr(settings.tell, name) for name in ("no_proxy", "ca", "zone", *_proxy_of(settings))}
    text = json.dumps({"channel": channels, "tell": tell})
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
            settings, mistakes = read(Settings, json.loads(Path(folder, NAME).read_bytes()))
            if not mistakes:
                return settings
    return None

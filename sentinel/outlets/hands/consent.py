"""The owner's consent as a file in the run's folder: `.sentinel-allow`, read as if its writer were a stranger."""

from __future__ import annotations

import os
import stat
import time
from datetime import UTC, date, datetime
from pathlib import Path

from sentinel.core.stopping_world import Consent, Level, level_of

NAME = ".sentinel-allow"
KEEP = "KEEP"


def read_consent(folder: Path, environment: dict[str, str] | None = None, today: date | None = None) -> Consent:
    """What the run's owner allows now; an invalid file allows nothing and says why."""
    owner = folder.lstat().st_uid
    spoken = level_of((environment or {}).get("SENTINEL_ALLOW", ""))
    if spoken is not None:
        return Consent(spoken, owner, "SENTINEL_ALLOW in the run's environment")
    try:
        handle = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Consent()
    except OSError as trouble:
        return Consent(why=f"{NAME} cannot be read: {trouble.strerror}")
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(file.fileno())
        text = file.read(4096).decode(errors="replace")
    if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
        return Consent(why=f"{NAME} is no regular file with one link")
    if about.st_uid != owner or about.st_mode & 0o022:
        return Consent(why=f"{NAME} belongs to another user or is writable by others")
    return _parsed(text, owner, today or datetime.now(UTC).date())


def _parsed(text: str, owner: int, today: date) -> Consent:
    pairs = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    level = level_of(pairs.get("level", "").strip())
    if level is None:
        return Consent(why=f"{NAME} names no level: write 'level: checkpoint', 'stop' or 'kill'")
    until = pairs.get("until", "").strip()
    try:
        over = bool(until) and date.fromisoformat(until) < today
    except ValueError:
        return Consent(why=f"{NAME}: '{until}' is no date")
    return Consent(why=f"{NAME} ended on {until}") if over else Consent(level, owner, f"{NAME}: {level.word}")


def write_consent(folder: Path, level: Level, until: str = "") -> Path:
    """Write the owner's word; `never` takes it back."""
    path = folder / NAME
    path.unlink(missing_ok=True)
    if level is Level.NEVER:
        return path
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(handle, "w") as file:
        file.write(f"level: {level.word}\n" + (f"until: {until}\n" if until else ""))
        os.fchmod(file.fileno(), 0o644)
    return path


def kept_by_file(folder: Path) -> str:
    """Which file keeps the run, or ""."""
    path = folder / KEEP
    if not path.exists():
        return ""
    return f"{path}, since {time.strftime('%Y-%m-%d %H:%M', time.gmtime(path.lstat().st_mtime))} UTC"

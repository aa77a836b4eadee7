"""The owner's consent as a file in the run's folder: `.sentinel-allow`, read as if its writer were a stranger."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from sentinel.core.stopping_world import Consent, Level, level_of

NAME = ".sentinel-allow"
KEEP = "KEEP"
NOTHING_SAID = Consent().why


def consent_of(
    folder: Path,
    environments: Sequence[Mapping[str, str]],
    granted: tuple[int, Level] | None,
    today: date | None = None,
) -> Consent:
    """What the run's owner allows now: the file, which is the latest word; else the environment of every rank; else
    what the settings say in the owner's name (`granted`).
    """
    filed = read_consent(folder, today)
    if filed.why != NOTHING_SAID:
        return filed
    owner = folder.lstat().st_uid
    spoken = [level_of(environment.get("SENTINEL_ALLOW", "")) for environment in environments]
    known = [level for level in spoken if level is not None]
    if spoken and len(known) == len(spoken):
        return Consent(min(known), owner, f"SENTINEL_ALLOW={min(known).word} in the run's environment")
    if granted is not None and granted[0] == owner:
        return Consent(granted[1], owner, f"the settings say so for uid {owner}")
    return filed


def read_consent(folder: Path, today: date | None = None) -> Consent:
    """What the consent file says; an invalid one allows nothing and says why."""
    owner = folder.lstat().st_uid
    try:
        handle = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Consent(why=NOTHING_SAID)
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
    """Write the owner's word; `never` is one too, and goes before an environment and settings that say otherwise."""
    path = folder / NAME
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(handle, "w") as file:
        file.write(f"level: {level.word}\n" + (f"until: {until}\n" if until else ""))
        os.fchmod(file.fileno(), 0o644)
    return path


def kept_by_file(folder: Path, before: Iterable[str] = ()) -> str:
    """Which file keeps the run, in its folder or in that of a run that it goes on with; or ""."""
    paths = (place / KEEP for place in (folder, *map(Path, before)))
    path = next((path for path in paths if os.path.lexists(path)), None)
    if path is None:
        return ""
    return f"{path}, since {time.strftime('%Y-%m-%d %H:%M', time.gmtime(path.lstat().st_mtime))} UTC"


def clean(folder: Path, files: Iterable[str]) -> Iterator[str]:
    """Those files that only the folder's owner (or root) could have written: one link, that owner, nobody else's to
    write; the folders above them up to the run's too.
    """
    owner = folder.lstat().st_uid
    for name in files:
        path = folder / name
        try:
            status = path.lstat()
            above = [place.lstat() for place in path.parents if place == folder or folder in place.parents]
        except OSError:
            continue
        alone = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        if alone and all(part.st_uid in (owner, 0) and not part.st_mode & 0o022 for part in (status, *above)):
            yield name

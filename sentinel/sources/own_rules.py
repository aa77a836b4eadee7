"""The rule files that a run's user puts beside it (contracts 8), read as if their writer were a stranger: what they say is
for `rulebook`.

Folders and files must be the user's, and nobody else's to change; links, pipes, second names and what is large are refused.
All is bounded before it is read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sentinel.core.records import Fault

WITHIN = (".sentinel", "rules")  # below a run's folder
MOST_FILES, MOST_NAMES = 8, 64
LARGEST, LARGEST_IN_ALL = 16 << 10, 32 << 10
ENDINGS = (".yml", ".yaml")
_PASSED = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_LISTED = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC


class Place(NamedTuple):
    """Where somebody's own rules may lie: folders `within` a root that is theirs, none of which may be a link."""

    root: str
    uid: int
    within: tuple[str, ...] = WITHIN

    @property
    def path(self) -> str:
        """The folder of rule files."""
        return "/".join((self.root, *self.within))


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """What lies there: the files that may be read as (name, text), and why others may not."""

    texts: tuple[tuple[str, str], ...] = ()
    faults: tuple[Fault, ...] = ()  # files by their full path


class _Refused(Exception):
    """Nothing of it is read; the message says why, and what mends it."""


Stamp = tuple[object, ...]


def stamp_of(place: Place) -> Stamp | None:
    """What changes when anything there does; None where there is nothing. One look where there is no such folder."""
    path = place.path
    try:
        stamp: list[object] = [_marks(os.lstat(path))]
        names = sorted(_rule_files(_listed(path)))[:MOST_NAMES]
    except (OSError, _Refused):
        return _unlisted(path)
    for name in names:
        try:
            stamp.append((name, _marks(os.lstat(f"{path}/{name}"))))
        except OSError:
            stamp.append((name, None))
    return tuple(stamp)


def _unlisted(path: str) -> Stamp | None:
    """Of what is no folder, holds too much or may not be listed."""
    try:
        return (_marks(os.lstat(path)),)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as trouble:
        return (trouble.errno,)


def _marks(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def read_own(place: Place) -> OwnFiles:
    """The rule files of a place. What may not be read is a fault, never an exception."""
    try:
        folder = _enter(place)
    except FileNotFoundError:
        return OwnFiles()
    except (_Refused, OSError) as trouble:
        return OwnFiles(faults=(Fault(place.path, 0, 0, _why(trouble)),))
    try:
        return _read(place, folder)
    except (_Refused, OSError) as trouble:
        return OwnFiles(faults=(Fault(place.path, 0, 0, _why(trouble)),))
    finally:
        os.close(folder)


def _why(trouble: Exception) -> str:
    return f"cannot be read: {trouble.strerror}" if isinstance(trouble, OSError) else str(trouble)


def _enter(place: Place) -> int:
    """The folder of rule files, each folder on the way opened from the one above it."""
    at, last = place.root, len(place.within) - 1
    folder = os.open(at, _PASSED if place.within else _LISTED)
    try:
        if os.fstat(folder).st_uid != place.uid:
            raise _Refused("is not the user's folder any more; nothing of it is read")
        for number, part in enumerate(place.within):
            at = f"{at}/{part}"
            folder = _step(folder, part, at, place.uid, _LISTED if number == last else _PASSED)
        if not place.within:
            _vet(os.fstat(folder), at, place.uid)
    except BaseException:
        os.close(folder)
        raise
    return folder


def _step(above: int, part: str, path: str, uid: int, how: int) -> int:
    """One folder further down; the one above is let go."""
    status = os.stat(part, dir_fd=above, follow_symlinks=False)
    if not stat.S_ISDIR(status.st_mode):
        raise _Refused(
            f"{path} is no folder{' but a link' if stat.S_ISLNK(status.st_mode) else ''}; nothing of it is read"
        )
    inner = os.open(part, how | os.O_NOFOLLOW, dir_fd=above)
    try:
        _vet(os.fstat(inner), path, uid)
    except _Refused:
        os.close(inner)
        raise
    os.close(above)
    return inner


def _vet(status: os.stat_result, path: str, uid: int) -> None:
    """It is the user's, and nobody else's to change."""
    if status.st_uid != uid:
        raise _Refused(
            f"{path} belongs to uid {status.st_uid}, the run to uid {uid}: only its user's own rules are read"
        )
    if status.st_mode & 0o022:
        mode = stat.S_IMODE(status.st_mode)
        raise _Refused(f"{path} can be changed by others (mode {mode:o}); mend: chmod go-w {path}")


def _listed(folder: int | str) -> list[os.DirEntry[str]]:
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            found.append(entry)
            if len(found) > MOST_NAMES:
                raise _Refused(f"holds more than {MOST_NAMES} names; nothing of it is read")
    return found


def _rule_files(entries: list[os.DirEntry[str]]) -> Iterator[str]:
    return (entry.name for entry in entries if entry.name.endswith(ENDINGS) and not entry.name.startswith("."))


def _read(place: Place, folder: int) -> OwnFiles:
    entries = _listed(folder)
    names = sorted(_rule_files(entries))
    faults = [
        Fault(
            f"{place.path}/{_shown(entry.name)}", 0, 0, "is a folder; own rules lie side by side: nothing in it is read"
        )
        for entry in entries
        if entry.is_dir(follow_symlinks=False)
    ]
    if len(names) > MOST_FILES:
        raise _Refused(f"holds {len(names)} rule files, at most {MOST_FILES} are read: none of them is taken")
    texts: list[tuple[str, str]] = []
    left = LARGEST_IN_ALL
    for name in names:
        path = f"{place.path}/{_shown(name)}"
        try:
            data = _content(folder, name, path, place.uid)
            if len(data) > left:
                raise _Refused(f"is not taken: a run's own rules are at most {LARGEST_IN_ALL >> 10} KiB together")
            texts.append((_shown(name), data.decode()))
            left -= len(data)
        except UnicodeDecodeError:
            faults.append(Fault(path, 0, 0, "is not UTF-8 text"))
        except (_Refused, OSError) as trouble:
            faults.append(Fault(path, 0, 0, _why(trouble)))
    return OwnFiles(tuple(texts), tuple(sorted(faults)))


def _shown(name: str) -> str:
    """A name as it may stand in messages."""
    return name if name.isprintable() else ascii(name)


def _content(folder: int, name: str, path: str, uid: int) -> bytes:
    """The bytes of one file, if it may be read at all."""
    if name in ("names.yml", "names.yaml"):
        raise _Refused("is not read here; a rule file's own `names:` says what its names mean")
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise _Refused("is no plain file; links, pipes and devices are not read")
    handle = os.open(name, _FILE, dir_fd=folder)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise _Refused("is no plain file with one name; links, pipes and devices are not read")
        _vet(status, path, uid)
        if status.st_size > LARGEST:
            raise _Refused(f"is larger than {LARGEST >> 10} KiB, the most that a run's own rule file may be")
        return os.pread(handle, LARGEST, 0)
    finally:
        os.close(handle)

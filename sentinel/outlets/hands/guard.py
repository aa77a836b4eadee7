"""Takes a copy of a good checkpoint out of the trainer's reach before anything is asked: a save must not eat it."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from sentinel.outlets.hands.owner import NotDone, as_owner
from sentinel.outlets.hands.sending import Refused
from sentinel.outlets.proof.finding import KEPT
from sentinel.outlets.proof.proving import LATEST, State, prove

FICLONE = 0x40049409
SPARE = 1 << 30  # bytes that must stay free on the run's disk


def protect(checkpoint: Path, folder: Path) -> Path:
    """A proven copy of a checkpoint under the run's folder; the same one again if it is there already.

    A hard link would not do: a trainer that writes onto the name writes into the link. It is made with the rights of the
    run's owner, whose folder it is.
    """
    about = checkpoint.lstat()
    whole = folder / KEPT / f"{about.st_mtime_ns}-{checkpoint.name}"
    partial = whole.with_name(f"{os.getpid()}.copying-{whole.name}")
    named = checkpoint.name if checkpoint.is_dir() else ""  # a folder's own name is part of its proof
    if _is_copy(whole / named, checkpoint):
        return whole / named
    try:
        as_owner(folder, lambda: _copied(checkpoint, folder, partial))
        report = prove(partial / named)
        if report.state is not State.SANE:
            raise Refused(f"the copy of {checkpoint} is {report.state.value}: it was written to meanwhile")
        as_owner(folder, lambda: _put(partial, whole))
    except NotDone as trouble:
        raise Refused(str(trouble)) from None
    except OSError as trouble:
        raise Refused(f"{checkpoint} could not be copied: {trouble.strerror}") from None
    finally:
        with suppress(NotDone):
            as_owner(folder, lambda: _remove(partial))
    return whole / named


def _is_copy(kept: Path, checkpoint: Path) -> bool:
    """Whether a copy that is there already still has every file of its checkpoint, as large and as old."""
    return kept.exists() and _looks(kept) == _looks(checkpoint)


def _looks(place: Path) -> dict[str, tuple[int, int]]:
    files = [path for path in place.rglob("*") if path.is_file()] if place.is_dir() else [place]
    told = ((str(path.relative_to(place)), path.lstat()) for path in files)
    return {name: (about.st_size, about.st_mtime_ns) for name, about in told}


def _put(partial: Path, whole: Path) -> str:
    """Give the copy its name; one that was there and is damaged makes room."""
    _remove(whole)
    partial.rename(whole)
    return ""


def _copied(checkpoint: Path, folder: Path, partial: Path) -> str:
    _check_room(checkpoint, folder)
    partial.parent.mkdir(mode=0o755, exist_ok=True)
    owner, kept = folder.lstat().st_uid, partial.parent.lstat()
    if not stat.S_ISDIR(kept.st_mode) or kept.st_uid not in {owner, os.geteuid()}:
        raise Refused(f"{partial.parent} is no folder of the run's owner")
    _remove(partial)
    _copy_whole(checkpoint, partial, owner)
    return ""


def _copy_whole(checkpoint: Path, target: Path, owner: int) -> None:
    """A file under the target's name; a folder under its own name in the target, with what names it from beside it."""
    if not checkpoint.is_dir():
        _copy(checkpoint, target, owner)
        return
    target.mkdir()
    _copy(checkpoint, target / checkpoint.name, owner)
    if (checkpoint.parent / LATEST).is_file():
        _copy(checkpoint.parent / LATEST, target / LATEST, owner)


def _check_room(checkpoint: Path, folder: Path) -> None:
    files = [p for p in checkpoint.rglob("*") if p.is_file()] if checkpoint.is_dir() else [checkpoint]
    needs = sum(file.lstat().st_size for file in files)
    free = shutil.disk_usage(folder).free
    if needs > free // 2 or needs + SPARE > free:
        raise Refused(f"no room for a copy of {checkpoint}: it needs {needs >> 20} MiB of {free >> 20} free")


def _copy(source: Path | str, target: Path, owner: int, inside: int | None = None) -> None:
    """Copy what is a plain file or folder of the run's owner; anything else in there is somebody's trick."""
    handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=inside)
    try:
        about = os.fstat(handle)
        if about.st_uid != owner:
            raise OSError(errno.EPERM, f"{Path(source).name} is of uid {about.st_uid}, the run of uid {owner}")
        if stat.S_ISDIR(about.st_mode):
            target.mkdir()
            for part in sorted(os.listdir(handle)):
                _copy(part, target / part, owner, handle)
        elif stat.S_ISREG(about.st_mode):
            _copy_file(handle, target)
        else:
            raise OSError(errno.EPERM, f"{Path(source).name} is no plain file")
    finally:
        os.close(handle)


def _copy_file(old: int, target: Path) -> None:
    with target.open("xb") as new, open(old, "rb", closefd=False) as source:
        try:
            fcntl.ioctl(new.fileno(), FICLONE, old)
        except OSError:
            shutil.copyfileobj(source, new, 8 << 20)
        new.flush()
        os.fsync(new.fileno())
        os.utime(new.fileno(), ns=(os.fstat(old).st_atime_ns, os.fstat(old).st_mtime_ns))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

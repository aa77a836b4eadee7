"""Opening a watched file safely (contracts 8): component by component, no links but those of the same watch and owner.

Whoever may write into a watched folder must not be able to make the daemon read, or hang on, anything else.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC


class RefusedError(OSError):
    """The file is there, but is not one that we open; the text says why."""


def open_watched(roots: Sequence[str], path: str) -> int:
    """A descriptor of a regular file below one of the roots; OSError where that cannot be had."""
    if ".." in path.split("/"):
        raise RefusedError(f"{path} climbs; watched paths never do")
    root = _root_of(roots, path)
    if root is not None and not _passes_a_link(root, path):
        return _open_below(root, path)
    real = os.path.realpath(path)
    root = _root_of([os.path.realpath(root) for root in roots], real)
    if root is None:
        raise RefusedError(f"{path} is a link that leads out of the watched folders")
    descriptor = _open_below(root, real)
    if os.fstat(descriptor).st_uid != os.lstat(path).st_uid:
        os.close(descriptor)
        raise RefusedError(f"{path} is a link to a file of another owner")
    return descriptor


def _root_of(roots: Sequence[str], path: str) -> str | None:
    holding = (root for root in roots if path == root or path.startswith(root.rstrip("/") + "/"))
    return max(holding, key=len, default=None)


def _passes_a_link(root: str, path: str) -> bool:
    """Whether any component below the root is a link. Only chooses the way: the opening itself follows none."""
    while len(path) > len(root):
        if os.path.islink(path):
            return True
        path = os.path.dirname(path)
    return False


def _open_below(root: str, path: str) -> int:
    parts = [part for part in path[len(root) :].split("/") if part]
    if not parts:  # the root is the file itself, named in the settings
        root, parts = os.path.dirname(root), [os.path.basename(root)]
    folder = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        if not stat.S_ISREG(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
            raise RefusedError(f"{path} is no regular file")
        descriptor = os.open(parts[-1], _FILE, dir_fd=folder)
        holder = os.fstat(folder).st_uid
    finally:
        os.close(folder)
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise RefusedError(f"{path} is no regular file")
    if about.st_nlink > 1 and about.st_uid != holder:
        os.close(descriptor)
        raise RefusedError(f"{path} is a second name of a file of another owner")
    return descriptor


@dataclass(slots=True)
class OpenFile:
    """A file's bytes through a descriptor: what `Track` reads. It stays the same file whatever happens to its name."""

    descriptor: int
    device: int = 0
    inode: int = 0
    size: int = 0
    links: int = 1

    def refresh(self) -> OpenFile:
        """Ask how large it is now."""
        status = os.fstat(self.descriptor)
        self.device, self.inode, self.size, self.links = status.st_dev, status.st_ino, status.st_size, status.st_nlink
        return self

    def read(self, count: int, offset: int) -> bytes:
        """Bytes from an offset; fewer at the end."""
        return os.pread(self.descriptor, count, offset)

    def close(self) -> None:
        """Let go of it."""
        os.close(self.descriptor)


def open_file(roots: Sequence[str], path: str) -> OpenFile:
    """A watched file, open for reading; OSError where that cannot be had."""
    return OpenFile(open_watched(roots, path)).refresh()


def beginning(open_path: Callable[[str], OpenFile], path: str, count: int) -> bytes:
    """The first bytes of a file; none where it cannot be had."""
    try:
        content = open_path(path)
    except OSError:
        return b""
    try:
        return content.read(count, 0)
    finally:
        content.close()

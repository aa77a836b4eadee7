"""The kernel's own words about folders: one descriptor, one watch for each folder. Nothing here knows runs.

Called through `ctypes`: the kernel's interface is four numbers and a record, and a thread that reads it costs more than
everything that Sentinel does with what it says (docs/decisions/0060).
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from functools import cache

MODIFIED, MOVED_FROM, MOVED_TO, CREATED, DELETED = 0x2, 0x40, 0x80, 0x100, 0x200
OVERFLOWN, FORGOTTEN, IS_FOLDER = 0x4000, 0x8000, 0x4000_0000
_WANTED = MODIFIED | MOVED_FROM | MOVED_TO | CREATED | DELETED
_ONLY_FOLDERS, _NO_LINKS, _NOT_UNLINKED = 0x0100_0000, 0x0200_0000, 0x0400_0000
_HEAD = struct.Struct("iIII")  # watch, what happened, cookie, length of the name
_AT_ONCE = 1 << 18


@cache
def _kernel() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


class Inotify:
    """What happens in the watched folders. OSError where the kernel has none of it, or no room for one more."""

    def __init__(self) -> None:
        """A descriptor that watches nothing yet."""
        self.descriptor = _checked(_kernel().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify")
        self._paths: dict[int, str] = {}
        self._watches: dict[str, int] = {}

    def __contains__(self, folder: str) -> bool:
        """Whether a folder is watched."""
        return folder in self._watches

    def watch(self, folder: str) -> None:
        """Watch one folder, not what lies below it."""
        flags = _WANTED | _ONLY_FOLDERS | _NO_LINKS | _NOT_UNLINKED
        watch = _checked(_kernel().inotify_add_watch(self.descriptor, os.fsencode(folder), flags), folder)
        self._forget(watch)
        self._paths[watch], self._watches[folder] = folder, watch

    def leave(self, folder: str) -> None:
        """Watch this folder, and those below it, no more: they have another name now, or none."""
        below = folder + "/"
        for path in [path for path in self._watches if path == folder or path.startswith(below)]:
            watch = self._watches[path]
            self._forget(watch)
            _kernel().inotify_rm_watch(self.descriptor, watch)

    def _forget(self, watch: int) -> None:
        path = self._paths.pop(watch, None)
        if path is not None:
            self._watches.pop(path, None)

    def events(self) -> Iterator[tuple[str, str, int]]:
        """(folder, name in it, what happened) since the last call; at once, and nothing if nothing happened."""
        while data := self._data():
            at = 0
            while at < len(data):
                watch, what, _, length = _HEAD.unpack_from(data, at)
                at += _HEAD.size + length
                if what & OVERFLOWN:
                    yield "", "", what
                elif what & FORGOTTEN:
                    self._forget(watch)
                elif (folder := self._paths.get(watch)) is not None:
                    yield folder, os.fsdecode(data[at - length : at].rstrip(b"\0")), what

    def _data(self) -> bytes:
        try:
            return os.read(self.descriptor, _AT_ONCE)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Let go of the descriptor, and so of all watches."""
        os.close(self.descriptor)


def _checked(answer: int, what: str) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return answer

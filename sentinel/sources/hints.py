"""Wake-up hints from the kernel through watchdog: one recursive watch per root. Only hints; the sweep is the truth.

Traps of watchdog that are minded here: a reached watch limit is swallowed (so the sweep never relies on a hint), its
queue is unbounded (so the handler only marks a path), and opening a file is an event too (so those are filtered out).
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable, Iterable

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

_EVENTS: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]
MOST = 10_000
_DELETED = 0x400  # IN_DELETE_SELF


class _Marker(FileSystemEventHandler):  # type: ignore[misc, unused-ignore]
    def __init__(self, wake: Callable[[], None]) -> None:
        self.dirty: set[str] = set()
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        if len(self.dirty) >= MOST:
            return
        first = not self.dirty
        self.dirty.add(os.fsdecode(event.src_path))
        if event.dest_path:
            self.dirty.add(os.fsdecode(event.dest_path))
        if first:  # the loop takes them all at once: more calls would only wake it again
            self._wake()


class Hints:
    """Says which paths may have moved. Where it cannot, it says so once and Sentinel goes on by sweeping."""

    def __init__(
        self, roots: Iterable[str], wake: Callable[[], None], room: Callable[[str], bool] | None = None
    ) -> None:
        """Begin to listen below the roots; `room` tells whether the kernel takes another watch."""
        self._room = room or room_for_a_watch
        self.trouble: list[str] = []
        self._marker = _Marker(wake)
        self._observer = Observer()
        self._watched: set[str] = set()
        self._full = False
        self._roots = tuple(roots)
        self._observer.start()
        self.listen()

    def listen(self) -> None:
        """Listen to roots that have come into being since."""
        for root in self._roots:
            if root in self._watched or not os.path.isdir(root):
                continue
            self._watched.add(root)
            try:
                self._observer.schedule(self._marker, root, recursive=True, event_filter=_EVENTS)
            except OSError as trouble:
                self.trouble.append(f"{root}: no wake-up by the kernel ({trouble.strerror}); it is swept instead")

        if not self._full and self._watched and not self._room(min(self._watched)):
            self._full = True
            self.trouble.append(
                "the kernel takes no more inotify watches: new folders are found by sweeping, within 5 s;"
                " to wake at once again: sysctl fs.inotify.max_user_watches=1048576"
            )

    def take(self) -> set[str]:
        """The paths that were marked since the last call."""
        dirty, self._marker.dirty = self._marker.dirty, set()
        return dirty

    def close(self) -> None:
        """Listen no more."""
        self._observer.stop()
        self._observer.join(5)


def room_for_a_watch(folder: str) -> bool:
    """Whether the kernel takes one more watch. watchdog swallows its no, so it is asked beside it."""
    libc = ctypes.CDLL(None, use_errno=True)
    asked = libc.inotify_init1(os.O_CLOEXEC)
    if asked < 0:
        return ctypes.get_errno() not in (errno.EMFILE, errno.ENFILE)
    try:
        given = libc.inotify_add_watch(asked, os.fsencode(folder), _DELETED)
        return bool(given >= 0) or ctypes.get_errno() != errno.ENOSPC
    finally:
        os.close(asked)

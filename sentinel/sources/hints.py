"""Wake-up hints from the kernel through watchdog: one recursive watch per root. Only hints; the sweep is the truth.

Traps of watchdog that are minded here: a reached watch limit is swallowed (so the sweep never relies on a hint), its
queue is unbounded (so the handler only marks a path), and opening a file is an event too (so those are filtered out).
"""

from __future__ import annotations

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

    def __init__(self, roots: Iterable[str], wake: Callable[[], None]) -> None:
        """Begin to listen below the roots."""
        self.trouble: list[str] = []
        self._marker = _Marker(wake)
        self._observer = Observer()
        self._watched: set[str] = set()
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

    def take(self) -> set[str]:
        """The paths that were marked since the last call."""
        dirty, self._marker.dirty = self._marker.dirty, set()
        return dirty

    def close(self) -> None:
        """Listen no more."""
        self._observer.stop()
        self._observer.join(5)

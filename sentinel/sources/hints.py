"""Wake-up hints from the kernel: which files moved, told by one watch for each folder below the watched roots.

Only hints: the sweep is the truth, for network folders, shared memory and a reached limit say nothing here. Where a
hint is sure to come (`tells`) the sweep may be the slower one.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable

from sentinel.sources.folder import DEEPEST, LEFT_ALONE, MOST, enters, entries_of
from sentinel.sources.inotify import CREATED, IS_FOLDER, MODIFIED, MOVED_FROM, MOVED_TO, OVERFLOWN, Inotify
from sentinel.sources.mounts import kind_of_mount, mounts
from sentinel.sources.tree import root_of

_LOCAL = re.compile(r"ext[234]|xfs|btrfs|zfs|f2fs|tmpfs|overlay|bcachefs|jfs|reiserfs")
MOST_HINTS = 10_000


class Hints:
    """Says which paths may have moved. Where it cannot, it says so once and Sentinel goes on by sweeping."""

    def __init__(self, roots: Iterable[str]) -> None:
        """Begin to listen below the roots."""
        self.trouble: list[str] = []
        self.lost = False  # the kernel had more to say than it could hold: everything may have moved
        self._roots = tuple(roots)
        self._local: dict[str, int] = {}  # roots on file systems of this machine, with their device
        self._kernel: Inotify | None = None
        try:
            self._kernel = Inotify()
        except (OSError, AttributeError) as trouble:
            self.trouble.append(f"no wake-up by the kernel ({trouble}); everything is swept instead")
        self.listen()

    @property
    def descriptor(self) -> int | None:
        """What the loop may sleep on: readable when there is a hint."""
        return self._kernel.descriptor if self._kernel else None

    def listen(self) -> None:
        """Listen to roots that have come into being since."""
        for root in self._roots:
            if self._kernel is not None and root not in self._kernel and os.path.isdir(root):
                if _LOCAL.fullmatch(kind_of_mount(root, mounts())):
                    self._local[root] = os.stat(root).st_dev
                self._listen_below(root)

    def _listen_below(self, top: str, found: set[str] | None = None) -> None:
        """Listen to a folder and those below it; the files that lie in them already go into `found`."""
        waiting, left = [(top, DEEPEST)], MOST
        while waiting and left > 0 and self._watch(waiting[-1][0], top):
            at, depth = waiting.pop()
            entries = entries_of(at)
            left -= len(entries) + 1
            if any(entry.name == LEFT_ALONE for entry in entries):
                continue
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    if found is not None:
                        found.add(entry.path)
                elif depth and enters(entry.name):
                    waiting.append((entry.path, depth - 1))

    def _watch(self, folder: str, top: str) -> bool:
        """False when the kernel has no room for more watches; a folder that vanished or is closed to us is no reason."""
        assert self._kernel is not None
        try:
            self._kernel.watch(folder)
        except OSError as trouble:
            if trouble.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                return True
            said = f"{top}: no wake-up by the kernel ({trouble.strerror}); what it leaves out is swept instead"
            if trouble.errno == errno.ENOSPC:
                said = (
                    "the kernel takes no more inotify watches: new folders are found by sweeping, within 5 s;"
                    " to wake at once again: sysctl fs.inotify.max_user_watches=1048576"
                )
            if said not in self.trouble:
                self.trouble.append(said)
            return False
        return True

    def tells(self, folder: str) -> bool:
        """Whether the kernel is sure to say when something moves in this folder."""
        if self._kernel is None or folder not in self._kernel:
            return False
        try:
            device = os.stat(folder).st_dev
        except OSError:
            return False
        return any(
            device == own and (folder + "/").startswith(root.rstrip("/") + "/") for root, own in self._local.items()
        )

    def tell_of(self, patterns: Iterable[str]) -> bool:
        """Whether the kernel is sure to say when something comes that they mean: where each has one folder to watch."""
        return all(
            os.path.dirname(os.path.abspath(each)) == root_of(each) and self.tells(root_of(each)) for each in patterns
        )

    def take(self) -> tuple[set[str], set[str]]:
        """Since the last call: paths whose content moved, and paths that came or went."""
        moved: set[str] = set()
        changed: set[str] = set()
        for folder, name, what in self._kernel.events() if self._kernel else ():
            path = f"{folder}/{name}" if name else folder
            if what & OVERFLOWN:
                self.lost = True
            elif what & MODIFIED:
                if len(moved) < MOST_HINTS:
                    moved.add(path)
            else:
                changed.add(path)
                if what & IS_FOLDER:
                    self._folder(path, name, what, changed)
        return moved, changed

    def _folder(self, path: str, name: str, what: int, changed: set[str]) -> None:
        assert self._kernel is not None
        if what & MOVED_FROM:
            self._kernel.leave(path)
        elif what & (CREATED | MOVED_TO) and enters(name):
            self._listen_below(path, changed)

    def close(self) -> None:
        """Listen no more."""
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None

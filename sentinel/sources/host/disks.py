"""How full the disks are that runs write to, and when they will be full. A disk that does not answer is named.

`statvfs` on a dead network disk waits for ever, so one helper thread asks; the loop only reads what it found.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

GIB = float(1 << 30)
STALE = 30.0  # seconds without an answer
KEPT = 40  # looks that the slope is taken from
LEAST_SPAN = 60.0
MOST_MEASURES, MOST_SIZES = 64, 1024


class Space(NamedTuple):
    """One look at one volume."""

    at: float  # steady seconds
    device: int
    free: float  # bytes that we may use
    total: float
    inodes_free: float | None  # a share; None where the file system has none


@dataclass(slots=True)
class Disk:
    """One volume."""

    label: str
    path: str
    looks: deque[Space] = field(default_factory=lambda: deque(maxlen=KEPT))

    def readings(self) -> dict[str, float]:
        """Free space, and how long it lasts if writing goes on as in the looks that are kept."""
        if not self.looks:
            return {}
        last, first = self.looks[-1], self.looks[0]
        out = {"free_gb": last.free / GIB, "free": last.free / last.total if last.total else 0.0}
        if last.inodes_free is not None:
            out["inodes_free"] = last.inodes_free
        eaten, span = first.free - last.free, last.at - first.at
        if eaten > 0 and span >= LEAST_SPAN:
            out["full_in_s"] = last.free / eaten * span
        return out


Statvfs = Callable[[str], Space]


def look_at(path: str) -> Space:
    """Ask the file system; it may hang."""
    found = os.statvfs(path)
    inodes = found.f_favail / found.f_files if found.f_files else None
    return Space(
        time.monotonic(), os.stat(path).st_dev, found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, inodes
    )


class Disks:
    """The volumes behind a set of folders, asked by one helper thread at a time."""

    def __init__(self, ask: Statvfs = look_at, steady: Callable[[], float] = time.monotonic) -> None:
        """Knows no folder yet."""
        self.ask, self.steady = ask, steady
        self.folders: dict[str, str] = {}  # folder -> label
        self.disks: dict[int, Disk] = {}
        self.volumes: dict[str, int] = {}  # folder -> device
        self.stuck: dict[str, float] = {}  # folder -> since when its disk does not answer
        self.measures: dict[str, Callable[[], float | None]] = {}  # what else is to be asked, by path
        self.sizes: dict[str, float | None] = {}
        self._asking: tuple[str, float] | None = None
        self._thread: threading.Thread | None = None
        self._found: deque[tuple[str, Space | None]] = deque()

    def watch(self, folders: Iterable[str]) -> None:
        """These folders matter now."""
        self.folders = {folder: _label(folder) for folder in folders}
        self.stuck = {folder: since for folder, since in self.stuck.items() if folder in self.folders}

    def look(self) -> dict[str, dict[str, float]]:
        """Readings by disk label, from answers that came; asks anew, unless the last question still hangs."""
        while self._found:
            folder, space = self._found.popleft()
            self.stuck.pop(folder, None)
            if space is not None and folder in self.folders:
                disk = self.disks.setdefault(space.device, Disk(self.folders[folder], folder))
                disk.looks.append(space)
                self.volumes[folder] = space.device
        now = self.steady()
        asking = self._asking
        if self._thread is not None and self._thread.is_alive():
            if asking is None or now - asking[1] <= STALE:
                return self._readings()
            self.stuck[asking[0]] = asking[1]  # its thread is left behind; the others go on without that folder
        folders = [folder for folder in self.folders if folder not in self.stuck]
        self._thread = threading.Thread(target=self._work, args=(folders,), daemon=True)
        self._thread.start()
        return self._readings()

    def standing_still(self) -> dict[str, float]:
        """The questions that hang, as people are told of them, and since when."""
        return {f"the question for the room in {folder}": since for folder, since in self.stuck.items()}

    def measure(self, path: str, ask: Callable[[], float | None]) -> float | None:
        """The size of something on a disk, once the helper has asked; None until then."""
        if path not in self.sizes and len(self.measures) < MOST_MEASURES:
            self.measures[path] = ask
        return self.sizes.get(path)

    def of(self, folders: Iterable[str]) -> dict[str, dict[str, float]]:
        """Readings of the volumes behind these folders."""
        devices = {self.volumes[folder] for folder in folders if folder in self.volumes}
        return {self.disks[device].label: self.disks[device].readings() for device in devices}

    def _readings(self) -> dict[str, dict[str, float]]:
        return {disk.label: disk.readings() for disk in self.disks.values()}

    def _work(self, folders: list[str]) -> None:
        for folder in folders:
            mine = self._asking = (folder, self.steady())
            try:
                self._found.append((folder, self.ask(folder)))
            except OSError:
                self._found.append((folder, None))
            if self._asking is not mine:
                return  # this one was left behind
        for path, size in list(self.measures.items()):
            self._asking = (path, self.steady())
            if len(self.sizes) >= MOST_SIZES:
                self.sizes.clear()
            self.sizes[path] = size()
            self.measures.pop(path, None)
        self._asking = None


def _label(folder: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "_", folder.lower()).strip("_") or "root"


def shared_memory(pid: int, root: str = "/proc") -> float | None:
    """The share of /dev/shm in use as a process sees it: a container has its own."""
    try:
        found = os.statvfs(f"{root}/{pid}/root/dev/shm")
    except OSError:
        return None
    return 1 - found.f_bavail / found.f_blocks if found.f_blocks else None

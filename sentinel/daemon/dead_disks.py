"""Watched folders on a disk that does not answer: they are found before anything touches them, and the others are watched.

Whoever touches such a folder waits, perhaps for ever; only the threads here do, and nobody waits for them.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sentinel.daemon.settings import Settings, Watch
from sentinel.sources.tree import root_of

PATIENCE = 5.0  # seconds; a reload waits as long, and systemd's watchdog for a minute
EVERY = 2.0
NOTHING = "nothing"  # the name of a watch of no runs at all
CURE = "sudo umount -fl {0}; sudo mount {0} (once its server is up; Sentinel sees it by itself)"

Look = Callable[[str], None]


def touch(root: str) -> None:
    """Ask the disk of a folder something that it cannot answer from memory alone; one that is not there has answered."""
    try:
        with os.scandir(root) as entries:
            next(entries, None)
    except OSError:
        pass


class Asked:
    """One folder, and the thread that asks it."""

    def __init__(self, root: str, look: Look = touch) -> None:
        """The question is put at once."""
        self.root = root
        self._thread = threading.Thread(target=look, args=(root,), name=f"disk {root}", daemon=True)
        self._thread.start()

    def answers(self, seconds: float = 0.0) -> bool:
        """Whether the answer came, waiting for it so long at most."""
        self._thread.join(seconds)
        return not self._thread.is_alive()


def roots_of(watch: Watch) -> list[str]:
    """The folders that a watch looks into."""
    return sorted({root_of(os.path.expanduser(pattern)) for pattern in (watch.runs, *watch.files) if pattern})


def silent(watches: Iterable[Watch], seconds: float = PATIENCE, look: Look = touch) -> dict[str, list[Asked]]:
    """The watches with a folder that does not answer in that time, each with the questions that are still open."""
    asked = {watch.name: [Asked(root, look) for root in roots_of(watch)] for watch in watches}
    end = time.monotonic() + seconds
    still = {
        name: [one for one in them if not one.answers(max(0.0, end - time.monotonic()))] for name, them in asked.items()
    }
    return {name: them for name, them in still.items() if them}


def without(settings: Settings, names: Iterable[str]) -> Settings:
    """The settings without these watches. One is left at least, of nothing: no `[[watch]]` at all means ./runs."""
    gone = set(names)
    if not gone:
        return settings
    left = [watch for watch in settings.watches() if watch.name not in gone]
    return replace(settings, watch=left or [Watch(name=NOTHING, runs="/dev/null/*")])


@dataclass(slots=True)
class DeadDisks:
    """The watches that were left out at the start, and whether their disks have come back."""

    open: dict[str, list[Asked]]
    steady: Callable[[], float] = time.monotonic
    _due: float = 0.0

    @property
    def names(self) -> Sequence[str]:
        """Of the watches that are left out."""
        return list(self.open)

    def came_back(self) -> bool:
        """Whether the disk of one of them answers now; looked at every few seconds."""
        now = self.steady()
        if not self.open or now < self._due:
            return False
        self._due = now + EVERY
        return any(all(one.answers() for one in them) for them in self.open.values())


def troubles(dead: Mapping[str, Sequence[Asked]]) -> Iterator[str]:
    """What is wrong and what mends it, for people."""
    for name, them in dead.items():
        roots = ", ".join(one.root for one in them if not one.answers())
        if roots:
            yield f"watch {name} is not looked into, for {roots} does not answer; {CURE.format(mount_of(them[0].root))}"


def mount_of(root: str, mounts: str = "/proc/self/mounts") -> str:
    """Where the disk of a folder is mounted, found without touching the disk."""
    with open(mounts, encoding="utf-8", errors="replace") as file:
        points = [line.split()[1].replace("\\040", " ") for line in file]
    above = [point for point in points if f"{root}/".startswith(f"{point.rstrip('/')}/")]
    return max(above, key=len, default="/")

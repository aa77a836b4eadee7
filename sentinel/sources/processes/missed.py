"""Runs that had processes when Sentinel last looked, and went while nobody watched: it was down, or the machine was."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sentinel.sources.processes.process import Pid

BOOT, STAT = "/proc/sys/kernel/random/boot_id", "/proc/stat"
UNSEEN = "its processes were gone when Sentinel came back"
LATELY = 3600.0  # a run that wrote so long before the machine went down was going then
WAIT = 10.0  # seconds until its files were read and all processes were looked at


@dataclass(frozen=True, slots=True)
class Left:
    """What an earlier life of Sentinel knew of a run that was going."""

    pids: frozenset[Pid]
    logs: Sequence[str] = ()
    restarted: float | None = None  # the machine began anew since then, at this time of day
    wrote: float | None = None  # when a log of it last grew
    seen: float | None = None  # when that life ended: with the machine, or before it

    def lost(self) -> str:
        """What became of it, where the machine's own restart says so: it was going until then, or until we went."""
        if self.restarted is None or self.wrote is None:
            return ""
        until = (self.restarted, self.restarted if self.seen is None else self.seen)
        if all(abs(moment - self.wrote) > LATELY for moment in until):
            return ""
        at = datetime.fromtimestamp(self.restarted, UTC)
        return f"the machine restarted at {at:%Y-%m-%d %H:%M:%S} UTC while it ran"


def restarted() -> float | None:
    """The time of day at which the machine was started; None where that cannot be told from our own start."""
    try:
        with open(BOOT, encoding="ascii") as boot, open(STAT, encoding="ascii") as figures:
            began = next(line for line in figures if line.startswith("btime"))
            return float(began.split()[1]) if boot.read().strip() else None
    except (OSError, StopIteration):
        return None


def left(pids: frozenset[Pid], logs: Sequence[str], restarted: float | None, seen: float | None = None) -> Left:
    """As its logs lie now."""
    return Left(pids, logs, restarted, newest(logs), seen)


def newest(logs: Sequence[str]) -> float | None:
    """When one of these files last grew."""
    return max((found for path in logs if (found := _moved(path)) is not None), default=None)


def _moved(path: str) -> float | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime if stat.S_ISREG(found.st_mode) else None  # a folder moves with whatever comes into it


@dataclass(slots=True)
class Missed:
    """Those whose end is still to be told. A run that somebody works for again, or that is written on, is not among them."""

    left: dict[str, Left] = field(default_factory=dict)
    kernel_said: dict[int, tuple[str, bool]] = field(default_factory=dict)  # pid -> (line, out of memory), of that time
    _since: dict[str, float] = field(default_factory=dict)

    def gone(
        self, runs: Container[str], followed: Container[str], alive: Callable[[Pid], bool], now: float
    ) -> Iterator[tuple[str, Left]]:
        """Each once, when it is sure."""
        for key, left in list(self.left.items()):
            if key in followed:
                del self.left[key]
            elif key in runs and not self._lives(left, alive) and now - self._since.setdefault(key, now) >= WAIT:
                del self.left[key]
                if newest(left.logs) == left.wrote:
                    yield key, left

    @staticmethod
    def _lives(left: Left, alive: Callable[[Pid], bool]) -> bool:
        return left.restarted is None and any(map(alive, left.pids))

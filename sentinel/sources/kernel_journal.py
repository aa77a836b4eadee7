"""The kernel's lines as systemd's journal keeps them: for those who may read it and not the kernel's own log, and from
before the machine went down, of which the kernel's own buffer knows nothing.
"""

from __future__ import annotations

import glob
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sentinel.sources.journal_child import JournalChild

MOST_LINES = 5000  # the newest of a boot that is over
PATIENCE = 60.0  # seconds for all of them
OLDEST = 86400.0
AGAIN = 30.0  # a child that ended is started again after so long
CURE = "sudo sentinel install --rights see-all"
JOURNALS = ("/var/log/journal/*/system.journal", "/run/log/journal/*/system.journal")


class Written(NamedTuple):
    """A line of the log."""

    text: str
    away: str = ""  # when it was written while nobody watched, in words
    before: bool = False  # in the boot before


def may_read(patterns: Sequence[str] = JOURNALS) -> bool:
    """Whether this process may read the machine's journal: else `journalctl` would be silent for ever."""
    return any(os.access(path, os.R_OK) for pattern in patterns for path in glob.glob(pattern))


@dataclass(slots=True)
class BootBefore:
    """The kernel's lines of one boot that is over, from a moment of it on, read once. A journal that nobody keeps has none."""

    boot: str
    stamp: float  # seconds of that boot up to which they were read
    command: Sequence[str] = ("journalctl",)
    over: bool = False
    _child: JournalChild | None = None
    _until: float = field(default_factory=lambda: time.monotonic() + PATIENCE)

    def lines(self) -> Iterator[Written]:
        """Each that has come since the last call."""
        if self.over:
            return
        if self._child is None:
            self._child = JournalChild(self.command)
            boot = f"--boot={self.boot.replace('-', '')}"
            self.over = bool(self._child.start(["--dmesg", boot, f"--lines={MOST_LINES}", "--quiet", "--no-pager"]))
        found = self._child.lines() if not self.over else None
        if found is None or time.monotonic() > self._until:
            self.close()
        yield from filter(None, map(self._understood, found or ()))

    def close(self) -> None:
        """End the child."""
        self.over = True
        if self._child is not None:
            self._child.end()

    def _understood(self, line: bytes) -> Written | None:
        entry = _Entry.of(line)
        if entry is None or entry.stamp <= self.stamp or time.time() - entry.at > OLDEST:
            return None
        return Written(entry.text, f"written at {entry.when}, before the machine restarted", before=True)


@dataclass(slots=True)
class KernelTail:
    """The kernel's lines from now on, or from where an earlier life stood, over restarts of the machine."""

    boot: str
    cursor: str = ""
    command: Sequence[str] = ("journalctl",)
    trouble: str = ""
    _child: JournalChild | None = None
    _began: float = field(default_factory=time.time)
    _start_at: float = 0.0

    def lines(self) -> Iterator[Written]:
        """Each that has come since the last call."""
        if self._child is None and not self._start():
            return
        assert self._child is not None
        found = self._child.lines()
        if found is None:
            self.trouble = (
                f"`{self.command[0]}` of the kernel's log ended with code {self._child.end()}; it is started again"
            )
            self._child, self._start_at = None, time.monotonic() + AGAIN
            return
        yield from filter(None, map(self._understood, found))

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _start(self) -> bool:
        if time.monotonic() < self._start_at:
            return False
        place = f"--after-cursor={self.cursor}" if self.cursor else f"--since=@{self._began:.0f}"
        self._child = JournalChild(self.command)
        why = self._child.start(["_TRANSPORT=kernel", "--follow", place, "--lines=all", "--quiet", "--no-pager"])
        self.trouble = f"the kernel's log cannot be read: {self.command[0]}: {why}; {CURE}" if why else ""
        if why:
            self._child, self._start_at = None, time.monotonic() + AGAIN
        return not why

    def _understood(self, line: bytes) -> Written | None:
        entry = _Entry.of(line)
        if entry is None:
            return None
        self.cursor = entry.cursor or self.cursor
        if time.time() - entry.at > OLDEST:
            return None
        if entry.boot and entry.boot != self.boot.replace("-", ""):
            return Written(entry.text, f"written at {entry.when}, before the machine restarted", before=True)
        away = f"written at {entry.when}, while Sentinel was away" if entry.at < self._began else ""
        return Written(entry.text, away)


class _Entry(NamedTuple):
    text: str
    at: float  # time of day
    stamp: float  # seconds of its boot
    boot: str
    cursor: str

    @property
    def when(self) -> str:
        return f"{datetime.fromtimestamp(self.at, UTC):%Y-%m-%d %H:%M:%S} UTC"

    @staticmethod
    def of(line: bytes) -> _Entry | None:
        try:
            entry: dict[str, Any] = json.loads(line)
            message, at = entry["MESSAGE"], int(entry["__REALTIME_TIMESTAMP"]) / 1e6
            stamp = int(entry.get("_SOURCE_MONOTONIC_TIMESTAMP") or entry["__MONOTONIC_TIMESTAMP"]) / 1e6
            text = bytes(message).decode("utf-8", "replace") if isinstance(message, list) else str(message)
            return _Entry(text, at, stamp, str(entry.get("_BOOT_ID", "")), str(entry.get("__CURSOR", "")))
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

"""The journal of systemd units, through a `journalctl` child that is read without ever waiting for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sentinel.core.names import Names
from sentinel.core.records import Batch, Found, Item, Json, RunInfo
from sentinel.core.seams import Reader
from sentinel.sources.eyes import Eyes, default_eyes
from sentinel.sources.journal_child import JournalChild
from sentinel.sources.timing import Arrivals

AGAIN = 30.0  # a child that ended is started again after so long


class Journal:
    """Implements `Source` for one unit: its messages are the lines of one log."""

    def __init__(
        self, watch: str, unit: str, names: Names, kept: Json = None, *, eyes: Eyes | None = None,
        command: Sequence[str] = ("journalctl",),
    ) -> None:  # fmt: skip
        """The unit's messages from the kept cursor on, else from now."""
        self.info = RunInfo(f"{watch}:journal:{unit}", unit, "", watch)
        self._unit, self._names, self._eyes, self._command = unit, names, eyes or default_eyes(), tuple(command)
        self._cursor = str(kept["cursor"]) if isinstance(kept, dict) and kept.get("cursor") else ""
        self._child = JournalChild(self._command)
        self._reader: Reader | None = None
        self._timing = Arrivals()
        self._found = False
        self._start_at = -1e18
        self._trouble = ""

    @property
    def name(self) -> str:
        """For status and messages."""
        return f"journal of {self._unit}"

    def read(self, now: float) -> Iterator[Batch]:
        """What was written to the journal since the last call."""
        items: list[Item | Found] = [] if self._found else [Found(self.info, now)]
        self._found = True
        for line in self._lines(now):
            items += self._understood(line, now)
        if items:
            yield Batch(self.info.key, tuple(items))

    def _lines(self, now: float) -> Sequence[bytes]:
        if not self._child.runs and not self._start(now):
            return ()
        lines = self._child.lines()
        if lines is None:
            self._trouble = (
                f"{self.name}: `{self._command[0]}` ended with code {self._child.end()}; it is started again"
            )
            self._start_at = now + AGAIN
            return ()
        self._trouble = "" if lines else self._trouble
        return lines

    def _start(self, now: float) -> bool:
        if now < self._start_at:
            return False
        # Not `--lines=0`: of what comes first to a unit that had no line yet, journalctl then shows the last line alone.
        place = [f"--after-cursor={self._cursor}"] if self._cursor else [f"--since=@{now:.0f}", "--lines=all"]
        trouble = self._child.start(["--follow", f"--unit={self._unit}", *place])
        if trouble:
            self._trouble = f"{self.name} cannot be read: {trouble}; install systemd or take it out of the settings"
            self._start_at = now + AGAIN
        return not trouble

    def _understood(self, line: bytes, now: float) -> Sequence[Item]:
        try:
            entry: dict[str, Any] = json.loads(line)
            message = entry.get("MESSAGE")
            text = bytes(message) if isinstance(message, list) else str(message or "").encode()
            self._cursor = str(entry.get("__CURSOR", self._cursor))
        except (ValueError, AttributeError, TypeError):
            return ()
        if self._reader is None:
            self._reader = self._eyes.open_reader(self._unit, text, self._names, self._timing)
        return self._reader.feed(text.replace(b"\n", b" ") + b"\n", now)

    def bookmarks(self) -> dict[str, Json]:
        """The cursor, for the store."""
        return {self.info.key: {"cursor": self._cursor}} if self._cursor else {}

    def trouble(self) -> Sequence[str]:
        """What cannot be read now."""
        return [self._trouble] if self._trouble else []

    def close(self) -> None:
        """End the child."""
        self._child.end()

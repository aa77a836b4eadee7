"""What the kernel wrote before the machine went down, as systemd's journal keeps it: read once, without ever waiting for it.

The kernel's own buffer is empty after a restart; a GPU that fell off its bus and took the machine along is told of here alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MOST_LINES = 5000  # the newest of that boot
AT_ONCE, MOST_BYTES = 1 << 18, 1 << 24
PATIENCE = 60.0  # seconds for all of it
OLDEST = 86400.0


@dataclass(slots=True)
class BootBefore:
    """The kernel's lines of one boot that is over, from a moment of it on."""

    boot: str
    stamp: float  # seconds of that boot up to which they were read
    command: Sequence[str] = ("journalctl",)
    over: bool = False
    _child: subprocess.Popen[bytes] | None = None
    _rest: bytes = b""
    _bytes: int = 0
    _until: float = field(default_factory=lambda: time.monotonic() + PATIENCE)

    def lines(self) -> Iterator[tuple[str, str]]:
        """Each line that has come since the last call, and when it was written. A journal that nobody keeps has none."""
        if self.over or (self._child is None and not self._start()):
            return
        for line in self._read():
            found = self._understood(line)
            if found is not None:
                yield found

    def close(self) -> None:
        """End the child."""
        self.over = True
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            if self._child.stdout:
                self._child.stdout.close()
            self._child = None

    def _start(self) -> bool:
        wanted = ["--dmesg", f"--boot={self.boot.replace('-', '')}", f"--lines={MOST_LINES}", "--output=json"]
        try:
            self._child = subprocess.Popen(
                [*self.command, *wanted, "--quiet", "--no-pager"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError:
            self.over = True
            return False
        assert self._child.stdout is not None
        os.set_blocking(self._child.stdout.fileno(), False)
        return True

    def _read(self) -> Sequence[bytes]:
        assert self._child is not None
        assert self._child.stdout is not None
        try:
            data = os.read(self._child.stdout.fileno(), AT_ONCE)
        except BlockingIOError:
            if time.monotonic() > self._until:
                self.close()
            return ()
        self._bytes += len(data)
        if not data or self._bytes > MOST_BYTES:
            self.close()
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines

    def _understood(self, line: bytes) -> tuple[str, str] | None:
        try:
            entry: dict[str, Any] = json.loads(line)
            message, at = entry["MESSAGE"], int(entry["__REALTIME_TIMESTAMP"]) / 1e6
            stamp = int(entry["_SOURCE_MONOTONIC_TIMESTAMP"]) / 1e6
        except (ValueError, TypeError, KeyError):
            return None
        if stamp <= self.stamp or time.time() - at > OLDEST:
            return None
        text = bytes(message).decode("utf-8", "replace") if isinstance(message, list) else str(message)
        return text, f"written at {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC, before the machine restarted"

"""A `journalctl` child whose lines are taken as they come, without ever waiting for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

AT_ONCE = 1 << 18
LONGEST = 1 << 20


@dataclass(slots=True)
class JournalChild:
    """One child, started with the words that it is given."""

    command: Sequence[str] = ("journalctl",)
    _child: subprocess.Popen[bytes] | None = None
    _rest: bytes = b""
    _over: bool = False  # it closed its output

    @property
    def runs(self) -> bool:
        """Whether it was started and its end not yet met."""
        return self._child is not None

    def start(self, words: Sequence[str]) -> str:
        """Why it cannot be started; "" where it was."""
        try:
            self._child = subprocess.Popen(
                [*self.command, *words, "--output=json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as trouble:
            return str(trouble.strerror)
        self._rest, self._over = b"", False
        assert self._child.stdout is not None
        os.set_blocking(self._child.stdout.fileno(), False)
        return ""

    def lines(self) -> Sequence[bytes] | None:
        """What came since the last call; None once it has ended."""
        assert self._child is not None
        assert self._child.stdout is not None
        try:
            data = os.read(self._child.stdout.fileno(), AT_ONCE)
        except BlockingIOError:
            return ()
        if not data:
            self._over = True
            return None
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest if len(rest) <= LONGEST else b""
        return lines

    def end(self) -> int:
        """Let it go; how it ended, if it had."""
        if self._child is None:
            return 0
        code = 0
        with suppress(subprocess.TimeoutExpired):
            code = self._child.wait(0.2 if self._over else 0.0)
        self._child.kill()
        self._child.wait()
        if self._child.stdout:
            self._child.stdout.close()
        self._child = None
        return code

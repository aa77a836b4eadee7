"""The sender's child of one channel: started for work, killed when an answer is late, gone half a minute after the last.

One child per channel, so that one that hangs holds no other. A named thread only hands its lines over.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sentinel.core.telling_answers import CURES, Answer, Code, answer_from
from sentinel.outlets.jobs import Job, job_json

DEADLINE = 75.0  # for one delivery with its picture
PROMISED = DEADLINE + 30.0  # a child that is late is ended at the deadline; if even that did not happen, we stand still
IDLE = 30.0
DIES = 0.5  # seconds that the loop waits for a killed child; one inside a dead disk dies later, or never
COMMAND = (sys.executable, "-P", "-m", "sentinel.outlets.sender")


class Sending:
    """One channel's child and the delivery that it is busy with."""

    def __init__(self, channel: str, wake: Callable[[], None], command: tuple[str, ...] = COMMAND) -> None:
        """No child yet."""
        self.channel, self._wake, self._command = channel, wake, command
        self._child: subprocess.Popen[bytes] | None = None
        self._lines: deque[bytes] = deque()
        self._since = 0.0
        self._idle_since = 0.0
        self._dying: list[subprocess.Popen[bytes]] = []
        self.busy_with: int | None = None  # the delivery's number

    @property
    def pid(self) -> int | None:
        """The child's process, for `status`."""
        return self._child.pid if self._child else None

    def start(self, n: int, job: Mapping[str, Any], steady: float) -> None:
        """Give the child a job. A child that does not take it counts as one that did not answer."""
        if self._child is None or self._child.poll() is not None:
            self._spawn()
        assert self._child is not None
        assert self._child.stdin is not None
        self.busy_with, self._since = n, steady
        data = json.dumps(job).encode() + b"\n"
        # A job can be larger than a pipe holds; a thread of its own keeps the loop from waiting for the child.
        threading.Thread(target=_write, args=(self._child.stdin, data), name=f"to {self.channel}", daemon=True).start()

    def _spawn(self) -> None:
        self._drop()
        self._lines = deque()
        self._child = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a traceback of a library may quote an address
            env=child_environment(),
        )
        reading = (self._child, self._lines, self._wake)
        threading.Thread(target=_read, args=reading, name=f"from {self.channel}", daemon=True).start()

    def collect(self, steady: float) -> tuple[int, Answer] | None:
        """The answer to the job in flight, if there is one now; a late child is killed and counts as a timeout."""
        self._dying = [child for child in self._dying if child.poll() is None]
        if self.busy_with is None:
            if self._child is not None and steady - self._idle_since >= IDLE:
                self._drop()
            return None
        answer = self._answer(steady)
        if answer is None:
            return None
        n, self.busy_with, self._idle_since = self.busy_with, None, steady
        return n, answer

    def _answer(self, steady: float) -> Answer | None:
        if self._lines:
            try:
                thing = json.loads(self._lines.popleft())
                thing.pop("delivery", None)
                return answer_from(thing)
            except (ValueError, TypeError, KeyError):
                self._drop()
                return Answer(Code.BROKEN, "the sender answered what nobody understands")
        if self._child is not None and self._child.poll() is not None and not self._lines:
            code = self._child.returncode
            self._drop()
            return Answer(Code.BROKEN, f"the sender died ({'signal' if code < 0 else 'exit code'} {abs(code)})")
        if steady - self._since >= DEADLINE:
            self._drop()
            return Answer(Code.TIMEOUT, f"no answer within {DEADLINE:.0f} s")
        return None

    def _drop(self) -> None:
        """End the child; it holds nothing that is not written down."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        try:
            child.wait(DIES)
        except subprocess.TimeoutExpired:
            self._dying.append(child)  # never a reason for the loop to wait
            return
        if child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()

    def close(self) -> None:
        """End the child."""
        self._drop()


def ask_once(job: Job, plainly: bool = False) -> tuple[Answer, str]:
    """One delivery by a child of its own, for `tell --test`; the answer and how to mend what it says."""
    command = (*COMMAND, "--plainly") if plainly else COMMAND
    try:
        done = subprocess.run(
            command, input=json.dumps(job_json(job)).encode() + b"\n", capture_output=True, timeout=DEADLINE,
            check=False, env=child_environment(),
        )  # fmt: skip
        thing = json.loads(done.stdout)
        thing.pop("delivery", None)
        answer = answer_from(thing)
    except subprocess.TimeoutExpired:
        answer = Answer(Code.TIMEOUT, f"no answer within {DEADLINE:.0f} s")
    except (OSError, ValueError):
        answer = Answer(Code.BROKEN, "the sender died without an answer")
    return answer, CURES[answer.code]


def child_environment() -> dict[str, str]:
    """Ours, with the place that this very package was imported from."""
    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))}


def _write(pipe: Any, data: bytes) -> None:
    try:
        pipe.write(data)
        pipe.flush()
    except (OSError, ValueError):
        pass  # the child died; the loop sees that


def _read(child: subprocess.Popen[bytes], lines: deque[bytes], wake: Callable[[], None]) -> None:
    assert child.stdout is not None
    with child.stdout as stdout:
        for line in stdout:
            lines.append(line)
            wake()
    wake()

"""Keeps the NVML child: starts it, reads what it says without waiting, and names what hangs or kills it.

A child that hangs is left alone, for killing a process inside the driver can take the GPU with it; another one goes on
without the GPU in question. Nothing here blocks.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sentinel.sources.gpu.child import CANNOT_BEGIN, FRAME, HEALTH_TOO, NOW, NUMBERS
from sentinel.sources.gpu.note import NO_GPU, Doing, Note, new_note

Command = Callable[[str, int], Sequence[str]]  # (options as JSON, the note's descriptor) -> the child's command line

CALL_DEADLINE, INIT_DEADLINE = 3.0, 30.0  # without persistence mode each GPU takes 1.5 s to open
RETRY_FIRST, RETRY_LAST = 5.0, 300.0
SKIP_FIRST, SKIP_LAST = 600.0, 6 * 3600.0
CHUNK = 1 << 16
QUIET, QUIET_POLLS = 30.0, 6  # a child between calls that says nothing for so long, and so many polls, was stopped
START = "start"  # what a child does before its first call
CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
END_WAIT, PATIENCE = 1.0, 30.0  # seconds a child may take to go: at our own end, and before it is told to


class Stuck(NamedTuple):
    """A call does not answer."""

    gpu: int
    function: str

    @property
    def what(self) -> str:
        """For people."""
        return "does not answer"


class Crashed(NamedTuple):
    """The child ended in a call, which is the library's doing unless somebody ended it."""

    gpu: int
    function: str
    code: int

    @property
    def what(self) -> str:
        """For people."""
        if -self.code in CRASHES:
            return "crashed the driver library"
        if self.code < 0:
            return f"was cut off: its process was ended by signal {-self.code}"
        return f"ended its process with code {self.code}"

    @property
    def before_the_driver(self) -> bool:
        """Whether it never came as far as the driver."""
        return self.function == START


Message = dict[str, Any] | tuple[float, ...] | Stuck | Crashed  # words, the numbers of a sample, an end


def child_command(options: str, note: int) -> Sequence[str]:
    """The child as it runs in production; `-P` keeps the working directory off its path."""
    root = str(Path(__file__).parents[3])
    start = f"import sys; sys.path.insert(0, {root!r}); from sentinel.sources.gpu.child import main; main()"
    return (sys.executable, "-P", "-c", start, options, str(note))


@dataclass(slots=True)
class Child:
    """One process with what it said so far."""

    process: subprocess.Popen[bytes]
    note: Note
    heard: float  # when it last said something
    rest: bytes = b""
    met: bool = False  # it said hello


@dataclass(slots=True)
class Hanging:
    """A child that was left alone inside a call."""

    child: Child
    gpu: int
    since: float
    function: str


@dataclass(slots=True)
class Keeper:
    """The child in force, those that hang or leave, and what is skipped for a while."""

    poll: float
    health: float
    library: str = ""
    command: Command = child_command
    environment: Mapping[str, str] | None = None
    steady: Callable[[], float] = time.monotonic
    deadline: float = CALL_DEADLINE
    quiet: float = QUIET
    child: Child | None = None
    hanging: list[Hanging] = field(default_factory=list)
    leaving: list[tuple[Child, float]] = field(default_factory=list)
    skips: dict[tuple[int, str], float] = field(default_factory=dict)  # (gpu, function or "*") -> until when
    rests: dict[tuple[int, str], float] = field(default_factory=dict)  # how long the next skip lasts
    start_at: float = 0.0
    retry: float = RETRY_FIRST

    def read(self) -> Iterator[Message]:
        """What the child said since the last call, and what became of it."""
        now = self.steady()
        self._reap(now)
        if self.child is None:
            if now < self.start_at or any(hung.gpu == NO_GPU for hung in self.hanging):
                return
            self.child = self._start()
        yield from self._frames(self.child)
        yield from self._judge(self.child, now)

    def ask(self, health: bool = False) -> None:
        """Have the child poll now, not when it is due."""
        if self.child is not None and self.child.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self.child.process.stdin.fileno(), HEALTH_TOO if health else NOW)

    @property
    def pids(self) -> tuple[int, ...]:
        """Every child that may hold the driver open."""
        children = [
            *([self.child] if self.child else []),
            *(h.child for h in self.hanging),
            *(c for c, _ in self.leaving),
        ]
        return tuple(child.process.pid for child in children)

    def standing_still(self) -> dict[str, float]:
        """The children that hang in a call, as people are told of them, and since when."""
        return {
            f"NVML child (pid {hung.child.process.pid}) in {hung.function}"
            + (f" of GPU {hung.gpu}" if hung.gpu != NO_GPU else ""): hung.since
            for hung in self.hanging
        }

    def release(self, seconds: float) -> None:
        """Let the driver go for so long, so that an administrator can reset a GPU."""
        self.renew()
        self.start_at = self.steady() + seconds

    def renew(self) -> None:
        """End the child in peace; a later read starts another."""
        if self.child is not None:
            _close_pipes(self.child)
            self.leaving.append((self.child, self.steady()))
            self.child = None

    def close(self) -> None:
        """Let go of all children. One that hangs in the driver ends by itself when the driver answers."""
        self.renew()
        for child, _ in self.leaving:
            try:
                child.process.wait(END_WAIT)
            except subprocess.TimeoutExpired:
                child.process.terminate()
        for hung in self.hanging:
            _close_pipes(hung.child)
        self.leaving.clear()
        self.hanging.clear()

    def _start(self) -> Child:
        note = new_note()
        options = {"poll": self.poll, "health": self.health, "skip": sorted(self.skips), "library": self.library}
        process = subprocess.Popen(
            list(self.command(json.dumps(options), note)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(note,),
            env=None if self.environment is None else dict(self.environment),
        )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        mapped = Note(note)
        os.close(note)
        mapped.enter(self.steady(), NO_GPU, START.encode())
        return Child(process, mapped, self.steady())

    def _frames(self, child: Child) -> Iterator[Message]:
        assert child.process.stdout is not None
        while True:
            try:
                data = os.read(child.process.stdout.fileno(), CHUNK)
            except BlockingIOError:
                return
            if not data:
                return
            child.heard = self.steady()
            data, at = child.rest + data, 0
            while len(data) - at >= FRAME.size:
                kind, length = FRAME.unpack_from(data, at)
                end = at + FRAME.size + length
                if end > len(data):
                    break
                yield self._message(child, kind, data[at + FRAME.size : end])
                at = end
            child.rest = data[at:]

    def _message(self, child: Child, kind: int, content: bytes) -> Message:
        if kind == NUMBERS:
            return struct.unpack(f"={len(content) // 8}d", content)
        message: dict[str, Any] = json.loads(content)
        if "hello" in message:
            child.met, self.retry = True, RETRY_FIRST
        return message

    def _judge(self, child: Child, now: float) -> Iterator[Message]:
        code = child.process.poll()
        doing = child.note.read()
        if code is not None:
            yield from self._frames(child)  # what it said with its last breath
            self.child = None
            _close_pipes(child)
            yield from self._after_death(code, doing, now)
        elif doing.since and now - doing.since > (self.deadline if child.met else INIT_DEADLINE):
            self.hanging.append(Hanging(child, doing.gpu, doing.since, doing.function))
            self.child = None
            if doing.gpu != NO_GPU:
                self._skip((doing.gpu, "*"), now)
            yield Stuck(doing.gpu, doing.function)
        elif child.met and not doing.since and now - child.heard > max(self.quiet, QUIET_POLLS * self.poll):
            self.renew()  # somebody stopped it: it ends by itself when it goes on, and another one asks meanwhile

    def _after_death(self, code: int, doing: Doing, now: float) -> Iterator[Message]:
        if doing.gpu == NO_GPU:
            self.start_at = now + self.retry
            self.retry = min(2 * self.retry, RETRY_LAST)
        if code == CANNOT_BEGIN:
            return
        if doing.gpu != NO_GPU:
            # The first crash costs the call, a second one on that GPU costs the GPU.
            again = any(gpu == doing.gpu for gpu, _ in self.skips)
            self._skip((doing.gpu, "*" if again else doing.function), now)
        yield Crashed(doing.gpu, doing.function, code)

    def _skip(self, key: tuple[int, str], now: float) -> None:
        rest = self.rests.get(key, SKIP_FIRST)
        self.skips[key] = now + rest
        self.rests[key] = min(2 * rest, SKIP_LAST)

    def _reap(self, now: float) -> None:
        """Children that came back are let go; what was skipped for long enough, or answered, is tried again."""
        for hung in list(self.hanging):
            if hung.child.process.poll() is not None or hung.child.note.read().since != hung.since:
                self.hanging.remove(hung)
                _close_pipes(hung.child)
                self.leaving.append((hung.child, now))
                self._try_again({(hung.gpu, "*")})
        for child, since in list(self.leaving):
            if child.process.poll() is not None:
                self.leaving.remove((child, since))
            elif now - since > PATIENCE:
                child.process.terminate()
        held = {hung.gpu for hung in self.hanging}
        self._try_again({key for key, until in self.skips.items() if now >= until and key[0] not in held})

    def _try_again(self, keys: set[tuple[int, str]]) -> None:
        if keys & self.skips.keys():
            for key in keys:
                self.skips.pop(key, None)
            self.renew()


def _close_pipes(child: Child) -> None:
    for pipe in (child.process.stdin, child.process.stdout):
        if pipe is not None:
            pipe.close()

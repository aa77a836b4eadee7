"""One process as /proc shows it, and a pin on it: a pidfd opened first, then compared; no other is ever signalled."""

from __future__ import annotations

import os
import select
import signal
from dataclasses import dataclass, field
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """Who a process is. Two with the same pid, start and boot are the same process."""

    pid: int
    start: int  # clock ticks since boot
    parent: int
    uid: int
    state: str
    name: str
    command: tuple[str, ...]
    cwd: str = ""
    caught: int = 0
    ignored: int = 0
    tracer: int = 0
    innermost: int = 0  # its pid in its own namespace
    busy: float = field(default=0.0, compare=False)  # seconds of processor time so far
    environment: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def line(self) -> str:
        """The command line as one text."""
        return " ".join(self.command)

    def disposition(self, number: int) -> str:
        """What a signal does to it: `caught`, `ignored`, `default`. Caught is not yet saved."""
        bit = 1 << (number - 1)
        if self.caught & bit:
            return "caught"
        return "ignored" if self.ignored & bit or (self.innermost == 1 and self.pid != 1) else "default"


def read_process(pid: int, proc: Path = PROC) -> Process | None:
    """The process of that pid now, or None when there is none (a zombie is none)."""
    here = proc / str(pid)
    try:
        before, after = (here / "stat").read_text(errors="replace").rsplit(")", 1)
        fields = after.split()
        about = dict(
            line.split(":", 1) for line in (here / "status").read_text(errors="replace").splitlines() if ":" in line
        )
        command = (here / "cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    if fields[0] in "ZX":
        return None
    words = tuple(word.decode(errors="replace") for word in command.rstrip(b"\0").split(b"\0")) if command else ()
    return Process(
        pid, int(fields[19]), int(fields[1]), int(about["Uid"].split()[0]), fields[0], before.partition("(")[2], words,
        _cwd(here), int(about["SigCgt"], 16), int(about["SigIgn"], 16), int(about.get("TracerPid", "0")),
        int(about.get("NSpid", str(pid)).split()[-1]), (int(fields[11]) + int(fields[12])) / TICKS, _environment(here),
    )  # fmt: skip


def _cwd(here: Path) -> str:
    try:
        return os.readlink(here / "cwd")
    except OSError:
        return ""


def _environment(here: Path) -> dict[str, str]:
    try:
        data = (here / "environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.decode(errors="replace").partition("=") for entry in data.split(b"\0") if b"=" in entry)
    return {name: value for name, _, value in pairs}


def all_processes(proc: Path = PROC) -> dict[int, Process]:
    """Every process that can be seen now."""
    found = (read_process(int(name), proc) for name in os.listdir(proc) if name.isdigit())
    return {process.pid: process for process in found if process is not None}


def written_bytes(pid: int, proc: Path = PROC) -> int:
    """How many bytes the process has handed to files so far; -1 when that may not be read."""
    try:
        lines = (proc / str(pid) / "io").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(("wchar", "write_bytes")))
    except (OSError, ValueError):
        return -1


def written_files(pid: int, under: str = "/", proc: Path = PROC) -> list[str]:
    """The paths below a folder that the process holds open for writing."""
    here, folder = proc / str(pid), under.rstrip("/") + "/"
    try:
        handles = os.listdir(here / "fd")
    except OSError:
        return []
    return [path for handle in handles if (path := _target(here, handle)).startswith(folder) and _writes(here, handle)]


def _target(here: Path, handle: str) -> str:
    try:
        return os.readlink(here / "fd" / handle)
    except OSError:
        return ""


def _writes(here: Path, handle: str) -> bool:
    try:
        flags = next(line for line in (here / "fdinfo" / handle).read_text().splitlines() if line.startswith("flags:"))
    except (OSError, StopIteration):
        return False
    return int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY


def open_for_writing(pid: int, folder: str, proc: Path = PROC) -> bool:
    """Whether the process holds a file under that folder open for writing."""
    return bool(written_files(pid, folder, proc))


def pipe_in(pid: int, proc: Path = PROC) -> str:
    """The pipe that the process reads as its input, or ""."""
    target = _target(proc / str(pid), "0")
    return target if target.startswith("pipe:") else ""


def prints_into(pid: int, proc: Path = PROC) -> set[str]:
    """The pipes that the process prints into, as its output or its errors."""
    return {target for handle in "12" if (target := _target(proc / str(pid), handle)).startswith("pipe:")}


def _identity(process: Process) -> tuple[int, int, tuple[str, ...], str]:
    """What makes it the very process that was looked at."""
    return process.start, process.uid, process.command, process.cwd


class Pin:
    """A hold on one process: signals go through it to that process or to none."""

    def __init__(self, process: Process) -> None:
        """Open the pidfd, then make sure that it is still the same process; ProcessLookupError when it is not."""
        self.process = process
        self._handle = os.pidfd_open(process.pid)
        now = read_process(process.pid)
        if now is None or _identity(now) != _identity(process):
            os.close(self._handle)
            raise ProcessLookupError(f"pid {process.pid} is no longer the process that was looked at")

    def send(self, number: int) -> bool:
        """Send a signal; False when the process has gone."""
        try:
            signal.pidfd_send_signal(self._handle, number)
        except ProcessLookupError:
            return False
        return True

    def gone(self, seconds: float = 0.0) -> bool:
        """Whether it has ended, waiting so long for it."""
        return bool(select.select([self._handle], [], [], seconds)[0])

    def close(self) -> None:
        """Let go."""
        os.close(self._handle)

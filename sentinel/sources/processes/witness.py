"""What each process of a silent run is doing, in words: rank, pid, GPU, state, where in the kernel it waits.

SIGQUIT and SIGABRT are never used for it. Stacks come from `py-spy dump --nonblocking`, which does not stop the
process; where it is missing or not allowed, the message carries the command.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentinel.sources.processes.attach import Because, Member
from sentinel.sources.processes.process import Pid
from sentinel.sources.processes.reading import Vital

STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "in uninterruptible sleep",
    "T": "stopped by a signal",
    "t": "held by a debugger",
    "Z": "a zombie",
    "I": "idle",
}
MOST = 16  # processes named; the odd one is always among them
STACK_DEADLINE, STACK_BYTES = 20.0, 2000
Busy = Mapping[str, Mapping[str, float]]  # GPU -> its newest readings


@dataclass(frozen=True, slots=True)
class Testimony:
    """One process of a silent run."""

    pid: int
    rank: int | None
    gpus: tuple[str, ...]
    state: str
    waits: str  # the kernel function that it sleeps in; "" where rights are missing
    util: float | None  # the lowest of its GPUs
    last: str = ""  # the last line that it wrote

    def __str__(self) -> str:
        """One line of the message."""
        who = f"rank {self.rank}, pid {self.pid}" if self.rank is not None else f"pid {self.pid}"
        gpus = f", GPU {'+'.join(self.gpus)}" if self.gpus else ""
        busy = f" at {self.util:.0f} %" if self.util is not None else ""
        waits = f" in {self.waits}" if self.waits else ""
        last = f', last line "{self.last}"' if self.last else ""
        return f"{who}{gpus}{busy}: {STATES.get(self.state, self.state)}{waits}{last}"


def statements(
    members: Sequence[Member],
    living: Mapping[Pid, Vital],
    gpus: Busy,
    lines: Mapping[Pid, str] | None = None,
    root: str = "/proc",
) -> list[Testimony]:
    """What the run's own processes do now; those with a GPU or rank stand for their workers. `lines`: their last words."""
    own = [member for member in members if member.process.id in living and member.because is not Because.CARRIER]
    chief = [member for member in own if member.gpus or member.process.rank is not None] or own[:1]
    out = []
    for member in chief:
        seen = living[member.process.id]
        util = [gpus[gpu]["util"] for gpu in member.gpus if "util" in gpus.get(gpu, {})]
        waits = waiting(seen.id.number, root)
        least = min(util) if util else None
        last = (lines or {}).get(seen.id, "")
        out.append(Testimony(seen.id.number, member.process.rank, member.gpus, seen.state, waits, least, last))
    return out


def odd_one(all_of: Sequence[Testimony]) -> Testimony | None:
    """The one that differs from all others: stopped, blocked, dead, or idle while they spin."""
    if len(all_of) < 2:
        return None
    for differs in (lambda t: t.state in "TtDZ", lambda t: t.util is not None and t.util < IDLE):
        found = [testimony for testimony in all_of if differs(testimony)]
        if len(found) == 1:
            return found[0]
    return None


IDLE = 5.0  # per cent


def told(all_of: Sequence[Testimony], odd: Testimony | None) -> str:
    """All of them in one text, the odd one first."""
    ordered = sorted(all_of, key=lambda t: (t is not odd, t.rank if t.rank is not None else t.pid))
    left = len(ordered) - MOST
    return "; ".join(map(str, ordered[:MOST])) + (f"; and {left} more" if left > 0 else "")


def waiting(pid: int, root: str = "/proc") -> str:
    """The kernel function that a process sleeps in."""
    try:
        with open(f"{root}/{pid}/wchan", encoding="ascii") as file:
            found = file.read(64)
    except OSError:
        return ""
    return "" if found == "0" else found


def stack_command(pid: int) -> str:
    """What a person types where we may not look ourselves."""
    mine = os.geteuid() == 0
    return f"{'' if mine else 'sudo '}py-spy dump --pid {pid}"


@dataclass(slots=True)
class Stacks:
    """One `py-spy` under way; asked now and read at a later turn."""

    pid: int
    process: subprocess.Popen[bytes] | None
    deadline: float

    def read(self, now: float) -> str | None:
        """The stacks, or the command that shows them; None while it is under way."""
        if self.process is None:
            return stack_command(self.pid)
        if self.process.poll() is None:
            if now < self.deadline:
                return None
            self.process.kill()
        output, failed = self.process.communicate()[0], self.process.returncode != 0
        self.process = None
        if failed or not output:
            return stack_command(self.pid)
        return output.decode("utf-8", "replace")[:STACK_BYTES]

    def close(self) -> None:
        """Nobody wants the answer any more."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def ask_stacks(pid: int, now: float) -> Stacks:
    """Begin to look at a process's Python stacks."""
    beside_us = os.path.dirname(sys.executable)
    spy = shutil.which("py-spy", path=f"{os.environ.get('PATH', os.defpath)}:{beside_us}")
    process = None
    if spy is not None:
        command = [spy, "dump", "--nonblocking", "--pid", str(pid)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return Stacks(pid, process, now + STACK_DEADLINE)

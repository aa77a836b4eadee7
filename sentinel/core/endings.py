"""How a run went: one verdict from what its log said last and what the kernel says of its processes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.core.records import How, Mark, MarkKind

# Signals by what they say: the program's own fault, or somebody's will.
FAULTS = {4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV", 31: "SIGSYS"}
WILL = {1: "SIGHUP", 2: "SIGINT", 10: "SIGUSR1", 12: "SIGUSR2", 15: "SIGTERM", 24: "SIGXCPU"}
KILL = 9
_SHELL = 128  # a shell says 128 + N for a child that signal N ended
_COMPLETE = 0.999


@dataclass(frozen=True, slots=True)
class Traces:
    """What is left of a run once its processes are gone. Unknown is None, never zero."""

    marks: Sequence[Mark] = ()  # FINISHED, FATAL, STOPPED as the log gave them, in order
    exit_code: int | None = None
    signal: int | None = None
    kernel: str = ""  # the kernel's line about it: an OOM kill, a segfault, a lost GPU
    out_of_memory: bool = False
    by_us: str = ""  # what Sentinel itself did to stop it
    progress: float | None = None
    heard: bool = True  # the kernel's log could be read, so that no word of it means something
    lost: str = ""  # what took it away while nobody watched: the machine's own restart


@dataclass(frozen=True, slots=True)
class Ending:
    """The verdict, with the line or code that says so."""

    how: How
    detail: str


def how_it_went(traces: Traces) -> Ending:
    """Ended, died, stopped by someone, or cannot tell; the surest witness speaks first."""
    for witness in (_sentinel, _kernel, _fault, _words, _will, _code, _plan, _lost):
        ending = witness(traces)
        if ending is not None:
            return ending
    return Ending(How.UNCLEAR, "its processes are gone")


def signal_of(traces: Traces) -> int | None:
    """The signal that ended it, also where a shell or a Python parent wrote it as an exit code."""
    if traces.signal is not None:
        return abs(traces.signal)
    code = traces.exit_code
    if code is None:
        return None
    if code < 0:
        return -code
    return code - _SHELL if _SHELL < code <= _SHELL + 64 else None


def _sentinel(traces: Traces) -> Ending | None:
    return Ending(How.STOPPED, traces.by_us) if traces.by_us else None


def _kernel(traces: Traces) -> Ending | None:
    if traces.out_of_memory:
        return Ending(How.DIED, traces.kernel or "killed by the kernel: out of memory")
    return Ending(How.DIED, traces.kernel) if traces.kernel else None


def _fault(traces: Traces) -> Ending | None:
    signal = signal_of(traces)
    return Ending(How.DIED, f"ended by {FAULTS[signal]}") if signal in FAULTS else None


def _words(traces: Traces) -> Ending | None:
    """The last word of the log; a fatal line before a clean exit was caught and does not count."""
    last = next((mark for mark in reversed(traces.marks) if mark.kind in _SAID), None)
    if last is None:
        return None
    if last.kind is MarkKind.FATAL and traces.exit_code == 0:
        return None
    if last.kind is MarkKind.FINISHED and (traces.exit_code or signal_of(traces)):
        return None  # it died after its closing line, for instance while saving: the code speaks
    return Ending(_SAID[last.kind], last.detail or f"{last.file}:{last.line}")


_SAID = {MarkKind.FINISHED: How.ENDED, MarkKind.FATAL: How.DIED, MarkKind.STOPPED: How.STOPPED}


def _will(traces: Traces) -> Ending | None:
    signal = signal_of(traces)
    if signal == KILL and not traces.heard:
        return Ending(How.UNCLEAR, "killed by SIGKILL; the kernel's log cannot be read here: memory may have run out")
    if signal == KILL:
        return Ending(How.STOPPED, "killed by SIGKILL; the kernel tells of no memory shortage")
    return Ending(How.STOPPED, f"ended by {WILL[signal]}") if signal in WILL else None


def _code(traces: Traces) -> Ending | None:
    if traces.exit_code is None:
        return None
    if traces.exit_code == 0:
        return Ending(How.ENDED, "exit code 0")
    return Ending(How.DIED, f"exit code {traces.exit_code}")


def _plan(traces: Traces) -> Ending | None:
    if traces.progress is not None and traces.progress >= _COMPLETE:
        return Ending(How.ENDED, "the plan was reached")
    return None


def _lost(traces: Traces) -> Ending | None:
    return Ending(How.DIED, traces.lost) if traces.lost else None

"""The host's own figures from `/proc`: memory, swap, pressure, kills, load. What a kernel does not tell is left out."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Mapping

Values = dict[str, float]
_KIB = 1024.0


def memory(root: str = "/proc") -> Values:
    """Memory and swap in MiB, and the share that is still available."""
    found = {key.rstrip(":"): float(value.split()[0]) / _KIB for key, value in _pairs(f"{root}/meminfo", ":")}
    out = {}
    if found.get("MemTotal") and "MemAvailable" in found:
        out["host.mem_available_mb"] = found["MemAvailable"]
        out["host.mem_available"] = found["MemAvailable"] / found["MemTotal"]
    if found.get("SwapTotal"):
        out["host.swap_used"] = 1 - found.get("SwapFree", 0.0) / found["SwapTotal"]
    return out


def counters(root: str = "/proc") -> Values:
    """Counters since boot: kills for memory, pages swapped in."""
    wanted = {"oom_kill": "oom_kills", "pswpin": "swapped_in"}
    return {wanted[key]: float(value) for key, value in _pairs(f"{root}/vmstat", " ") if key in wanted}


def pressure(root: str = "/proc") -> Values:
    """Share of the time in which all (`full`) or some tasks waited, over the last 10 or 60 seconds, in per cent."""
    out = {}
    for what in ("cpu", "io", "memory"):
        for kind, rest in _pairs(f"{root}/pressure/{what}", " "):
            for word in rest.split():
                name, _, value = word.partition("=")
                if name in {"avg10", "avg60"}:
                    out[f"host.{what}_{kind}_{name}"] = float(value)
    return out


def load(root: str = "/proc") -> Values:
    """Runnable tasks for each processor, and the share of all descriptors in use."""
    out = {}
    words = _text(f"{root}/loadavg").split()
    if words:
        out["host.load"] = float(words[0]) / (os.cpu_count() or 1)
    files = _text(f"{root}/sys/fs/file-nr").split()
    if len(files) == 3 and float(files[2]):
        out["host.file_share"] = float(files[0]) / float(files[2])
    return out


class _Timex(ctypes.Structure):
    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_long * 64))


_UNSYNCHRONISED = 5  # TIME_ERROR


def clock_synchronised() -> bool | None:
    """Whether the kernel takes its clock for right; None where it does not say."""
    try:
        libc = ctypes.CDLL(None)
        state = libc.adjtimex(ctypes.byref(_Timex()))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED


class Jumps:
    """Notices when the time of day moves otherwise than time passes."""

    LEAST = 2.0

    def __init__(self) -> None:
        """From now on."""
        self.between: float | None = None

    def look(self) -> float | None:
        """By how many seconds the clock jumped since the last look, if it did."""
        between = time.time() - time.monotonic()
        before, self.between = self.between, between
        if before is None or abs(between - before) < self.LEAST:
            return None
        return between - before


def group_kills(path: str) -> float | None:
    """How often the kernel killed in a cgroup for want of memory (v2's `memory.events`, v1's `memory.oom_control`)."""
    for key, value in _pairs(path, " "):
        if key == "oom_kill":
            return float(value)
    return None


def _pairs(path: str, separator: str) -> list[tuple[str, str]]:
    lines = _text(path).splitlines()
    return [
        (key.strip(), value.strip()) for key, found, value in (line.partition(separator) for line in lines) if found
    ]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(1 << 16)
    except (OSError, ValueError):
        return ""


def risen(before: Mapping[str, float], now: Mapping[str, float]) -> Values:
    """How much each counter grew."""
    return {name: max(0.0, value - before[name]) for name, value in now.items() if name in before}

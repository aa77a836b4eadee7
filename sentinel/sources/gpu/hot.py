"""The hot set: what is asked every few seconds. Its calls are prepared once, so that a poll only makes them.

Buffers and pointers live as long as their GPU; nothing is allocated between two polls, and pynvml's wrappers, which make
a new buffer for each call, are not in the way. What a driver does not support stays NaN; it never becomes a zero.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from math import nan
from typing import Any, NamedTuple

Numbers = tuple[float, ...]
Read = Callable[[], Numbers]
Prepare = Callable[[Any], tuple[tuple[Any, ...], Read]]  # handle -> (arguments, what they say after the call)

MIB = 1024.0 * 1024.0
NOT_AVAILABLE = 2**32 - 1  # NVML_VALUE_NOT_AVAILABLE as an unsigned int; 64-bit ones are larger still
NO_MEMORY_SAID = 2**63


class _Utilisation(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class _MemoryV2(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint), ("total", ctypes.c_ulonglong), ("reserved", ctypes.c_ulonglong),
                ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))  # fmt: skip


class _TemperatureV(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint), ("sensor", ctypes.c_uint), ("degrees", ctypes.c_int))


MEMORY_V2, TEMPERATURE_V1 = 0x02000028, 0x100000C  # size and version, as the library wants them


def _scalar(scale: float = 1.0, *rest: int) -> Prepare:
    def prepare(handle: Any) -> tuple[tuple[Any, ...], Read]:
        held = ctypes.c_uint()
        known = [ctypes.c_uint(word) for word in rest]

        def read() -> Numbers:
            value = held.value
            return (value * scale,) if value != NOT_AVAILABLE else (nan,)

        return (handle, *known, ctypes.byref(held)), read

    return prepare


def _utilisation(handle: Any) -> tuple[tuple[Any, ...], Read]:
    held = _Utilisation()

    def read() -> Numbers:
        gpu, memory = held.gpu, held.memory
        return (gpu if gpu <= 100 else nan, memory if memory <= 100 else nan)

    return (handle, ctypes.byref(held)), read


def _memory(make: Callable[[], Any]) -> Prepare:
    def prepare(handle: Any) -> tuple[tuple[Any, ...], Read]:
        held = make()

        def read() -> Numbers:
            total = held.total
            return (held.used / MIB, total / MIB) if total < NO_MEMORY_SAID else (nan, nan)

        return (handle, ctypes.byref(held)), read

    return prepare


def _temperature_v(handle: Any) -> tuple[tuple[Any, ...], Read]:
    held = _TemperatureV(TEMPERATURE_V1, 0, 0)
    return (handle, ctypes.byref(held)), lambda: (held.degrees,)


# Bits of the clocks-event reasons: 0x8 hardware slowdown, 0x40 hardware thermal, 0x80 power brake, 0x20 software
# thermal, 0x4 software power cap, 0x1 idle.
def _reasons(handle: Any) -> tuple[tuple[Any, ...], Read]:
    held = ctypes.c_ulonglong()

    def read() -> Numbers:
        mask = held.value
        hardware, heat, brake, cap = mask & (0x8 | 0x40 | 0x80), mask & (0x20 | 0x40), mask & 0x80, mask & 0x4
        return (float(hardware > 0), float(heat > 0), float(brake > 0), float(cap > 0))

    return (handle, ctypes.byref(held)), read


class Question(NamedTuple):
    """One question to a GPU: what the answers are called, and the ways to ask, the newest first."""

    columns: tuple[str, ...]
    ways: tuple[tuple[str, Prepare], ...]


MEMORY = Question(
    ("memory_used", "memory_total"),
    (
        ("nvmlDeviceGetMemoryInfo_v2", _memory(lambda: _MemoryV2(MEMORY_V2))),
        ("nvmlDeviceGetMemoryInfo", _memory(_Memory)),
    ),
)
HOT: tuple[Question, ...] = (
    Question(("util", "mem_util"), (("nvmlDeviceGetUtilizationRates", _utilisation),)),
    MEMORY,
    Question(("power",), (("nvmlDeviceGetPowerUsage", _scalar(0.001)),)),
    Question(("power_limit",), (("nvmlDeviceGetEnforcedPowerLimit", _scalar(0.001)),)),
    Question(("temp",), (("nvmlDeviceGetTemperatureV", _temperature_v), ("nvmlDeviceGetTemperature", _scalar(1.0, 0)))),
    Question(("sm_clock",), (("nvmlDeviceGetClockInfo", _scalar(1.0, 1)),)),
    Question(("mem_clock",), (("nvmlDeviceGetClockInfo", _scalar(1.0, 2)),)),
    Question(
        ("throttle_hw", "throttle_heat", "throttle_brake", "power_cap"),
        (("nvmlDeviceGetCurrentClocksEventReasons", _reasons), ("nvmlDeviceGetCurrentClocksThrottleReasons", _reasons)),
    ),
)
OF_AN_INSTANCE: tuple[Question, ...] = (MEMORY,)  # a MIG instance tells no more; utilisation is not supported there


class Asked:
    """One question to one GPU, prepared; moves on to an older way where the driver lacks the newer one."""

    __slots__ = ("_library", "_way", "arguments", "call", "function", "name", "nothing", "question", "read", "skipped")

    def __init__(self, question: Question, library: Any, handle: Any, skipped: frozenset[str]) -> None:
        """Ready to be asked by the newest way that there is."""
        self.question, self._library, self.skipped = question, library, skipped
        self.nothing: Numbers = (nan,) * len(question.columns)
        self._way = -1
        self.try_older(handle)

    def try_older(self, handle: Any) -> bool:
        """Whether there is another way; without one, `call` is None from here on."""
        while self._way + 1 < len(self.question.ways):
            self._way += 1
            self.function, prepare = self.question.ways[self._way]
            if self.function in self.skipped:
                break
            found = getattr(self._library, self.function, None)
            if found is not None:
                self.name = self.function.encode()[:47]
                self.call: Any = found
                self.arguments, self.read = prepare(handle)
                return True
        self.call = None
        return False


class _Process(ctypes.Structure):
    _fields_ = (("pid", ctypes.c_uint), ("memory", ctypes.c_ulonglong), ("gi", ctypes.c_uint), ("ci", ctypes.c_uint))


FIRST_ROOM, MOST_ROOM = 32, 4096


class List:
    """A process list, v2 and v3 of one layout, into a buffer that grows when it must."""

    def __init__(self) -> None:
        """Room for a usual number."""
        self.held = (_Process * FIRST_ROOM)()
        self.count = ctypes.c_uint()

    def call(self, function: Any, handle: Any) -> int:
        """The library's answer."""
        self.count.value = len(self.held)
        return int(function(handle, ctypes.byref(self.count), self.held))

    def grow(self) -> bool:
        """After "too small": whether it is worth another try."""
        if len(self.held) >= MOST_ROOM:
            return False
        self.held = (_Process * min(MOST_ROOM, 2 * max(self.count.value, len(self.held))))()
        return True

    def processes(self) -> list[tuple[int, float | None]]:
        """(pid, MiB held; None where the driver does not say, as on MIG)."""
        return [
            (one.pid, None if one.memory >= NO_MEMORY_SAID else one.memory / MIB)
            for one in self.held[: self.count.value]
        ]


LISTS = (
    ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"),
    ("nvmlDeviceGetMPSComputeRunningProcesses_v3", "nvmlDeviceGetMPSComputeRunningProcesses_v2"),
)

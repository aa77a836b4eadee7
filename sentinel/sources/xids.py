"""What each Xid means for the run that owned the GPU and for the GPU, and the book that tells one only once.

The table is our own summary of NVIDIA's catalogue. `run`: what the training process can expect. `level`: how loudly a
rule may speak of it. Xid 45 comes in storms on healthy machines: it is never a reason by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

NOTHING, RESET, REBOOT, HARDWARE, LINK, OTHER = "nothing", "reset", "reboot", "hardware", "check_link", "follow_other"
INFO, WARNING, HIGH, CRITICAL = 0, 1, 2, 3


class Xid(NamedTuple):
    """One code."""

    name: str
    run: Literal["dead", "maybe", "fine"]
    gpu: str  # what the GPU needs before the next run
    level: int
    app: bool = False  # most often the program's own fault


XIDS: dict[int, Xid] = {
    8: Xid("GPU stopped processing (idle timeout)", "dead", NOTHING, HIGH),
    11: Xid("bad push buffer", "dead", NOTHING, HIGH),
    13: Xid("graphics engine exception, often an index out of bounds in a kernel", "dead", NOTHING, HIGH, True),
    25: Xid("illegal push buffer", "dead", NOTHING, HIGH, True),
    31: Xid("GPU memory page fault (illegal address)", "dead", NOTHING, HIGH, True),
    32: Xid("corrupted push buffer", "dead", NOTHING, HIGH),
    37: Xid("driver firmware error", "maybe", NOTHING, WARNING),
    38: Xid("driver firmware watchdog", "maybe", NOTHING, WARNING),
    43: Xid("channel reset after an application fault", "dead", NOTHING, HIGH, True),
    44: Xid("fault during a context switch", "maybe", NOTHING, WARNING),
    45: Xid("channels torn down (process killed or crashed)", "dead", OTHER, INFO),
    46: Xid("GPU stopped processing", "dead", RESET, CRITICAL),
    48: Xid("uncorrectable (double bit) ECC error", "dead", RESET, CRITICAL),
    54: Xid("auxiliary power not connected", "maybe", HARDWARE, CRITICAL),
    62: Xid("micro-controller halt", "dead", RESET, CRITICAL),
    63: Xid("row remapped or page retired; it takes effect at the next reset", "fine", NOTHING, WARNING),
    64: Xid("row remap or page retirement failed", "maybe", RESET, CRITICAL),
    68: Xid("video decoder exception", "maybe", NOTHING, WARNING, True),
    69: Xid("graphics engine class error", "dead", NOTHING, HIGH, True),
    74: Xid("NVLink error", "dead", LINK, CRITICAL),
    79: Xid("GPU fell off the bus", "dead", REBOOT, CRITICAL),
    80: Xid("corrupted data sent to the GPU", "dead", NOTHING, HIGH),
    92: Xid("high rate of corrected ECC errors", "fine", NOTHING, WARNING),
    93: Xid("InfoROM wear limit", "fine", NOTHING, INFO),
    94: Xid("contained memory error; only the owning process dies", "dead", NOTHING, HIGH),
    95: Xid("uncontained memory error; every process on the GPU is suspect", "dead", RESET, CRITICAL),
    106: Xid("SMBus test message", "fine", NOTHING, INFO),
    109: Xid("context switch timeout", "dead", RESET, HIGH),
    110: Xid("security fault", "dead", RESET, CRITICAL),
    119: Xid("the GPU's own processor does not answer (GSP timeout)", "dead", RESET, CRITICAL),
    120: Xid("error in the GPU's own processor (GSP)", "dead", RESET, CRITICAL),
    121: Xid("link error between CPU and GPU (C2C)", "maybe", NOTHING, WARNING),
    136: Xid("link training failed", "dead", RESET, CRITICAL),
    137: Xid("NVLink privilege error", "dead", NOTHING, HIGH),
    140: Xid("unrecovered ECC error", "dead", RESET, CRITICAL),
    141: Xid("CUDA fast path error", "maybe", NOTHING, WARNING),
    143: Xid("GPU initialisation error", "dead", RESET, CRITICAL),
    151: Xid("key rotation error (confidential computing)", "dead", REBOOT, CRITICAL),
    154: Xid("the driver's recovery action changed", "maybe", OTHER, WARNING),
    155: Xid("NVLink software-defined error", "dead", RESET, CRITICAL),
    156: Xid("resource retired", "fine", RESET, WARNING),
    157: Xid("resource retirement failed", "maybe", NOTHING, HIGH),
    158: Xid("fatal GPU timeout", "dead", RESET, CRITICAL),
    162: Xid("power smoothing on again", "fine", NOTHING, INFO),
    163: Xid("power smoothing circuit off", "fine", NOTHING, INFO),
    167: Xid("fatal PCIe timeout", "dead", REBOOT, CRITICAL),
    168: Xid("reduced GPU memory", "maybe", RESET, HIGH),
    171: Xid("uncorrectable DRAM error", "dead", RESET, CRITICAL),
    172: Xid("uncorrectable SRAM error", "dead", RESET, CRITICAL),
}
XIDS |= dict.fromkeys((39, 40, 41, 70, 71, 72, 75, 76, 77, 85), Xid("copy engine exception", "dead", NOTHING, HIGH))
XIDS |= dict.fromkeys(range(126, 136), Xid("copy engine exception", "dead", NOTHING, HIGH))
XIDS |= dict.fromkeys(range(144, 151), Xid("NVLink error", "maybe", LINK, HIGH))
UNKNOWN = Xid("a code that is not in our table; look it up in NVIDIA's Xid catalogue", "maybe", OTHER, WARNING)

CURES = {
    NOTHING: "the GPU needs nothing",
    RESET: "reset the GPU before the next run",
    REBOOT: "reboot the machine before the next run",
    HARDWARE: "have the hardware looked at",
    LINK: "check the link and its neighbours before the next run",
    OTHER: "see the messages beside it",
}


def meaning(code: int) -> Xid:
    """What a code means."""
    return XIDS.get(code, UNKNOWN)


def sentence(gpu: str, code: int) -> str:
    """`GPU 3: Xid 79, GPU fell off the bus; reboot the machine before the next run`."""
    xid = meaning(code)
    return f"GPU {gpu}: Xid {code}, {xid.name}; {CURES[xid.gpu]}"


SAME = 60.0  # seconds: the two sources tell of one event this close together, and a storm repeats faster


@dataclass(slots=True)
class Book:
    """Which Xids were told: NVML and the kernel log are heard both, and each event counts once."""

    last: dict[tuple[str, int], float] = field(default_factory=dict)

    def is_new(self, gpu: str, code: int, now: float) -> bool:
        """Whether this is the first word of an event; a repetition within a minute prolongs it."""
        known = self.last.get((gpu, code))
        self.last[gpu, code] = now
        return known is None or now - known > SAME

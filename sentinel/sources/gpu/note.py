"""The note that the NVML child leaves in shared memory: which call it is in and since when. Nothing else is shared.

A torn read can only misname a call that is just changing, never invent one that lasts.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import NamedTuple

_FORM = struct.Struct("=di48s")
SIZE = _FORM.size
NO_GPU = -1
IDLE = _FORM.pack(0.0, NO_GPU, b"")


class Doing(NamedTuple):
    """A call under way."""

    since: float  # steady seconds; 0 when the child is between calls
    gpu: int  # NVML's index; NO_GPU for calls about the whole driver
    function: str


class Note:
    """One writer in the child, one reader in the daemon."""

    def __init__(self, descriptor: int) -> None:
        """Map the shared memory behind a descriptor."""
        self._memory = mmap.mmap(descriptor, SIZE)

    def enter(self, now: float, gpu: int, function: bytes) -> None:
        """The child is about to make this call."""
        _FORM.pack_into(self._memory, 0, now, gpu, function)

    def leave(self) -> None:
        """The call came back."""
        self._memory[0:SIZE] = IDLE

    def read(self) -> Doing:
        """What the child is doing."""
        since, gpu, function = _FORM.unpack_from(self._memory, 0)
        return Doing(since, gpu, function.rstrip(b"\0").decode("ascii", "replace"))

    def close(self) -> None:
        """Let the memory go."""
        self._memory.close()


def new_note() -> int:
    """A descriptor of fresh shared memory, to be inherited by a child."""
    descriptor = os.memfd_create("sentinel-nvml-note")
    os.ftruncate(descriptor, SIZE)
    return descriptor

"""How processes ended that are not our children: a pidfd keeps the exit status since Linux 6.15, else nobody says."""

from __future__ import annotations

import fcntl
import os
import struct
from dataclasses import dataclass, field

from sentinel.sources.processes.process import Pid

_INFO = struct.Struct("=QQ11Ii")  # struct pidfd_info, first version: mask, cgroup, eleven ids, exit status
_WANT_EXIT = 1 << 3
_GET_INFO = (3 << 30) | (_INFO.size << 16) | (0xFF << 8) | 11  # _IOWR(PIDFS_IOCTL_MAGIC, 11, struct pidfd_info)
MOST = 512  # descriptors held at most


@dataclass(frozen=True, slots=True)
class Exit:
    """One of the two is known."""

    code: int | None
    signal: int | None


@dataclass(slots=True)
class Exits:
    """Descriptors of the processes that we want to know the end of."""

    held: dict[Pid, int] = field(default_factory=dict)

    def watch(self, pid: Pid) -> None:
        """Keep hold of a process; it costs one descriptor."""
        if pid in self.held or len(self.held) >= MOST:
            return
        try:
            self.held[pid] = os.pidfd_open(pid.number)
        except OSError:
            return  # it is gone already

    def ended(self, pid: Pid) -> Exit | None:
        """How it ended; None where the kernel does not say. The hold on it ends."""
        descriptor = self.held.pop(pid, None)
        if descriptor is None:
            return None
        try:
            return _exit_of(descriptor)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Let all go."""
        for descriptor in self.held.values():
            os.close(descriptor)
        self.held.clear()


def _exit_of(descriptor: int) -> Exit | None:
    answer = bytearray(_INFO.size)
    struct.pack_into("=Q", answer, 0, _WANT_EXIT)
    try:
        fcntl.ioctl(descriptor, _GET_INFO, answer)
    except OSError:
        return None
    mask, *_, status = _INFO.unpack(answer)
    if not mask & _WANT_EXIT:
        return None
    signal = status & 0x7F
    return Exit(None, signal) if signal else Exit(status >> 8 & 0xFF, None)

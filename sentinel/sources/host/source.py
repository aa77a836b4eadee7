"""The host's readings at every poll: rows for the host's own run, and for each run what concerns it alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sentinel.core.records import Batch, Row
from sentinel.sources.host.disks import Disks, shared_memory
from sentinel.sources.host.figures import Jumps, clock_synchronised, counters, load, memory, pressure, risen
from sentinel.sources.host.saves import Save, readings, size_of


@dataclass(slots=True)
class HostSource:
    """A source of `host.*`, `disk.*` and `shm.*`."""

    host: str
    poll: float = 15.0
    root: str = "/proc"
    disks: Disks = field(default_factory=Disks)
    folders: Mapping[str, Sequence[str]] = field(default_factory=dict)  # run -> folders it writes to
    saves: Mapping[str, Save] = field(default_factory=dict)  # run -> its newest checkpoint
    chiefs: Mapping[str, int] = field(default_factory=dict)  # run -> a process whose /dev/shm is the run's
    due: float = 0.0
    _before: dict[str, float] = field(default_factory=dict)
    _jumps: Jumps = field(default_factory=Jumps)

    @property
    def name(self) -> str:
        """For status and messages."""
        return "host"

    def read(self, now: float) -> Iterator[Batch]:
        """The host's row, and one for each run with the space left where it writes."""
        if now < self.due:
            return
        self.due = now + self.poll
        yield _batch(self.host, self._figures(), now)
        self.disks.watch({folder for found in self.folders.values() for folder in found})
        self.disks.look()
        for run, folders in self.folders.items():
            yield from self._of_run(run, folders, now)

    def trouble(self) -> Sequence[str]:
        """Disks that do not answer."""
        cure = "its server does not answer; see the kernel log, `mount` and the network"
        return [f"{folder}: {cure}" for folder in sorted(self.disks.stuck)]

    def close(self) -> None:
        """Nothing is held; the helper thread ends with the process."""

    def _figures(self) -> dict[str, float]:
        out = memory(self.root) | pressure(self.root) | load(self.root)
        counted = counters(self.root)
        grown, self._before = risen(self._before, counted), counted
        if "oom_kills" in grown:
            out["host.oom_kills"] = grown["oom_kills"]
        if "swapped_in" in grown:
            out["host.swapped_in_rate"] = grown["swapped_in"] / self.poll
        jumped = self._jumps.look()
        if jumped is not None:
            out["host.clock_jump"] = jumped
        synchronised = clock_synchronised()
        if synchronised is not None:
            out["host.clock_synchronised"] = float(synchronised)
        out["host.stale_disks"] = float(len(self.disks.stuck))
        return out

    def _of_run(self, run: str, folders: Sequence[str], now: float) -> Iterator[Batch]:
        found = self.disks.of(folders)
        values = {f"disk.{label}.{name}": value for label, volume in found.items() for name, value in volume.items()}
        if run in self.saves:
            values |= self._room_for(self.saves[run])
        used = shared_memory(self.chiefs[run], self.root) if run in self.chiefs else None
        if used is not None:
            values["shm.used"] = used
        if values:
            yield _batch(run, values, now)

    def _room_for(self, save: Save) -> dict[str, float]:
        """Whether the run's next checkpoint will fit."""
        device = self.disks.volumes.get(os.path.dirname(save.path))
        size = self.disks.measure(save.path, lambda: size_of(save))
        if device is None or device not in self.disks.disks:
            return {}
        disk = self.disks.disks[device]
        return {f"disk.{disk.label}.{name}": value for name, value in readings(save, size, disk).items()}


def _batch(key: str, values: Mapping[str, float], now: float) -> Batch:
    return Batch(key, (Row(tuple(values), tuple(values.values()), None, None, now, "", 0),))

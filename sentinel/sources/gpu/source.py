"""GPU readings for the runs that own the GPUs, and for the host what belongs to nobody.

Routing and troubles live here; asking is the child's, counting is `readings`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sentinel.core.records import Batch, Fact, Origin, Row
from sentinel.sources import xids
from sentinel.sources.gpu.codes import NO_DRIVER, cannot_start, lost
from sentinel.sources.gpu.keeper import Crashed, Keeper, Stuck
from sentinel.sources.gpu.readings import Memory, readings

RENEW = 600.0  # how often a new child looks whether a lost GPU is back
DEVICE_SIGNS = ("/proc/driver/nvidia", "/dev/nvidiactl")


@dataclass(slots=True)
class Gpu:
    """One GPU or MIG instance as it was last seen."""

    label: str  # "3", or "3m0" for an instance of it
    uuid: str = ""
    name: str = ""
    bus: tuple[int, int, int] | None = None
    processes: tuple[tuple[int, float | None], ...] = ()  # (pid, MiB)
    values: dict[str, float] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    trouble: str = ""


@dataclass(slots=True)
class GpuSource:
    """Turns the child's messages into rows."""

    keeper: Keeper
    host: str  # the key of the host's own run
    book: xids.Book = field(default_factory=xids.Book)
    gpus: dict[str, Gpu] = field(default_factory=dict)
    owners: Mapping[str, Sequence[str]] = field(default_factory=dict)  # label -> keys of runs
    driver: str = ""
    cannot: str = ""
    released_until: float | None = None
    samples: int = 0  # how many came so far
    lists: int = 0  # how often process lists came: attaching looks when it moved
    _of_index: dict[int, str] = field(default_factory=dict)
    _renew_at: float | None = None
    _names: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For status and messages."""
        return "gpu"

    def read(self, now: float) -> Iterator[Batch]:
        """What the child said since the last turn."""
        for message in self.keeper.read():
            if isinstance(message, Stuck | Crashed):
                yield from self._no_answer(message, now)
            elif "hello" in message:
                yield from self._meet(message["hello"], now)
            elif "fail" in message:
                yield from self._fail(message["fail"], now)
            elif "xid" in message:
                label = self._of_index.get(message["gpu"], str(message["gpu"]))
                yield from self.xid(label, message["xid"], now)
            else:
                yield from self._sample(message, now)
        if self._renew_at is not None and now >= self._renew_at:
            self._renew_at = None
            self.keeper.renew()

    def xid(self, label: str, code: int, now: float, text: str = "") -> Iterator[Batch]:
        """An Xid from either source; told once."""
        if self.book.is_new(label, code, now):
            values = {"xid": float(code), "xid_level": float(xids.meaning(code).level)}
            yield from self._tell(label, values, now, text or xids.sentence(label, code))

    def label_of(self, bus: tuple[int, int, int]) -> str | None:
        """The GPU at a PCI address, which the kernel log and NVML write differently."""
        return next((gpu.label for gpu in self.gpus.values() if gpu.bus == bus and "m" not in gpu.label), None)

    def release(self, seconds: float, now: float) -> str:
        """Let the driver go; the sentence that tells the administrator."""
        self.keeper.release(seconds)
        self.released_until = now + seconds
        return f"NVML is let go for {seconds:.0f} s; reset the GPU now"

    def trouble(self) -> Sequence[str]:
        """What cannot be read, each with its cure."""
        out = [self.cannot] if self.cannot else []
        return [*out, *(gpu.trouble for gpu in self.gpus.values() if gpu.trouble)]

    def close(self) -> None:
        """End the child."""
        self.keeper.close()

    def _meet(self, hello: dict[str, Any], now: float) -> Iterator[Batch]:
        self.driver, self.cannot, self.released_until = hello["driver"], "", None
        self._of_index.clear()
        present = set()
        for who in hello["gpus"]:
            gpu = self._recognise(who)
            self._of_index[who["index"]] = gpu.label
            present.add(gpu.label)
            if not who.get("skipped"):
                gpu.trouble = ""
        for label in hello["mig"]:
            self.gpus.setdefault(label, Gpu(label))
            present.add(label)
        yield from self._host({"nvml.up": 1.0}, now)
        for label in self.gpus.keys() - present:
            if "m" not in label:
                yield from self._lost(label, 15, now)

    def _recognise(self, who: dict[str, Any]) -> Gpu:
        """A GPU keeps its number by its UUID, for indices move when one is lost."""
        uuid = who.get("uuid", "")
        known = next((gpu for gpu in self.gpus.values() if uuid and gpu.uuid == uuid), None)
        label = str(who["index"])
        if known is None and label in self.gpus and uuid and self.gpus[label].uuid:
            label = str(max(int(gpu.label) for gpu in self.gpus.values() if "m" not in gpu.label) + 1)
        gpu = known or self.gpus.setdefault(label, Gpu(label))
        gpu.uuid, gpu.name = uuid or gpu.uuid, who.get("name", gpu.name)
        if "bus" in who:
            domain, bus, device = who["bus"]
            gpu.bus = (domain, bus, device)
        return gpu

    def _fail(self, code: int, now: float) -> Iterator[Batch]:
        expected = self.gpus or any(os.path.exists(sign) for sign in DEVICE_SIGNS)
        if code in NO_DRIVER and not expected:
            return
        self.cannot = cannot_start(code)
        yield from self._host({"nvml.up": 0.0, "nvml.code": float(code)}, now, self.cannot)

    def _no_answer(self, message: Stuck | Crashed, now: float) -> Iterator[Batch]:
        what = "does not answer" if isinstance(message, Stuck) else "crashed the driver library"
        label = self._of_index.get(message.gpu, str(message.gpu))
        if label in self.gpus:
            gpu = self.gpus[label]
            gpu.trouble = f"GPU {label}: {message.function} {what}; it is tried again later, see the kernel log"
            yield from self._tell(label, {"answers": 0.0}, now, gpu.trouble)
        else:
            self.cannot = f"NVML: {message.function} {what}; see the kernel log"
            yield from self._host({"nvml.up": 0.0}, now, self.cannot)

    def _lost(self, label: str, code: int, now: float) -> Iterator[Batch]:
        self.gpus[label].trouble = lost(label, code)
        if self._renew_at is None:
            self._renew_at = now + RENEW
        yield from self._tell(label, {"lost": 1.0}, now, self.gpus[label].trouble)

    def _sample(self, message: dict[str, Any], now: float) -> Iterator[Batch]:
        looks: dict[str, dict[str, float]] = {}
        self.samples += 1
        for said, report in message["gpus"].items():
            label = self._label(said)
            gpu = self.gpus.setdefault(label, Gpu(label))
            if "lost" in report:
                yield from self._lost(label, report["lost"], now)
                continue
            values = readings(report["v"], now, gpu.memory)
            if message["health"]:
                values |= {"lost": 0.0, "answers": 1.0}
            if "s" in report:
                values["slow"] = max(report["s"].values())
            if "p" in report:
                gpu.processes = tuple((pid, held) for pid, held in report["p"])
                values["processes"] = float(len(gpu.processes))
            gpu.values.update(values)
            looks[label] = values
        self.lists += any("p" in report for report in message["gpus"].values())
        yield from self._route(looks, now)

    def _label(self, said: str) -> str:
        index, dot, instance = said.partition("m")
        return self._of_index.get(int(index), index) + dot + instance

    def _route(self, looks: Mapping[str, Mapping[str, float]], now: float) -> Iterator[Batch]:
        """One row a run and sample, so that rules see all its GPUs at one moment."""
        rows: dict[str, dict[str, float]] = {self.host: {}}
        for label, values in looks.items():
            owners = self.owners.get(label, ())
            rows[self.host][f"gpu.{label}.owned"] = float(bool(owners))
            for key in owners or (self.host,):
                rows.setdefault(key, {}).update((f"gpu.{label}.{name}", value) for name, value in values.items())
        for key, values in rows.items():
            if values:
                yield self._batch(key, values, now)

    def _tell(self, label: str, values: Mapping[str, float], now: float, text: str) -> Iterator[Batch]:
        named = {f"gpu.{label}.{name}": value for name, value in values.items()}
        said = Fact(f"gpu.{label}.said", text, "", 0, Origin.HOST)  # what `{gpu.said}` in a rule's words stands for
        for key in self.owners.get(label) or (self.host,):
            row = self._batch(key, named, now, text)
            yield Batch(key, (said, *row.items))

    def _host(self, values: Mapping[str, float], now: float, text: str = "") -> Iterator[Batch]:
        yield self._batch(self.host, values, now, text)

    def _batch(self, key: str, values: Mapping[str, float], now: float, text: str = "") -> Batch:
        names = tuple(values)
        names = self._names.setdefault(names, names)
        return Batch(key, (Row(names, tuple(values.values()), None, None, now, "", 0, text),))

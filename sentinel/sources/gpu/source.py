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
from sentinel.sources.gpu.routes import Routes

SAY_AGAIN = 30.0  # seconds between two words on a driver that cannot be read
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
    columns: tuple[str, ...] = ()
    hot: tuple[float, ...] = ()  # the newest numbers of the hot set, as `columns` names them
    memory: Memory = field(default_factory=Memory)
    trouble: str = ""

    @property
    def seen(self) -> dict[str, float]:
        """The newest numbers that are known."""
        return {name: value for name, value in zip(self.columns, self.hot, strict=False) if value == value}


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
    routes: Routes = field(init=False)
    lists: int = 0  # how often process lists came: attaching looks when it moved
    _of_index: dict[int, str] = field(default_factory=dict)
    _renew_at: float | None = None
    _say_at: float = 0.0
    _code: float | None = None  # with which NVML refused
    _names: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nothing is met yet."""
        self.routes = Routes(self.host)

    @property
    def name(self) -> str:
        """For status and messages."""
        return "gpu"

    def read(self, now: float) -> Iterator[Batch]:
        """What the child said since the last turn."""
        for message in self.keeper.read():
            if isinstance(message, Stuck | Crashed):
                yield from self._no_answer(message, now)
            elif not isinstance(message, dict):
                yield from self._sample(message, now)
            elif "hello" in message:
                yield from self._meet(message["hello"], now)
            elif "fail" in message:
                yield from self._fail(message["fail"], now)
            elif "xid" in message:
                label = self._of_index.get(message["gpu"], str(message["gpu"]))
                yield from self.xid(label, message["xid"], now)
            else:
                yield from self._report(message, now)
        if self.cannot and now >= self._say_at:
            yield from self._cannot(now)  # a hold in time needs looks that agree
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

    def standing_still(self) -> dict[str, float]:
        """Children that hang in the driver, by name, and since when."""
        return self.keeper.standing_still()

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
        columns = [(self._label(said), tuple(names)) for said, names in hello["columns"]]
        for label, names in columns:
            present.add(label)
            self.gpus.setdefault(label, Gpu(label)).columns = names
        self.routes.meet(columns)
        yield self._batch(self.host, {"nvml.up": 1.0}, now)
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
        if code in NO_DRIVER and not self._is_expected():
            return
        self.cannot, self._code = cannot_start(code), float(code)
        yield from self._cannot(now)

    def _is_expected(self) -> bool:
        """Whether there should be GPUs here."""
        return bool(self.gpus) or any(os.path.exists(sign) for sign in DEVICE_SIGNS)

    def _cannot(self, now: float) -> Iterator[Batch]:
        self._say_at = now + SAY_AGAIN
        values = {"nvml.up": 0.0} | ({"nvml.code": self._code} if self._code is not None else {})
        yield Batch(self.host, (Fact("nvml.said", self.cannot, "", 0, Origin.HOST),))
        yield self._batch(self.host, values, now, self.cannot)

    def _no_answer(self, message: Stuck | Crashed, now: float) -> Iterator[Batch]:
        if isinstance(message, Crashed) and message.before_the_driver and not self._is_expected():
            return  # no driver had a part in it, and nobody waits for one
        label = self._of_index.get(message.gpu, str(message.gpu))
        if label in self.gpus:
            gpu = self.gpus[label]
            gpu.trouble = f"GPU {label}: {message.function} {message.what}; it is tried again later, see the kernel log"
            yield from self._tell(label, {"answers": 0.0}, now, gpu.trouble)
        else:
            self.cannot, self._code = f"NVML: {message.function} {message.what}; see the kernel log", None
            yield from self._cannot(now)

    def _lost(self, label: str, code: int, now: float) -> Iterator[Batch]:
        self.gpus[label].trouble, self.gpus[label].hot = lost(label, code), ()
        if self._renew_at is None:
            self._renew_at = now + RENEW
        yield from self._tell(label, {"lost": 1.0}, now, self.gpus[label].trouble)

    def _sample(self, values: tuple[float, ...], now: float) -> Iterator[Batch]:
        """The numbers of the hot set: one row for each run, its names shared with the row before."""
        self.samples += 1
        at = 0
        for label, names in self.routes.columns:
            self.gpus[label].hot = values[at : (at := at + len(names))]
        if self.routes.belong(self.owners):
            yield self._owned(now)
        for key, names, numbers in self.routes.parts(values):
            yield Batch(key, (Row(names, numbers, None, None, now, "", 0),))

    def _owned(self, now: float) -> Batch:
        owned = {f"gpu.{label}.owned": float(bool(self.owners.get(label))) for label, _ in self.routes.columns}
        return self._batch(self.host, owned, now)

    def _report(self, message: dict[str, Any], now: float) -> Iterator[Batch]:
        """What there is to say beside the numbers: health, slow calls, processes, a loss."""
        looks: dict[str, dict[str, float]] = {}
        for said, report in message["gpus"].items():
            label = self._label(said)
            gpu = self.gpus.setdefault(label, Gpu(label))
            if "lost" in report:
                yield from self._lost(label, report["lost"], now)
                continue
            values = readings(report["v"], now, gpu.memory) | {"lost": 0.0, "answers": 1.0} if "v" in report else {}
            if "s" in report:
                values["slow"] = max(report["s"].values())
            if "p" in report:
                gpu.processes = tuple((pid, held) for pid, held in report["p"])
                values["processes"] = float(len(gpu.processes))
            if values:
                looks[label] = values
        self.lists += any("p" in report for report in message["gpus"].values())
        if message["health"] and self.routes.columns:
            yield self._owned(now)
        yield from self._route(looks, now)

    def _label(self, said: str) -> str:
        index, dot, instance = said.partition("m")
        return self._of_index.get(int(index), index) + dot + instance

    def _route(self, looks: Mapping[str, Mapping[str, float]], now: float) -> Iterator[Batch]:
        """One row a run and sample, so that rules see all its GPUs at one moment."""
        rows: dict[str, dict[str, float]] = {}
        for label, values in looks.items():
            for key in self.owners.get(label) or (self.host,):
                rows.setdefault(key, {}).update((f"gpu.{label}.{name}", value) for name, value in values.items())
        for key, values in rows.items():
            yield self._batch(key, values, now)

    def _tell(self, label: str, values: Mapping[str, float], now: float, text: str) -> Iterator[Batch]:
        named = {f"gpu.{label}.{name}": value for name, value in values.items()}
        said = Fact(f"gpu.{label}.said", text, "", 0, Origin.HOST)  # what `{gpu.said}` in a rule's words stands for
        for key in self.owners.get(label) or (self.host,):
            row = self._batch(key, named, now, text)
            yield Batch(key, (said, *row.items))

    def _batch(self, key: str, values: Mapping[str, float], now: float, text: str = "") -> Batch:
        names = tuple(values)
        names = self._names.setdefault(names, names)
        return Batch(key, (Row(names, tuple(values.values()), None, None, now, "", 0, text),))

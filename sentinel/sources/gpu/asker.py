"""Asks the driver, one call after the other, with a note before each: the part of the NVML child that knows its calls.

It imports the standard library and nothing of the daemon, for the child must stay small.
"""

from __future__ import annotations

import ctypes
from math import nan
from time import monotonic
from typing import Any, NamedTuple

from sentinel.sources.gpu.calls import HEALTH, Call
from sentinel.sources.gpu.hot import HOT, LISTS, OF_AN_INSTANCE, Asked, List, Question
from sentinel.sources.gpu.note import NO_GPU, Note

NOT_SUPPORTED, NO_PERMISSION, NO_FUNCTION, LOST, RESET_REQUIRED, OTHER_VERSION = 3, 4, 13, 15, 16, 25
TOO_SMALL = 7
NEVER_AGAIN = (NOT_SUPPORTED, NO_PERMISSION, NO_FUNCTION, OTHER_VERSION)
GONE = (LOST, RESET_REQUIRED)
SLOW = 0.25  # seconds; slower calls are reported with their time


class Options(NamedTuple):
    """What the keeper asks of a child."""

    poll: float
    health: float
    skip: frozenset[tuple[int, str]]  # (gpu, function); "*" for the GPU as a whole
    library: str = ""  # a path; "" lets the loader search
    lists: int = 3  # the process list is read at every third poll


class Device:
    """One GPU or MIG instance: its handle and which way each call takes on its driver."""

    def __init__(self, index: int, label: str, handle: Any, hot: tuple[Asked, ...], health: tuple[Call, ...]) -> None:
        """Nothing was asked yet."""
        self.index, self.label, self.handle, self.hot = index, label, handle, hot
        self.health = list(health)
        self.ways = {call.name: 0 for call in health}
        self.width = sum(len(asked.nothing) for asked in hot)
        self.lists: dict[tuple[str, ...], int] = dict.fromkeys(LISTS, 0)

    @property
    def columns(self) -> list[str]:
        """What the numbers of its samples are called, in order."""
        return [name for asked in self.hot for name in asked.question.columns]


class Asker:
    """Makes the calls, one after the other, each with a note before it."""

    def __init__(self, nvml: Any, note: Note, options: Options) -> None:
        """Takes the library's binding as an object, so that a test can hand in its own."""
        self.nvml, self.note, self.options = nvml, note, options
        self.devices: list[Device] = []
        self.bytes_of: dict[str, bytes] = {}
        self.list = List()

    def timed(self, device: int, function: str, ask: Any, report: dict[str, Any]) -> Any:
        """The answer of one call, its error code in the report, or its slowness."""
        name = self.bytes_of.setdefault(function, function.encode()[:47])
        began = monotonic()
        self.note.enter(began, device, name)
        try:
            return ask()
        except self.nvml.NVMLError as error:
            report.setdefault("e", {})[function] = error.value
            return error.value
        except self.nvml.NVMLLibraryMismatchError:  # not an NVMLError: an unversioned wrapper on an old driver
            report.setdefault("e", {})[function] = NO_FUNCTION
            return NO_FUNCTION
        finally:
            self.note.leave()
            took = monotonic() - began
            if took > SLOW:
                report.setdefault("s", {})[function] = round(took, 3)

    def begin(self) -> dict[str, Any]:
        """Initialise once and keep the handles; what there is, or why there is nothing."""
        report: dict[str, Any] = {}
        nvml = self.nvml
        if self.options.library:
            ctypes.CDLL(self.options.library)  # the loader then takes it for the name that pynvml asks for
        code = self.timed(NO_GPU, "nvmlInit", nvml.nvmlInit, report)
        if code is not None:
            return {"fail": code}
        count = self.timed(NO_GPU, "nvmlDeviceGetCount", nvml.nvmlDeviceGetCount, report)
        if "e" in report:
            return {"fail": count}
        driver = self.timed(NO_GPU, "nvmlSystemGetDriverVersion", nvml.nvmlSystemGetDriverVersion, report)
        gpus = [self._meet(index) for index in range(count)]
        columns = [[device.label, device.columns] for device in self.devices]
        return {"hello": {"driver": str(driver), "gpus": gpus, "columns": columns}}

    def _meet(self, index: int) -> dict[str, Any]:
        who: dict[str, Any] = {"index": index}
        if (index, "*") in self.options.skip:
            return who | {"skipped": True}
        nvml = self.nvml
        handle = self.timed(index, "nvmlDeviceGetHandleByIndex", lambda: nvml.nvmlDeviceGetHandleByIndex(index), who)
        if "e" in who:
            return who
        for key, function in (("uuid", "nvmlDeviceGetUUID"), ("name", "nvmlDeviceGetName")):
            value = self.timed(index, function, lambda function=function: getattr(nvml, function)(handle), who)
            if isinstance(value, str):
                who[key] = value
        pci = self.timed(index, "nvmlDeviceGetPciInfo", lambda: nvml.nvmlDeviceGetPciInfo(handle), who)
        if not isinstance(pci, int):
            who["bus"] = [pci.domain, pci.bus, pci.device]
        self.devices.append(Device(index, str(index), handle, self._prepared(index, handle, HOT), HEALTH))
        self._meet_instances(index, handle)
        return who

    def _meet_instances(self, index: int, handle: Any) -> None:
        """MIG instances of a GPU; a GPU without MIG answers "not supported" or zero."""
        nvml, report = self.nvml, {}  # type: Any, dict[str, Any]
        mode = self.timed(index, "nvmlDeviceGetMigMode", lambda: nvml.nvmlDeviceGetMigMode(handle), report)
        if isinstance(mode, int) or not mode[0]:
            return
        most = self.timed(
            index, "nvmlDeviceGetMaxMigDeviceCount", lambda: nvml.nvmlDeviceGetMaxMigDeviceCount(handle), report
        )
        for number in range(0 if "e" in report else most):
            instance = self.timed(
                index,
                "nvmlDeviceGetMigDeviceHandleByIndex",
                lambda number=number: nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number),
                {},
            )
            if not isinstance(instance, int):
                hot = self._prepared(index, instance, OF_AN_INSTANCE)
                self.devices.append(Device(index, f"{index}m{number}", instance, hot, ()))

    def _prepared(self, index: int, handle: Any, questions: tuple[Question, ...]) -> tuple[Asked, ...]:
        skipped = frozenset(function for gpu, function in self.options.skip if gpu == index)
        return tuple(Asked(question, self.nvml.nvmlLib, handle, skipped) for question in questions)

    def poll(self, health: bool, lists: bool) -> tuple[dict[str, Any], list[float]]:
        """One sample of every GPU: its numbers in the order of `columns`, and what else there is to report."""
        reports: dict[str, Any] = {}
        values: list[float] = []
        for device in self.devices:
            report: dict[str, Any] = {}
            before = len(values)
            gone = self._hot(device, values, report)
            if gone is None and health and device.health:
                gone = self._health(device, report)
            if gone is not None:
                del values[before:]
                values += [nan] * device.width
                report = {"lost": gone}
            elif lists:
                held = self._processes(device, report)
                if held is not None:
                    report["p"] = held
            if report:
                reports[device.label] = report
        return reports, values

    def _hot(self, device: Device, values: list[float], report: dict[str, Any]) -> int | None:
        """The numbers of the hot set; the code with which a GPU says that it is gone."""
        note, index, handle = self.note, device.index, device.handle
        for asked in device.hot:
            while asked.call is not None:
                began = monotonic()
                note.enter(began, index, asked.name)
                code = asked.call(*asked.arguments)
                note.leave()
                took = monotonic() - began
                if took > SLOW:
                    report.setdefault("s", {})[asked.function] = round(took, 3)
                if code == 0:
                    values += asked.read()
                    break
                if code in GONE:
                    return int(code)
                if code not in NEVER_AGAIN or not asked.try_older(handle):
                    values += asked.nothing
                    break
            else:
                values += asked.nothing
        return None

    def _health(self, device: Device, report: dict[str, Any]) -> int | None:
        values: dict[str, float] = {}
        for call in tuple(device.health):
            code = self._call(device, call, report, values)
            if code in GONE:
                return code
        report["v"] = values
        return None

    def _call(self, device: Device, call: Call, report: dict[str, Any], values: dict[str, float]) -> int | None:
        """Ask one question, by an older way if the newer one is not there; an unsupported one is never asked again."""
        for number in range(device.ways[call.name], len(call.ways)):
            way = call.ways[number]
            if self._skipped(device, way.function):
                return None
            answer = self.timed(device.index, way.function, lambda way=way: way.ask(self.nvml, device.handle), report)
            if not isinstance(answer, int):
                values.update(answer)
                return None
            if answer not in NEVER_AGAIN:
                return answer
            report["e"].pop(way.function)
            device.ways[call.name] = number + 1
        device.health.remove(call)
        report.setdefault("off", []).append(call.name)
        return None

    def _skipped(self, device: Device, function: str) -> bool:
        return (device.index, function) in self.options.skip

    def _processes(self, device: Device, report: dict[str, Any]) -> list[Any] | None:
        lists = [self._listed(device, names, report) for names in device.lists]
        if all(found is None for found in lists):
            return None
        return sorted([pid, held] for found in lists for pid, held in (found or {}).items())

    def _listed(self, device: Device, names: tuple[str, ...], report: dict[str, Any]) -> dict[int, float | None] | None:
        """One kind of process list by the newest function that the driver has; None where there is none."""
        while device.lists[names] < len(names):
            function = names[device.lists[names]]
            if self._skipped(device, function):
                return None
            found = getattr(self.nvml.nvmlLib, function, None)
            code = NO_FUNCTION if found is None else self._list_code(device, function, found, report)
            if code == 0:
                return dict(self.list.processes())
            if code not in NEVER_AGAIN:
                return None
            device.lists[names] += 1
        return None

    def _list_code(self, device: Device, function: str, found: Any, report: dict[str, Any]) -> int:
        while True:
            code = self.timed(device.index, function, lambda: self.list.call(found, device.handle), report)
            if code != TOO_SMALL or not self.list.grow():
                return int(code)

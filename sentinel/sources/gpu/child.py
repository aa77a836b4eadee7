"""The child process that alone talks to NVML. It notes each call before it makes it and writes a few bytes a poll.

A byte on its standard input asks for a poll now, its end ends the child. It imports the standard library and `pynvml` and
nothing of the daemon, and it never decides anything: what a stall or a crash means is the keeper's business.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import struct
import sys
import threading
from math import nan
from time import monotonic
from typing import Any, NamedTuple, NoReturn

from sentinel.sources.gpu.calls import HEALTH, Call
from sentinel.sources.gpu.hot import HOT, LISTS, OF_AN_INSTANCE, Asked, List, Question
from sentinel.sources.gpu.note import NO_GPU, Note

NOT_SUPPORTED, NO_PERMISSION, NO_FUNCTION, LOST, RESET_REQUIRED, OTHER_VERSION = 3, 4, 13, 15, 16, 25
TOO_SMALL = 7
NEVER_AGAIN = (NOT_SUPPORTED, NO_PERMISSION, NO_FUNCTION, OTHER_VERSION)
GONE = (LOST, RESET_REQUIRED)
SLOW = 0.25  # seconds; slower calls are reported with their time
WAIT_MS, REST, LONGEST_REST = 1000, 1.0, 60.0  # the wait for events; rests after a wait that failed
EVENTS = ("nvmlEventTypeXidCriticalError", "nvmlEventTypeDoubleBitEccError", "nvmlEventTypeSingleBitEccError")
FRAME = struct.Struct("=BI")  # kind and length of what follows
TEXT, NUMBERS = 0, 1
NOW, HEALTH_TOO = b"n", b"h"  # what the keeper writes to have a poll at once
CANNOT_BEGIN = 3  # exit code: the library would not start


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


class Mouth:
    """Standard output, shared by two threads: frames of kind, length and content, one whole frame at a time."""

    def __init__(self, descriptor: int = 1) -> None:
        """Speaks on that descriptor."""
        self._lock = threading.Lock()
        self._descriptor = descriptor

    def say(self, message: dict[str, Any]) -> None:
        """A message in words: JSON."""
        self._write(TEXT, json.dumps(message, separators=(",", ":")).encode())

    def sample(self, values: list[float]) -> None:
        """The numbers of one poll, in the order of the hello's columns; NaN is unknown."""
        self._write(NUMBERS, struct.pack(f"={len(values)}d", *values))

    def _write(self, kind: int, content: bytes) -> None:
        """A daemon that is gone ends this process."""
        data = FRAME.pack(kind, len(content)) + content
        with self._lock:
            while data:
                try:
                    data = data[os.write(self._descriptor, data) :]
                except BrokenPipeError:
                    os._exit(0)


def listen(nvml: Any, devices: list[Device], mouth: Mouth) -> None:
    """Hand on Xids as they come. A wait that fails at once, as after a lost GPU, rests longer each time."""
    events = nvml.nvmlEventSetCreate()
    registered: dict[int, str] = {}
    for device in devices:
        try:
            mask = sum(getattr(nvml, name) for name in EVENTS) & nvml.nvmlDeviceGetSupportedEventTypes(device.handle)
            nvml.nvmlDeviceRegisterEvents(device.handle, mask, events)
            registered[device.index] = device.label
        except nvml.NVMLError:
            continue
    rest = REST
    wake = threading.Event()
    while registered:
        try:
            event = nvml.nvmlEventSetWait_v2(events, WAIT_MS)
            if event.eventType == nvml.nvmlEventTypeXidCriticalError:
                mouth.say({"xid": event.eventData, "gpu": nvml.nvmlDeviceGetIndex(event.device)})
            rest = REST
        except nvml.NVMLError as error:
            if error.value != nvml.NVML_ERROR_TIMEOUT:
                wake.wait(rest)
                rest = min(2 * rest, LONGEST_REST)


def serve(nvml: Any, note: Note, options: Options) -> int:
    """Poll until standard input closes."""
    mouth = Mouth(os.dup(1))
    os.dup2(2, 1)  # what the library itself prints must not come between our frames
    asker = Asker(nvml, note, options)
    hello = asker.begin()
    mouth.say(hello)
    if "fail" in hello:
        return CANNOT_BEGIN
    whole = [device for device in asker.devices if "m" not in device.label]
    threading.Thread(target=listen, args=(nvml, whole, mouth), daemon=True).start()
    ended = select.poll()
    ended.register(0, select.POLLIN | select.POLLHUP)
    polls, health_due, due = 0, 0.0, monotonic()
    while True:
        now = monotonic()
        health = now >= health_due
        if health:
            health_due = now + options.health
        reports, values = asker.poll(health, polls % options.lists == 0)
        if reports:
            mouth.say({"gpus": reports, "health": health})
        mouth.sample(values)
        polls += 1
        due = max(due + options.poll, monotonic())
        if ended.poll(max(0.0, due - monotonic()) * 1000):
            asked = os.read(0, 64)
            if not asked:
                return 0
            due = monotonic() - options.poll
            health_due = 0.0 if HEALTH_TOO in asked else health_due


def main() -> NoReturn:
    """The whole life of a child: options as JSON and the note's descriptor come as arguments."""
    given = json.loads(sys.argv[1])
    given["skip"] = frozenset((gpu, function) for gpu, function in given["skip"])
    import pynvml

    # `_exit`: a thread that hangs in the driver must not hold this process back.
    os._exit(serve(pynvml, Note(int(sys.argv[2])), Options(**given)))

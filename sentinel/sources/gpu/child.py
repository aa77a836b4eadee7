"""The child process that alone talks to NVML. It notes each call before it makes it and writes a few bytes a poll.

A byte on its standard input asks for a poll now, its end ends the child. It imports the standard library and `pynvml` and
nothing of the daemon, and it never decides anything: what a stall or a crash means is the keeper's business.
"""

from __future__ import annotations

import json
import os
import select
import struct
import sys
import threading
from time import monotonic
from typing import Any, NoReturn

from sentinel.sources.gpu.asker import Asker, Device, Options
from sentinel.sources.gpu.note import Note

WAIT_MS, REST, LONGEST_REST = 1000, 1.0, 60.0  # the wait for events; rests after a wait that failed
EVENTS = ("nvmlEventTypeXidCriticalError", "nvmlEventTypeDoubleBitEccError", "nvmlEventTypeSingleBitEccError")
FRAME = struct.Struct("=BI")  # kind and length of what follows
TEXT, NUMBERS = 0, 1
NOW, HEALTH_TOO = b"n", b"h"  # what the keeper writes to have a poll at once
CANNOT_BEGIN = 3  # exit code: the library would not start


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

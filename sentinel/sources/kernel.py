"""Reads the kernel log, or a file of its form, and says what its lines mean. It never writes there.

With a bookmark of an earlier life it also reads what was written while nobody watched, a day of it at most.

Each pattern has a sample line beside it; a test holds that every one matches its own and no other's.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import re2

from sentinel.core.records import Json
from sentinel.sources.kernel_journal import CURE, BootBefore, KernelTail, Written, may_read

RECORDS_A_TURN = 2000
RECORD = 8192
OLDEST, MOST_BACK = 86400.0, 1 << 20  # seconds of records, or bytes of a file, that are read back
KMSG = "/dev/kmsg"
BOOT = "/proc/sys/kernel/random/boot_id"


class Pattern(NamedTuple):
    """One kind of line."""

    kind: str
    pattern: str
    sample: str


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "xid",
        r"NVRM: Xid \((?:PCI:)?(?P<bus>[0-9a-fA-F:.]+)\): (?P<code>\d+)",
        "NVRM: Xid (PCI:0000:9b:00): 79, pid=4711, name=python, GPU has fallen off the bus.",
    ),
    Pattern(
        "off_bus",
        r"NVRM: (?:GPU (?:at PCI:)?|The NVIDIA GPU )(?P<bus>[0-9a-fA-F:.]+[0-9a-fA-F])\b.*\bfallen off the bus",
        "NVRM: GPU 0000:9b:00.0: GPU has fallen off the bus.",
    ),
    Pattern(
        "oom_group",
        r"Memory cgroup out of memory: Kill(?:ed)? process (?P<pid>\d+) \((?P<name>[^)]*)\)",
        "Memory cgroup out of memory: Killed process 4711 (python) total-vm:9000000kB, anon-rss:8000000kB",
    ),
    Pattern(
        "oom",
        r"Out of memory: Kill(?:ed)? process (?P<pid>\d+) \((?P<name>[^)]*)\)",
        "Out of memory: Killed process 4711 (python) total-vm:9000000kB, anon-rss:8000000kB",
    ),
    Pattern(
        "segfault",
        r"(?P<name>\S+)\[(?P<pid>\d+)\]: segfault at \S+ ip \S+ sp \S+ error \d+",
        "python[4711]: segfault at 18 ip 00007f1c2a sp 00007ffd31 error 4 in libnccl.so.2[7f1c29+a000]",
    ),
    Pattern(
        "trap",
        r"traps: (?P<name>\S+)\[(?P<pid>\d+)\] (?:general protection|trap)",
        "traps: python[4711] general protection fault ip:7f1c2a sp:7ffd31 error:0 in libcuda.so.1[7f1c29+a000]",
    ),
    Pattern(
        "hung_task",
        r"INFO: task (?P<name>[^:]+):(?P<pid>\d+) blocked for more than \d+ seconds",
        "INFO: task python:4711 blocked for more than 120 seconds.",
    ),
    Pattern(
        "read_only",
        r"(?:Remounting filesystem read-only|filesystem .* forced read-only|EXT4-fs .*: Remounting)",
        "EXT4-fs (nvme0n1p1): Remounting filesystem read-only",
    ),
    Pattern(
        "io_error",
        r"(?:I/O error, dev (?P<name>\S+),|critical (?:medium|target) error, dev|Buffer I/O error on dev)",
        "blk_update_request: I/O error, dev nvme0n1, sector 12345 op 0x0:(READ)",
    ),
    Pattern("nvme", r"nvme (?P<name>\S+): I/O .*timeout", "nvme nvme0: I/O 17 QID 4 timeout, aborting"),
    Pattern(
        "nfs", r"nfs: server (?P<name>\S+) not responding", "nfs: server files.example not responding, still trying"
    ),
    Pattern(
        "lockup",
        r"watchdog: BUG: soft lockup - CPU#\d+ stuck for \d+s",
        "watchdog: BUG: soft lockup - CPU#3 stuck for 23s! [python:4711]",
    ),
    Pattern(
        "machine_check",
        r"(?:mce: \[Hardware Error\]|EDAC .*: \d+ UE )",
        "mce: [Hardware Error]: Machine check events logged",
    ),
    Pattern(
        "nvidia_mismatch",
        r"NVRM: API mismatch",
        "NVRM: API mismatch: the client has the version 570.1, but this kernel module has the version 560.2.",
    ),
)
OOM_KINDS = frozenset({"oom", "oom_group"})
DEATHS = frozenset({"oom", "oom_group", "segfault", "trap"})


class Event(NamedTuple):
    """A line of the kernel log that means something to a run."""

    kind: str
    text: str
    pid: int | None = None
    bus: tuple[int, int, int] | None = None
    code: int | None = None
    away: bool = False  # it was written while nobody watched
    before: bool = False  # and before the machine restarted: its numbers of processes are of that boot


_COMPILED = tuple((pattern.kind, re2.compile(pattern.pattern)) for pattern in PATTERNS)
_WORTH = re2.compile("|".join(f"(?:{re2.sub('[?]P<[a-z]+>', '?:', p.pattern)})" for p in PATTERNS))


def understand(text: str) -> Event | None:
    """What a line means; None for the many that mean nothing to a run."""
    if _WORTH.search(text) is None:
        return None
    for kind, pattern in _COMPILED:
        found = pattern.search(text)
        if found is not None:
            parts = found.groupdict()
            pid, code, bus = parts.get("pid"), parts.get("code"), parts.get("bus")
            return Event(
                kind,
                text[:500],
                int(pid) if pid else None,
                bus_of(bus) if bus else None,
                79 if kind == "off_bus" else int(code) if code else None,
            )
    return None


def bus_of(text: str) -> tuple[int, int, int] | None:
    """`0000:9b:00` and `00000000:9B:00.0` are the same address."""
    words = text.split(".", maxsplit=1)[0].split(":")
    try:
        numbers = [int(word, 16) for word in words]
    except ValueError:
        return None
    return (numbers[-3], numbers[-2], numbers[-1]) if len(numbers) >= 3 else None


def boot_id() -> str:
    """What changes when the machine restarts; "" where that cannot be read."""
    try:
        with open(BOOT, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


@dataclass(slots=True)
class KernelLog:
    """Follows one kernel log, from its bookmark on, else from its end. A path that is a device gives records, a file lines."""

    path: str
    repeats: float = 60.0
    cannot: str = ""
    kept: Json = None  # the bookmark of an earlier life
    boot: Callable[[], str] = boot_id
    steady: Callable[[], float] = time.monotonic  # the kernel stamps its records by the same clock
    journal: Sequence[str] = ("journalctl",)
    readable: Callable[[], bool] = may_read  # the journal, where the log itself is not
    _before: BootBefore | None = None
    _tail: KernelTail | None = None  # in place of the log itself
    _descriptor: int = -1
    _device: bool = False
    _rest: bytes = b""
    _read: tuple[int, float] = (-1, 0.0)  # number and stamp of the newest record that was read
    _skip: tuple[int, float] = (-1, 0.0)  # what was read in an earlier life
    _away: float = 0.0  # records stamped before, or lines that begin before, were written while nobody watched
    _last: dict[tuple[str, int | None, int | None, tuple[int, int, int] | None], float] = field(default_factory=dict)

    def read(self, now: float) -> Iterator[Event]:
        """What is new, each kind of trouble with the same process or GPU at most once a minute."""
        if not self.path or (self._descriptor < 0 and self._tail is None and not self._open()):
            return
        for text, away, before in itertools.chain(self._lines_before(), self._lines()):
            event = understand(text)
            if event is None:
                continue
            if away:
                event = event._replace(text=f"{event.text} [{away}]", away=True, before=before)
            key = (event.kind, event.pid, event.code, event.bus)
            known = self._last.get(key)
            self._last[key] = now
            if known is None or now - known > self.repeats:
                yield event

    def bookmark(self) -> Json:
        """Up to where it was read; None before it was opened."""
        if self._tail is not None:
            return {"cursor": self._tail.cursor} if self._tail.cursor else self.kept
        if self._descriptor < 0:
            return self.kept
        if self._before is not None:  # not all of it is told: it is read again, should we end now
            return {"boot": self._before.boot, "record": -1, "stamp": self._before.stamp}
        if self._device:
            return {"boot": self.boot(), "record": self._read[0], "stamp": self._read[1]}
        facts = os.fstat(self._descriptor)
        offset = os.lseek(self._descriptor, 0, os.SEEK_CUR) - len(self._rest)
        return {"device": facts.st_dev, "inode": facts.st_ino, "offset": offset}

    def close(self) -> None:
        """Let the log go."""
        if self._descriptor >= 0:
            self.kept = self.bookmark()
            os.close(self._descriptor)
            self._descriptor = -1
        for journal in (self._before, self._tail):
            if journal is not None:
                journal.close()

    def _open(self) -> bool:
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            if self.path == KMSG and self.readable():
                cursor = self.kept.get("cursor") if isinstance(self.kept, dict) else ""
                self._tail, self.cannot = KernelTail(self.boot(), str(cursor or ""), self.journal), ""
                return True
            there = os.path.lexists(self.path)
            cure = CURE if there else "name where this machine writes it: [host] kernel_log"
            self.cannot = f"the kernel log {self.path} cannot be read ({error.strerror}); {cure}"
            return False
        self.cannot = ""
        self._device = not os.path.isfile(self.path)
        kept, self.kept, self._rest = self.kept, None, b""
        if self._device:
            self._go_on_in_records(kept)
        else:
            self._go_on_in_file(kept)
        return True

    def _go_on_in_records(self, kept: Json) -> None:
        """After the record of the bookmark; in another boot nothing was read, without a bookmark all of it is history."""
        self._away = self.steady()
        self._read = self._skip = (-1, self._away)
        if not isinstance(kept, dict) or "cursor" in kept:
            os.lseek(self._descriptor, 0, os.SEEK_END)
            return
        same = kept.get("boot") == self.boot() != ""
        if not same and kept.get("boot"):
            self._before = BootBefore(str(kept["boot"]), float(kept["stamp"]), self.journal)
        self._read = self._skip = (int(kept["record"]), float(kept["stamp"])) if same else (-1, 0.0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)

    def _go_on_in_file(self, kept: Json) -> None:
        facts = os.fstat(self._descriptor)
        offset = facts.st_size
        if isinstance(kept, dict):
            same = (kept.get("device"), kept.get("inode")) == (facts.st_dev, facts.st_ino)
            offset = int(kept["offset"]) if same and kept["offset"] <= facts.st_size else 0
        self._away = facts.st_size
        os.lseek(self._descriptor, max(offset, facts.st_size - MOST_BACK), os.SEEK_SET)

    def _rotated(self) -> bool:
        """Whether another file stands in the place of this one now, or this one was emptied: it is read from its start."""
        try:
            here, there = os.fstat(self._descriptor), os.stat(self.path)
            moved = (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)
            if not moved and os.lseek(self._descriptor, 0, os.SEEK_CUR) <= here.st_size:
                return False
            if moved:
                fresh = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
                os.close(self._descriptor)
                self._descriptor = fresh
        except OSError:
            return False
        self._rest, self._away = b"", 0.0
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        return True

    def _lines_before(self) -> Iterator[Written]:
        if self._before is None:
            return
        yield from self._before.lines()
        if self._before.over:
            self._before = None

    def _lines(self) -> Iterator[Written]:
        if self._tail is not None:
            yield from self._tail.lines()
            self.cannot = self._tail.trouble
            return
        for _ in range(RECORDS_A_TURN):
            try:
                data = os.read(self._descriptor, RECORD)
            except BlockingIOError:
                return
            except BrokenPipeError:
                continue  # records were overwritten before we read them: go on with the oldest that is left
            except OSError as error:
                self.cannot = f"the kernel log {self.path} cannot be read ({error.strerror})"
                self.close()
                return
            if not data:
                if not self._device and self._rotated():
                    continue
                return
            if self._device:
                yield from self._record(data)
                continue
            began = os.lseek(self._descriptor, 0, os.SEEK_CUR) - len(data) - len(self._rest)
            *whole, self._rest = (self._rest + data).split(b"\n")
            for line in whole:
                yield Written(
                    line.decode("utf-8", "replace"), "written while Sentinel was away" if began < self._away else ""
                )
                began += len(line) + 1

    def _record(self, data: bytes) -> Iterator[Written]:
        """`priority,number,microseconds,flags;the text`, then lines with keys that begin with a space."""
        head, _, text = data.split(b"\n", 1)[0].partition(b";")
        number, stamp = (int(word) for word in head.split(b",")[1:3])
        stamp_s, now = stamp / 1e6, self.steady()
        known, until = self._skip
        self._read = max(self._read, (number, stamp_s))
        if number <= known or (known < 0 and stamp_s <= until) or now - stamp_s > OLDEST:
            return
        away = ""
        if stamp_s < self._away:
            at = datetime.fromtimestamp(time.time() - now + stamp_s, UTC)
            away = f"written at {at:%Y-%m-%d %H:%M:%S} UTC, while Sentinel was away"
        yield Written(text.decode("utf-8", "replace"), away)

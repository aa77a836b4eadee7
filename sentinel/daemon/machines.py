"""The machine's source as the daemon holds it: made from the settings, and told every few seconds which runs there are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sentinel.core.amounts import parse_seconds
from sentinel.core.beside import Mixed, mixed_rules, wanted_of_host
from sentinel.core.engine import Engine
from sentinel.core.records import Batch, Found, RunInfo
from sentinel.core.rule import Rulebook
from sentinel.core.watched import Watched
from sentinel.daemon.control import Answer, Handler, Refused, Request
from sentinel.daemon.peers import Peer
from sentinel.daemon.settings import Settings
from sentinel.sources.gpu.keeper import Keeper
from sentinel.sources.gpu.source import GpuSource
from sentinel.sources.host.source import HostSource
from sentinel.sources.kernel import KernelLog
from sentinel.sources.machine import Machine
from sentinel.sources.machine import Watched as WatchedRun
from sentinel.sources.processes.attach import KnownRun
from sentinel.sources.processes.process import FileId
from sentinel.sources.processes.source import Course, ProcessSource

if TYPE_CHECKING:
    from sentinel.daemon.loop import Daemon

MEET_EVERY = 5.0
LONGEST_RELEASE = 86400.0


def machine_of(settings: Settings, host: str) -> Machine | None:
    """GPUs, processes, host and kernel log as far as the settings want them; None if they want none."""
    gpu, wanted = settings.gpu, settings.host
    if not (gpu.enabled or wanted.enabled):
        return None
    poll = parse_seconds(wanted.poll) or 15.0
    hot, health = parse_seconds(gpu.poll) or 5.0, parse_seconds(gpu.health) or 60.0
    return Machine(
        host=host,
        gpu=GpuSource(Keeper(poll=max(1.0, hot), health=health, library=gpu.library), host) if gpu.enabled else None,
        processes=ProcessSource(host, poll) if wanted.enabled and wanted.processes else None,
        figures=HostSource(host, poll) if wanted.enabled else None,
        kernel=KernelLog(wanted.kernel_log) if wanted.enabled and wanted.kernel_log else None,
    )


def host_run(host: str, name: str, now: float) -> Batch:
    """What belongs to no run goes to the host's own run, which is there from the start."""
    return Batch(host, (Found(RunInfo(host, name, "", "host", kind="host"), now),))


class Meetings:
    """Every few seconds the machine is told which runs there are, and what of the host their rules want."""

    def __init__(self) -> None:
        """The first is due at once."""
        self._due = 0.0
        self._book: Rulebook | None = None
        self._mixed: tuple[Mixed, ...] = ()

    def keep(self, machine: Machine, engine: Engine, now: float) -> None:
        """To be called after each turn."""
        if now < self._due:
            return
        self._due = now + MEET_EVERY
        runs = {key: engine.runs[current] for key, current in engine.keys().items() if current in engine.runs}
        if self._book is not engine.book:
            self._book, self._mixed = engine.book, mixed_rules(engine.book)
        told = [(key, watched) for key, watched in runs.items() if watched.run.info.kind != "host"]
        machine.meet([watched_run(key, watched, self._mixed) for key, watched in told])

    def renew(self) -> None:
        """Another machine knows nothing yet."""
        self._due = 0.0


class Machinery:
    """The machine in force, if the settings want one; made anew when they change."""

    def __init__(self, settings: Settings, host: str, name: str) -> None:
        """`host` is the key of the host's own run, `name` what people call it."""
        self._host, self._name = host, name
        self._settings = (settings.gpu, settings.host)
        self.machine = machine_of(settings, host)
        self._meetings = Meetings()

    def adopt(self, settings: Settings) -> None:
        """Other settings: the old machine lets go of the driver first, then another is made."""
        if (settings.gpu, settings.host) == self._settings:
            return
        self._settings = (settings.gpu, settings.host)
        if self.machine is not None:
            self.machine.close()
        self.machine = machine_of(settings, self._host)
        self._meetings.renew()

    def meet(self, engine: Engine, now: float) -> None:
        """To be called after each turn: tells the machine which runs there are, and the engine of the host."""
        if self.machine is not None:
            self._meetings.keep(self.machine, engine, now)

    def found(self, now: float) -> list[Batch]:
        """The host's own run, where the host is watched."""
        return [host_run(self._host, self._name, now)] if self.machine is not None else []

    def release(self, seconds: float, now: float) -> str:
        """Let the GPUs go for so long."""
        return self.machine.release(seconds, now) if self.machine is not None else "no GPU is watched"


def releasing(machinery: Machinery, daemon: Daemon) -> dict[str, Handler]:
    """`release-gpu`: an administrator may have the GPUs let go for a while, so that one can be reset."""

    def release(request: Request, peer: Peer) -> Answer:
        if not peer.is_admin(daemon.admins):
            raise Refused("only admins and root may have GPUs released")
        seconds = request.get("seconds")
        if not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_RELEASE:
            raise Refused("say for how long: 10m, 1h; at most a day")
        return {"said": machinery.release(float(seconds), daemon.clock.wall())}

    return {"release-gpu": release}


def watched_run(key: str, watched: Watched, mixed: tuple[Mixed, ...] = ()) -> WatchedRun:
    """A run as the machine needs to know it."""
    run, info = watched.run, watched.run.info
    base = os.path.dirname(info.folder) if os.path.isfile(info.folder) else info.folder
    logs = {found: path for name in run.files if (found := file_id(path := os.path.join(base, name)))}
    folders = (info.folder,) if info.folder and not watched.over else ()
    course = Course(tuple(watched.marks), run.progress)
    of_host = frozenset() if watched.over else wanted_of_host(mixed, run)
    known = KnownRun(key, info.folder, frozenset(logs))
    return WatchedRun(known, folders, logs, run.grew, course, info.kind == "notebook", info.name, info.home, of_host)


def file_id(path: str) -> FileId | None:
    """Device and inode of a file; None if it is gone."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return FileId(found.st_dev, found.st_ino)

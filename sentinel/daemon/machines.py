"""The machine's source as the daemon holds it: made from the settings, and told every few seconds which runs there are."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from sentinel.core.amounts import parse_seconds
from sentinel.core.beside import Mixed, mixed_rules, wanted_of_host
from sentinel.core.engine import Engine
from sentinel.core.records import Batch, Found, RunInfo
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


def keep_meeting(machine: Machine, engine: Engine, steady: Callable[[], float]) -> Callable[[], None]:
    """To be called after each turn: tells the machine which runs there are."""
    due, book, mixed = 0.0, engine.book, mixed_rules(engine.book)

    def meet() -> None:
        nonlocal due, book, mixed
        if steady() < due:
            return
        due = steady() + MEET_EVERY
        if book is not engine.book:
            book, mixed = engine.book, mixed_rules(engine.book)
        runs = {key: engine.runs[current] for key, current in engine.keys().items() if current in engine.runs}
        told = [(key, watched) for key, watched in runs.items() if watched.run.info.kind != "host"]
        machine.meet([watched_run(key, watched, mixed) for key, watched in told])

    return meet


def releasing(machine: Machine, daemon: Daemon) -> dict[str, Handler]:
    """`release-gpu`: an administrator may have the GPUs let go for a while, so that one can be reset."""

    def release(request: Request, peer: Peer) -> Answer:
        if not peer.is_admin(daemon.admins):
            raise Refused("only admins and root may have GPUs released")
        seconds = request.get("seconds")
        if not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_RELEASE:
            raise Refused("say for how long: 10m, 1h; at most a day")
        return {"said": machine.release(float(seconds), daemon.clock.wall())}

    return {"release-gpu": release}


def watched_run(key: str, watched: Watched, mixed: tuple[Mixed, ...] = ()) -> WatchedRun:
    """A run as the machine needs to know it."""
    run, info = watched.run, watched.run.info
    base = os.path.dirname(info.folder) if os.path.isfile(info.folder) else info.folder
    logs = {found: path for name in run.files if (found := file_id(path := os.path.join(base, name)))}
    folders = (info.folder,) if info.folder else ()
    course = Course(tuple(watched.marks), run.progress)
    of_host = frozenset() if watched.over else wanted_of_host(mixed, run)
    known = KnownRun(key, info.folder, frozenset(logs))
    return WatchedRun(known, folders, logs, run.grew, course, info.kind == "notebook", info.name, of_host)


def file_id(path: str) -> FileId | None:
    """Device and inode of a file; None if it is gone."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return FileId(found.st_dev, found.st_ino)

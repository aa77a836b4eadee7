"""The machine's source as the daemon holds it: made from the settings, and told every few seconds which runs there are."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sentinel.core.amounts import parse_seconds
from sentinel.core.asleep import Asleep
from sentinel.core.beside import Mixed, mixed_rules, wanted_of_host
from sentinel.core.engine import Engine
from sentinel.core.records import Batch, Found, How, Json, MarkKind, RunInfo
from sentinel.core.rule import Rulebook
from sentinel.core.run import Run
from sentinel.core.watched import Watched
from sentinel.daemon.control import Answer, Handler, Refused, Request
from sentinel.daemon.peers import Peer
from sentinel.daemon.progress import Progress, Then
from sentinel.daemon.settings import Settings
from sentinel.sources.batches import Fallen
from sentinel.sources.gpu.keeper import Keeper
from sentinel.sources.gpu.source import GpuSource
from sentinel.sources.host.saves import Save, cadence
from sentinel.sources.host.source import HostSource
from sentinel.sources.kernel import KernelLog
from sentinel.sources.machine import Machine
from sentinel.sources.machine import Watched as WatchedRun
from sentinel.sources.processes.attach import KnownRun
from sentinel.sources.processes.missed import Left
from sentinel.sources.processes.process import FileId
from sentinel.sources.processes.source import Course, ProcessSource

if TYPE_CHECKING:
    from sentinel.daemon.loop import Daemon

MEET_EVERY = 5.0
LONGEST_RELEASE = 86400.0
LOOP_SPAN = 3600.0  # runs of a batch that died within so long count together


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


Stamp = tuple[float | None, int, int, str, RunInfo]  # what of a run, when it moves, makes the machine meet it anew


class Meetings:
    """Every few seconds the machine is told which runs there are, and what of the host their rules want."""

    def __init__(self) -> None:
        """The first is due at once."""
        self._due = 0.0
        self._book: Rulebook | None = None
        self._mixed: tuple[Mixed, ...] = ()
        self._resting: dict[str, tuple[Asleep, WatchedRun]] = {}
        self._moves = -1  # of the sleepers, when that was worked out
        self._held: dict[str, tuple[Stamp, WatchedRun]] = {}

    def keep(self, machine: Machine, engine: Engine, now: float) -> None:
        """To be called after each turn."""
        if now < self._due:
            return
        self._due = now + MEET_EVERY
        runs = {key: engine.runs[current] for key, current in engine.keys().items() if current in engine.runs}
        if self._book is not engine.book:
            self._book, self._mixed = engine.book, mixed_rules(engine.book)
            self._held.clear()
        machine.batches.fallen = fallen(engine)
        told = [(key, watched) for key, watched in runs.items() if watched.run.info.kind != "host"]
        held = {key: self._met(key, watched) for key, watched in told}
        self._held = held
        machine.meet([*(known for _, known in held.values()), *self._sleeping(engine)])

    def _met(self, key: str, watched: Watched) -> tuple[Stamp, WatchedRun]:
        """A run as the machine knows it; one that neither grew nor changed is not worked out anew."""
        run = watched.run
        stamp = (run.grew, len(run.files), len(run.series), watched.over, run.info)
        before = self._held.get(key)
        if before is not None and before[0] == stamp:
            return before
        return stamp, watched_run(key, watched, self._mixed)

    def _sleeping(self, engine: Engine) -> list[WatchedRun]:
        """Runs that sleep but are not over: a process that is found to work for one wakes it. Their files stay what they were."""
        if self._moves != engine.sleepers.moves:
            self._moves, asleep = engine.sleepers.moves, engine.sleepers.runs
            here = {key: asleep[now] for key, now in engine.keys().items() if now in asleep and not asleep[now].over}
            before = self._resting
            self._resting = {key: _resting(key, run, before.get(key)) for key, run in here.items()}
        return [known for _, known in self._resting.values()]

    def renew(self) -> None:
        """Another machine knows nothing yet."""
        self._due = 0.0


class Machinery:
    """The machine in force, if the settings want one; made anew when they change."""

    def __init__(self, settings: Settings, host: str, name: str, progress: Progress | None = None) -> None:
        """`host` is the key of the host's own run, `name` what people call it; `progress` hears which helper hangs."""
        self._progress, self._hanging = progress or Progress(), set[str]()
        self.host, self._name = host, name
        self._settings = (settings.gpu, settings.host)
        self.by_us: Callable[[str], str] = lambda run: ""  # noqa: ARG005 - what we did to stop a run, by generation's key
        # Whose process it was before we came, in this boot or in the one before it.
        self.knew: Callable[[int | None, bool], str | None] = lambda pid, before: None  # noqa: ARG005
        self.machine = self._made(settings)
        self._kept: Json = None  # the bookmark until all that was read after it is told
        self._meetings = Meetings()

    def _made(self, settings: Settings) -> Machine | None:
        machine = machine_of(settings, self.host)
        if machine is not None:
            machine.knew = self._whose  # asked in the first turn already
        return machine

    def _whose(self, pid: int | None, before: bool) -> str | None:
        return self.knew(pid, before)

    def take_up(self, knew: Callable[[int | None, bool], str | None], runs: Mapping[str, Left]) -> None:
        """What an earlier life knew: whose process it was, and which runs were going. Whose processes are gone is told."""
        self.knew = knew
        if self.machine is not None and self.machine.processes is not None:
            self.machine.processes.missed.left.update(runs)

    def adopt(self, settings: Settings) -> None:
        """Other settings: the old machine lets go of the driver first, then another is made."""
        if (settings.gpu, settings.host) == self._settings:
            return
        self._settings = (settings.gpu, settings.host)
        if self.machine is not None:
            self.machine.close()
        for worker in self._hanging:
            self._progress.rests(worker)
        self._hanging = set()
        kept = self.bookmarks()
        self.machine = self._made(settings)
        self.go_on(kept)
        self._meetings.renew()

    def bookmarks(self) -> Json:
        """Where we are in the kernel log, for the record of the host's own run."""
        if self.machine is None or self.machine.kernel is None:
            return None
        return self._kept if self.machine.early else {"kernel": self.machine.kernel.bookmark()}

    def go_on(self, kept: Json) -> None:
        """From the bookmarks of an earlier life, before anything was read."""
        self._kept = kept
        if isinstance(kept, dict) and self.machine is not None and self.machine.kernel is not None:
            self.machine.kernel.kept = kept.get("kernel")

    def meet(self, engine: Engine, now: float) -> None:
        """To be called after each turn: tells the machine which runs there are, and the engine of the host."""
        if self.machine is not None:
            if self.machine.processes is not None:
                self.machine.processes.by_us = lambda key: self.by_us(engine.keys().get(key, key))
            self._meetings.keep(self.machine, engine, now)
            self._report(self.machine)

    def _report(self, machine: Machine) -> None:
        """A helper that hangs in a driver or on a disk was left behind and the others go on: no restart would free it."""
        hanging = machine.standing_still()
        for worker in self._hanging - hanging.keys():
            self._progress.rests(worker)
        for worker, since in hanging.items():
            self._progress.began(worker, since, 0.0, Then.LOG)
        self._hanging = set(hanging)

    def found(self, now: float) -> list[Batch]:
        """The host's own run, where the host is watched."""
        return [host_run(self.host, self._name, now)] if self.machine is not None else []

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
    logs = logs_of(run)
    save = None if watched.over else newest_save(watched, base)
    folders = () if watched.over or not info.folder else (info.folder, *([os.path.dirname(save.path)] if save else ()))
    course = Course(tuple(watched.marks), run.progress)
    of_host = frozenset() if watched.over else wanted_of_host(mixed, run)
    known = KnownRun(key, info.folder, frozenset(logs), ids_in(info.folder, run.files))
    return WatchedRun(
        known, folders, logs, run.grew, course, info.kind == "notebook", info.name, save, info.home, of_host
    )


def _resting(key: str, run: Asleep, held: tuple[Asleep, WatchedRun] | None) -> tuple[Asleep, WatchedRun]:
    """The same object as before where the run slept on, unless no file of it was there."""
    return held if held is not None and held[0] is run and held[1].logs else (run, sleeping_run(key, run))


def sleeping_run(key: str, run: Asleep) -> WatchedRun:
    """The same of a run that sleeps."""
    info, logs = run.info, logs_of(run)
    known = KnownRun(key, info.folder, frozenset(logs))
    course = Course(run.marks, run.progress)
    return WatchedRun(known, (), logs, run.grew, course, title=info.name, home=info.home)


# What looks like a path in a line about a checkpoint; the last one is where it went.
_PATH = re.compile(r"[\w@%+=:,.~/-]*(?:/[\w@%+=:,.~-]+|\.(?:pt|pth|ckpt|bin|safetensors|h5|keras|npz|zip)\b)/?")


def fallen(engine: Engine) -> dict[str, Fallen]:
    """Of each batch the runs that died within an hour, those included that sleep since."""
    ends: dict[str, list[tuple[float, str, str]]] = {}
    for batch, end in _ends(engine):
        ends.setdefault(batch, []).append(end)
    size = Counter(info.batch for info in engine.infos().values()) if ends else Counter[str]()
    out = {}
    for batch, found in ends.items():
        latest = max(at for at, _, _ in found)
        dead = sorted((at, name) for at, name, over in found if over == How.DIED.value and at >= latest - LOOP_SPAN)
        out[batch] = Fallen(tuple(name for _, name in dead), size[batch])
    return out


def _ends(engine: Engine) -> Iterator[tuple[str, tuple[float, str, str]]]:
    for watched in engine.runs.values():
        if watched.run.info.batch:
            yield watched.run.info.batch, (watched.run.now or 0.0, watched.run.info.name, watched.over)
    for asleep in engine.sleepers.runs.values():
        if asleep.info.batch:
            yield asleep.info.batch, (asleep.grew or 0.0, asleep.info.name, asleep.over)


def newest_save(watched: Watched, base: str) -> Save | None:
    """The last checkpoint that the run's log told of, and how often they come."""
    told = [mark for mark in watched.marks if mark.kind is MarkKind.SAVED]
    paths = [found[-1] for mark in told if (found := _PATH.findall(mark.detail))]
    if not paths:
        return None
    times = [mark.at for mark in told if mark.at is not None]
    return Save(os.path.normpath(os.path.join(base, paths[-1])), cadence(times), watched.run.info.uid)


_IDS = re.compile(
    r"(?:^|/)(?:wandb/(?:offline-)?run-\d{8}_\d{6}-(?P<wandb>\w+)/|slurm-(?P<slurm>\d+)(?:_\d+)?\.(?:out|err|log)$)"
)


def ids_in(folder: str, files: Iterable[str]) -> frozenset[str]:
    """The ids by which a run's processes name it too: W&B's run, Slurm's job, as its files are called."""
    found = (_IDS.search(f"{folder}/{name}") for name in files)
    return frozenset(match["wandb"] or match["slurm"] for match in found if match)


def logs_of(run: Run | Asleep) -> dict[FileId, str]:
    """The files that a run's readings came from, by which its processes are found."""
    folder = run.info.folder
    base = os.path.dirname(folder) if os.path.isfile(folder) else folder
    return {found: path for name in run.files if (found := file_id(path := os.path.join(base, name)))}


def file_id(path: str) -> FileId | None:
    """Device and inode of a file; None if it is gone."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return FileId(found.st_dev, found.st_ino)

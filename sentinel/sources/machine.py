"""The machine as one source: GPUs, processes, host and kernel log, brought together with the runs that are known.

Here the parts meet: which GPU works for which run, whose process the kernel log names, and what the processes of a
silent run are doing. Each part can be switched off, and none can hold back the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from operator import is_
from typing import Literal

from sentinel.core.records import Batch, Fact, Found, How, Origin, Over, Row, RunInfo
from sentinel.sources import xids
from sentinel.sources.batches import Batches
from sentinel.sources.beside import Beside, residents
from sentinel.sources.gpu.source import GpuSource
from sentinel.sources.host.saves import Save
from sentinel.sources.host.source import HostSource
from sentinel.sources.kernel import DEATHS, OOM_KINDS, Event, KernelLog
from sentinel.sources.processes.attach import UNNAMED, Because, KnownRun, Link, Member
from sentinel.sources.processes.last_lines import last_lines
from sentinel.sources.processes.process import FileId, Pid
from sentinel.sources.processes.source import NOT_WATCHED, Course, ProcessSource, describe
from sentinel.sources.processes.witness import Stacks, Testimony, ask_stacks, odd_one, stack_command, statements, told

SILENT = 60.0  # seconds without a line before the processes of a run are asked what they do
AGAIN = 60.0
NAMED_NOW = "its processes are those of a run that a watch names now"
STACKS_AFTER = 240.0  # before the first rule on silence speaks
ELSEWHERE = 60.0  # seconds that a run writes on without processes here before its home is another host
KERNEL_FRESH = 300.0
UNNAMED_GPUS, MOST_EARLY = 60.0, 100
KERNEL_KEPT = 1000  # pids whose death the kernel log told


@dataclass(frozen=True, slots=True)
class Watched:
    """What the daemon tells of a run at every turn."""

    known: KnownRun
    folders: tuple[str, ...] = ()  # where its logs and checkpoints go
    logs: Mapping[FileId, str] = field(default_factory=dict)  # its logs and where they lie
    grew: float | None = None  # when a file of it last grew, on the engine's time
    course: Course = field(default_factory=Course)
    notebook: bool = False
    title: str = ""  # what people call it
    save: Save | None = None  # its newest checkpoint
    home: bool = True  # this host tells about it
    of_host: frozenset[str] = frozenset()  # series of the host that its rules read beside its own


@dataclass(slots=True)
class Silence:
    """A silent run's processes, asked now and then."""

    asked: float
    stacks: Stacks | None = None
    stacks_told: bool = False


@dataclass(slots=True)
class Machine:
    """One source over four."""

    host: str  # `host:NAME`
    gpu: GpuSource | None = None
    processes: ProcessSource | None = None
    figures: HostSource | None = None
    kernel: KernelLog | None = None
    watched: Mapping[str, Watched] = field(default_factory=dict)
    knew: Callable[[int | None, bool], str | None] = lambda pid, before: None  # noqa: ARG005 - whose process it was while nobody watched
    early: list[Event] = field(default_factory=list)  # of GPUs that have no name yet
    _nameless_until: float = 0.0
    _kernel_said: dict[int, tuple[str, bool, float]] = field(default_factory=dict)
    _silent: dict[str, Silence] = field(default_factory=dict)
    batches: Batches = field(default_factory=Batches)
    beside: Beside = field(default_factory=Beside)
    _unnamed_known: set[str] = field(default_factory=set)  # those that the engine knows, some from an earlier life
    _abroad: list[str] = field(default_factory=list)  # runs that another host tells about
    _unnamed: set[str] = field(default_factory=set)  # runs that no watch names, as they were told
    _came_home: dict[str, float] = field(default_factory=dict)  # runs at home here by their processes, last seen when
    _ended: set[str] = field(default_factory=set)
    _lists: int = 0
    _ranks_of: int = 0  # the sample that was last compared over ranks

    @property
    def name(self) -> str:
        """For status and messages."""
        return "machine"

    def meet(self, runs: Sequence[Watched]) -> None:
        """The runs in force; of those that stayed what they were the very same objects are handed in again."""
        if len(runs) == len(self.watched) and all(map(is_, runs, self.watched.values())):
            return
        self.watched = {run.known.key: run for run in runs}
        self._unnamed_known = {key for key in self.watched if key.startswith(UNNAMED)}
        self._abroad = [key for key, run in self.watched.items() if not run.home]
        if self.processes is not None:
            named = (run.known for key, run in self.watched.items() if key not in self._unnamed_known)
            self.processes.runs = {known.key: known for known in named}
            self.processes.courses = {key: run.course for key, run in self.watched.items()}
        self.beside.meet({key: run.of_host for key, run in self.watched.items() if run.of_host})

    def read(self, now: float) -> Iterator[Batch]:
        """What is new since the last turn, from all parts."""
        for batch in self._parts(now):
            yield batch
            if batch.run == self.host:
                yield from self.beside.hand_on(batch.items, self._living_here())

    def _parts(self, now: float) -> Iterator[Batch]:
        yield from self.batches.read(self.host, now)
        if self.kernel is not None:
            for event in self._kernel_events(self.kernel, now):
                yield from self._kernel_line(event, now)
        if self.gpu is not None:
            yield from self.gpu.read(now)
        if self.processes is not None:
            yield from self._processes(self.processes, now)
        if self.figures is not None:
            yield from self._figures(self.figures, now)

    def trouble(self) -> Sequence[str]:
        """What cannot be read, each with its cure."""
        parts = [part for part in (self.gpu, self.processes, self.figures) if part is not None]
        out = [sentence for part in parts for sentence in part.trouble()]
        return [*out, self.kernel.cannot] if self.kernel is not None and self.kernel.cannot else out

    def standing_still(self) -> dict[str, float]:
        """Helpers that hang in the driver or on a disk, by name, and since when; a rule tells of each."""
        out = self.gpu.standing_still() if self.gpu is not None else {}
        return out | (self.figures.disks.standing_still() if self.figures is not None else {})

    def release(self, seconds: float, now: float) -> str:
        """Let the GPUs go for so long, for `sentinel release-gpu`."""
        return self.gpu.release(seconds, now) if self.gpu is not None else "no GPU is watched"

    def close(self) -> None:
        """Let go of children, descriptors and files."""
        for key in list(self._silent):
            self._forget_silence(key)
        for part in (self.gpu, self.processes, self.figures, self.kernel):
            if part is not None:
                part.close()

    # --- kernel log ----------------------------------------------------------------------------------------------

    def _kernel_events(self, log: KernelLog, now: float) -> Iterator[Event]:
        """What the log tells; of a GPU once the driver has said which GPUs there are, or a minute after our start."""
        self._nameless_until = self._nameless_until or now + UNNAMED_GPUS
        events = [*self.early, *log.read(now)]
        self.early = []
        wait = self.gpu is not None and not self.gpu.gpus and now < self._nameless_until
        for event in events:
            if wait and event.bus is not None and len(self.early) < MOST_EARLY:
                self.early.append(event)
            else:
                yield event

    def _kernel_line(self, event: Event, now: float) -> Iterator[Batch]:
        if event.code is not None and event.bus is not None:
            label = self.gpu.label_of(event.bus) if self.gpu is not None else None
            if self.gpu is not None and label is not None:
                text = f"{xids.sentence(label, event.code)} [{event.text}]"
                yield from self.gpu.xid(label, event.code, now, text)
                return
        if event.pid is not None and event.kind in DEATHS and not event.away:
            if len(self._kernel_said) >= KERNEL_KEPT:
                self._kernel_said.pop(next(iter(self._kernel_said)))
            self._kernel_said[event.pid] = (event.text, event.kind in OOM_KINDS, now)
        elif event.pid is not None and event.kind in DEATHS and self.processes is not None:
            self.processes.missed.kernel_said[event.pid] = (event.text, event.kind in OOM_KINDS)
        key = (self._run_of(event.pid) if not event.away else self.knew(event.pid, event.before)) or self.host
        kind = "oom_elsewhere" if key == self.host and event.kind in OOM_KINDS else event.kind
        said = Fact("kernel.said", event.text, "", 0, Origin.HOST)  # what `{kernel.said}` in a rule's words stands for
        yield Batch(key, (said, Row((f"kernel.{kind}",), (1.0,), None, None, now, "", 0, event.text)))

    def _run_of(self, pid: int | None) -> str | None:
        if pid is None or self.processes is None:
            return None
        for key, followed in self.processes.followed.items():
            if any(member.process.id.number == pid for member in followed.link.members):
                return key
        return None

    # --- processes -----------------------------------------------------------------------------------------------

    def _processes(self, source: ProcessSource, now: float) -> Iterator[Batch]:
        fresh = now - KERNEL_FRESH  # a number that is used again later is another process
        source.hears_kernel = lambda: self.kernel is not None and not self.kernel.cannot
        source.kernel_said = {pid: said[:2] for pid, said in self._kernel_said.items() if said[2] >= fresh}
        gpu = self.gpu
        if gpu is not None and gpu.lists != self._lists:
            self._lists = gpu.lists
            source.gpus = {label: tuple(pid for pid, _ in one.processes) for label, one in gpu.gpus.items()}
        read = list(source.read(now))
        yield from self._found(source, now)
        yield from read
        yield from self._gone(source, now)
        yield from self._homes(source, now)
        if gpu is not None:
            gpu.owners = source.links.owners()
            yield from self._ranks(source, gpu, now)
        yield from self._ask_the_silent(source, now)

    def _found(self, source: ProcessSource, now: float) -> Iterator[Batch]:
        """Trainings on a GPU that no watch names are runs too, as far as the machine can see them."""
        for key, stray in source.unnamed.items():
            if key not in self._unnamed:
                self._unnamed.add(key)
                kind: Literal["run", "notebook"] = "notebook" if stray.first.notebook else "run"
                first = stray.first
                info = RunInfo(
                    key, f"pid {first.id.number} of user {first.uid}", first.cwd, "", uid=first.uid, kind=kind
                )
                yield Batch(key, (Found(info, now), Fact("process.found", describe(stray), "", 0, Origin.PROCESS)))

    def _gone(self, source: ProcessSource, now: float) -> Iterator[Batch]:
        """Those that a watch names by now, and those that went while we were not there to see it."""
        for key in (self._unnamed_known | self._unnamed) - source.unnamed.keys() - self._ended:
            if key in self._unnamed or not source.alive(pid_of(key)):
                self._unnamed.discard(key)
                self._ended.add(key)
                detail = NAMED_NOW if source.alive(pid_of(key)) else NOT_WATCHED
                yield Batch(key, (Over(How.ENDED, now, detail),))

    def _homes(self, source: ProcessSource, now: float) -> Iterator[Batch]:
        """On a shared folder the host tells about a run where the process lives that speaks for it: rank 0, or the only one."""
        for key in {*self._abroad, *self._came_home} & self.watched.keys():
            run = self.watched[key]
            followed = source.followed.get(key)
            if followed is not None and followed.gone_at is None and speaks(followed.link):
                if not run.home and key not in self._came_home:
                    yield Batch(key, (Fact("process.home", True, "", 0, Origin.PROCESS),))
                if not run.home or key in self._came_home:
                    self._came_home[key] = now
            elif run.grew is not None and run.grew > self._came_home.get(key, inf) + ELSEWHERE:
                del self._came_home[key]  # it writes, and no process of it lives here any more
                yield Batch(key, (Fact("process.home", False, "", 0, Origin.PROCESS),))

    def _ranks(self, source: ProcessSource, gpu: GpuSource, now: float) -> Iterator[Batch]:
        """Each rank's GPU beside the least of the other ranks': a mixed hang shows the odd one."""
        if gpu.samples == self._ranks_of:
            return
        self._ranks_of = gpu.samples
        for key, followed in source.followed.items():
            util = _rank_util(followed.link.members, gpu)
            if len(util) < 2:
                continue
            values = {}
            for rank, own in util.items():
                values[f"rank.{rank}.gpu_util"] = own
                values[f"rank.{rank}.others_util"] = min(other for at, other in util.items() if at != rank)
            yield Batch(key, (Row(tuple(values), tuple(values.values()), None, None, now, "", 0),))

    def _ask_the_silent(self, source: ProcessSource, now: float) -> Iterator[Batch]:
        for key, followed in source.followed.items():
            run = self.watched.get(key)
            if run is None or run.grew is None or run.notebook or now - run.grew < SILENT:
                self._forget_silence(key)
                continue
            silence = self._silent.setdefault(key, Silence(float("-inf")))
            if now - silence.asked >= AGAIN:
                silence.asked = now
                busy = {label: one.seen for label, one in self.gpu.gpus.items()} if self.gpu is not None else {}
                lines = last_lines(followed.link.members, run.logs, run.known.folder)
                said = statements(followed.link.members, source.living, busy, lines)
                odd = odd_one(said)
                yield from _testify(key, said, odd, source)
                if silence.stacks is None and now - run.grew >= STACKS_AFTER and said:
                    silence.stacks = ask_stacks((odd or said[0]).pid, now)
            if silence.stacks is not None and not silence.stacks_told:
                stacks = silence.stacks.read(now)
                if stacks is not None:
                    silence.stacks_told = True
                    followed.told["process.stacks"] = stacks
                    yield Batch(key, (Fact("process.stacks", stacks, "", 0, Origin.PROCESS),))

    def _forget_silence(self, key: str) -> None:
        silence = self._silent.pop(key, None)
        if silence is not None and silence.stacks is not None:
            silence.stacks.close()

    # --- host ----------------------------------------------------------------------------------------------------

    def _figures(self, source: HostSource, now: float) -> Iterator[Batch]:
        if now < source.due:
            return
        source.saves = {key: run.save for key, run in self.watched.items() if run.save is not None}
        source.folders = {key: run.folders for key, run in self.watched.items() if run.folders}
        if self.processes is not None:
            source.chiefs = {
                key: followed.link.members[0].process.id.number
                for key, followed in self.processes.followed.items()
                if followed.link.members and followed.gone_at is None
            }
            text = residents(self.processes, {key: run.title for key, run in self.watched.items()})
            yield from self.beside.tell_residents(self.host, text)
        yield from source.read(now)

    def _living_here(self) -> Collection[str]:
        """The runs whose processes live on this host; with processes unwatched, all that are told of here."""
        if self.processes is None:
            return self.watched.keys()
        return {key for key, followed in self.processes.followed.items() if followed.gone_at is None}


def speaks(link: Link) -> bool:
    """Whether the process lives here that speaks for the run: its rank 0, or one without ranks."""
    ranks = {member.process.rank for member in link.members if member.because not in (Because.CARRIER, Because.FAMILY)}
    return bool(ranks & {None, 0})


def pid_of(key: str) -> Pid:
    """The first process of a run that no watch names."""
    number, _, start = key.removeprefix(UNNAMED).partition(":")
    return Pid(int(number), int(start))


def _rank_util(members: Sequence[Member], gpu: GpuSource) -> dict[int, float]:
    out: dict[int, float] = {}
    for member in members:
        rank = member.process.rank
        seen = [gpu.gpus[label].seen for label in member.gpus] if rank is not None else []
        util = [each["util"] for each in seen if "util" in each]
        if rank is not None and util:
            out[rank] = min(util)
    return out


def _testify(key: str, said: Sequence[Testimony], odd: Testimony | None, source: ProcessSource) -> Iterator[Batch]:
    told_before = source.followed[key].told
    facts = {"process.witness": told(said, odd), "process.odd": str(odd) if odd else ""}
    if said and "process.stacks" not in told_before:
        facts["process.stacks"] = stack_command((odd or said[0]).pid)  # until they were looked at
    news = [Fact(name, value, "", 0, Origin.PROCESS) for name, value in facts.items() if told_before.get(name) != value]
    told_before.update(facts)
    if news:
        yield Batch(key, tuple(news))

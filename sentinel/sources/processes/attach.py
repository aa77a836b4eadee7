"""Which process belongs to which run, and which GPU works for it. Pure: snapshots in, links out.

A process is a run's by a file of that run which it holds open for writing (through `| tee` too), by a run id in its
environment, or by the run's Slurm job or container. Its ranks and workers follow: they are watched with it, and
`because` says that this is all we know of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sentinel.sources.processes.process import FileId, Pid, Process

UNNAMED = "pid:"  # what keys of runs begin with that no watch names; then number and start of the first process


class Because(StrEnum):
    """Why a process is taken for a run's own. All but the last four are proof enough to act on (contracts 5)."""

    FILE = "a file of the run is open for writing"
    PIPE = "it writes the run's file through a pipe"
    ID = "the run's id is in its environment"
    JOB = "it lives in the run's job or container"
    GPU = "it works on a GPU, and no watch names what it writes"
    CARRIER = "it only carries the run's output"
    PLACE = "it works in the run's folder"
    FAMILY = "it was started with the run's processes"


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run as attaching needs to know it."""

    key: str
    folder: str = ""
    files: frozenset[FileId] = frozenset()
    ids: frozenset[str] = frozenset()  # W&B run, Slurm job, elastic run, container ids that its files name
    pids: frozenset[Pid] = frozenset()  # of a run that no watch names: all that is known of it


@dataclass(frozen=True, slots=True)
class Member:
    """A process of a run."""

    process: Process
    because: Because
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A run with its processes."""

    run: str
    members: tuple[Member, ...]

    @property
    def gpus(self) -> tuple[str, ...]:
        """The GPUs that work for it."""
        return tuple(sorted({gpu for member in self.members for gpu in member.gpus}))


@dataclass(frozen=True, slots=True)
class Stray:
    """Processes on a GPU that belong to no known run."""

    members: tuple[Member, ...]

    @property
    def key(self) -> str:
        """The key of the run that they are."""
        return f"{UNNAMED}{self.first.id.number}:{self.first.id.start}"

    @property
    def pids(self) -> frozenset[Pid]:
        """All of them."""
        return frozenset(member.process.id for member in self.members)

    @property
    def first(self) -> Process:
        """The process that stands for all."""
        return min((member.process for member in self.members), key=lambda process: (process.rank or 0, process.id))


@dataclass(frozen=True, slots=True)
class Links:
    """The whole picture."""

    runs: Mapping[str, Link]
    strays: tuple[Stray, ...] = ()
    shared: frozenset[Pid] = frozenset()  # processes that carry more than one run: never to be signalled
    foreign: Mapping[str, tuple[int, ...]] | None = None  # GPU -> pids that /proc does not know: another namespace

    def owners(self) -> dict[str, tuple[str, ...]]:
        """GPU -> the runs that it works for."""
        found: dict[str, list[str]] = defaultdict(list)
        for link in self.runs.values():
            for gpu in link.gpus:
                found[gpu].append(link.run)
        return {gpu: tuple(keys) for gpu, keys in found.items()}


Table = Mapping[int, Process]
_HOPS = 4  # train | grep | tee: a pipe is followed so far
# A family ends below these: what they start side by side has nothing to do with one another.
_STARTERS = frozenset(
    """
    bash sh zsh dash fish ksh tcsh sshd login su sudo tmux screen systemd init slurmstepd slurmd cron crond atd conmon
    dockerd runc tini dumb-init supervisord runit s6-supervise jupyter-lab jupyter-noteboo node code-server xargs make
    """.split()  # noqa: SIM905 - forty quoted words say the same less readably
)
_LAUNCHERS = frozenset(
    """
    torchrun torch.distributed.run torch.distributed.launch accelerate accelerate.commands.launch deepspeed
    deepspeed.launcher.launch mpirun mpiexec horovodrun srun
    """.split()  # noqa: SIM905
)


def attach(processes: Iterable[Process], runs: Iterable[KnownRun], gpus: Mapping[str, Sequence[int]]) -> Links:
    """Which processes and GPUs belong to which run."""
    table = {process.id.number: process for process in processes}
    runs = list(runs)
    proofs = _proofs(table, runs)
    claims: dict[int, tuple[str, Because]] = {
        pid: next(iter(found.items())) for pid, found in proofs.items() if len(found) == 1
    }
    shared = frozenset(table[pid].id for pid, found in proofs.items() if len(found) > 1)
    _place(table, runs, claims, proofs.keys())
    _spread(table, claims, {process.number for process in shared})
    on = defaultdict(list)
    for gpu, pids in gpus.items():
        for pid in pids:
            on[pid].append(gpu)
    members: dict[str, list[Member]] = defaultdict(list)
    for pid, (run, because) in claims.items():
        members[run].append(Member(table[pid], because, tuple(on.get(pid, ()))))
    links = {run: Link(run, tuple(sorted(found, key=lambda m: m.process.id))) for run, found in members.items()}
    loose = [
        Member(table[pid], Because.FAMILY, tuple(at)) for pid, at in on.items() if pid in table and pid not in claims
    ]
    foreign = {gpu: tuple(pid for pid in pids if pid not in table) for gpu, pids in gpus.items()}
    return Links(links, _strays(loose, table), shared, {gpu: pids for gpu, pids in foreign.items() if pids})


def _proofs(table: Table, runs: Sequence[KnownRun]) -> dict[int, dict[str, Because]]:
    """What proves that a process works for a run; more than one run is no proof."""
    of_file = {file: run.key for run in runs for file in run.files}
    of_id = {found: run.key for run in runs for found in run.ids}
    folders = {run.folder.rstrip("/"): run.key for run in runs if run.folder}
    readers: dict[str, list[Process]] = defaultdict(list)
    for process in table.values():
        if process.pipe_in:
            readers[process.pipe_in].append(process)
    unnamed = {pid: run.key for run in runs for pid in run.pids}
    found: dict[int, dict[str, Because]] = defaultdict(dict)
    for pid, process in table.items():
        piped = list(_downstream(process, readers))
        for run in _written(process, of_file, folders):
            found[pid][run] = Because.CARRIER if _carries(process, table) else Because.FILE
        for carrier in piped:
            for run in _written(carrier, of_file, folders):
                found[pid].setdefault(run, Because.PIPE)
        if not found.get(pid):
            for run, because in _named(process, of_id):
                found[pid][run] = because
        if not found.get(pid) and process.id in unnamed:
            found[pid][unnamed[process.id]] = Because.GPU
    return {pid: runs_of for pid, runs_of in found.items() if runs_of}


def _written(process: Process, of_file: Mapping[FileId, str], folders: Mapping[str, str]) -> Iterator[str]:
    for file in process.writes:
        key = of_file.get(file.id) or _innermost(file.path, folders)
        if key is not None:
            yield key


def _innermost(path: str, folders: Mapping[str, str]) -> str | None:
    """The run in whose folder a file lies; of folders in one another the inner one."""
    while path:
        path = path.rpartition("/")[0]
        if path in folders:
            return folders[path]
    return None


def _downstream(process: Process, readers: Mapping[str, Sequence[Process]]) -> Iterator[Process]:
    """The processes that read what this one prints."""
    seen, front = {process.id}, [process]
    for _ in range(_HOPS):
        front = [
            reader
            for writer in front
            for pipe in writer.pipes_out
            for reader in readers.get(pipe, ())
            if reader.id not in seen
        ]
        seen.update(reader.id for reader in front)
        yield from front


def _carries(process: Process, table: Table) -> bool:
    """`tee` and its like: what they write came to them through a pipe from another process."""
    return bool(process.pipe_in) and any(process.pipe_in in other.pipes_out for other in table.values())


def _named(process: Process, of_id: Mapping[str, str]) -> Iterator[tuple[str, Because]]:
    for name in ("WANDB_RUN_ID", "TORCHELASTIC_RUN_ID"):
        key = of_id.get(process.environment.get(name, ""))
        if key is not None:
            yield key, Because.ID
            return
    for job in (process.environment.get("SLURM_JOB_ID", ""), process.container.id):
        key = of_id.get(job)
        if key is not None:
            yield key, Because.JOB
            return


def _place(
    table: Table, runs: Sequence[KnownRun], claims: dict[int, tuple[str, Because]], proven: Collection[int]
) -> None:
    """A Python program that works in the folder of one run only, for logs that are opened for each line anew."""
    at: dict[str, list[str]] = defaultdict(list)
    for run in runs:
        at[run.folder].append(run.key)
    followed = {run for run, _ in claims.values()}
    for pid, process in table.items():
        found = at.get(process.cwd, ()) if process.cwd else ()
        if pid not in proven and len(found) == 1 and found[0] not in followed and process.name.startswith("python"):
            claims[pid] = (found[0], Because.PLACE)


def _spread(table: Table, claims: dict[int, tuple[str, Because]], shared: set[int]) -> None:
    """Ranks and workers go with the processes that they were started with, where that points to one run only."""
    runs_of: dict[tuple[str, ...], set[str]] = defaultdict(set)
    keys = {pid: _families(process, table) for pid, process in table.items()}
    for pid, (run, because) in claims.items():
        if because is not Because.CARRIER:
            for family in keys[pid]:
                runs_of[family].add(run)
    for pid, families in keys.items():
        if pid in claims or pid in shared:
            continue
        goes_with = _ancestors_run(table[pid], table, claims) or _family_run(families, runs_of)
        if goes_with is not None:
            claims[pid] = (goes_with, Because.FAMILY)


def _family_run(families: Iterable[tuple[str, ...]], runs_of: Mapping[tuple[str, ...], set[str]]) -> str | None:
    return next((next(iter(runs_of[f])) for f in families if len(runs_of.get(f, ())) == 1), None)


def _ancestors_run(process: Process, table: Table, claims: Mapping[int, tuple[str, Because]]) -> str | None:
    parent = table.get(process.parent)
    for _ in range(64):
        if parent is None or _starter(parent):
            return None
        claim = claims.get(parent.id.number)
        if claim is not None:
            return claim[0]
        parent = table.get(parent.parent)
    return None


def _families(process: Process, table: Table) -> tuple[tuple[str, ...], ...]:
    """What ranks of one run have in common, the surest first."""
    env = process.environment
    found: list[tuple[str, ...]] = []
    if env.get("TORCHELASTIC_RUN_ID", "none") != "none":
        found.append(("elastic", env["TORCHELASTIC_RUN_ID"]))
    if env.get("SLURM_JOB_ID"):
        found.append(("slurm", env["SLURM_JOB_ID"], env.get("SLURM_STEP_ID", "")))
    if env.get("MASTER_PORT") and env.get("WORLD_SIZE"):
        found.append(("master", env.get("MASTER_ADDR", ""), env["MASTER_PORT"], env["WORLD_SIZE"]))
    launcher = _launcher(process, table)
    if launcher is not None:
        found.append(("launcher", str(launcher.id.number)))
    return tuple(found)


def _launcher(process: Process, table: Table) -> Process | None:
    """The process that started the ranks, where it can be told from a mere parent such as a shell or an editor."""
    at: Process | None = process
    for _ in range(64):
        if at is None or _starter(at):
            return None
        if any(word.rpartition("/")[2] in _LAUNCHERS for word in at.command[:4]):
            return at
        parent = table.get(at.parent)
        # Children of `multiprocessing` say so in their command, forked ones wear their parent's.
        if parent is not None and at.command and (_spawned(at) or at.command == parent.command):
            deeper = _launcher(parent, table)
            return deeper or parent
        at = parent
    return None


def _spawned(process: Process) -> bool:
    return any("multiprocessing" in word for word in process.command[:4])


def _starter(process: Process) -> bool:
    name = process.name.split(":")[0]
    return name in _STARTERS or name.startswith("containerd-shim")


def _strays(loose: Sequence[Member], table: Table) -> tuple[Stray, ...]:
    groups: dict[tuple[str, ...], list[Member]] = defaultdict(list)
    for member in loose:
        families = _families(member.process, table)
        groups[families[0] if families else ("pid", str(member.process.id.number))].append(member)
    return tuple(Stray(tuple(sorted(group, key=lambda m: m.process.id))) for group in groups.values())

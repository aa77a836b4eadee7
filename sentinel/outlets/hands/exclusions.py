"""What speaks against signalling the processes of a run: who they are, and who stands beside, above and below them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile

from sentinel.outlets.hands.kinds import RELAYS, SHELLS, is_agent, only_waits, upstream
from sentinel.outlets.hands.process import Process

SYSTEM = frozenset((
    "systemd", "init", "sshd", "slurmd", "slurmstepd", "containerd", "containerd-shim", "dockerd", "kubelet", "cron",
    "tini", "dumb-init",
))  # fmt: skip
NOTEBOOKS = ("ipykernel", "jupyter", "notebook", "colab")
CONSOLES = frozenset(("ipython", "ipython3", "bpython", "ptpython"))
DEBUGGERS = frozenset(("pdb", "ipdb", "pudb", "debugpy", "pydevd.py", "pydevd"))  # Python's own leave no tracer behind
LOADER = "pt_data_worker"  # as torch names its loaders since 2.5: they may work while their rank waits for data
STARTED_ALIKE = ("multiprocessing.spawn", "multiprocessing.forkserver")
MEASURABLE, FEW = 10.0, 10.0  # seconds of processor time of a child; how many times less its parent has used


def troubles(
    ranks: tuple[Process, ...], others: tuple[Process, ...], world: int, processes: Mapping[int, Process]
) -> Iterator[str]:
    """Each reason, in words."""
    ours = _own_line(processes)
    for rank in ranks:
        who = f"pid {rank.pid} ({rank.name})"
        yield from (f"{who} {what}" for what in _kinds(rank, ours, processes))
        sisters = _sisters(rank, ranks, processes)
        if sisters:
            yield f"{who} and pid {sisters[0].pid} were started alike: whether both are ranks of one job cannot be told"
        if child := _worker_of(rank, others):
            yield f"{who} only waits for pid {child.pid}, which does the work: which processes train cannot be told"
    if len({process.uid for process in (*ranks, *others)}) > 1:
        yield "its processes belong to several users"
    if len(ranks) > 1 and world < len(ranks):
        yield f"{len(ranks)} processes write here and their job has {world}: more than one run"


def _own_line(processes: Mapping[int, Process]) -> set[int]:
    """Sentinel itself and all that stands above it."""
    own, above = {os.getpid()}, processes.get(os.getpid())
    while above is not None:
        own.add(above.pid)
        above = processes.get(above.parent)
    return own


def _kinds(rank: Process, ours: set[int], processes: Mapping[int, Process]) -> Iterator[str]:
    if rank.pid == 1 or rank.pid in ours:
        yield "is pid 1, Sentinel or one of its parents"
    if rank.name in SHELLS | SYSTEM:
        yield "is no training process"
    if rank.name in RELAYS:
        yield "only carries what another process prints, and that one was not found"
    elif before := upstream(rank.pid, processes):
        yield f"reads what pid {before[0]} prints: which of them trains cannot be told"
    if any(word in rank.line for word in NOTEBOOKS):
        yield "is a notebook"
    own = _own_words(rank)
    if own & CONSOLES or (len(rank.command) == 1 and "python" in own) or {"python", "-i"} <= own:
        yield "is a console that somebody types into"
    if rank.tracer or own & DEBUGGERS:
        yield f"is under a debugger{f' (pid {rank.tracer})' if rank.tracer else ''}"


def _own_words(process: Process) -> set[str]:
    """The words of its command line that are not its script's own, each as a bare name; any Python is `python`."""
    scripts = [word for word in process.command if word.endswith(".py")][:1]
    before = takewhile(lambda word: not word.endswith(".py"), process.command)
    names = {os.path.basename(word) for word in (*before, *scripts)}
    return names | ({"python"} if any(name.startswith("python") for name in names) else set())


def _sisters(rank: Process, ranks: Iterable[Process], processes: Mapping[int, Process]) -> list[Process]:
    """Processes that the same parent has started in the same way and place, where nothing names a rank: `mp.spawn` does so."""
    above = processes.get(rank.parent)
    named = {"RANK", "LOCAL_RANK"} & rank.environment.keys()
    if named or above is None or above.pid == 1 or above.name in SYSTEM or only_waits(above):
        return []
    known = {one.pid for one in ranks}
    beside = [p for p in processes.values() if p.parent == above.pid and p.pid not in known and p.cwd == rank.cwd]
    return [one for one in beside if _alike(one, rank) and not is_agent(one)]


def _alike(one: Process, other: Process) -> bool:
    return one.command == other.command or any(word in one.line and word in other.line for word in STARTED_ALIKE)


def _worker_of(rank: Process, others: Iterable[Process]) -> Process | None:
    """The child that does the work while this one waits: its launcher, in no form that is known."""
    busiest = max((p for p in others if p.parent == rank.pid and p.name != LOADER), key=lambda p: p.busy, default=None)
    if busiest is None or busiest.busy < MEASURABLE or rank.busy * FEW >= busiest.busy:
        return None
    return busiest

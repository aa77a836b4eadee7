"""Which processes are a run's, and what each of them is: rank, agent, loader. What speaks against signalling them is said in
`exclusions`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sentinel.outlets.hands.exclusions import troubles
from sentinel.outlets.hands.kinds import RELAYS, is_agent, only_waits, upstream
from sentinel.outlets.hands.process import Process, all_processes, open_for_writing

HOPS = 4  # train | grep | tee: pipes are followed so far
WORLDS = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


@dataclass(frozen=True, slots=True)
class Crew:
    """The processes of one run on this node."""

    ranks: tuple[Process, ...] = ()
    agents: tuple[Process, ...] = ()
    others: tuple[Process, ...] = ()  # loader workers, trackers, loggers: never signalled
    trouble: tuple[str, ...] = ()
    world: int = 1  # ranks of the whole job
    runs: int = 1

    @property
    def all(self) -> tuple[Process, ...]:
        """Everyone."""
        return (*self.ranks, *self.agents, *self.others)

    @property
    def elsewhere(self) -> bool:
        """Whether ranks live where no signal of ours reaches them."""
        return self.world > len(self.ranks)


def crew_of_folder(folder: str, known: Mapping[int, Process] | None = None) -> Crew:
    """The crew of the run in that folder: who writes there, and whoever belongs to them."""
    processes = dict(known) if known is not None else all_processes()
    home = os.path.realpath(folder)
    writers = [pid for pid in processes if pid != os.getpid() and open_for_writing(pid, home)]
    return crew_of_pids(_printers(writers, processes), processes)


def _printers(writers: list[int], processes: Mapping[int, Process]) -> list[int]:
    """Those who write, and for whom only carries what others print, who prints that."""
    for _ in range(HOPS):
        relays = [pid for pid in writers if processes[pid].name in RELAYS]
        before = {pid: upstream(pid, processes) for pid in relays}
        if not any(before.values()):
            break
        writers = [pid for writer in writers for pid in before.get(writer) or [writer]]
    return list(dict.fromkeys(writers))


def crew_of_pids(pids: Iterable[int], known: Mapping[int, Process] | None = None) -> Crew:
    """The crew that these processes belong to."""
    processes = dict(known) if known is not None else all_processes()
    seeds = [processes[pid] for pid in pids if pid in processes]
    trainers = _trainers(seeds, processes)
    if not trainers:
        return Crew(trouble=("no training process was found",))
    jobs = {process.environment.get("TORCHELASTIC_RUN_ID", "") for process in trainers}
    agents = tuple(p for p in processes.values() if is_agent(p) and _is_parent(p, trainers))
    siblings = [p for a in agents for p in processes.values() if p.parent == a.pid and "RANK" in p.environment]
    found = {p.pid: p for p in (*trainers, *siblings, *_started_ranks(trainers, processes))}
    ranks = tuple(found[pid] for pid in sorted(found))
    others = tuple(p for p in _below(ranks, processes) if p.pid not in {r.pid for r in ranks})
    world = max((_number(p.environment.get(name)) for p in ranks for name in WORLDS), default=1)
    world = max(world, 1)
    return Crew(ranks, agents, others, tuple(troubles(ranks, others, world, processes)), world, max(1, len(jobs)))


def _started_ranks(trainers: Iterable[Process], processes: Mapping[int, Process]) -> list[Process]:
    """The ranks that a first rank has itself started, as Lightning does: it has no LOCAL_RANK of its own, they have.

    Its loader workers show the environment that it was begun with, and so have none either.
    """
    firsts = {p.pid for p in trainers if "LOCAL_RANK" not in p.environment and "RANK" not in p.environment}
    return [p for p in processes.values() if p.parent in firsts and "LOCAL_RANK" in p.environment]


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 1


def _is_parent(process: Process, children: Iterable[Process]) -> bool:
    return any(child.parent == process.pid for child in children)


def _trainers(seeds: list[Process], processes: Mapping[int, Process]) -> list[Process]:
    """The topmost of those who write: a loader worker holds its parent's files and stands below it."""
    pids = {process.pid for process in seeds}
    return [p for p in seeds if not only_waits(p) and not _under(p, pids, processes)]


def _under(process: Process, pids: set[int], processes: Mapping[int, Process]) -> bool:
    above = processes.get(process.parent)
    while above is not None:
        if above.pid in pids and not only_waits(above):
            return True
        above = processes.get(above.parent)
    return False


def _below(tops: Iterable[Process], processes: Mapping[int, Process]) -> list[Process]:
    found, waiting = [], [process.pid for process in tops]
    while waiting:
        parent = waiting.pop()
        children = [p for p in processes.values() if p.parent == parent]
        found.extend(children)
        waiting.extend(p.pid for p in children)
    return found


def stuck(process: Process) -> bool:
    """Stopped by a signal: it cannot hear a request."""
    return process.state in "Tt"

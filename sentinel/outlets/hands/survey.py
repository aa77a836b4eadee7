"""Which processes are a run's, what each of them is (rank, agent, loader), and what speaks against signalling them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile

from sentinel.outlets.hands.process import Process, all_processes, open_for_writing, pipe_in, prints_into

AGENTS = frozenset((
    "torchrun", "torch.distributed.run", "torch.distributed.launch", "accelerate", "accelerate-launch",
    "accelerate.commands.launch", "deepspeed", "deepspeed.launcher.runner", "deepspeed.launcher.launch", "composer",
    "composer.cli.launcher",
))  # fmt: skip
SHELLS = frozenset(
    ("bash", "sh", "zsh", "fish", "dash", "tcsh", "login", "tmux", "tmux: server", "screen", "su", "sudo")
)
SYSTEM = frozenset((
    "systemd", "init", "sshd", "slurmd", "slurmstepd", "containerd", "containerd-shim", "dockerd", "kubelet", "cron",
    "tini", "dumb-init",
))  # fmt: skip
RELAYS = frozenset(  # they write what another process prints: `train | tee log`
    ("tee", "cat", "ts", "sed", "grep", "egrep", "awk", "gawk", "mawk", "tr", "pv", "logger", "rotatelogs", "multilog")
)
HOPS = 4  # train | grep | tee: pipes are followed so far
NOTEBOOKS = ("ipykernel", "jupyter", "notebook", "colab")
RUN_IDS = ("TORCHELASTIC_RUN_ID", "SLURM_JOB_ID", "WANDB_RUN_ID", "SENTINEL_RUN")


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
        before = {pid: _upstream(pid, processes) for pid in relays}
        if not any(before.values()):
            break
        writers = [pid for writer in writers for pid in before.get(writer) or [writer]]
    return list(dict.fromkeys(writers))


def _upstream(pid: int, processes: Mapping[int, Process]) -> list[int]:
    """Who prints into the pipe that the process reads."""
    pipe = pipe_in(pid)
    return [other for other in processes if other != pid and pipe in prints_into(other)] if pipe else []


def crew_of_pids(pids: Iterable[int], known: Mapping[int, Process] | None = None) -> Crew:
    """The crew that these processes belong to."""
    processes = dict(known) if known is not None else all_processes()
    seeds = [processes[pid] for pid in pids if pid in processes]
    trainers = _trainers(seeds, processes)
    if not trainers:
        return Crew(trouble=("no training process was found",))
    jobs = {process.environment.get("TORCHELASTIC_RUN_ID", "") for process in trainers}
    agents = tuple(p for p in processes.values() if _is_agent(p) and _is_parent(p, trainers))
    siblings = {p.pid: p for a in agents for p in processes.values() if p.parent == a.pid and "RANK" in p.environment}
    ranks = tuple(sorted({p.pid: p for p in (*trainers, *siblings.values())}.values(), key=lambda p: p.pid))
    others = tuple(p for p in _below(ranks, processes) if p.pid not in {r.pid for r in ranks})
    world = max((_number(p.environment.get("WORLD_SIZE")) for p in ranks), default=1)
    crew = Crew(ranks, agents, others, (), max(world, 1), max(1, len(jobs)))
    return Crew(crew.ranks, crew.agents, crew.others, tuple(_troubles(crew, processes)), crew.world, crew.runs)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 1


def _is_agent(process: Process) -> bool:
    """A launcher, by a whole word before the script that it launches: what a script or a shell is told is not its own."""
    if "RANK" in process.environment or process.name in SHELLS:
        return False
    words = takewhile(lambda word: not word.endswith(".py"), process.command)
    return any(os.path.basename(word) in AGENTS for word in words)


def _is_parent(process: Process, children: Iterable[Process]) -> bool:
    return any(child.parent == process.pid for child in children)


def _trainers(seeds: list[Process], processes: Mapping[int, Process]) -> list[Process]:
    """The topmost of those who write: a loader worker holds its parent's files and stands below it."""
    pids = {process.pid for process in seeds}
    return [p for p in seeds if not _is_agent(p) and p.name not in SHELLS and not _under(p, pids, processes)]


def _under(process: Process, pids: set[int], processes: Mapping[int, Process]) -> bool:
    above = processes.get(process.parent)
    while above is not None:
        if above.pid in pids and not _is_agent(above) and above.name not in SHELLS:
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


def _troubles(crew: Crew, processes: Mapping[int, Process]) -> Iterable[str]:
    own, above = os.getpid(), processes.get(os.getpid())
    parents = {own}
    while above is not None:
        parents.add(above.pid)
        above = processes.get(above.parent)
    for process in crew.ranks:
        who = f"pid {process.pid} ({process.name})"
        if process.pid == 1 or process.pid in parents:
            yield f"{who} is pid 1, Sentinel or one of its parents"
        if process.name in SHELLS | SYSTEM:
            yield f"{who} is no training process"
        if process.name in RELAYS:
            yield f"{who} only carries what another process prints, and that one was not found"
        elif before := _upstream(process.pid, processes):
            yield f"{who} reads what pid {before[0]} prints: which of them trains cannot be told"
        if any(word in process.line for word in NOTEBOOKS):
            yield f"{who} is a notebook"
        if process.tracer:
            yield f"{who} is under a debugger (pid {process.tracer})"
    if len({process.uid for process in crew.all}) > 1:
        yield "its processes belong to several users"
    if len(crew.ranks) > 1 and crew.world < len(crew.ranks):
        yield f"{len(crew.ranks)} processes write here and their job has {crew.world}: more than one run"


def stuck(process: Process) -> bool:
    """Stopped by a signal: it cannot hear a request."""
    return process.state in "Tt"

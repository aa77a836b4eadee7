"""What is known of one process. Records only; `reading` fills them from `/proc`, `attach` judges them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple


class Pid(NamedTuple):
    """A process for as long as the machine runs: numbers are used again, start times are not."""

    number: int
    start: int  # clock ticks since boot


class FileId(NamedTuple):
    """A file whatever its path: renamed, deleted or seen from inside a container."""

    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A regular file that a process holds open for writing."""

    path: str  # as seen from the host, through /proc/PID/root for a container; without " (deleted)"
    id: FileId
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """What a cgroup path says: the job or container that a process lives in."""

    kind: Literal["slurm", "pod", "container", ""] = ""
    id: str = ""


# No other variable is ever taken out of an environment: the rest may hold secrets.
NAMED = frozenset(
    """
    RANK LOCAL_RANK WORLD_SIZE NODE_RANK GROUP_RANK MASTER_ADDR MASTER_PORT
    SLURM_JOB_ID SLURM_STEP_ID SLURM_PROCID SLURM_LOCALID SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID SLURM_JOB_NAME
    TORCHELASTIC_RUN_ID TORCHELASTIC_RESTART_COUNT WANDB_RUN_ID WANDB_SWEEP_ID WANDB_NAME
    OMPI_COMM_WORLD_RANK OMPI_COMM_WORLD_LOCAL_RANK OMPI_COMM_WORLD_SIZE
    CUDA_VISIBLE_DEVICES JPY_PARENT_PID SENTINEL_ALLOW
    """.split()  # noqa: SIM905 - quoted one by one they say the same less readably
)


@dataclass(frozen=True, slots=True)
class Process:
    """One process at one moment."""

    id: Pid
    parent: int
    name: str
    uid: int = -1
    command: tuple[str, ...] = ()
    cwd: str = ""
    writes: tuple[OpenFile, ...] = ()
    pipes_out: frozenset[str] = frozenset()  # "pipe:[123]" behind standard output and error
    pipe_in: str = ""  # behind standard input
    terminal: str = ""  # "pts/3" where standard output is a terminal
    environment: Mapping[str, str] = field(default_factory=dict)
    container: Container = Container()
    denied: tuple[str, ...] = ()  # what we may not see of it: "files", "environment", "cwd"

    @property
    def rank(self) -> int | None:
        """Its rank over all nodes."""
        return self._number("RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")

    def _number(self, *names: str) -> int | None:
        for name in names:
            value = self.environment.get(name, "")
            if value.isdecimal():
                return int(value)
        return None

    @property
    def notebook(self) -> bool:
        """A notebook's kernel is not a run: it may sit idle as long as its user likes."""
        return any("ipykernel" in word or "colab_kernel" in word for word in self.command[:6])

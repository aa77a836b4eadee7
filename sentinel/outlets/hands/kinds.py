"""What kind of process one is, by its name and its words: launcher, shell, wrapper, relay. Whose it is, is not told here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import takewhile

from sentinel.outlets.hands.process import Process, pipe_in, prints_into

AGENTS = frozenset((
    "torchrun", "torch.distributed.run", "torch.distributed.launch", "accelerate", "accelerate-launch",
    "accelerate.commands.launch", "deepspeed", "deepspeed.launcher.runner", "deepspeed.launcher.launch", "composer",
    "composer.cli.launcher",
))  # fmt: skip
SHELLS = frozenset(
    ("bash", "sh", "zsh", "fish", "dash", "tcsh", "login", "tmux", "tmux: server", "screen", "su", "sudo")
)
WRAPPERS = frozenset((  # they start one command and wait for it
    "uv", "uvx", "conda", "mamba", "micromamba", "pixi", "poetry", "pdm", "hatch", "rye", "timeout", "time", "script",
    "unbuffer", "setsid", "watch", "numactl", "strace", "xvfb-run", "apptainer", "singularity", "docker", "podman",
))  # fmt: skip
RELAYS = frozenset(  # they write what another process prints: `train | tee log`
    ("tee", "cat", "ts", "sed", "grep", "egrep", "awk", "gawk", "mawk", "tr", "pv", "logger", "rotatelogs", "multilog")
)


def is_agent(process: Process) -> bool:
    """A launcher, by a whole word before the script that it launches: what a script or a shell is told is not its own."""
    if "RANK" in process.environment or process.name in SHELLS:
        return False
    words = takewhile(lambda word: not word.endswith(".py"), process.command)
    return any(os.path.basename(word) in AGENTS for word in words)


def only_waits(process: Process) -> bool:
    """A launcher, a shell or a wrapper: who trains stands below it."""
    return is_agent(process) or process.name in SHELLS | WRAPPERS


def upstream(pid: int, processes: Mapping[int, Process]) -> list[int]:
    """Who prints into the pipe that the process reads."""
    pipe = pipe_in(pid)
    return [other for other in processes if other != pid and pipe in prints_into(other)] if pipe else []

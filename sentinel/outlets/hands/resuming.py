"""The command that starts a run again, as it was started: written beside its plan before its processes are gone."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from sentinel.outlets.hands.blacking import black_words
from sentinel.outlets.hands.process import PROC, Process
from sentinel.outlets.hands.survey import Crew

RESUME = "resume"
SETTINGS = (  # of the environment: without them the same words start something else
    "CUDA_VISIBLE_DEVICES", "PYTHONPATH", "HYDRA_FULL_ERROR", "OMP_NUM_THREADS", "MASTER_ADDR", "MASTER_PORT",
    "WANDB_RUN_ID", "WANDB_RESUME", "WANDB_PROJECT",
)  # fmt: skip


def resume_line(crew: Crew, proc: Path = PROC) -> str:
    """What a person types to go on: Slurm's own word for a job, else the launcher's command where there is one, in its
    folder, with the interpreter, settings and output that it had, without its secrets.
    """
    first = next(iter((*crew.agents, *crew.ranks)), None)
    if first is None:
        return ""
    job = next((p.environment["SLURM_JOB_ID"] for p in crew.ranks if "SLURM_JOB_ID" in p.environment), "")
    if job:
        return f"scontrol release {job} || scontrol requeue {job}"
    given = black_words(f"{name}={first.environment[name]}" for name in SETTINGS if name in first.environment)
    settings = "".join(f"{name}={shlex.quote(value)} " for name, _, value in (text.partition("=") for text in given))
    words = black_words(_with_its_interpreter(first))
    return f"cd {shlex.quote(first.cwd)} && {settings}{shlex.join(words)}{_output(first, proc)}"


def _with_its_interpreter(process: Process) -> tuple[str, ...]:
    """A bare `python` means the environment that was entered then."""
    command = process.command
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        home = process.environment.get(name, "")
        if command and "/" not in command[0] and home and os.access(Path(home, "bin", command[0]), os.X_OK):
            return (str(Path(home, "bin", command[0])), *command[1:])
    return command


def _output(process: Process, proc: Path) -> str:
    """Where its output and its errors went, if that was a file: added to, so that the run's log goes on."""
    out, errors = (_file_of(process.pid, handle, proc) for handle in (1, 2))
    said = f" >> {shlex.quote(out)}" if out else ""
    if errors and errors == out:
        return f"{said} 2>&1"
    return f"{said} 2>> {shlex.quote(errors)}" if errors else said


def _file_of(pid: int, handle: int, proc: Path) -> str:
    try:
        path = os.readlink(proc / str(pid) / "fd" / str(handle))
        return path if os.path.isfile(path) else ""
    except OSError:
        return ""


def note_resume(crew: Crew, folder: Path) -> None:
    """Write it down beside the plan, for its owner's eyes and the message after the stop."""
    line = resume_line(crew)
    if line:
        (folder / RESUME).write_text(line + "\n", encoding="utf-8")

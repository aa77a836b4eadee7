"""What is gathered before the end: the stacks of all ranks, the last lines of the logs, the state of the GPUs."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from sentinel.outlets.hands.survey import Crew

LINES = 200
TAIL = 1 << 18


def gather(crew: Crew, folder: Path, into: Path) -> list[str]:
    """Write the evidence under `into`; what could not be had, each with its reason."""
    into.mkdir(parents=True, exist_ok=True)
    lacks = [lack for process in crew.ranks if (lack := _stack(process.pid, into))]
    _last_lines(folder, into)
    if shutil.which("nvidia-smi"):
        _run(["nvidia-smi", "-q"], into / "gpus.txt")
    else:
        lacks.append("GPU state: nvidia-smi is not installed")
    return lacks


def _stack(pid: int, into: Path) -> str:
    beside = Path(sys.executable).with_name("py-spy")
    spy = str(beside) if beside.exists() else shutil.which("py-spy")
    if spy is None:
        return "stacks: py-spy is not installed (`sentinel doctor` gives the command)"
    return _run([spy, "dump", "--nonblocking", "--pid", str(pid)], into / f"stack.{pid}.txt")


def _run(command: list[str], target: Path) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=10, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as trouble:
        return f"{target.name}: {trouble}"
    target.write_bytes(done.stdout or done.stderr)
    return "" if done.returncode == 0 else f"{target.name}: {command[0]} ended with {done.returncode}"


def _last_lines(folder: Path, into: Path) -> None:
    """Opened below the run's folder and never through a link: what lies elsewhere is not the run's to show."""
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        for name in sorted(name for name in os.listdir(place) if name.endswith(".log"))[:8]:
            lines = _tail(name, place)
            if lines is not None:
                (into / f"last-{name}").write_bytes(b"\n".join(lines) + b"\n")
    finally:
        os.close(place)


def _tail(name: str, place: int) -> list[bytes] | None:
    """The last lines of a plain file in an open folder; None of anything else."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=place)
    except OSError:
        return None
    with open(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            return None
        file.seek(max(0, about.st_size - TAIL))
        return file.read(TAIL).splitlines()[-LINES:]

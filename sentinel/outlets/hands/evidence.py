"""What is gathered before the end: the stacks of all ranks, the last lines of the logs, the state of the GPUs; each in a file
of its own under the plan's record, and all in one bounded text that goes with the last word. Secrets are blacked out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from sentinel.outlets.hands.blacking import black_text
from sentinel.outlets.hands.survey import Crew

LINES = 200
TAIL = 1 << 18
LOGS = (".log", ".out", ".err", ".jsonl")
MOST_LOGS = 8
ATTACHED = "attached.txt"
MOST_ATTACHED, MOST_OF_ONE = 1 << 18, 1 << 16  # bytes


def gather(crew: Crew, folder: Path, into: Path, files: Iterable[str] = ()) -> list[str]:
    """Write the evidence under `into`, of the run's known `files` first; what could not be had, each with its reason."""
    into.mkdir(parents=True, exist_ok=True)
    lacks = [lack for process in crew.ranks if (lack := _stack(process.pid, into))]
    _last_lines(folder, into, files)
    if shutil.which("nvidia-smi"):
        _run(["nvidia-smi", "-q"], into / "gpus.txt")
    else:
        lacks.append("GPU state: nvidia-smi is not installed")
    _bundle(into, lacks)
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
    target.write_text(black_text((done.stdout or done.stderr).decode(errors="replace")), encoding="utf-8")
    return "" if done.returncode == 0 else f"{target.name}: {command[0]} ended with {done.returncode}"


def _last_lines(folder: Path, into: Path, files: Iterable[str]) -> None:
    """Opened below the run's folder and never through a link: what lies elsewhere is not the run's to show."""
    with contextlib.suppress(OSError), _opened(str(folder), None, os.O_DIRECTORY) as place:
        own = sorted(name for name in os.listdir(place) if name.endswith(LOGS))
        for name in list(dict.fromkeys([*files, *own]))[: 4 * MOST_LOGS]:
            lines = _tail(name, place)
            if lines is not None and len(list(into.glob("last-*"))) < MOST_LOGS:
                text = black_text("\n".join(lines) + "\n")
                (into / f"last-{name.replace('/', '-')}").write_text(text, encoding="utf-8")


@contextlib.contextmanager
def _opened(name: str, place: int | None, kind: int = 0) -> Iterator[int]:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | kind
    handle = os.open(name, flags, dir_fd=place)
    try:
        yield handle
    finally:
        os.close(handle)


def _tail(name: str, place: int) -> list[str] | None:
    """The last lines of a plain text file in an open folder, gone to part by part; None of anything else."""
    head, _, rest = name.partition("/")
    if head in ("", ".", ".."):
        return None
    try:
        with _opened(head, place, os.O_DIRECTORY if rest else 0) as handle:
            if rest:
                return _tail(rest, handle)
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode):
                return None
            data = os.pread(handle, TAIL, max(0, about.st_size - TAIL))
    except OSError:
        return None
    return None if b"\0" in data else data.decode(errors="replace").splitlines()[-LINES:]


def _bundle(into: Path, lacks: Iterable[str]) -> None:
    """All of it in one text, of each the end, for the last word to carry."""
    parts = [f"not to be had: {lack}\n" for lack in lacks]
    for path in sorted(into.iterdir()):
        if path.name != ATTACHED:
            text = path.read_text(encoding="utf-8", errors="replace")
            parts.append(f"== {path.name} ==\n{text[-MOST_OF_ONE:]}\n")
    data = "\n".join(parts).encode()
    (into / ATTACHED).write_bytes(data[:MOST_ATTACHED].decode(errors="ignore").encode())

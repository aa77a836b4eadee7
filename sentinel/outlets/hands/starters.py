"""Who starts a run: the service or the process that would start the very same command again after it was stopped, whatever folder
the new run then writes to. Noted when a run is first signalled; a person who types into a shell is no such starter.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from sentinel.outlets.hands.process import PROC, read_process
from sentinel.outlets.hands.survey import Crew

STARTER = "starter"
OF_MANY = (
    "cron.",
    "crond.",
    "atd.",
    "docker.",
    "containerd.",
    "slurmd.",
    "ssh",
    "user@",
    "jupyter",
    "code-server",
    "session-",
)


def starter_of(crew: Crew) -> str:
    """A mark of who starts it and with which command; "" where that is a person, or nobody who is left."""
    first = next(iter((*crew.agents, *crew.ranks)), None)
    above = "" if first is None else _service(first.pid) or _parent(first.parent)
    if first is None or not above:
        return ""
    return hashlib.sha256(json.dumps([first.uid, above, first.command, first.cwd]).encode()).hexdigest()[:24]


def note_starter(crew: Crew, folder: Path) -> None:
    """Write it down beside the plan, for as long as that is kept."""
    mark = starter_of(crew)
    if mark:
        (folder / STARTER).write_text(mark)


def stopped_before(crew: Crew, plans: Path, plan: str) -> list[str]:
    """The other plans that signalled what the same one had started with the same command."""
    mark = starter_of(crew)
    found = plans.glob(f"*/{STARTER}") if mark else ()
    return sorted(path.parent.name for path in found if path.parent.name != plan and _text(path) == mark)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _service(pid: int) -> str:
    """The systemd unit that it is the work of, if it is one of its own."""
    lines = _text(PROC / str(pid) / "cgroup").splitlines()
    unit = next((line.rpartition(":")[2].rpartition("/")[2] for line in lines if line.endswith(".service")), "")
    return "" if unit.startswith(OF_MANY) else unit


def _parent(pid: int) -> str:
    """A process that starts others without anybody typing: no first process, and no leader of a terminal's session."""
    process = read_process(pid)
    if process is None or pid == 1:
        return ""
    fields = _text(PROC / str(pid) / "stat").rpartition(")")[2].split()
    leads_terminal = len(fields) > 4 and fields[3] == str(pid) and fields[4] != "0"
    return "" if leads_terminal else f"{pid} {process.start}"

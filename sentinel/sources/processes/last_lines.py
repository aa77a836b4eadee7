"""The last line that each process of a run wrote into a file of that run: what a rank was doing when it fell silent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from sentinel.formats.configs import blacked_out
from sentinel.sources.opening import open_watched
from sentinel.sources.processes.attach import Because, Member
from sentinel.sources.processes.process import FileId, Pid

TAIL = 4096
LONGEST = 160  # characters shown
Logs = Mapping[FileId, str]  # the run's logs and where they lie


def last_lines(members: Iterable[Member], logs: Logs, folder: str) -> dict[Pid, str]:
    """By process; those that share a log say the same. Only the run's own logs are opened, never what else it writes."""
    out: dict[Pid, str] = {}
    read: dict[FileId, str] = {}
    carried = [file for member in members if member.because is Because.CARRIER for file in member.process.writes]
    for member in members:
        for file in member.process.writes or carried:
            if file.id in logs and not file.deleted:
                if file.id not in read:
                    read[file.id] = last_line(logs[file.id], folder)
                out[member.process.id] = read[file.id]
    return {pid: line for pid, line in out.items() if line}


def last_line(path: str, folder: str) -> str:
    """The last line of a file below a folder that says anything, cut and without secrets; "" where it cannot be had."""
    try:
        descriptor = open_watched([folder], path)
    except OSError:
        return ""
    try:
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, TAIL, max(0, size - TAIL)).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    lines = (line.rsplit("\r", 1)[-1].strip() for line in reversed(tail.splitlines()))
    line = "".join(sign for sign in next(filter(None, lines), "") if sign.isprintable())
    return blacked_out(line)[:LONGEST]

"""The GPU memory of a run: which GPUs its processes held before the end, and whether that memory is free after it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

from sentinel.outlets.hands.process import PROC
from sentinel.outlets.hands.survey import Crew

BEFORE, AFTER = "gpus.json", "gpus-after"
PATIENCE = 10.0
AGAIN = 20.0  # seconds until it is looked at anew
ASK = "nvidia-smi"


def holds_gpu(pid: int) -> bool:
    """Whether the process holds a GPU open."""
    here = PROC / str(pid) / "fd"
    try:
        handles = os.listdir(here)
    except OSError:
        return False
    return any(_is_gpu(here / handle) for handle in handles)


def _is_gpu(handle: Path) -> bool:
    try:
        target = os.readlink(handle)
    except OSError:
        return False
    return target.startswith("/dev/nvidia") and target.removeprefix("/dev/nvidia").isdigit()


def note_gpus(crew: Crew, folder: Path) -> None:
    """Write down which GPUs the run's processes work on, if they do; none by name where the driver does not say."""
    pids = {process.pid for process in crew.all}
    mine = sorted({gpu for gpu, pid in _workers() or () if pid in pids})
    if mine or any(map(holds_gpu, pids)):
        (folder / BEFORE).write_text(json.dumps(mine))


def note_after(folder: Path) -> str:
    """Whether the memory of those GPUs is free now, in words, written down too; "" of a run that used none."""
    try:
        mine = set(json.loads((folder / BEFORE).read_text()))
    except (OSError, ValueError):
        return ""
    place = folder / AFTER
    if not place.exists() or time.time() - place.stat().st_mtime >= AGAIN:
        place.write_text(_said(mine), encoding="utf-8")
    return place.read_text(encoding="utf-8")


def _said(mine: set[str]) -> str:
    gpus, workers = _asked("--query-gpu=uuid,index,memory.used,memory.total"), _workers()
    if gpus is None or workers is None:
        return "not known: nvidia-smi does not answer"
    return "; ".join(
        _one(index, used, total, [pid for gpu, pid in workers if gpu == uuid])
        for uuid, index, used, total in (row for row in gpus if len(row) == 4)
        if not mine or uuid in mine
    )


def _one(index: str, used: str, total: str, pids: list[int]) -> str:
    by = f", by pid {', '.join(map(str, pids))}" if pids else ", and no process is named for it"
    free = used.isdigit() and total.isdigit() and int(used) <= max(1024, int(total) // 50) and not pids
    return f"GPU {index} {'free' if free else 'NOT free'} ({used} of {total} MiB used{'' if free else by})"


def _workers() -> list[tuple[str, int]] | None:
    """GPU and pid of everybody who computes; None where the driver cannot be asked."""
    rows = _asked("--query-compute-apps=gpu_uuid,pid")
    return None if rows is None else [(row[0], int(row[1])) for row in rows if len(row) == 2 and row[1].isdigit()]


def _asked(what: str) -> list[list[str]] | None:
    words = [ASK, what, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.decode(errors="replace").splitlines()
    return None if done.returncode else [[part.strip() for part in line.split(",")] for line in lines]

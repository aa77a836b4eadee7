"""What the hands left beside a plan: the evidence and the command that goes on, named in the last word, pruned with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from sentinel.core.stopping_plan import Plan
from sentinel.outlets.hands.evidence import ATTACHED
from sentinel.outlets.hands.graphics import AFTER
from sentinel.outlets.hands.resuming import RESUME

MOST = 4096


def left_by(plan: Plan, state: Path) -> list[str]:
    """Lines for the last word: where stacks, last lines and GPU state lie, and how the run is started again."""
    folder = state / "plans" / plan.id
    try:
        evidence = sorted(path.name for path in (folder / "evidence").iterdir())
    except OSError:
        evidence = []
    resume, gpus = _text(folder / RESUME), _text(folder / AFTER)
    said = [f"Evidence: {folder / 'evidence'} ({', '.join(evidence)})"] if evidence else []
    said += [f"GPU memory: {gpus}"] if gpus else []
    return [*said, *([f"To go on: {resume}"] if resume else [])]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")[:MOST].strip()
    except OSError:
        return ""


def attached_by(plan: Plan, state: Path) -> str:
    """The text that goes with the last word, or ""."""
    path = state / "plans" / plan.id / "evidence" / ATTACHED
    return str(path) if path.is_file() else ""


def forget(plans: Iterable[str], state: Path) -> None:
    """Take away what was left by plans that are forgotten."""
    for plan in plans:
        shutil.rmtree(state / "plans" / plan, ignore_errors=True)


def wear(plans: Iterable[str], state: Path) -> None:
    """Take away the evidence of plans whose record stays."""
    for plan in plans:
        shutil.rmtree(state / "plans" / plan / "evidence", ignore_errors=True)

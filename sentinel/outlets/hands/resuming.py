"""The command that starts a run again, as it was started: written beside its plan before its processes are gone."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from sentinel.outlets.hands.process import Process
from sentinel.outlets.hands.survey import Crew

RESUME = "resume"
BLACK = "***"
_KEY = re.compile(r"(?:^|[._-])(?:api_?)?(?:token|key|password|passwd|secret|credentials?|auth)$", re.IGNORECASE)
_SHAPE = re.compile(
    r"\bhf_\w{8,}|\bsk-[\w-]{8,}|\bAKIA\w{12,}|\bxox[a-z]-[\w-]{6,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)|\bgh[pousr]_\w{16,}"
)


def resume_line(crew: Crew) -> str:
    """What a person types to go on: the launcher's command where there is one, in its folder, without its secrets."""
    first = next(iter((*crew.agents, *crew.ranks)), None)
    return f"cd {shlex.quote(first.cwd)} && {shlex.join(blacked(first))}" if first is not None else ""


def blacked(process: Process) -> list[str]:
    """Its command, word by word, with what looks like a secret blacked out."""
    words, hide = [], False
    for word in process.command:
        name, sign, _ = word.partition("=")
        if hide:
            words.append(BLACK)
        elif sign and _KEY.search(name):
            words.append(f"{name}={BLACK}")
        else:
            words.append(_SHAPE.sub(BLACK, word))
        hide = not hide and not sign and word.startswith("-") and bool(_KEY.search(word))
    return words


def note_resume(crew: Crew, folder: Path) -> None:
    """Write it down beside the plan, for its owner's eyes and the message after the stop."""
    line = resume_line(crew)
    if line:
        (folder / RESUME).write_text(line + "\n", encoding="utf-8")

"""What gathered while a channel was down or had its rest hours, as one summary. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.core.telling_letter import SHOWN, Letter, Occasion

BACKLOG = 3  # more waiting messages than this go out as one
AGED = 600.0  # if the oldest has waited so long


def gathers(waiting: Sequence[tuple[float, int]], now: float) -> bool:
    """Whether (since, attempts) of what waits calls for a summary."""
    return len(waiting) > BACKLOG and now - min(since for since, _ in waiting) >= AGED


def summary(letters: Sequence[Letter], host: str, now: float, down_since: float | None) -> Letter:
    """One letter for many, gravest first."""
    ordered = sorted(letters, key=lambda letter: (-letter.severity, letter.at))
    lines = [_line(letter) for letter in ordered[:SHOWN]]
    left = len(ordered) - SHOWN
    if left > 0:
        lines.append(f"and {left} more; all of them: sentinel alerts")
    why = "while this channel took no messages" if down_since is not None else "in the rest hours"
    head = (
        f"{host}: {len(ordered)} messages from {why.removeprefix('in ')}"
        if down_since is None
        else (f"{host}: {len(ordered)} messages {why}")
    )
    runs = len({member.run for letter in letters for member in letter.members})
    gravest = max(letter.severity for letter in letters)
    return Letter(Occasion.SUMMARY, now, host, head=head, lines=tuple(lines), severity=gravest, runs=runs, open=0)


def _line(letter: Letter) -> str:
    change = letter.change
    if change is None:
        return f"{letter.severity.word}: {letter.head}"
    over = {Occasion.CLEAR: "cleared, ", Occasion.ENDED: "run ended, "}.get(letter.occasion, "")
    many = f" and {letter.runs - 1} more runs" if letter.runs > 1 else ""
    return f"{over}{letter.severity.word}: {change.run_name}{many}: {letter.story.title or change.say} [{change.id}]"

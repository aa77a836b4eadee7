"""The head of a message: its sign, its one word, and run and finding within 80 characters."""

from __future__ import annotations

from sentinel.core.records import Phase, Severity
from sentinel.core.telling_letter import Letter, Occasion
from sentinel.outlets.tidy import clean, middle, shorten

HEAD = 80
NAME = 38  # of the head that a run's name may take
MARKS = {Severity.CRITICAL: "🛑", Severity.HIGH: "🔴", Severity.WARNING: "🟡", Severity.INFO: "🔵"}
DOOMED = 0.7


def mark_of(letter: Letter) -> str:
    """The sign that stands before the head; the word beside it says the same without colour."""
    if letter.occasion is Occasion.STALE:
        return "◌"
    if letter.closed:
        return "✅" if cleared(letter) else "⏹"
    return "🛑" if doomed(letter) else MARKS[letter.severity]


def word_of(letter: Letter) -> str:
    """The state in one word."""
    if letter.occasion in {Occasion.NOTE, Occasion.HELD, Occasion.SUMMARY, Occasion.WEEK}:
        return "Sentinel"
    if letter.occasion is Occasion.STALE:
        return "No data"
    if letter.closed:
        return "Cleared" if cleared(letter) else "Ended"
    return "Doomed" if doomed(letter) else letter.severity.word.capitalize()


def doomed(letter: Letter) -> bool:
    """Whether what fires says that the run cannot give a usable model."""
    change = letter.change
    return change is not None and not letter.closed and change.severity >= Severity.HIGH and change.doom >= DOOMED


def cleared(letter: Letter) -> bool:
    """Whether the numbers are well again, which the end of a run is not."""
    return letter.change is not None and letter.change.phase is Phase.CLEAR


def head_of(letter: Letter) -> str:
    """Run and finding within 80 characters."""
    change = letter.change
    if change is None:
        return shorten(clean(letter.head), HEAD)
    finding = clean(letter.story.title or change.say)
    if len(letter.causes) > 1 or (letter.causes and letter.runs > 1):
        first, count = letter.causes[0]
        rest = f" and {len(letter.causes) - 1} more" if len(letter.causes) > 1 else ""
        where = "First look: " if letter.story.first_look else ""
        return shorten(f"{where}{letter.runs} runs at once: {first.split('/')[-1]} on {count}{rest}", HEAD)
    if letter.story.batch and letter.runs > 1:
        size = f" of {letter.story.batch_size}" if letter.story.batch_size >= letter.runs else ""
        return shorten(f"{letter.runs}{size} runs of {clean(letter.story.batch)}: {finding}", HEAD)
    name = middle(clean(change.run_name), NAME)
    if change.instance:
        name += f" {instance_text(change.instance)}"
    return shorten(f"{name}: {_thread_finding(letter, finding)}", HEAD)


def _thread_finding(letter: Letter, finding: str) -> str:
    told = {
        Occasion.CLEAR: "cleared: ",
        Occasion.ENDED: "run ended: ",
        Occasion.STALE: "no data any more: ",
        Occasion.AGAIN: "still: ",
        Occasion.MUTE_OVER: "mute over, still: ",
        Occasion.ESCALATED: "nobody has acked: ",
    }
    signs = len(letter.members) - 1 if letter.runs == 1 else 0
    more = f" (+{signs} more sign{'s' if signs > 1 else ''})" if signs > 0 else ""
    return (
        f"{told.get(letter.occasion, '')}{shorten(finding, HEAD - NAME)}{more}"
        if more
        else (f"{told.get(letter.occasion, '')}{finding}")
    )


def instance_text(instance: str) -> str:
    """`gpu.3` as `GPU 3`."""
    kind, _, which = instance.partition(".")
    return f"{kind.upper() if kind == 'gpu' else kind} {which}"

"""A letter in words, before any outlet's markup: what each part of the message says. Pure.

The shape is finding, evidence, why, try, cost, what comes next, commands, provenance. The first 80 characters say run
and finding, for that is all that a locked phone shows.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, fields, replace
from datetime import tzinfo
from typing import Any

from sentinel.core.records import Change, Phase, Severity
from sentinel.core.sparkline import sparkline
from sentinel.core.telling_letter import SHOWN, Letter, Member, Occasion
from sentinel.outlets.numbers import clock, course, day_and_clock, duration, number

HEAD = 80
_NAME = 38  # of the head that a run's name may take
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_MARKS = {Severity.CRITICAL: "🛑", Severity.HIGH: "🔴", Severity.WARNING: "🟡", Severity.INFO: "🔵"}
DOOMED = 0.7


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of the evidence table."""

    what: str
    seen: str
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Wording:
    """All that a message says, part by part; an empty part is left out."""

    mark: str
    word: str  # Doomed, High, Cleared, ...
    head: str
    finding: str = ""
    sparks: tuple[tuple[str, str, str], ...] = ()  # name, bars, first and last
    evidence: tuple[Seen, ...] = ()
    listing: tuple[str, ...] = ()  # other signs, runs, digest lines
    why: tuple[str, ...] = ()
    attempts: tuple[str, ...] = ()
    wrong_if: tuple[str, ...] = ()
    stake: str = ""
    next: str = ""
    commands: tuple[str, ...] = ()
    elsewhere: str = ""  # how to say it from another machine
    place: tuple[str, ...] = ()  # step, host, user, since, rule, file, alert
    when: str = ""
    date: str = ""
    at: float = 0.0
    footer: str = ""
    marks: tuple[str, ...] = ()
    alt: str = ""  # the picture in words


def clean(text: str) -> str:
    """Without anything that could steer a terminal, reorder letters or hide them."""
    return _CONTROL.sub("", text.replace("\n", " ").replace("\t", " ")).strip()


def wording(letter: Letter, zone: tzinfo | None) -> Wording:
    """What a letter says, with nothing in it that could steer whoever shows it."""
    said = _wording(letter, zone)
    return replace(said, **{field.name: _harmless(getattr(said, field.name)) for field in fields(said)})


def _harmless(thing: Any) -> Any:
    """The same with every text in it cleaned, wherever it came from; layout stays."""
    if isinstance(thing, str):
        return _CONTROL.sub("", thing.replace("\n", " ").replace("\t", " "))
    if isinstance(thing, tuple):
        return tuple(_harmless(item) for item in thing)
    if isinstance(thing, Seen):
        return replace(thing, **{field.name: _harmless(getattr(thing, field.name)) for field in fields(thing)})
    return thing


def _wording(letter: Letter, zone: tzinfo | None) -> Wording:
    if letter.change is None:
        return _without_change(letter, zone)
    if letter.occasion in {Occasion.CLEAR, Occasion.ENDED, Occasion.STALE, Occasion.AGAIN, Occasion.MUTE_OVER}:
        return _in_the_thread(letter, letter.change, zone)
    return _in_full(letter, letter.change, zone)


def _in_full(letter: Letter, change: Change, zone: tzinfo | None) -> Wording:
    story = letter.story
    return Wording(
        mark=mark_of(letter),
        word=word_of(letter),
        head=head_of(letter),
        finding=_finding(letter, change),
        sparks=tuple((c.name, sparkline(_ys(c.points)), course(_ys(c.points))) for c in story.curves if c.points),
        evidence=evidence_of(change),
        listing=_listing(letter, change),
        why=tuple(clean(text) for text in story.why),
        attempts=tuple(clean(text) for text in story.attempts),
        wrong_if=tuple(clean(text) for text in story.wrong_if),
        stake=_stake(letter),
        next=_next(letter),
        commands=() if letter.closed else _commands(letter, change),
        elsewhere=f"ssh {shlex.quote(clean(letter.host))} sentinel ..." if letter.host and not letter.closed else "",
        place=_place(letter, change, zone),
        when=clock(change.at or letter.at, zone),
        date=day_and_clock(change.at or letter.at, zone),
        at=change.at or letter.at,
        footer=_footer(letter, change),
        marks=letter.marks,
        alt=alt_of(letter),
    )


def _in_the_thread(letter: Letter, change: Change, zone: tzinfo | None) -> Wording:
    """What follows a message: short, for the message itself stands above."""
    over = letter.closed
    return Wording(
        mark=mark_of(letter),
        word=word_of(letter),
        head=head_of(letter),
        finding=_course_of_things(letter, change, zone),
        sparks=tuple(
            (c.name, sparkline(_ys(c.points)), course(_ys(c.points))) for c in letter.story.curves if c.points
        ),
        stake="" if over else _stake(letter),
        commands=() if over else _commands(letter, change),
        place=_place(letter, change, zone),
        when=clock(letter.at, zone),
        date=day_and_clock(letter.at, zone),
        at=letter.at,
        marks=letter.marks,
        alt=alt_of(letter),
    )


def _without_change(letter: Letter, zone: tzinfo | None) -> Wording:
    return Wording(
        mark="🗒" if letter.occasion in {Occasion.WEEK, Occasion.HELD, Occasion.SUMMARY} else _MARKS[letter.severity],
        word=word_of(letter),
        head=_shorten(clean(letter.head), HEAD),
        listing=tuple(clean(line) if not line.startswith("  ") else "  " + clean(line) for line in letter.lines),
        place=(letter.host,) if letter.host else (),
        when=clock(letter.at, zone),
        date=day_and_clock(letter.at, zone),
        at=letter.at,
        footer=letter.sent_to,
        marks=letter.marks,
    )


# --- the parts ---------------------------------------------------------------------------------------------------


def mark_of(letter: Letter) -> str:
    """The sign that stands before the head; the word beside it says the same without colour."""
    if letter.occasion is Occasion.STALE:
        return "◌"
    if letter.closed:
        return "✅" if _cleared(letter) else "⏹"
    return "🛑" if doomed(letter) else _MARKS[letter.severity]


def word_of(letter: Letter) -> str:
    """The state in one word."""
    if letter.occasion in {Occasion.NOTE, Occasion.HELD, Occasion.SUMMARY, Occasion.WEEK}:
        return "Sentinel"
    if letter.occasion is Occasion.STALE:
        return "No data"
    if letter.closed:
        return "Cleared" if _cleared(letter) else "Ended"
    return "Doomed" if doomed(letter) else letter.severity.word.capitalize()


def doomed(letter: Letter) -> bool:
    """Whether what fires says that the run cannot give a usable model."""
    change = letter.change
    return change is not None and not letter.closed and change.severity >= Severity.HIGH and change.doom >= DOOMED


def _cleared(letter: Letter) -> bool:
    return letter.change is not None and letter.change.phase is Phase.CLEAR


def head_of(letter: Letter) -> str:
    """Run and finding within 80 characters."""
    change = letter.change
    if change is None:
        return _shorten(clean(letter.head), HEAD)
    finding = clean(letter.story.title or change.say)
    if len(letter.causes) > 1 or (letter.causes and letter.runs > 1):
        first, count = letter.causes[0]
        rest = f" and {len(letter.causes) - 1} more" if len(letter.causes) > 1 else ""
        where = "First look: " if letter.story.first_look else ""
        return _shorten(f"{where}{letter.runs} runs at once: {first.split('/')[-1]} on {count}{rest}", HEAD)
    if letter.story.batch and letter.runs > 1:
        size = f" of {letter.story.batch_size}" if letter.story.batch_size >= letter.runs else ""
        return _shorten(f"{letter.runs}{size} runs of {clean(letter.story.batch)}: {finding}", HEAD)
    name = _middle(clean(change.run_name), _NAME)
    if change.instance:
        name += f" {instance_text(change.instance)}"
    return _shorten(f"{name}: {_thread_finding(letter, finding)}", HEAD)


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
        f"{told.get(letter.occasion, '')}{_shorten(finding, HEAD - _NAME)}{more}"
        if more
        else (f"{told.get(letter.occasion, '')}{finding}")
    )


def instance_text(instance: str) -> str:
    """`gpu.3` as `GPU 3`."""
    kind, _, which = instance.partition(".")
    return f"{kind.upper() if kind == 'gpu' else kind} {which}"


def _finding(letter: Letter, change: Change) -> str:
    say = clean(change.say)
    if letter.closed:
        ended = "It cleared" if _cleared(letter) else f"It is over: {clean(change.reason) or 'the run ended'}"
        return f"{say} {ended}." if say.endswith(".") else f"{say}. {ended}."
    return say if say.endswith((".", "!", "?")) else say + "."


def _course_of_things(letter: Letter, change: Change, zone: tzinfo | None) -> str:
    """What happened to an alert since it was told, told apart: clear, ended, stale, still so."""
    since = change.since
    lasted = f" after {duration(letter.at - since)}" if since and letter.at > since else ""
    if letter.occasion is Occasion.CLEAR:
        return f"Cleared{lasted}{_added(change.reason, 'cleared', 'clear')}. It had said: {clean(change.say)}"
    if letter.occasion is Occasion.ENDED:
        why = _added(change.reason, "ended", "over", "run ended")
        return f"Over{lasted}{why}. That is not a recovery. It had said: {clean(change.say)}"
    if letter.occasion is Occasion.STALE:
        return "What the rule reads no longer comes in. It still counts as firing; no data is not good news."
    begun = f", since {clock(since, zone)}" if since else ""
    told = f" Told {letter.times} times; `ack` stops the reminders." if letter.times > 1 else ""
    return f"Still so{begun}: {clean(change.say)}.{told}"


def _added(reason: str, *said: str) -> str:
    """The reason, where it adds something to what the sentence says already."""
    why = clean(reason).rstrip(".")
    return f": {why}" if why and why.lower() not in said else ""


def evidence_of(change: Change) -> tuple[Seen, ...]:
    """What was seen against what limit, at most eight lines."""
    rows = [
        Seen(clean(item.what), number(item.value) + (f" ({item.note})" if item.note else ""))
        for item in change.evidence
    ]
    if change.value is not None and change.limit is not None:
        seen, limit = number(change.value), number(change.limit)
        head = next((i for i, item in enumerate(change.evidence) if item.value == change.value), None)
        if head is None:
            rows.insert(0, Seen("measured", seen, limit))
        else:
            rows.insert(0, Seen(rows.pop(head).what, seen, limit))
    return tuple(rows[:8])


def _listing(letter: Letter, change: Change) -> tuple[str, ...]:
    if letter.runs > 1:
        shown = [_one_line(member) for member in letter.members[:SHOWN]]
        left = letter.runs - len({member.run for member in letter.members})
        rest = [f"and {left:,} more runs; all of them: sentinel alerts"] if left > 0 else []
        causes = [f"{rule}: {count:,} run{'s' if count > 1 else ''}" for rule, count in letter.causes]
        return (*causes, *shown, *rest)
    others = [m for m in letter.members if m.id != change.id]
    return tuple(f"{_state(m)}{clean(m.say)} [{m.id}]" for m in others)


def _one_line(member: Member) -> str:
    return f"{_state(member)}{_middle(clean(member.run_name), _NAME)}: {_shorten(clean(member.say), 90)} [{member.id}]"


def _state(member: Member) -> str:
    return {Phase.CLEAR: "cleared: ", Phase.ENDED: "ended: "}.get(member.phase, "")


def _stake(letter: Letter) -> str:
    stake, wall = letter.story.stake, letter.story.stake_wall
    if stake is None:
        return ""
    left = f" in the {duration(wall)} to its planned end" if wall else ""
    if letter.occasion is Occasion.ENDED:
        return ""
    return f"{number(stake)} GPU-hours at stake{left}."


def _next(letter: Letter) -> str:
    if letter.closed:
        return ""
    if letter.acked:
        return f"{clean(letter.acked)} has seen it: no reminders until it changes."
    return (
        clean(letter.story.next) or "Nothing is stopped. You will hear again only if it changes, ends, or nobody acks."
    )


def _commands(letter: Letter, change: Change) -> tuple[str, ...]:
    if not change.id:
        return ()
    wanted = [f"explain {change.id}", f"ack {change.id}", f"mute {change.id} 2h", f"wrong {change.id}"]
    if letter.runs > 1:
        wanted = ["alerts", f"ack {change.id}", f"mute {change.signature} 2h"]
    elif doomed(letter):
        wanted.insert(1, f"stop {change.id}")
    return tuple(f"sentinel {words}" for words in wanted)


def _place(letter: Letter, change: Change, zone: tzinfo | None) -> tuple[str, ...]:
    story = letter.story
    gpus = f" GPU {', '.join(str(gpu) for gpu in story.gpus)}" if story.gpus and "gpu" not in change.instance else ""
    parts = [
        _progress(change.step, story.planned_steps, "step"),
        _progress(change.epoch, story.planned_epochs, "epoch"),
        f"since {clock(change.since, zone)}" if change.since else "",
        f"{letter.host}{gpus}" if letter.host else "",
        story.user,
        f"rule {change.signature}/{change.rule}",
        f"{change.file}:{change.line}" if change.file and change.line else change.file,
        f"alert {change.id}" if change.id else "",
    ]
    return tuple(clean(part) for part in parts if part)


def _progress(done: float | None, planned: float | None, unit: str) -> str:
    if done is None:
        return ""
    return f"{unit} {done:,g}" + (f" of {planned:,g}" if planned else "") if done < 1e6 else f"{unit} {done:,.0f}"


def _footer(letter: Letter, change: Change) -> str:
    story = letter.story
    rule = f"Rule {change.signature}/{change.rule}" + (
        f" ({story.rule_file}:{story.rule_line})" if story.rule_file else ""
    )
    asked = f" says {story.when}" if story.when else ""
    return clean(f"{rule}{asked}. {letter.sent_to}".strip())


def alt_of(letter: Letter) -> str:
    """The picture's numbers in words, for those who do not see it."""
    curves = [
        f"{c.name} {course(_ys(c.points))} over {len(c.points)} readings"
        + (f", limit {number(c.limit)}" if c.limit is not None else "")
        for c in letter.story.curves
        if c.points
    ]
    return _shorten(clean(f"{head_of(letter)}. " + "; ".join(curves)), 1900)


def _ys(points: tuple[tuple[float, float], ...]) -> list[float]:
    return [y for _, y in points]


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _middle(text: str, most: int) -> str:
    """A long name keeps its two ends: sweeps differ in the last letters."""
    if len(text) <= most:
        return text
    front = (most - 1) // 2
    return f"{text[:front]}…{text[-(most - 1 - front) :]}"

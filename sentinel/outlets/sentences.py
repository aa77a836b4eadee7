"""The parts of a message below its head, each as words: finding, evidence, what else fires, cost, commands, place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from sentinel.core.records import Change, Phase
from sentinel.core.sparkline import sparkline
from sentinel.core.telling_letter import SHOWN, Letter, Member, Occasion
from sentinel.outlets.heads import NAME, cleared, doomed, head_of
from sentinel.outlets.numbers import clock, course, duration, number
from sentinel.outlets.tidy import clean, middle, shorten


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of the evidence table."""

    what: str
    seen: str
    limit: str = ""


def finding_of(letter: Letter, change: Change) -> str:
    """What the rule says, and that it is over where it is."""
    say = _sentence(change.say)
    if not letter.closed:
        return say
    ended = "It cleared" if cleared(letter) else f"It is over: {clean(change.reason) or 'the run ended'}"
    return f"{say} {ended}."


def _sentence(text: str) -> str:
    said = clean(text)
    return said if said.endswith((".", "!", "?")) else said + "."


def course_of(letter: Letter, change: Change, zone: tzinfo | None) -> str:
    """What happened to an alert since it was told, told apart: clear, ended, stale, still so."""
    since = change.since
    lasted = f" after {duration(letter.at - since)}" if since and letter.at > since else ""
    if letter.occasion is Occasion.CLEAR:
        return f"Cleared{lasted}{_added(change.reason, 'cleared', 'clear')}. It had said: {_sentence(change.say)}"
    if letter.occasion is Occasion.ENDED:
        why = _added(change.reason, "ended", "over", "run ended")
        return f"Over{lasted}{why}. That is not a recovery. It had said: {_sentence(change.say)}"
    if letter.occasion is Occasion.STALE:
        return "What the rule reads no longer comes in. It still counts as firing; no data is not good news."
    begun = f", since {clock(since, zone)}" if since else ""
    told = f" Told {letter.times} times; `ack` stops the reminders." if letter.times > 1 else ""
    return f"Still so{begun}: {_sentence(change.say)}{told}"


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


def listing_of(letter: Letter, change: Change) -> tuple[str, ...]:
    """The other signs of the run, or the runs that one message is about."""
    if letter.runs > 1:
        shown = [_one_line(member) for member in letter.members[:SHOWN]]
        left = letter.runs - len({member.run for member in letter.members})
        rest = [f"and {left:,} more runs; all of them: sentinel alerts"] if left > 0 else []
        causes = [f"{rule}: {count:,} run{'s' if count > 1 else ''}" for rule, count in letter.causes]
        return (*causes, *shown, *rest)
    others = [m for m in letter.members if m.id != change.id]
    return tuple(f"{_state(m)}{clean(m.say)} [{m.id}]" for m in others)


def _one_line(member: Member) -> str:
    return f"{_state(member)}{middle(clean(member.run_name), NAME)}: {shorten(clean(member.say), 90)} [{member.id}]"


def _state(member: Member) -> str:
    return {Phase.CLEAR: "cleared: ", Phase.ENDED: "ended: "}.get(member.phase, "")


def stake_of(letter: Letter) -> str:
    """What the run will still cost if nobody acts."""
    stake, wall = letter.story.stake, letter.story.stake_wall
    if stake is None:
        return ""
    left = f" in the {duration(wall)} to its planned end" if wall else ""
    if letter.occasion is Occasion.ENDED:
        return ""
    return f"{number(stake)} GPU-hours at stake{left}."


def next_of(letter: Letter) -> str:
    """What comes next: a stop plan, or that nothing is stopped."""
    if letter.closed:
        return ""
    if letter.acked:
        return f"{clean(letter.acked)} has seen it: no reminders until it changes."
    return (
        clean(letter.story.next) or "Nothing is stopped. You will hear again only if it changes, ends, or nobody acks."
    )


def commands_of(letter: Letter, change: Change) -> tuple[str, ...]:
    """What a person can say to it, ready to paste."""
    if not change.id:
        return ()
    wanted = [f"explain {change.id}", f"ack {change.id}", f"mute {change.id} 2h", f"wrong {change.id}"]
    if letter.runs > 1:
        wanted = ["alerts", f"ack {change.id}", f"mute {change.signature} 2h"]
    elif doomed(letter):
        wanted.insert(1, f"stop {change.id}")
    return tuple(f"sentinel {words}" for words in wanted)


def place_of(letter: Letter, change: Change, zone: tzinfo | None) -> tuple[str, ...]:
    """Where and since when: step, host, user, rule, file, alert."""
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


def footer_of(letter: Letter, change: Change) -> str:
    """Which rule, and why this channel is told."""
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
    return shorten(clean(f"{head_of(letter)}. " + "; ".join(curves)), 1900)


def sparks_of(letter: Letter) -> tuple[tuple[str, str, str], ...]:
    """Each curve that the rule read: its name, its bars, its first and last value."""
    curves = [curve for curve in letter.story.curves if curve.points]
    return tuple((c.name, sparkline(_ys(c.points)), course(_ys(c.points))) for c in curves)


def _ys(points: tuple[tuple[float, float], ...]) -> list[float]:
    return [y for _, y in points]

"""What a message is made of before any outlet words it: the story behind a change, and the letter that is sent.

Plain records and their JSON, nothing else. `outlets` turns a letter into text, HTML, blocks and a picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

from sentinel.core.records import Action, Change, Evidence, Json, Phase, Severity
from sentinel.core.versions import known

Axis = Literal["step", "epoch", "time"]
CURVE_POINTS = 200  # a curve is thinned to so many: more cannot be seen at phone width
SHOWN = 20  # runs that a message names before it gives the command that lists the rest


@dataclass(frozen=True, slots=True)
class Curve:
    """One series that the rule read, as the picture and the sparkline show it."""

    name: str
    points: tuple[tuple[float, float], ...]  # (step, epoch or seconds since 1970; value), oldest first
    axis: Axis = "step"
    limit: float | None = None  # where the rule draws its line on this very series
    good: Literal["below", "above", ""] = ""  # on which side of the limit all is well
    last_good: tuple[float, float] | None = None  # the last point before it went wrong


@dataclass(frozen=True, slots=True)
class Story:
    """All that words and picture need beyond the change; the daemon fills it when the effect is made."""

    title: str = ""  # the signature's title
    why: tuple[str, ...] = ()  # filled templates, most likely first
    attempts: tuple[str, ...] = ()  # `try`
    wrong_if: tuple[str, ...] = ()
    when: str = ""  # the rule's expression
    rule_file: str = ""
    rule_line: int = 0
    rule_fingerprint: str = ""  # a demoted rule is itself again once this differs
    user: str = ""
    watch: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    batch: str = ""  # runs started together as one search share this
    batch_size: int = 0
    gpus: tuple[int, ...] = ()
    planned_steps: int | None = None
    planned_epochs: float | None = None
    curves: tuple[Curve, ...] = ()
    onset: float | None = None  # on the curves' axis: where it began
    fired: float | None = None  # on the curves' axis: where the rule fired
    stake: float | None = None  # GPU-hours that the run would still burn
    stake_wall: float | None = None  # seconds until its planned end
    next: str = ""  # what Sentinel will do, and when; "" for: nothing
    first_look: bool = False  # read from history at first sight: all of a host go into one message


@dataclass(frozen=True, slots=True)
class Member:
    """One alert within a message, as briefly as it can be listed."""

    id: str
    run: str
    run_name: str
    signature: str
    rule: str
    family: str
    severity: Severity
    phase: Phase
    say: str
    at: float | None
    instance: str = ""
    stale: bool = False
    reason: str = ""
    user: str = ""


class Occasion(StrEnum):
    """Why a letter is written."""

    NEW = "new"
    JOINED = "joined"  # further runs or signs came to a message that was sent
    AGAIN = "again"  # still firing, and nobody has acked
    CLEAR = "clear"
    ENDED = "ended"
    STALE = "stale"
    MUTE_OVER = "mute over"
    ESCALATED = "escalated"
    SUMMARY = "summary"  # what gathered while the channel was down or had its quiet hours
    HELD = "held"  # what the cap kept back
    NOTE = "note"  # Sentinel speaks of itself
    WEEK = "week"
    SAMPLE = "sample"


class Kind(StrEnum):
    """What a delivery does on its channel."""

    POST = "post"
    EDIT = "edit"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Letter:
    """One message, not yet worded."""

    occasion: Occasion
    at: float  # when it was written
    host: str
    change: Change | None = None  # the leading alert
    story: Story = Story()
    members: tuple[Member, ...] = ()  # the first SHOWN, gravest first
    runs: int = 1  # how many runs it speaks of
    open: int = 1  # how many of its alerts still fire
    causes: tuple[tuple[str, int], ...] = ()  # (rule, runs) of a storm, most frequent first
    head: str = ""  # of notes and digests, which have no change
    lines: tuple[str, ...] = ()
    severity: Severity = Severity.HIGH
    acked: str = ""  # who
    times: int = 1  # how often it was told, with this one
    marks: tuple[str, ...] = ()  # "not written down", "attempt 2"
    sent_to: str = ""  # why you: the channel and its `when`
    attached: str = ""  # the path of a text that goes with it, where the channel takes one

    @property
    def closed(self) -> bool:
        """Whether all that it speaks of is over."""
        return self.open == 0


def letter_json(letter: Letter) -> dict[str, Json]:
    """A letter as the outbox keeps it and the sender's child reads it."""
    return asdict(letter)


def change_from(thing: Mapping[str, Any]) -> Change:
    """A change out of its kept JSON."""
    evidence = tuple(Evidence(**known(Evidence, item)) for item in thing["evidence"])
    enums = {"severity": Severity(thing["severity"]), "phase": Phase(thing["phase"])}
    return Change(**{**known(Change, thing), **enums, "evidence": evidence, "action": Action(thing["action"])})


def story_from(thing: Mapping[str, Any]) -> Story:
    """A story out of its kept JSON."""
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in thing.items()}
    plain["curves"] = tuple(_curve(item) for item in thing["curves"])
    return Story(**known(Story, plain))


def _curve(thing: Mapping[str, Any]) -> Curve:
    points = tuple((float(x), float(y)) for x, y in thing["points"])
    good = thing["last_good"]
    return Curve(**{**known(Curve, thing), "points": points, "last_good": (good[0], good[1]) if good else None})


def member_from(thing: Mapping[str, Any]) -> Member:
    """A member out of its kept JSON."""
    return Member(**{**known(Member, thing), "severity": Severity(thing["severity"]), "phase": Phase(thing["phase"])})


def letter_from(thing: Mapping[str, Any]) -> Letter:
    """A letter out of its kept JSON."""
    return Letter(
        **{
            **known(Letter, thing),
            "occasion": Occasion(thing["occasion"]),
            "change": change_from(thing["change"]) if thing["change"] else None,
            "story": story_from(thing["story"]),
            "members": tuple(member_from(item) for item in thing["members"]),
            "causes": tuple((cause, count) for cause, count in thing["causes"]),
            "lines": tuple(thing["lines"]),
            "severity": Severity(thing["severity"]),
            "marks": tuple(thing["marks"]),
        }
    )


def member_of(change: Change, story: Story) -> Member:
    """The brief form of a change."""
    return Member(
        id=change.id,
        run=change.run,
        run_name=change.run_name,
        signature=change.signature,
        rule=change.rule,
        family=change.family,
        severity=change.severity,
        phase=change.phase,
        say=change.say,
        at=change.at,
        instance=change.instance,
        stale=change.stale,
        reason=change.reason,
        user=story.user,
    )


def marked(letter: Letter, *marks: str) -> Letter:
    """The letter with further marks, each once."""
    return replace(letter, marks=tuple(dict.fromkeys((*letter.marks, *marks))))


def thin(points: Sequence[tuple[float, float]], most: int = CURVE_POINTS) -> tuple[tuple[float, float], ...]:
    """At most so many points, evenly chosen, keeping the first, the last, the lowest and the highest."""
    if len(points) <= most:
        return tuple(points)
    stride = (len(points) - 1) / (most - 1)
    kept = {round(i * stride) for i in range(most)}
    kept |= {min(range(len(points)), key=lambda i: points[i][1]), max(range(len(points)), key=lambda i: points[i][1])}
    return tuple(points[i] for i in sorted(kept))

"""A topic: what one channel has been told about one cause, and what it is still owed. Pure records and their JSON.

When to speak is decided in `telling`; here is what a topic holds and what can be read off it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sentinel.core.records import Change, Json, Phase, Severity
from sentinel.core.telling_letter import (
    SHOWN,
    Letter,
    Member,
    Occasion,
    Story,
    change_from,
    member_from,
    member_of,
    story_from,
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A change on its way to a channel, while the group waits for its other signs."""

    change: Change
    story: Story
    taken: float

    @property
    def slot(self) -> str:
        """Which alert: one rule on one instance of one run."""
        return slot_of(self.change)

    @property
    def group(self) -> str:
        """What goes into one message: a first look, a batch's cause, a run."""
        if self.story.first_look:
            return f"look {self.change.host}"
        if self.story.batch:
            return f"batch {self.story.batch} {self.change.signature}"
        return f"run {self.change.run}"


def slot_of(change: Change) -> str:
    """Which alert: one rule on one instance of one run."""
    return f"{change.run}|{change.signature}/{change.rule}|{change.instance}"


@dataclass(slots=True)
class Topic:
    """One message and its thread on one channel."""

    id: str
    kind: str  # run, batch, look, storm
    opened: float
    change: Change  # the leading alert: the gravest, then the first
    story: Story
    members: dict[str, Member] = field(default_factory=dict)
    due: set[Occasion] = field(default_factory=set)
    why: Occasion = Occasion.NEW  # what the first letter is: new, or escalated from another channel
    told_at: float | None = None  # when something was last said aloud
    first_told: float | None = None
    edited_at: float = 0.0
    times: int = 0
    told_runs: int = 0
    next_repeat: float | None = None
    acked: str = ""
    escalated: bool = False
    hushed: bool = False  # all that fires is muted
    capped: bool = False  # never told, for the cap was reached

    @property
    def firing(self) -> list[Member]:
        """Its alerts that still fire."""
        return [member for member in self.members.values() if member.phase is Phase.FIRING]

    @property
    def runs(self) -> int:
        """How many runs it speaks of."""
        return len({member.run for member in self.members.values()})

    @property
    def severity(self) -> Severity:
        """The gravest of what fires, or of all once nothing does."""
        return max(m.severity for m in (self.firing or self.members.values()))

    def enter(self, change: Change, story: Story) -> None:
        """Take an alert in, or its new phase; the gravest leads."""
        slot = slot_of(change)
        known = self.members.get(slot)
        self.members[slot] = member_of(change, story)
        leads = slot == slot_of(self.change)
        if leads and change.phase is not Phase.FIRING and known is not None:
            # A closing change knows less (its evidence says "no"): keep what fired, take over where it went.
            self.change = replace(self.change, phase=change.phase, at=change.at, reason=change.reason)
        elif leads or (change.phase is Phase.FIRING and _graver(change, self.change)):
            self.change, self.story = change, story

    def letter(self, occasion: Occasion, now: float, host: str, told: bool = True) -> Letter:
        """What there is to say now."""
        members = sorted(self.members.values(), key=lambda m: (m.phase is not Phase.FIRING, -m.severity, m.at or 0.0))
        return Letter(
            occasion=occasion,
            at=now,
            host=self.change.host or host,
            change=self.change,
            story=self.story,
            members=tuple(members[:SHOWN]),
            runs=self.runs,
            open=len(self.firing),
            causes=self.causes() if self.kind in {"storm", "look"} else (),
            severity=self.severity,
            acked=self.acked,
            times=self.times + told,
        )

    def causes(self) -> tuple[tuple[str, int], ...]:
        """Which rules speak, on how many runs, most frequent first."""
        runs: dict[str, set[str]] = {}
        for member in self.members.values():
            runs.setdefault(f"{member.signature}/{member.rule}", set()).add(member.run)
        counted = [(rule, len(on)) for rule, on in runs.items()]
        return tuple(sorted(counted, key=lambda item: (-item[1], item[0]))[:5])


def _graver(change: Change, than: Change) -> bool:
    """Whether an alert should lead the message rather than the one that leads it."""
    if than.phase is not Phase.FIRING:
        return True
    return (change.severity, change.doom) > (than.severity, than.doom)


def topic_json(topic: Topic) -> dict[str, Json]:
    """A topic as the outbox keeps it."""
    return {**asdict(topic), "due": sorted(topic.due)}


def topic_from(thing: Mapping[str, Any]) -> Topic:
    """A topic out of its kept JSON."""
    return Topic(
        **{
            **thing,
            "change": change_from(thing["change"]),
            "story": story_from(thing["story"]),
            "members": {slot: member_from(item) for slot, item in thing["members"].items()},
            "due": {Occasion(word) for word in thing["due"]},
            "why": Occasion(thing["why"]),
        }
    )


def notice_json(notice: Notice) -> dict[str, Json]:
    """A notice as the outbox keeps it."""
    return asdict(notice)


def notice_from(thing: Mapping[str, Any]) -> Notice:
    """A notice out of its kept JSON."""
    return Notice(change_from(thing["change"]), story_from(thing["story"]), thing["taken"])


def newer_of(earlier: Notice, later: Notice) -> Notice:
    """A change that follows before the first was told: the phase of the later, the evidence of what fired."""
    if later.change.phase not in (Phase.CLEAR, Phase.ENDED):
        return Notice(later.change, later.story, earlier.taken)
    change = replace(earlier.change, phase=later.change.phase, reason=later.change.reason, stale=later.change.stale)
    return Notice(change, earlier.story, earlier.taken)


def occasion_of(change: Change) -> Occasion:
    """What a change is news of."""
    if change.phase is Phase.CLEAR:
        return Occasion.CLEAR
    if change.phase is Phase.ENDED:
        return Occasion.ENDED
    return Occasion.STALE if change.stale else Occasion.NEW

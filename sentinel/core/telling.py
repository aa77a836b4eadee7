"""What one channel is told, and when: grouping, joining, storms, mutes, rest hours, repeats, caps, escalation.

Pure: time and the words of people are handed in, acts come out, and rows to be written down. It decides, the outbox
delivers. One desk per channel, so that channels cannot hold one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sentinel.core.records import Change, Json, Phase, Severity
from sentinel.core.telling_caps import Most, Tally, held_letter, tally_from, tally_json
from sentinel.core.telling_groups import Storm, grouped, kin_of, storm_among
from sentinel.core.telling_letter import Kind, Letter, Occasion, Story, member_of
from sentinel.core.telling_routes import Condition, Local, subject_of
from sentinel.core.telling_topics import (
    Notice,
    Topic,
    newer_of,
    notice_from,
    notice_json,
    occasion_of,
    slot_of,
    topic_from,
    topic_json,
)
from sentinel.core.telling_words import Standing

JOIN_GAP = 600.0  # a channel that cannot edit hears of joins when their number doubled, at most this often
WIDEST = 7 * 86400.0  # repeats widen up to this
ENDS = (Occasion.CLEAR, Occasion.ENDED)
ALOUD = (*ENDS, Occasion.MUTE_OVER, Occasion.STALE, Occasion.AGAIN)  # what is said in the thread, the first that is due
EDITED = {*ENDS, Occasion.JOINED, Occasion.STALE}  # what changes the message itself
NO_CAP = Most(None, None)


@dataclass(frozen=True, slots=True)
class Route:
    """One channel as telling sees it."""

    name: str
    when: Condition
    quiet: tuple[Condition, ...] = ()
    group: float = 30.0
    repeat: float = 4 * 3600.0
    most: Most = NO_CAP
    edits: bool = False  # the channel can change what it has sent
    each: bool = False  # terminal and journal: every change by itself, at once
    escalate_after: float | None = None
    escalate_to: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to be delivered, or handed to another channel's desk."""

    kind: Kind
    topic: str
    letter: Letter
    since: float  # when its cause came up; what has waited long is gathered into a summary


@dataclass(frozen=True, slots=True)
class RowOut:
    """A row to be written (or, without body, deleted)."""

    sort: str  # topic, notice, tally
    key: str
    body: Mapping[str, Json] | None


class Desk:
    """Decides for one channel."""

    def __init__(self, route: Route, host: str) -> None:
        """A desk that has told nothing yet."""
        self.route, self.host = route, host
        self.topics: dict[str, Topic] = {}
        self.waiting: dict[str, Notice] = {}
        self.tally = Tally()
        self.escalations: list[Topic] = []
        self._touched: set[tuple[str, str]] = set()
        self._next_look = 0.0

    # --- in -----------------------------------------------------------------------------------------------------

    def take(self, change: Change, story: Story, now: float, local: Local) -> list[Act]:
        """A change came. Terminal and journal speak at once, others when planned."""
        if change.hidden_by:
            return []
        if self.route.each:
            return self._mirror(change, story, now, local)
        self._next_look = 0.0
        notice = Notice(change, story, now)
        topic = self._topic_of(notice)
        if topic is not None:
            self._move(topic, notice)
        elif notice.slot in self.waiting or self._concerns(change, story, local):
            earlier = self.waiting.get(notice.slot)
            self.waiting[notice.slot] = notice if earlier is None else newer_of(earlier, notice)
            self._touch("notice", notice.slot)
        return []

    def adopt(self, topic: Topic, now: float) -> None:
        """Another channel's alert, which nobody has acked, is told here too, whatever `when` says."""
        self._next_look = 0.0
        members = dict(topic.members)
        own = Topic(topic.id, topic.kind, now, topic.change, topic.story, members, {Occasion.NEW}, Occasion.ESCALATED)
        if topic.id not in self.topics:
            self.topics[topic.id] = own
            self._touch("topic", topic.id)

    def look_again(self) -> None:
        """A person spoke: mutes and acks are to be looked at now."""
        self._next_look = 0.0

    def _concerns(self, change: Change, story: Story, local: Local) -> bool:
        """Whether something that no message speaks of yet is news for this channel."""
        if change.phase is Phase.CLEAR or (
            change.phase is Phase.ENDED and "before it was certain" not in change.reason
        ):
            return False
        return self.route.when.holds(subject_of(change, story, local))

    def _mirror(self, change: Change, story: Story, now: float, local: Local) -> list[Act]:
        if not self.route.when.holds(subject_of(change, story, local)):
            return []
        topic = Topic(f"{change.id}.{change.n}", "run", now, change, story, {slot_of(change): member_of(change, story)})
        occasion = occasion_of(change)
        return [Act(Kind.POST, topic.id, topic.letter(occasion, now, self.host), now)]

    def _topic_of(self, notice: Notice) -> Topic | None:
        return next((t for t in self.topics.values() if notice.slot in t.members), None)

    def _move(self, topic: Topic, notice: Notice) -> None:
        """A member of a message that stands changed."""
        before = topic.members[notice.slot]
        topic.enter(notice.change, notice.story)
        after = topic.members[notice.slot]
        if after.stale and not before.stale:
            topic.due.add(Occasion.STALE)
        elif not topic.firing:
            topic.due.add(occasion_of(notice.change))
        elif (after.phase, after.severity) != (before.phase, before.severity):
            topic.due.add(Occasion.JOINED)
        self._touch("topic", topic.id)

    # --- out ----------------------------------------------------------------------------------------------------

    def plan(self, now: float, local: Local, standing: Standing) -> list[Act]:
        """What is to be delivered now, in order."""
        if now < self._next_look:
            return []
        acts = self._close_day(now, local) if local.day != self.tally.day else []
        self._gather(now, standing)
        for topic in list(self.topics.values()):
            acts += self._speak(topic, now, local, standing)
        acts += self._held(now)
        busy = self.waiting or any(topic.due for topic in self.topics.values())
        self._next_look = now + (1.0 if busy else 20.0 if self.topics or self.tally.held else 3600.0)
        return acts

    def _gather(self, now: float, standing: Standing) -> None:
        """Notices whose group has waited long enough go into a topic: an open one, a storm, or one of their own."""
        groups = grouped(self.waiting.values())
        ripe = [key for key, notices in groups.items() if now - notices[0].taken >= self.route.group]
        if not ripe:
            return
        storm = storm_among(groups, self.topics.values(), now)
        for key in groups if storm is not None else ripe:
            for notice in groups[key]:
                if key in ripe or (storm is not None and storm.holds(notice)):
                    self._seat(notice, storm, now, standing)

    def _seat(self, notice: Notice, storm: Storm | None, now: float, standing: Standing) -> None:
        """Put one alert into its message, a new one if need be."""
        name = storm.id if storm is not None and storm.holds(notice) else ""
        topic = self.topics.get(name) if name else kin_of(notice, self.topics.values(), now, self.route.group)
        if topic is None:
            kind = "storm" if name else notice.group.split(" ", 1)[0]
            name = name or f"{notice.change.id or notice.slot}.{notice.change.n}"
            topic = Topic(name, kind, notice.taken, notice.change, notice.story, due={Occasion.NEW})
            self.topics[topic.id] = topic
        else:
            topic.due.add(Occasion.JOINED)
        topic.enter(notice.change, notice.story)
        topic.acked = topic.acked or standing.acked(topic.members[notice.slot])
        del self.waiting[notice.slot]
        self._touch("topic", topic.id)
        self._touch("notice", notice.slot)

    def _speak(self, topic: Topic, now: float, local: Local, standing: Standing) -> list[Act]:
        """What a topic says now, if anything."""
        if self._hush(topic, now, standing):
            return []
        seen = next((who for m in topic.firing if (who := standing.acked(m))), "")
        if seen and seen != topic.acked:
            topic.acked = seen
            topic.due.add(Occasion.JOINED)
        self._escalate(topic, now)
        if self._repeat_is_due(topic, now):
            topic.due.add(Occasion.AGAIN)
        if not topic.due or self._rests(topic, local):
            return []
        acts = self._say_more(topic, now) if topic.times else self._say_first(topic, now)
        if not topic.firing and not topic.due:
            del self.topics[topic.id]
        self._touch("topic", topic.id)
        return acts

    def _hush(self, topic: Topic, now: float, standing: Standing) -> bool:
        """Whether mutes keep it quiet. What still fires when the mute ends is told at once; what is over is not."""
        firing = topic.firing
        loud = [member for member in firing if standing.muted(member, now) is None]
        hushed = bool(firing) and not loud
        if topic.hushed and not firing:
            self._leave(topic)
            return True
        if hushed != topic.hushed:
            topic.hushed = hushed
            if not hushed:
                topic.due.add(Occasion.MUTE_OVER if topic.times else Occasion.NEW)
            self._touch("topic", topic.id)
        return hushed

    def _leave(self, topic: Topic) -> None:
        """It is over, and nobody needs to hear it."""
        del self.topics[topic.id]
        self._touch("topic", topic.id)

    def _rests(self, topic: Topic, local: Local) -> bool:
        subject = subject_of(replace(topic.change, severity=topic.severity), topic.story, local)
        return any(quiet.holds(subject) for quiet in self.route.quiet)

    def _repeat_is_due(self, topic: Topic, now: float) -> bool:
        waited = topic.next_repeat is not None and now >= topic.next_repeat
        return waited and bool(topic.firing) and not topic.acked and topic.times > 0

    def _escalate(self, topic: Topic, now: float) -> None:
        after = self.route.escalate_after
        if after is None or topic.escalated or topic.first_told is None or topic.acked or not topic.firing:
            return
        if now - topic.first_told >= after:
            topic.escalated = True
            self._touch("topic", topic.id)
            self.escalations.append(topic)

    def _say_first(self, topic: Topic, now: float) -> list[Act]:
        run = topic.change.run if topic.kind == "run" else ""
        topic.due.clear()
        if topic.severity < Severity.CRITICAL and self.tally.full(run, self.route.most):
            if not topic.capped and topic.firing:
                topic.capped = True
                self.tally.keep_back(topic.change.run_name)
                self._touch("tally", "today")
            return []
        letter = topic.letter(topic.why, now, self.host)
        return [self._aloud(topic, Kind.POST, letter, now, run)]

    def _say_more(self, topic: Topic, now: float) -> list[Act]:
        """A message stands: edit it, reply to it."""
        due, topic.due = topic.due, set()
        wanted = tuple(o for o in ALOUD if o in due and (topic.firing or o in ENDS))
        loud: Occasion | None = wanted[0] if wanted else None
        acts: list[Act] = []
        if self.route.edits and due & EDITED:
            if not loud and now - topic.edited_at < min(self.route.group, 30.0):
                topic.due = due  # what joins within half a minute goes into one edit
                return []
            topic.edited_at = now
            acts.append(Act(Kind.EDIT, topic.id, topic.letter(Occasion.JOINED, now, self.host, told=False), now))
        elif Occasion.JOINED in due and not loud:
            if self._grown(topic, now):
                loud = Occasion.JOINED
            elif topic.runs > topic.told_runs:
                topic.due = {Occasion.JOINED}  # told once their number has doubled
        if loud is Occasion.AGAIN and topic.severity < Severity.CRITICAL and self.tally.full("", self.route.most):
            topic.next_repeat = now + self.route.repeat
        elif loud is not None:
            run = topic.change.run if topic.kind == "run" and loud is Occasion.AGAIN else ""
            acts.append(self._aloud(topic, Kind.REPLY, topic.letter(loud, now, self.host), now, run))
        return acts

    def _grown(self, topic: Topic, now: float) -> bool:
        return topic.runs >= 2 * topic.told_runs and now - (topic.told_at or 0.0) >= JOIN_GAP

    def _aloud(self, topic: Topic, kind: Kind, letter: Letter, now: float, run: str) -> Act:
        """Note that something is said where people hear it."""
        since = topic.opened if kind is Kind.POST else now
        topic.times += 1
        topic.told_at, topic.told_runs = now, topic.runs
        topic.first_told = now if topic.first_told is None else topic.first_told
        if letter.occasion in {Occasion.NEW, Occasion.AGAIN, Occasion.ESCALATED}:
            self.tally.count(run)
            self._touch("tally", "today")
            wait = min(self.route.repeat * 2 ** max(0, topic.times - 1), WIDEST)
            topic.next_repeat = now + wait if self.route.repeat else None
        return Act(kind, topic.id, letter, since)

    def _held(self, now: float) -> list[Act]:
        """One digest line for what the cap kept back: at the first, and edited where that can be done."""
        tally = self.tally
        if tally.held == tally.held_told or (tally.held_told and not self.route.edits):
            return []
        kind = Kind.EDIT if tally.held_told else Kind.POST
        return [Act(kind, f"held.{tally.day}", self._held_letter(now), now)]

    def _close_day(self, now: float, local: Local) -> list[Act]:
        """The day is over: what grew since the digest line was sent is said once more."""
        tally, acts = self.tally, []
        if tally.held_told and tally.held > tally.held_told:
            acts.append(Act(Kind.REPLY, f"held.{tally.day}", self._held_letter(now), now))
        tally.turn_to(local.day)
        self._touch("tally", "today")
        return acts

    def _held_letter(self, now: float) -> Letter:
        self._touch("tally", "today")
        return held_letter(self.tally, now, self.host)

    # --- what survives -------------------------------------------------------------------------------------------

    def _touch(self, sort: str, key: str) -> None:
        self._touched.add((sort, key))

    def drain(self) -> list[RowOut]:
        """The rows that changed since the last call, to be written in the same transaction as the acts."""
        rows = [RowOut(sort, key, self._body(sort, key)) for sort, key in sorted(self._touched)]
        self._touched.clear()
        return rows

    def _body(self, sort: str, key: str) -> Mapping[str, Json] | None:
        if sort == "tally":
            return tally_json(self.tally)
        if sort == "topic":
            return topic_json(self.topics[key]) if key in self.topics else None
        return notice_json(self.waiting[key]) if key in self.waiting else None

    def load(self, rows: Iterable[tuple[str, str, Mapping[str, Any]]]) -> None:
        """Go on from what was written."""
        for sort, key, body in rows:
            if sort == "tally":
                self.tally = tally_from(body)
            elif sort == "topic":
                self.topics[key] = topic_from(body)
            elif sort == "notice":
                self.waiting[key] = notice_from(body)

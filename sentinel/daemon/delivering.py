"""The office: desks decide, the outbox remembers, children send. It never blocks the loop, and it never sends what was
not written down, unless the disk takes no more: then it says so in the message.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import TextIO

from sentinel.core.records import Change, Effect, EffectKey, EffectKind, Json, Phase, Severity
from sentinel.core.telling import Act, Desk
from sentinel.core.telling_answers import CURES, Code
from sentinel.core.telling_letter import Kind, Letter, Occasion, Story, letter_from, letter_json, marked
from sentinel.core.telling_routes import Local
from sentinel.core.telling_week import DAY, WEEK, Week, digest, digest_due
from sentinel.core.telling_words import Standing
from sentinel.daemon.alive import Alive
from sentinel.daemon.journal import Limit
from sentinel.daemon.posting import Post
from sentinel.daemon.progress import Progress
from sentinel.daemon.routes import LOCAL, TERMINAL, line_of, routes_of
from sentinel.daemon.sending import COMMAND
from sentinel.daemon.settings import Settings
from sentinel.keep.outbox import Delivery, Outbox, Paper
from sentinel.keep.words import Words
from sentinel.outlets import journal
from sentinel.outlets.jobs import zone_of
from sentinel.outlets.numbers import clock as time_of_day
from sentinel.outlets.plain import brief

NOT_WRITTEN = "not written down: the state folder takes no more"


class Office:
    """What the daemon holds: `take` inside the turn's transaction, `turn` after it, `status`, `close`."""

    def __init__(
        self,
        paper: Paper,
        settings: Settings,
        host: str,
        story_of: Callable[[Change], Story],
        terminal: TextIO | None = None,
        wake: Callable[[], None] = lambda: None,
        steady: Callable[[], float] = time.monotonic,
        command: tuple[str, ...] = COMMAND,
        journal_socket: str = journal.SOCKET,
        progress: Progress | None = None,
    ) -> None:
        """Go on from what was written. `progress` hears what the workers promise."""
        self._progress = progress or Progress()
        self._alive, self._digests = Alive(settings.tell, steady, self._progress), settings.tell.digest
        self._week_of: Callable[[float, float], Week] | None = None
        self.host, self._terminal, self._steady = host, terminal, steady
        self._journal_socket, self._journal_limit = journal_socket, Limit()
        self._paper, self._story_of = paper, story_of
        self.outbox, self.words = Outbox(paper), Words(paper)
        routes = routes_of(settings.channel, settings.tell, terminal is not None)
        self.desks = {route.name: Desk(route, host) for route in routes}
        self._lines = {channel.name: line_of(channel, settings.tell) for channel in settings.channel}
        self.post = Post(self.outbox, host, self.say, self._final, wake, steady, self._progress, command)
        self.post.adopt(self._lines)
        self._zone = zone_of(settings.tell.zone)
        self._swept, self._disk_told = 0.0, False
        self._load()

    def adopt(self, settings: Settings, now: float) -> None:
        """Other settings: a channel that stays keeps its desk and what waits; one that is gone gives its letters up."""
        routes = {route.name: route for route in routes_of(settings.channel, settings.tell, self._terminal is not None)}
        self.desks = {name: self.desks.get(name) or Desk(route, self.host) for name, route in routes.items()}
        for name, desk in self.desks.items():
            desk.route = routes[name]
            desk.look_again()
        self._lines = {channel.name: line_of(channel, settings.tell) for channel in settings.channel}
        self.post.adopt(self._lines)
        for delivery in [d for d in self.outbox.deliveries.values() if d.channel not in self.desks]:
            self._orphan(delivery)
        self._alive, self._digests = Alive(settings.tell, self._steady, self._progress), settings.tell.digest
        self._zone = zone_of(settings.tell.zone)
        self._write(now)

    def _load(self) -> None:
        rows: dict[str, list[tuple[str, str, Mapping[str, Json]]]] = {}
        for (channel, sort, key), body in self.outbox.telling.items():
            rows.setdefault(channel, []).append((sort, key, json.loads(body)))
        for name, desk in self.desks.items():
            desk.load(rows.get(name, ()))
        for delivery in list(self.outbox.deliveries.values()):
            if delivery.channel not in self.desks:
                self._orphan(delivery)

    def _orphan(self, delivery: Delivery) -> None:
        """Its channel is no longer in the settings: a dead letter, unless it was for a terminal that is gone."""
        state = "merged" if delivery.channel in LOCAL else "dead"
        detail = "the settings have no channel of this name any more"
        self.outbox.put(replace(delivery, state=state, code=Code.SETTINGS, detail=detail, done=delivery.made))

    # --- in -------------------------------------------------------------------------------------------------------

    def take(self, effects: Iterable[Effect], now: float) -> None:
        """Take effects in. Call it inside the transaction that commits them; if that fails, call it again."""
        local = local_at(now, self._zone)
        standing = self.words.standing()
        for effect in effects:
            if effect.kind is not EffectKind.TELL or not self.outbox.take(key_text(effect.key, effect.change), now):
                continue
            story = self._story_of(effect.change)
            change = demoted(effect.change, story, standing, now)
            for name, desk in self.desks.items():
                self._enqueue(name, desk.take(change, story, now, local), now)
        self._write(now)

    def local(self, now: float) -> Local:
        """The local time of day of those who read."""
        return local_at(now, self._zone)

    def clock(self, at: float) -> str:
        """A time of day as messages write it."""
        return time_of_day(at, self._zone)

    def say(
        self, head: str, lines: Iterable[str], now: float, severity: Severity = Severity.HIGH, but: str = "",
        topic: str = "", attached: str = "",
    ) -> None:  # fmt: skip
        """Sentinel speaks of itself, on every channel but one: a broken rule file, a dead channel, a full disk."""
        letter = Letter(Occasion.NOTE, now, self.host, head=head, lines=tuple(lines), severity=severity, open=0,
                        attached=attached)  # fmt: skip
        for name in self.desks:
            if name != but:
                self._enqueue(name, [Act(Kind.POST, topic or f"note.{head[:60]}", letter, now)], now)

    def digest(self, letter: Letter, now: float) -> None:
        """The round-up goes to every channel but the local ones."""
        for name in self._lines:
            self._enqueue(name, [Act(Kind.POST, f"week.{int(now)}", letter, now)], now)

    def count_weeks(self, week_of: Callable[[float, float], Week]) -> None:
        """Who counts for the round-up, from `since` to `now`; without it there is none."""
        self._week_of = week_of

    def _enqueue(self, channel: str, acts: Iterable[Act], now: float) -> None:
        for act in acts:
            self.outbox.add(channel, act.topic, act.kind, letter_json(act.letter), now, act.since)

    # --- a turn ---------------------------------------------------------------------------------------------------

    def turn(self, now: float) -> float:
        """Decide what is due, write it down, collect answers, start the next deliveries. Never waits.

        The answer is how long nothing will be due here; an answer of a sender wakes the loop sooner.
        """
        self.post.collect(now)
        local, standing = local_at(now, self._zone), self.words.standing()
        for name, desk in self.desks.items():
            self._enqueue(name, desk.plan(now, local, standing), now)
            self._pass_on(desk, now)
        self._disk(now)
        self._round_up(now, local)
        self._alive.beat(well=not self._trouble())
        self._write(now)
        for name in LOCAL:
            self._deliver_here(name, now)
        for name in self._lines:
            self.post.start(name, now)
        if now - self._swept >= 3600.0:
            self._swept = now
            self.outbox.sweep(now)
        waiting = any(desk.waiting or desk.topics for desk in self.desks.values())
        return 1.0 if waiting or self.outbox.deliveries else 20.0

    def _write(self, now: float) -> None:
        for name, desk in self.desks.items():
            for row in desk.drain():
                self.outbox.remember(name, row.sort, row.key, row.body)
        self.outbox.flush(now)

    def _pass_on(self, desk: Desk, now: float) -> None:
        """Nobody has acked: the channel that `escalate` names is told too."""
        for topic in desk.escalations:
            other = self.desks.get(desk.route.escalate_to)
            if other is not None:
                other.adopt(topic, now)
        desk.escalations.clear()

    def _disk(self, now: float) -> None:
        """People are told when nothing can be written down, and when it can again."""
        trouble = self._trouble()
        if trouble and not self._disk_told:
            self._disk_told = True
            lines = (f"SQLite says: {trouble}", "alerts go on from memory; a crash now would lose them",
                     "make room in the state folder, or make it writable; which one, and how: sentinel doctor")  # fmt: skip
            self.say(f"{self.host}: Sentinel cannot write its state", lines, now, Severity.CRITICAL)
        elif self._disk_told and not trouble and not self.outbox.unwritten:
            self._disk_told = False
            self.say(f"{self.host}: Sentinel's state is written again", (), now, Severity.HIGH)

    def _round_up(self, now: float, local: Local) -> None:
        """The weekly (or daily) digest, once, also over restarts."""
        kept = self.outbox.telling.get(("", "week", "last"))
        last = json.loads(kept)["at"] if kept else None
        if (
            self._week_of is None
            or not self._lines
            or not digest_due(self._digests, last, now, local.minute, local.weekday)
        ):
            return
        span = DAY if self._digests == "daily" else WEEK
        self.outbox.remember("", "week", "last", {"at": now})
        word = "day" if self._digests == "daily" else "week"
        self.digest(digest(self._week_of(now - span, now), self.host, now, word), now)

    def _trouble(self) -> str:
        """Why nothing can be written down, or ""."""
        return self.outbox.trouble or ("" if self._paper.on_disk else "the state is kept in memory")

    def _deliver_here(self, name: str, now: float) -> None:
        """Terminal and journal, in this process: neither can hang."""
        for delivery in self.outbox.queue(name):
            letter = self._final(delivery)
            if name == TERMINAL and self._terminal is not None:
                with contextlib.suppress(OSError, ValueError):  # a terminal that was closed must not end the watch
                    colour = self._terminal.isatty() and not os.environ.get("NO_COLOR")
                    print(brief(letter, self._zone, colour), file=self._terminal, flush=True)
            elif name != TERMINAL:
                self._to_journal(letter)
            self.outbox.put(replace(delivery, state="sent", done=now))
        self.outbox.flush(now)

    def _to_journal(self, letter: Letter) -> None:
        """One entry; of warnings and infos no more than the limit, and how many were left out."""
        passes, left_out = self._journal_limit.passes("alert", self._steady())
        if left_out:
            journal.write(journal.left_out(left_out), self._journal_socket)
        if passes or letter.severity >= Severity.HIGH:
            journal.write(journal.fields_of(letter), self._journal_socket)

    def _final(self, delivery: Delivery) -> Letter:
        letter = letter_from(delivery.letter)
        line = self._lines.get(delivery.channel)
        letter = replace(letter, sent_to=line.why if line else "")
        return marked(letter, NOT_WRITTEN) if self._trouble() else letter

    # --- views ----------------------------------------------------------------------------------------------------

    def heard(self) -> None:
        """A person spoke: look at mutes and acks now."""
        for desk in self.desks.values():
            desk.look_again()

    def retry(self, now: float, wanted: str = "") -> int:
        """Dead letters (one by its id, a channel's, or all) are sent again; how many."""
        count = self.outbox.revive(now, wanted)
        self.outbox.flush(now)
        return count

    def status(self) -> dict[str, Json]:
        """Channels and their health, what waits, what people said; nothing secret in it."""
        channels: list[Json] = []
        for name in self.desks:
            queue = self.outbox.queue(name)
            failing = self.post.failing.get(name)
            channels.append(
                {
                    "name": name,
                    "well": failing is None,
                    "trouble": f"{failing[1].code.value}: {failing[1].detail}" if failing else "",
                    "since": failing[0] if failing else None,
                    "cure": CURES[failing[1].code] if failing else "",
                    "waiting": len(queue),
                    "oldest": queue[0].made if queue else None,
                    "topics": len(self.desks[name].topics),
                }
            )
        return {
            "channels": channels,
            "disk": self._trouble(),
            "unwritten": self.outbox.unwritten,
            "dropped": self.outbox.dropped,
            "alive": self._alive.trouble,
        }

    def close(self, seconds: float) -> None:
        """Let what is in flight finish for so long, then end the children; the rest stays written down."""
        self.post.close(seconds)


def demoted(change: Change, story: Story, standing: Standing, now: float) -> Change:
    """A rule marked wrong on three runs in 30 days is told as info, until someone edits or clears it."""
    rule = f"{change.signature}/{change.rule}"
    if change.severity > Severity.INFO and standing.demoted(rule, now, story.rule_fingerprint):
        return replace(change, severity=Severity.INFO)
    return change


def key_text(key: EffectKey, change: Change) -> str:
    """An effect's key as one text. A stale mark is news of its own."""
    stale = "stale" if change.stale and change.phase is Phase.FIRING else ""
    return "|".join((key.run, key.rule, key.instance, str(key.n), key.phase, stale))


def local_at(now: float, zone: tzinfo | None) -> Local:
    """The local time of day."""
    at = datetime.fromtimestamp(now, UTC).astimezone(zone)
    return Local(at.hour * 60 + at.minute, at.weekday(), at.toordinal())

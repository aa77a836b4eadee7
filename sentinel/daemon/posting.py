"""Letters on their way: one sender a channel and its queue in order. What a sender answers settles what was written down."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from sentinel.core.telling_answers import CURES, LASTING, Answer, next_try
from sentinel.core.telling_backlog import gathers, summary
from sentinel.core.telling_letter import Kind, Letter, letter_from, letter_json
from sentinel.daemon.progress import Progress
from sentinel.daemon.sending import COMMAND, PROMISED, Sending
from sentinel.keep.outbox import Delivery, Outbox
from sentinel.outlets.jobs import Job, Line, job_json

TROUBLE_AFTER = 600.0  # a channel that fails for so long, or lastingly, is told about through another


class Say(Protocol):
    """How Sentinel speaks of itself, on every channel but one."""

    def __call__(self, head: str, lines: tuple[str, ...], now: float, *, but: str) -> None:
        """Say it."""


class Post:
    """Every channel's sender, what it is busy with, and whether it is well."""

    def __init__(
        self,
        outbox: Outbox,
        host: str,
        say: Say,
        final: Callable[[Delivery], Letter],
        wake: Callable[[], None],
        steady: Callable[[], float],
        progress: Progress,
        command: tuple[str, ...] = COMMAND,
    ) -> None:
        """Nothing is on its way. `final` is a letter as it goes out, `progress` hears what the senders promise."""
        self._outbox, self._host, self._say, self._final = outbox, host, say, final
        self._wake, self._steady, self._progress, self._command = wake, steady, progress, command
        self._lines: Mapping[str, Line] = {}
        self.sending: dict[str, Sending] = {}
        self.failing: dict[str, tuple[float, Answer]] = {}  # channel -> since when, and what it answers
        self.reported: set[str] = set()

    def adopt(self, lines: Mapping[str, Line]) -> None:
        """These are the channels from now on; the senders of others end."""
        self._lines = lines
        for name in self.sending.keys() - lines.keys():
            self.sending.pop(name).close()
            self._progress.rests(f"sender {name}")
            self.failing.pop(name, None)
        for name in lines:
            self.sending.setdefault(name, Sending(name, self._wake, self._command))

    def start(self, name: str, now: float) -> None:
        """The next delivery of a channel, if none is in flight and the oldest is due: order is kept."""
        sending = self.sending[name]
        if sending.busy_with is not None:
            return
        queue = self._skip_lost_edits(name, self._outbox.queue(name), now)
        if not queue or queue[0].due > now + (3600.0 if queue[0].due - now > 7 * 3600.0 else 0.0):
            return
        first = self._gathered(name, queue, now) or queue[0]
        claimed = self._outbox.put(replace(first, state="sending", attempts=first.attempts + 1))
        self._outbox.flush(now)
        root = self._outbox.threads.get((name, first.topic))
        job = Job(claimed.id, claimed.attempts, Kind(claimed.kind), self._lines[name], self._final(claimed), root)
        sending.start(claimed.n, job_json(job), self._steady())
        self._progress.began(f"sender {name}", self._steady(), PROMISED)

    def _skip_lost_edits(self, name: str, queue: list[Delivery], now: float) -> list[Delivery]:
        """An edit of a message that has no identity here (it went into a summary, or was given up) has nothing to edit."""
        while (
            queue and queue[0].kind == Kind.EDIT and not self._outbox.threads.get((name, queue[0].topic), {}).get("ts")
        ):
            self._outbox.put(replace(queue.pop(0), state="merged", done=now, detail="nothing to edit"))
        return queue

    def _gathered(self, name: str, queue: list[Delivery], now: float) -> Delivery | None:
        """After an outage or rest hours: what gathered goes out as one summary instead of a volley."""
        aloud = [d for d in queue if d.kind != Kind.EDIT]
        if not gathers([(d.since, d.attempts) for d in aloud], now):
            return None
        letters = [letter_from(d.letter) for d in aloud]
        head = summary(letters, self._host, now, self.failing.get(name, (None,))[0])
        merged = self._outbox.put(
            replace(aloud[0], kind=Kind.POST, letter=letter_json(head), topic=f"summary.{aloud[0].n}")
        )
        for delivery in queue:
            if delivery.n != merged.n:
                self._outbox.put(replace(delivery, state="merged", done=now, detail=f"in {merged.id}"))
        return merged

    def collect(self, now: float) -> None:
        """Answers that came settle what was written down."""
        for name, sending in self.sending.items():
            got = sending.collect(self._steady())
            if got is not None:
                self._progress.rests(f"sender {name}")
                n, answer = got
                self._settle_delivery(self._outbox.deliveries[n], answer, now)
                self._health(name, answer, now)

    def _settle_delivery(self, delivery: Delivery, answer: Answer, now: float) -> None:
        done = replace(delivery, code=answer.code, detail=answer.detail or answer.picture)
        if answer.sent:
            self._outbox.put(replace(done, state="sent", done=now))
            if answer.message and (delivery.kind == Kind.POST or not self._has_root(delivery)):
                self._outbox.thread(delivery.channel, delivery.topic, answer.message)
            return
        due = next_try(answer, delivery.attempts, delivery.made, now, random.random())
        if due is not None:
            self._outbox.put(replace(done, state="waiting", due=due))
            return
        self._outbox.put(replace(done, state="dead", done=now))
        head = letter_from(delivery.letter)
        lines = (f"{answer.code.value}: {answer.detail}", CURES[answer.code], f"sentinel outbox retry {delivery.id}",
                 head.head or (head.change.say if head.change else ""))  # fmt: skip
        self._say(f"{delivery.channel}: a message was given up", lines, now, but=delivery.channel)

    def _has_root(self, delivery: Delivery) -> bool:
        return (delivery.channel, delivery.topic) in self._outbox.threads

    def _health(self, name: str, answer: Answer, now: float) -> None:
        """A channel that does not take messages is told about through the others, once, and when it is well again."""
        if answer.sent:
            self.failing.pop(name, None)
            self.reported.discard(name)
            return
        since = self.failing.get(name, (now, answer))[0]
        self.failing[name] = (since, answer)
        if name not in self.reported and (answer.code in LASTING or now - since >= TROUBLE_AFTER):
            self.reported.add(name)
            waits = len(self._outbox.queue(name))
            lines = (f"{answer.code.value}: {answer.detail}", CURES[answer.code],
                     f"{waits} message(s) wait; try it: sentinel tell --test {name}")  # fmt: skip
            self._say(f"{self._host}: channel {name} takes no messages", lines, now, but=name)

    def close(self, seconds: float) -> None:
        """Let what is in flight finish for so long, then end the children; the rest stays written down."""
        deadline = self._steady() + seconds
        while self._steady() < deadline and any(s.busy_with is not None for s in self.sending.values()):
            time.sleep(0.05)
            self.collect(time.time())
        for sending in self.sending.values():
            sending.close()
        self._outbox.flush(time.time())

"""The people of the stop plan: which channels reach a person, whether one has confirmed, whether anybody reads now."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from sentinel.core.records import Severity
from sentinel.core.stopping_plan import Plan
from sentinel.core.telling_routes import Local, Subject
from sentinel.daemon.delivering import Office
from sentinel.daemon.routes import LOCAL
from sentinel.daemon.settings import Settings
from sentinel.keep.outbox import Paper
from sentinel.outlets.jobs import kind_of
from sentinel.outlets.secrets import SecretError, resolve

NOBODY_READS = ("syslog", "rsyslog", "dbus", "qt", "glib", "gnome", "windows", "macosx", "mqtt", "mqtts")
AGAIN = 900.0  # an announcement that was lost on all channels is made again after so long


class Audience:
    """Everybody who can be told of a stop before it happens."""

    def __init__(self, office: Office, settings: Settings, paper: Paper) -> None:
        """The channels of the settings; terminal and journal reach nobody for sure."""
        self._office, self._paper = office, paper
        named = {channel.name for channel in settings.channel if _is_for_people(channel.url)}
        self.channels = tuple(name for name in office.desks if name in named and name not in LOCAL)
        self._said: dict[str, float] = {}

    def say(self, plan: Plan, head: str, lines: Iterable[str], now: float, attached: str = "") -> None:
        """Into the outbox for every channel, inside the caller's transaction; with the path of a text that goes with it."""
        self._office.say(head, lines, now, Severity.CRITICAL, topic=topic_of(plan), attached=attached)
        self._office.outbox.flush(now)
        self._said[plan.id] = now

    def confirmed(self, plan: Plan) -> bool:
        """Whether a channel that reaches a person has taken the announcement."""
        return bool(self._states(plan).get("sent"))

    def lost(self, plan: Plan, now: float) -> bool:
        """Whether every channel gave the announcement up (or put it into a summary), and it is time to say it again."""
        states = self._states(plan)
        waits = states.get("waiting", 0) + states.get("sending", 0) + states.get("sent", 0)
        return bool(states) and not waits and now - self._said.get(plan.id, 0.0) >= AGAIN

    def _states(self, plan: Plan) -> Mapping[str, int]:
        marks = ", ".join("?" * len(self.channels))
        query = f"SELECT state, count(*) FROM deliveries WHERE topic = ? AND channel IN ({marks}) GROUP BY state"  # noqa: S608
        return dict(map(tuple, self._paper.connection.execute(query, (topic_of(plan), *self.channels))))

    def resting(self, words: Mapping[str, str], local: Local) -> bool:
        """Whether all of them have quiet hours now, of whatever severity: hours in which nobody need read."""
        return bool(self.channels) and all(self._rests(name, words, local) for name in self.channels)

    def _rests(self, name: str, words: Mapping[str, str], local: Local) -> bool:
        subjects = [Subject(severity, local.minute, local.weekday, words) for severity in Severity]
        quiet = self._office.desks[name].route.quiet
        return any(condition.holds(subject) for condition in quiet for subject in subjects)


def topic_of(plan: Plan) -> str:
    """What its messages are filed under."""
    return f"plan.{plan.id}"


def _is_for_people(reference: str) -> bool:
    try:
        return kind_of(resolve(reference, os.environ)) not in NOBODY_READS
    except SecretError:
        return False  # an address that cannot be read now reaches nobody

"""Which message an alert belongs to: an open one, one of its own, or the digest of a storm. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sentinel.core.telling_topics import Notice, Topic

STORM = 6  # so many runs at once, or of one cause within STORM_SPAN, become one digest
STORM_SPAN = 600.0


@dataclass(frozen=True, slots=True)
class Storm:
    """Many runs at once: which of their alerts go into the one digest."""

    id: str
    causes: frozenset[str]  # signatures; what else comes is told by itself ...
    all: bool  # ... unless so much comes at once that everything belongs to it

    def holds(self, notice: Notice) -> bool:
        """Whether an alert belongs to it. Batches and first looks have a message of their own."""
        return notice.group.startswith("run ") and (self.all or notice.change.signature in self.causes)


def grouped(waiting: Iterable[Notice]) -> dict[str, list[Notice]]:
    """Notices by the message they would go into, oldest first."""
    groups: dict[str, list[Notice]] = {}
    for notice in waiting:
        groups.setdefault(notice.group, []).append(notice)
    return groups


def storm_among(groups: Mapping[str, list[Notice]], topics: Iterable[Topic], now: float) -> Storm | None:
    """The storm that rages now, if any: a fresh one, or one whose digest still takes alerts in."""
    alone = [notice for key, notices in groups.items() if key.startswith("run ") for notice in notices]
    if not alone:
        return None
    topics = list(topics)
    raging = [t for t in topics if t.kind == "storm" and now - (t.told_at or t.opened) < STORM_SPAN]
    causes = {member.signature for topic in raging for member in topic.members.values()}
    runs_by_cause: dict[str, set[str]] = {}
    for notice in alone:
        runs_by_cause.setdefault(notice.change.signature, set()).add(notice.change.run)
    for topic in topics:
        if topic.kind == "run" and now - topic.opened < STORM_SPAN:
            runs_by_cause.setdefault(topic.change.signature, set()).add(topic.change.run)
    causes |= {cause for cause, runs in runs_by_cause.items() if len(runs) >= STORM}
    all_of_it = len({notice.change.run for notice in alone}) >= STORM
    if not causes and not all_of_it:
        return None
    first = alone[0].change
    name = raging[0].id if raging else f"storm.{first.id or first.run}.{first.n}"
    return Storm(name, frozenset(causes), all_of_it)


def kin_of(notice: Notice, topics: Iterable[Topic], now: float, group: float) -> Topic | None:
    """The open message that an alert belongs to: of the same run or batch, by the same cause or in the same moment."""
    for topic in topics:
        if topic.kind == "storm":
            continue
        lead = Notice(topic.change, topic.story, topic.opened)
        if lead.group != notice.group:
            continue
        same_cause = notice.change.signature in {member.signature for member in topic.members.values()}
        if same_cause or topic.times == 0 or now - topic.opened < 2 * group:
            return topic
    return None

"""Counts for the round-up: what the store, the engine and people's words say about one span of time."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable

from sentinel.core.engine import Engine
from sentinel.core.rule import Rule
from sentinel.core.stopping_words import status_line
from sentinel.core.telling_week import Week
from sentinel.core.telling_words import Saying, Standing
from sentinel.keep import plans

TIME_TO_SPEAK = 600.0  # a run that is younger may simply have written nothing yet
UNREAD = "nothing in its files was understood"


def week_of(
    engine: Engine, store: sqlite3.Connection, standing: Standing, troubles: Iterable[str], since: float, now: float
) -> Week:
    """What was seen, told and objected to since then. GPU-hours saved are not guessed: None says not counted."""
    rows = store.execute(
        "SELECT key, found_at FROM runs WHERE listed = 0 AND key NOT LIKE 'host:%'"
        " AND (over = '' OR coalesce(over_at, found_at) >= ?)",
        (since,),
    )
    seen = dict(map(tuple, rows))
    changes = [json.loads(row[0]) for row in store.execute("SELECT change FROM alerts WHERE opened_at >= ?", (since,))]
    told = [change for change in changes if not change.get("hidden_by")]
    ever = {rule for (rule,) in store.execute("SELECT DISTINCT rule FROM alerts")}
    said = {key: len(watched.run.series) for key, watched in engine.runs.items()}
    said |= {key: asleep.series for key, asleep in engine.sleepers.runs.items()}
    silent = sum(1 for key, count in said.items() if not count and now - (seen.get(key) or now) >= TIME_TO_SPEAK)
    muted = [word for word in standing.words if word.saying is Saying.MUTE and (word.at >= since or word.in_force(now))]
    wrong = (word.rule for word in standing.of(Saying.WRONG, now) if word.at >= since)
    return Week(
        runs=len(seen),
        unread=unreadable(troubles) + Counter({UNREAD: silent}),
        alerts=Counter(str(change["severity"]) for change in told),
        by_rule=Counter(f"{change['signature']}/{change['rule']}" for change in told),
        wrong=Counter(wrong),
        muted=len(muted),
        never=never_matched(engine.book.rules, ever),
        stops=tuple(status_line(plan) for plan, _ in plans.recent(store, since)),
    )


def unreadable(troubles: Iterable[str]) -> Counter[str]:
    """How many runs have a file that cannot be read, by the reason; `troubles` are what sources say of themselves."""
    parts = (text.partition(" cannot be read: ") for text in troubles)
    return Counter(why for _, why in {(place.rpartition("/")[0], why) for place, _, why in parts if why})


def never_matched(rules: Iterable[Rule], ever: set[str]) -> tuple[str, ...]:
    """Rules without one alert in all that is remembered; one's own first, for a shipped one may well never match."""
    silent = [rule for rule in rules if rule.key not in ever]
    return tuple(rule.key for rule in sorted(silent, key=lambda rule: (rule.shipped, rule.key)))

"""Since when each shipped rule is known here: a rule that an upgrade brought is new for a while."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

SCHEMA = "CREATE TABLE IF NOT EXISTS first_seen (rule TEXT PRIMARY KEY, at REAL NOT NULL);\n"


def first_seen(connection: sqlite3.Connection, rules: Mapping[str, str], now: float) -> dict[str, float]:
    """When each of these rules was first in force here; a renamed one as of its former name.

    The rules of the very first start are as old as the watch itself: its owner chose them. Call it outside a transaction;
    where nothing can be written down, what is new stays new for this start alone.
    """
    known: dict[str, float] = dict(connection.execute("SELECT rule, at FROM first_seen").fetchall())
    at = now if known else 0.0
    fresh = {rule: known.get(former, at) for rule, former in rules.items() if rule not in known}
    if fresh:
        try:
            with connection:
                connection.executemany(
                    "INSERT OR IGNORE INTO first_seen (rule, at) VALUES (?, ?)", sorted(fresh.items())
                )
        except sqlite3.Error:
            return known | fresh
    return known | fresh

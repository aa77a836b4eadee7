"""People are told of a broken rule or settings file once, not at every start: what was said is remembered by its text."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.core.records import Fault
from sentinel.daemon.loop import Delivering
from sentinel.keep.store import Store

SHOWN = 5


@dataclass(frozen=True, slots=True)
class About:
    """What is broken: how it is called, where it is remembered, what goes on."""

    what: str
    told: str
    goes_on: str


RULE_FILES = About("the rule files", "rule faults told", "all other rules go on; see it in full with: sentinel check")
SETTINGS = About("sentinel.toml", "settings faults told", "the settings that were in force stay; then: sentinel check")


def tell_faults(
    delivering: Delivering, store: Store, faults: Sequence[Fault], now: float, about: About = RULE_FILES
) -> None:
    """Tell what is broken, unless just that was told before. A file that was mended may be told when it breaks again."""
    texts = [str(fault) for fault in faults if not fault.note]
    said = "\n".join(texts)
    if (store.recall(about.told) or "") == said:
        return
    with contextlib.suppress(sqlite3.Error), store.turn():  # a disk that takes nothing costs a repetition, no more
        store.remember(about.told, said)
    if not texts:
        return
    more = [f"and {len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    count = f"{len(texts)} fault{'s' if len(texts) > 1 else ''}"
    delivering.say(f"{count} in {about.what}", [*texts[:SHOWN], *more, about.goes_on], now)

"""People are told of a broken rule file once, not at every start: what was said is remembered by its text."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence

from sentinel.core.records import Fault
from sentinel.daemon.loop import Delivering
from sentinel.keep.store import Store

TOLD = "rule faults told"
SHOWN = 5


def tell_faults(delivering: Delivering, store: Store, faults: Sequence[Fault], now: float) -> None:
    """Tell what is broken, unless just that was told before. A file that was mended may be told when it breaks again."""
    texts = [str(fault) for fault in faults if not fault.note]
    said = "\n".join(texts)
    if (store.recall(TOLD) or "") == said:
        return
    with contextlib.suppress(sqlite3.Error), store.turn():  # a disk that takes nothing costs a repetition, no more
        store.remember(TOLD, said)
    if not texts:
        return
    more = [f"and {len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    lines = [*texts[:SHOWN], *more, "all other rules go on; see it in full with: sentinel check"]
    delivering.say(f"{len(texts)} fault{'s' if len(texts) > 1 else ''} in the rule files", lines, now)

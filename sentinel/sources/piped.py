"""Standard input as a log: `some-command | sentinel tail -`."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator

from sentinel.core.names import Names
from sentinel.core.records import Item
from sentinel.sources.eyes import Eyes, default_eyes
from sentinel.sources.timing import Arrivals

AT_ONCE = 1 << 18


def read_pipe(
    descriptor: int, clock: Callable[[], float], names: Names, eyes: Eyes | None = None, stillness: float = 1.0
) -> Iterator[Item]:
    """What comes through a pipe until it is closed; an unfinished line gives its text once it stands still."""
    reader = None
    waits = False
    while True:
        ready, _, _ = select.select([descriptor], [], [], stillness if waits else None)
        if not ready:
            waits = False
            yield from reader.idle(clock()) if reader else ()
            continue
        data = os.read(descriptor, AT_ONCE)
        if not data:
            break
        if reader is None:
            reader = (eyes or default_eyes()).open_reader("-", data, names, Arrivals())
        waits = True
        yield from reader.feed(data, clock())
    yield from reader.finish() if reader else ()

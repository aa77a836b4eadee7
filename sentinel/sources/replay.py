"""A finished run's files as the engine would have been fed them: merged into one order, or played as they arrived."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from sentinel.core.names import Names
from sentinel.core.records import Batch, Found, Item, Mark, Row, RunInfo
from sentinel.core.seams import Reader
from sentinel.sources.arrivals import read_arrivals
from sentinel.sources.compressed import chunks
from sentinel.sources.endings import Ending
from sentinel.sources.eyes import Eyes, default_eyes
from sentinel.sources.merge import merge
from sentinel.sources.played import Recording
from sentinel.sources.run_files import LARGEST_CONFIG, RunFiles
from sentinel.sources.timing import Stamps

STILLNESS = 1.0  # an unfinished line that stands still for so long is looked at as text
MOST_AT_ONCE = 256


class Turn(NamedTuple):
    """What one turn hands to the engine, and the time it happens at; None where no line knew the time."""

    now: float | None
    batch: Batch


class Replay(NamedTuple):
    """A finished run, ready to be fed."""

    info: RunInfo
    turns: Iterator[Turn]


def replay_run(
    path: Path,
    names: Names,
    arrivals: Path | None = None,
    time_scale: float = 1.0,
    eyes: Eyes | None = None,
) -> Replay:
    """A run's folder, or one file of a run, as turns: `Found` first, `Over` last. OSError where it cannot be read."""
    path = path.absolute()
    uid = os.stat(path).st_uid
    info = RunInfo(key=f"replay:{path}", name=path.name, folder=str(path), watch="replay", uid=uid)
    files = RunFiles(path, names, eyes or default_eyes())
    if arrivals is None:
        return Replay(info, _turns(info, _merged(files)))
    recording = Recording(files, read_arrivals(arrivals, time_scale), STILLNESS * time_scale)
    return Replay(info, _turns(info, recording.play()))


def _merged(files: RunFiles) -> Iterator[Item]:
    """Facts first, then all logs in one order."""
    for file in files.configs:
        with closing(files.open(file)) as content:
            yield from files.facts(file, content.read(LARGEST_CONFIG, 0))
    with ExitStack() as opened:
        yield from merge([_stream(files, living, parts, opened) for living, parts in files.logs()])


def _stream(files: RunFiles, living: str, parts: list[str], opened: ExitStack) -> Iterator[Item]:
    """All that one log says. Its rotated parts are one text with it."""
    reader: Reader | None = None
    timing = Stamps()
    for file in parts:
        content = opened.enter_context(closing(files.open(file)))
        for data in chunks(content, gz=file.endswith(".gz")):
            if reader is None:
                reader = files.reader(living, data, timing)
            yield from reader.feed(data, None)
    if reader is not None:
        yield from reader.finish()


def _turns(info: RunInfo, items: Iterable[Item | float]) -> Iterator[Turn]:
    """Items of one moment go together; time never runs backwards."""
    now: float | None = None
    ending = Ending()
    first: tuple[Found, ...] = (Found(info, None),)
    for moment, group in groupby(_timed(items), key=lambda pair: pair[0]):
        if moment is not None and (now is None or moment > now):
            now = moment
        together: list[Item] = []
        for _, item in group:
            ending.note((item,))
            together.append(item)
            if len(together) == MOST_AT_ONCE:
                yield Turn(now, Batch(info.key, (*first, *together)))
                first, together = (), []
        if together:
            yield Turn(now, Batch(info.key, (*first, *together)))
            first = ()
    yield Turn(now, Batch(info.key, (*first, ending.over(now))))


def _timed(items: Iterable[Item | float]) -> Iterator[tuple[float | None, Item]]:
    """Each item with the moment it happens at: its own, else that of the item before."""
    now: float | None = None
    for item in items:
        if isinstance(item, float):
            now = item
            continue
        if isinstance(item, Row | Mark) and item.at is not None:
            now = item.at
        yield now, item

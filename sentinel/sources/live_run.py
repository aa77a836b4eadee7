"""One run as it is followed: its logs and configs, its history first and then what comes, and how it ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from math import inf
from typing import Protocol, TypeVar, cast

from sentinel.core.records import Fact, How, Item, Json, Mark, Over, Row, RunInfo
from sentinel.sources.configs import Config
from sentinel.sources.endings import Ending
from sentinel.sources.eyes import Eyes
from sentinel.sources.following import CHUNK, Log, Open
from sentinel.sources.identity import Bookmark, bookmark_from, bookmark_json
from sentinel.sources.merge import merge

HOT = 60.0  # a log that grew within this time is looked at every poll
QUIET = 5.0
STILLNESS = 1.0
CLOSED = 60.0  # after a closing line the run is over when nothing came for so long
FORGOTTEN = 7 * 86400.0  # without a word for so long it is over, whatever happened
PEEKS = 0.25  # seconds between two peeks at lines that may wait: so late is news seen, under load alone
PEEKS_LATE = 0.1  # ... and so much more where no further line makes us peek
HISTORY_AT_ONCE = 4000  # items of history in one turn, so that a long one does not hold up the others

NewLog = Callable[[str], Log]
T = TypeVar("T")


class Guard(Protocol):
    """How a run's files are read; see `suspects.Careful`."""

    def at_once(self, name: str, at: int) -> int:
        """How many bytes of a log are read in one turn."""

    def tried(self, name: str, work: Callable[[], T]) -> T | None:
        """Work on a config; None if it is left out."""


class Carefree:
    """Nothing has killed us: at once and as they are."""

    def at_once(self, name: str, at: int) -> int:  # noqa: ARG002
        """How many bytes of a log are read in one turn."""
        return CHUNK

    def tried(self, name: str, work: Callable[[], T]) -> T | None:  # noqa: ARG002
        """Work on a config; None if it is left out."""
        return work()


class LiveRun:
    """A run that is not over."""

    __slots__ = (
        *("_configs", "_configs_at", "_due", "_ended", "_ending", "_eyes", "_guard", "_history", "_moved", "_new_log"),
        *("_open", "_peeks", "_poll", "_unpeeked", "_wish", "calm", "due", "grew", "info", "logs", "over", "trouble"),
    )

    def __init__(
        self,
        info: RunInfo,
        new_log: NewLog,
        open_path: Open,
        eyes: Eyes | None,
        poll: float,
        guard: Guard | None = None,
    ) -> None:
        """A run of which no file is known yet."""
        self._guard: Guard = guard or Carefree()
        self.info = info
        self.logs: dict[str, Log] = {}
        self.trouble: dict[str, str] = {}
        self.grew: float | None = None
        self._new_log, self._open, self._eyes, self._poll = new_log, open_path, eyes, poll
        self._configs: dict[str, Config] = {}
        self._due: dict[str, float] = {}  # when a log is looked at whatever the kernel says
        self._moved: dict[str, float] = {}  # logs that the kernel says were written to, no more; when to read them
        self._peeks: dict[str, float] = {}  # from when on lines of a log that may wait are peeked at again
        self._unpeeked: dict[str, float] = {}  # logs of which lines wait unseen; by when to peek at them
        self._wish = inf  # when to look at the run, as the kernel's last word has it
        self._ending = Ending()
        self._history: Iterator[Item | None] | None = None  # None in it: judge before you ask for more
        self._ended: Over | None = None  # its processes are gone, and how that went
        self.over = False
        self._configs_at = float("-inf")
        self.calm = QUIET  # seconds between two looks at a log that is quiet
        self.due = float("-inf")  # when there is something to look at again

    @property
    def catching_up(self) -> bool:
        """Whether its history is still being read."""
        return self._history is not None

    # --- its files ---------------------------------------------------------------------------------------------

    def knows(self, path: str) -> bool:
        """Whether a file is one that it follows, perhaps by a new name; or is gone already."""
        try:
            inode = os.stat(path).st_ino
        except OSError:
            return True
        return any(log.knows(path, inode) for log in self.logs.values())

    def add_log(self, name: str, now: float, marks: Sequence[Bookmark] = ()) -> None:
        """Follow one more log, from its bookmarks where there are some."""
        log = self.logs[name] = self._new_log(name)
        self._due[name] = self.due = now
        if marks:
            self._tried(name, lambda: log.begin(marks, now))

    def add_config(self, name: str, path: str) -> None:
        """Read one more config, and again whenever it changes."""
        self._configs.setdefault(name, Config(path, name))

    def read_history(self, now: float) -> None:
        """From now until it has caught up, the logs are merged as replay merges them, and nothing has an arrival."""
        self.due = now
        if any(self._guard.at_once(name, log.at) < CHUNK for name, log in self.logs.items()):
            # Something here has killed us: one file after the other, each piece judged before the next one is read.
            self._history = chain.from_iterable(self._past(name, now, pauses=True) for name in sorted(self.logs))
            return
        streams = [self._past(name, now) for name in sorted(self.logs)]
        self._history = merge(cast("list[Iterator[Item]]", streams)) if streams else None

    def _past(self, name: str, now: float, pauses: bool = False) -> Iterator[Item | None]:
        used = 1
        while used:
            items: list[Item] = []
            used = 0

            def look(name: str = name) -> tuple[list[Item], int]:
                return self.logs[name].look(now, None, self._guard.at_once(name, self.logs[name].at))

            found = self._tried(name, look)
            if found is not None:
                items, used = found
            yield from items
            if pauses:
                yield None

    def grown(self, name: str, now: float, patience: float) -> float:
        """The kernel says that somebody wrote into this log. When to look at the run: now, or later if it is no news."""
        if name in self._unpeeked and now < self._peeks[name]:
            return self._wish
        at, log = self._moved.get(name, now + patience), self.logs[name]
        if at > now:
            peeks = now >= self._peeks.get(name, now)
            if self._ended or self._ending.said or self.catching_up or not (log.may_wait() if peeks else log.repeats()):
                at = now
            elif peeks:
                self._peeks[name] = now + PEEKS
                self._unpeeked.pop(name, None)
            else:
                self._unpeeked[name] = self._peeks[name] + PEEKS_LATE
        self._moved[name] = at
        self._wish = wish = min(self.waits, *self._unpeeked.values(), at)
        return wish

    @property
    def waits(self) -> float:
        """Until when what moved may wait; never where nothing does."""
        return min(self._moved.values(), default=inf)

    def _waits_on(self, now: float) -> bool:
        """Whether it was time for no more than a peek at lines that may wait, and they still may."""
        if now >= min((self.waits, *self._due.values())) or self._ended or self._ending.said:
            return False
        unpeeked, self._unpeeked = self._unpeeked, {}
        self._peeks.update(dict.fromkeys(unpeeked, now + PEEKS))
        return all(self.logs[name].may_wait() for name in unpeeked)

    def hint(self, name: str, now: float) -> None:
        """The kernel says that this name came or went: look closely."""
        self._due[name] = self.due = now

    def hint_all(self, now: float) -> None:
        """The kernel could not say which."""
        self._due = dict.fromkeys(self._due, now)
        self.due = now

    def process_ended(self, over: Over) -> None:
        """Its processes are gone: the run is over once its files were read, in these words where they know how it went."""
        self._ended = over
        self.due = float("-inf")

    # --- turns -------------------------------------------------------------------------------------------------

    def read(self, now: float, *, sweep_configs: bool) -> list[Item | Over]:
        """What is new in this turn."""
        items: list[Item] = []
        if sweep_configs or now >= self._configs_at:
            self._configs_at = now + self.calm
            for name, config in self._configs.items():
                items += self._tried(name, partial(self._facts, name, config)) or []
        if self._history is not None:
            items += self._more_history()
        elif self._unpeeked and self._waits_on(now):
            pass
        elif now < self.due and len(self._moved) == 1:  # the usual case: one log grew, and nothing else is due
            name, _ = self._moved.popitem()
            self._unpeeked.clear()
            items += self._glance(name, now)
        else:
            moved, self._moved, self._unpeeked = self._moved, {}, {}
            for name in sorted({*moved, *[name for name, due in self._due.items() if due <= now]}):
                due = self._due[name] <= now
                items += self._look(name, now, moved=name in moved) if due else self._glance(name, now)
        self._ending.note(items)
        end = self._end(now)
        self.due = self._next(now)
        return [*items, *end] if end else items  # type: ignore[return-value]

    def _next(self, now: float) -> float:
        if self._history is not None:
            return now
        still = STILLNESS if self._ended is not None else QUIET if self._ending.said is not None else self.calm
        return min(now + still, *self._due.values()) if self._due else now + still

    def _facts(self, name: str, config: Config) -> Sequence[Fact]:
        return self._guard.tried(name, partial(config.look, self._open, self._eyes)) or ()

    def _more_history(self) -> list[Item]:
        assert self._history is not None
        items: list[Item] = []
        for item in islice(self._history, HISTORY_AT_ONCE):
            if item is None:
                return items
            items.append(item)
        if len(items) < HISTORY_AT_ONCE:
            self._history = None
        return items

    def _glance(self, name: str, now: float) -> Sequence[Item]:
        """A log that was written to; all else about it is looked at every poll."""
        log = self.logs[name]
        found = log.glance(now) if self._guard.at_once(name, log.at) >= CHUNK else None
        if found is None:
            return self._look(name, now, moved=True)
        self.grew = now
        if self._due[name] > now + self._poll:
            self._due[name] = now + self._poll
        self.trouble.pop(name, None)
        return found[0]

    def _look(self, name: str, now: float, *, moved: bool = False) -> list[Item]:
        log = self.logs[name]
        if not moved and log.quiet(now):
            self._due[name] = now + (self._poll if now < (log.grew or 0.0) + HOT else self.calm)
            return []
        most = self._guard.at_once(name, log.at)
        found = self._tried(name, lambda: log.look(now, now, most))
        if found is None:
            self._due[name] = now + QUIET
            return []
        items, used = found
        if used:
            self.grew = now
        elif log.waits and log.grew is not None and now >= log.grew + STILLNESS:
            items += log.idle(now)
        hot = log.grew is not None and now < log.grew + HOT
        self._due[name] = now if used >= most else now + (self._poll if hot else self.calm)
        return items

    def _tried(self, name: str, work: Callable[[], T]) -> T | None:
        try:
            result = work()
        except OSError as trouble:
            self.trouble[name] = f"{self.info.name}/{name} cannot be read: {trouble.strerror or trouble}"
            return None
        self.trouble.pop(name, None)
        return result

    # --- its end -----------------------------------------------------------------------------------------------

    def _end(self, now: float) -> list[Item | Over]:
        if self._history is not None or self.grew == now or not self._is_over(now):
            return []
        rest: list[Item | Over] = []
        for _, log in sorted(self.logs.items()):
            rest += log.finish()
        self._ending.note([item for item in rest if isinstance(item, Row | Fact | Mark)])
        self.over = True
        self.close()
        ended = self._ended
        unclear = ended is not None and ended.how is How.UNCLEAR
        said = self._ending.over(now, heard=not unclear)  # its last lines may know more than its processes told
        surer = ended is not None and (not unclear or said.how is How.UNCLEAR)
        return [*rest, replace(ended, at=now) if ended is not None and surer else said]

    def _is_over(self, now: float) -> bool:
        last = max((log.grew for log in self.logs.values() if log.grew is not None), default=None)
        still = now - last if last is not None else 0.0
        if self._ended is not None:
            return still >= STILLNESS or last is None
        return (self._ending.said is not None and still >= CLOSED) or still >= FORGOTTEN

    # --- bookmarks ---------------------------------------------------------------------------------------------

    def bookmarks(self) -> Json:
        """What is needed to go on after a restart."""
        logs: dict[str, Json] = {
            name: [bookmark_json(mark) for mark in log.bookmarks()] for name, log in self.logs.items()
        }
        return {"logs": logs, "over": self.over, "continues": self.info.continues}

    def close(self) -> None:
        """Let go of all descriptors."""
        for log in self.logs.values():
            log.close()
        for config in self._configs.values():
            config.close()


def kept_marks(kept: Json) -> dict[str, list[Bookmark]]:
    """The bookmarks of a run's logs, out of what the store kept."""
    logs = kept.get("logs") if isinstance(kept, dict) else None
    if not isinstance(logs, dict):
        return {}
    found = {name: [bookmark_from(mark) for mark in marks] for name, marks in logs.items() if isinstance(marks, list)}
    return {name: [mark for mark in marks if mark] for name, marks in found.items()}


def renamed_marks(
    marks: Mapping[str, Sequence[Bookmark]], path: str, paths: Sequence[str], base: str
) -> Sequence[Bookmark]:
    """The bookmarks of a log that was renamed while we were away."""
    present = {os.path.relpath(path, base) for path in paths}
    inode = os.stat(path).st_ino
    gone = (kept for name, kept in marks.items() if name not in present)
    return next((kept for kept in gone if kept and kept[-1].inode == inode), ())

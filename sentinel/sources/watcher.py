"""The source that follows what runs write: it finds runs below the watched folders and reads their files in turns.

Truth is the sweep: folders every five seconds, logs that moved lately every poll, quiet ones every five seconds, runs
that are over every minute. Hints of the kernel make it look sooner; where they are sure to come, folders and quiet logs
are swept every minute.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from sentinel.core.names import Names
from sentinel.core.records import Batch, Fact, Found, Item, Json, Mark, Over, RunInfo
from sentinel.core.seams import Reader
from sentinel.sources.describing import Met, describe, resumed_from, run_of
from sentinel.sources.eyes import Eyes, default_eyes
from sentinel.sources.following import Log
from sentinel.sources.hints import Hints
from sentinel.sources.identity import Bookmark
from sentinel.sources.live_run import LiveRun, kept_marks, renamed_marks
from sentinel.sources.matches import Match, Matches, Places, beginning_in, open_in
from sentinel.sources.mounts import mounts
from sentinel.sources.plan import WatchPlan
from sentinel.sources.run_files import SNIFF, moved_at, owner_of
from sentinel.sources.suspects import Careful, Guarded, Suspects
from sentinel.sources.timing import Arrivals
from sentinel.sources.track import Track
from sentinel.sources.turns import Turns

FOLDERS = 5.0
TOLD = 60.0  # where the kernel is sure to tell what moves: the sweep finds what it kept to itself, as writes by mmap
OVER = 60.0
MOST_NEW = 12  # runs with something to read that are begun in one turn: a first sweep must not hold thousands at once
MOST_RESUMED = 200  # ... and those that only go on where we were
MOST_LOOKED = 200  # matches that are looked into in one turn, so that none takes long on a slow network folder
MOST_CONFIGS = 200

Busy = Callable[[str], bool]  # whether some process works in a folder


@dataclass(slots=True)
class _Asleep:
    """A run that is over: nothing is kept of it but what tells that it moved again."""

    info: RunInfo
    moved: float
    kept: Json


class Watcher:
    """Implements `Source` for files."""

    def __init__(
        self,
        plans: Sequence[WatchPlan],
        names: Names,
        bookmarks: Mapping[str, Json] | None = None,
        *,
        eyes: Eyes | None = None,
        host: str = "",
        busy: Busy = lambda folder: False,  # noqa: ARG005
        hints: Hints | None = None,
        suspects: Suspects | None = None,
        mounted: Callable[[], str] = mounts,
    ) -> None:
        """A watcher that goes on from the bookmarks that an earlier life has kept, by run key."""
        self._plans, self._names, self._kept = plans, names, dict(bookmarks or {})
        self._given, self._eyes = eyes, eyes or default_eyes()
        self._host, self._busy, self._hints, self._suspects = host, busy, hints, suspects
        self._mounted = mounted
        self._places = Places(self._eyes)
        self.with_own = self._places.tree.with_own  # folders in which somebody may have put rules of their own
        self._matches = Matches()
        self._runs: dict[str, LiveRun] = {}
        self._asleep: dict[str, _Asleep] = {}
        self._logs_at: dict[str, tuple[str, str]] = {}  # path -> (run key, log name)
        self._told: list[str] = []
        self._described: dict[str, RunInfo] = {}  # all runs that are known, live ones and those that are over
        self._names_taken: set[str] = set()
        self._new: dict[str, None] = {}  # runs that wait to be begun
        self._past: set[str] = set()  # runs whose history is still being read
        self._touched: set[str] = set()  # runs one of whose other files moved: a config, perhaps
        self.turns = Turns()
        self._next_folders = -1e18
        self._first = True

    @property
    def name(self) -> str:
        """For status and messages."""
        return "files"

    @property
    def pending(self) -> bool:
        """Whether the next turn has work at once: history to read, or folders that were not looked into."""
        return bool(self._past or self._new or self._matches.more)

    @property
    def hears_all(self) -> bool:
        """Whether the kernel is sure to tell what moves in any run that we know."""
        return self._matches.all_told

    def left(self) -> tuple[int, int]:
        """How many runs have history that is still to be read, and how many are known."""
        return len(self._new.keys() | self._past), len(self._described)

    def catching_up(self) -> set[str]:
        """The runs whose history is still being read: save no series of them and tell nothing yet."""
        return set(self._past)

    # --- turns -------------------------------------------------------------------------------------------------

    def read(self, now: float) -> Iterator[Batch]:
        """What is new since the last call: `Found` first, then facts, rows and marks, `Over` last."""
        self._take_hints(now)
        if now >= self._next_folders:
            self._next_folders = now + self._match_patterns(now)
        found = self._look_into_matches(now)
        self._new |= dict.fromkeys(sorted(found & self._runs.keys()))
        touched, self._touched = self._touched, set()
        for key in self.turns.due(now, sorted(touched)):
            if key in self._runs and key not in self._new:
                yield from self._read_run(key, now, key in touched)
        yield from self._begin_some(now)
        for key in sorted(found & self._asleep.keys()):
            if key not in self._runs and not self._asleep[key].info.fresh:
                yield Batch(key, (Found(self._asleep[key].info, None),))
        self._first = self._first and self._matches.more

    def _begin_some(self, now: float) -> Iterator[Batch]:
        """Of the runs that were found those whose turn it is."""
        read = 0
        for key in list(islice(self._new, MOST_RESUMED)):
            if read >= MOST_NEW:
                return
            del self._new[key]
            run = self._runs[key]
            for batch in self._read_run(key, now, True, Found(run.info, None if run.catching_up else now)):
                read += len(batch.items) > 1
                yield batch

    def _read_run(self, key: str, now: float, sweep_configs: bool, found: Found | None = None) -> Iterator[Batch]:
        """What is new in one run, if anything is."""
        run = self._runs[key]
        items: list[Item | Found | Over] = [found] if found else []
        items += run.read(now, sweep_configs=sweep_configs)
        if items:
            items += self._goes_on_with(run, items)
            yield Batch(key, tuple(items))
        if self._past and not run.catching_up:
            self._past.discard(key)
        if self._suspects:
            self._suspects.survived()
        self.turns.was_read(key, run.due, run.waits)
        if run.over:
            self._put_to_sleep(key, now)

    def _take_hints(self, now: float) -> None:
        if self._hints is None:
            return
        moved, changed = self._hints.take()
        for path in moved:
            log = self._logs_at.get(path)
            run = self._runs.get(log[0]) if log else None
            if log and run:
                self.turns.may_wait(log[0], run.grown(log[1], now, self.turns.patience), now)
            else:
                self._another_file(path, now)
        for path in changed:
            self._came_or_went(path, now)
        if self._hints.lost:
            self._hints.lost, self._next_folders = False, now
            for match in self._matches.by_path.values():
                self._matches.plan(match, now)
            for run in self._runs.values():
                run.hint_all(now)
                self.turns.moved(run.info.key, now)

    def _another_file(self, path: str, now: float) -> None:
        """A file that is no log under watch moved: a config, a log that had no content yet, or something large."""
        match = self._matches.around(path)
        if match is not None:
            soon = now if match.unsure or not match.runs else min(match.due, now + 1.0)
            self._matches.plan(match, soon)
            self._touched |= match.runs & self._runs.keys()

    def _came_or_went(self, path: str, now: float) -> None:
        log = self._logs_at.get(path)
        if log and log[0] in self._runs:
            self._runs[log[0]].hint(log[1], now)
            self.turns.moved(log[0], now)
        match = self._matches.around(path)
        if match is None:
            self._next_folders = now
        else:
            self._matches.plan(match, now)
            self._touched |= match.runs & self._runs.keys()

    def _match_patterns(self, now: float) -> float:
        """Find what the watches mean that is new; when to go and look again, should the kernel say nothing."""
        if self._hints:
            self._hints.listen()
        patterns = [(pattern, plan) for plan in self._plans for pattern in (plan.runs, *plan.files) if pattern]
        for path, plan in self._places.tree.unmet(patterns, set(self._matches.by_path)):
            self._matches.add(plan, path, now)
        return TOLD if self._hints is not None and self._hints.tell_of(found for found, _ in patterns) else FOLDERS

    def _look_into_matches(self, now: float) -> set[str]:
        """The keys of the runs that were found, or found again."""
        found: set[str] = set()
        for match in self._matches.due(now, MOST_LOOKED):
            changed = self._places.look_into(match)
            for folder, files in match.found.items():
                if changed or f"{match.plan.name}:{folder}" not in self._runs:
                    found |= self._meet(match, folder, files, now)
            live = [self._runs[key] for key in match.runs if key in self._runs]
            told = self._hints is not None and self._hints.tells(match.path)
            self._matches.is_told(match, told)
            for run in live:
                run.calm = TOLD if told else FOLDERS
            self._matches.plan(match, now + ((TOLD if told else FOLDERS) if live or not match.runs else OVER))
        return found

    # --- finding -----------------------------------------------------------------------------------------------

    def _meet(self, match: Match, folder: str, paths: list[str], now: float) -> set[str]:
        """A run's folder with its files: new, known with new files, or over and perhaps moving again."""
        key = f"{match.plan.name}:{folder}"
        known = key in match.runs
        match.runs.add(key)
        if key in self._runs:
            self._add_files(self._runs[key], match.plan, paths, now, {})
            return set()
        moved = max((moved_at(path) for path in paths), default=0.0)
        asleep = self._asleep.get(key)
        if asleep and moved <= asleep.moved:
            return set()
        kept = asleep.kept if asleep else self._kept.pop(key, None)
        info = asleep.info if asleep else self._describe(match.plan, key, folder, paths, kept)
        was_over = asleep is None and isinstance(kept, dict) and kept.get("over") is True
        stale = asleep is None and kept is None and moved < now - match.plan.fresh and not self._busy(folder)
        if stale or was_over:
            self._asleep[key] = _Asleep(replace(info, fresh=False), moved, kept)
            return set() if known else {key}
        self._asleep.pop(key, None)
        run = self._start(replace(info, fresh=True), match.plan, folder)
        self._add_files(run, match.plan, paths, now, kept_marks(kept))
        if self._first or kept is not None or moved < now - 2 * FOLDERS:
            run.read_history(now)
        if run.catching_up:
            self._past.add(key)
        return {key}

    def _describe(self, plan: WatchPlan, key: str, folder: str, paths: Sequence[str], kept: Json) -> RunInfo:
        beside = self._listing(os.path.dirname(folder))
        about = (partial(beginning_in, plan), owner_of(folder), self._host, self._mounted())
        met = Met(plan, key, folder, paths, beside, *about, self._names_taken)
        before = kept.get("continues") if isinstance(kept, dict) else None
        info = self._described[key] = describe(met, self._described, before if isinstance(before, str) else None)
        self._names_taken.add(info.name)
        return info

    def _goes_on_with(self, run: LiveRun, items: Iterable[Item | Found | Over]) -> list[Found]:
        """A run says that it was resumed from a checkpoint of another one: from now on it continues that run."""
        if run.info.continues is not None:
            return []
        path = resumed_from(item for item in items if isinstance(item, Fact | Mark))
        other = run_of(path, run.info, self._described) if path else None
        if other is not None:
            run.info = self._described[run.info.key] = replace(run.info, continues=other)
        return [Found(run.info, None)] if other is not None else []

    def _start(self, info: RunInfo, plan: WatchPlan, folder: str) -> LiveRun:
        base = os.path.dirname(folder) if os.path.isfile(folder) else folder
        opened = open_in(plan)

        def new_log(name: str) -> Log:
            path = f"{base}/{name}"
            at = os.path.dirname(path)
            return Log(path, lambda mark: self._track(info.key, name, mark), opened, lambda: self._listing(at))

        guard = Careful(self._suspects, info.key, self._told) if self._suspects else None
        return self._runs.setdefault(info.key, LiveRun(info, new_log, opened, self._given, plan.poll, guard))

    def _listing(self, folder: str) -> Mapping[str, int]:
        return known.files if (known := self._places.tree.look(folder)) else {}

    def _track(self, key: str, name: str, mark: Bookmark | None) -> Track:
        def opener(file: str, head: bytes, timing: Arrivals, saved: Json) -> Reader:
            reader = self._eyes.open_reader(file, head[:SNIFF], self._names, timing, saved)
            if self._suspects is None:
                return reader
            return Guarded(reader, f"{key}/{file}", reader.settled, self._suspects, self._told)

        return Track(name, opener, mark)

    def _add_files(
        self, run: LiveRun, plan: WatchPlan, paths: Sequence[str], now: float, marks: Mapping[str, Sequence[Bookmark]]
    ) -> None:
        """Follow what is new in the run's folder; a new name of a file that we know is nothing new."""
        base = os.path.dirname(run.info.folder) if os.path.isfile(run.info.folder) else run.info.folder
        configs = 0
        for path in sorted(paths, key=lambda path: os.path.relpath(path, base) not in marks):
            name = os.path.relpath(path, base)
            if name != os.path.basename(run.info.folder) and self._places.is_config(plan, path):
                configs += 1
                if configs <= MOST_CONFIGS:
                    run.add_config(name, path)
            elif name not in run.logs and not run.knows(path):
                run.add_log(name, now, marks.get(name) or renamed_marks(marks, path, paths, base))
                self.turns.moved(run.info.key, now)
                self._logs_at[path] = (run.info.key, name)

    def process_ended(self, key: str, over: Over) -> bool:
        """The run's processes are gone: it is over, in these words, once its files were read. False for no run of ours."""
        run = self._runs.get(key)
        if run is None or run.catching_up:
            return False
        run.process_ended(over)
        self.turns.moved(key, run.due)
        return True

    def _put_to_sleep(self, key: str, now: float) -> None:
        run = self._runs.pop(key)
        self.turns.forget(key)
        self._past.discard(key)
        moved = max((moved_at(log.path) for log in run.logs.values()), default=now)
        self._asleep[key] = _Asleep(run.info, moved, run.bookmarks())
        for log in run.logs.values():
            self._logs_at.pop(log.path, None)

    def bookmarks(self) -> dict[str, Json]:
        """What the store keeps, by run key. A run that is still catching up has none: it begins again."""
        live = {key: run.bookmarks() for key, run in self._runs.items() if not run.catching_up}
        return self._kept | live | {key: run.kept for key, run in self._asleep.items() if run.kept is not None}

    def adopt(self, plans: Sequence[WatchPlan], names: Names, hints: Hints | None) -> set[str]:
        """Take other plans into force. What is the same goes on untouched, the rest from its bookmarks at the next sweep.

        The answer are the runs whose history was only half read: they begin anew, so forget them.
        """
        same = plans if names is self._names else ()
        parted = [path for path, match in self._matches.by_path.items() if match.plan not in same]
        halves = {key for path in parted for key in self._matches.drop(path).runs if self._put_away(key)}
        if hints is not self._hints and self._hints:
            self._hints.close()
        self._plans, self._names, self._hints = plans, names, hints
        self._places.forget()
        self._next_folders = -1e18
        return halves

    def _put_away(self, key: str) -> bool:
        """Let go of a run but for its bookmarks; True where it has none, for its history was being read."""
        asleep, run = self._asleep.pop(key, None), self._runs.pop(key, None)
        self._logs_at = {path: at for path, at in self._logs_at.items() if at[0] != key}
        if asleep is not None and asleep.kept is not None:
            self._kept[key] = asleep.kept
        self._past.discard(key)
        self.turns.forget(key)
        self._new.pop(key, None)
        self._described.pop(key, None)
        if run is None:
            return False
        if not run.catching_up:
            self._kept[key] = run.bookmarks()
        run.close()
        return run.catching_up

    def begin_anew(self, key: str) -> bool:
        """Read a run from its beginning, as one that was never met; False if it is none of ours."""
        info = self._described.get(key)
        if info is None or (match := self._matches.around(info.folder)) is None:
            return False
        self._put_away(key)
        self._names_taken.discard(info.name)
        self._kept[key] = {}  # it was met before, however long ago it moved
        self._matches.plan(match, 0.0)
        return True

    def bookmarks_of(self, key: str) -> Json:
        """The same of one run; None where there is nothing to keep yet."""
        run = self._runs.get(key)
        if run is not None:
            return None if run.catching_up else run.bookmarks()
        return self._asleep[key].kept if key in self._asleep else self._kept.get(key)

    def trouble(self) -> list[str]:
        """What cannot be read now, or was left out."""
        unread = [text for run in self._runs.values() for text in run.trouble.values()]
        return [*unread, *(self._hints.trouble if self._hints else ()), *self._told]

    def close(self) -> None:
        """Let go of files and threads."""
        for run in self._runs.values():
            run.close()
        if self._hints:
            self._hints.close()

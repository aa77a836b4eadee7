"""The source that follows what runs write: it finds runs below the watched folders and reads their files in turns.

Truth is the sweep: folders every five seconds, logs that moved lately every poll, quiet ones every five seconds, runs
that are over every minute. Hints of the kernel only make it look sooner.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial

from sentinel.core.names import Names
from sentinel.core.records import Batch, Fact, Found, Item, Json, Mark, Over, Row, RunInfo
from sentinel.core.seams import Reader
from sentinel.sources.describing import Met, describe, resumed_from, run_of
from sentinel.sources.eyes import Eyes, default_eyes
from sentinel.sources.folder import rotated_from
from sentinel.sources.following import Log
from sentinel.sources.hints import Hints
from sentinel.sources.identity import Bookmark
from sentinel.sources.live_run import LiveRun, kept_marks
from sentinel.sources.mounts import mounts
from sentinel.sources.opening import OpenFile, beginning, open_file
from sentinel.sources.partition import newest_states, run_folders
from sentinel.sources.plan import WatchPlan
from sentinel.sources.run_files import SNIFF, moved_at, owner_of
from sentinel.sources.suspects import Careful, Guarded, Suspects
from sentinel.sources.timing import Arrivals
from sentinel.sources.track import Track
from sentinel.sources.tree import Tree, root_of

FOLDERS = 5.0
OVER = 60.0
MOST_CONFIGS = 200

Busy = Callable[[str], bool]  # whether some process works in a folder


@dataclass(slots=True)
class _Match:
    """One match of a watch: a folder with runs below it, or a single log."""

    plan: WatchPlan
    path: str
    due: float
    runs: set[str]  # keys of the runs in it
    listed: dict[str, Mapping[str, int]] = field(default_factory=dict)  # its folders, as they were last time
    found: dict[str, list[str]] = field(default_factory=dict)  # the runs in them
    unsure: bool = False  # a file had no content yet to know it by


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
        self._tree = Tree()
        self._matches: dict[str, _Match] = {}
        self._runs: dict[str, LiveRun] = {}
        self._asleep: dict[str, _Asleep] = {}
        self._logs_at: dict[str, tuple[str, str]] = {}  # path -> (run key, log name)
        self._is_log: dict[str, bool] = {}
        self._told: list[str] = []
        self._next_folders = -1e18
        self._first = True

    @property
    def name(self) -> str:
        """For status and messages."""
        return "files"

    @property
    def pending(self) -> bool:
        """Whether the next turn has work at once: history is still being read."""
        return any(run.catching_up for run in self._runs.values())

    def catching_up(self) -> set[str]:
        """The runs whose history is still being read: save no series of them and tell nothing yet."""
        return {key for key, run in self._runs.items() if run.catching_up}

    # --- turns -------------------------------------------------------------------------------------------------

    def read(self, now: float) -> Iterator[Batch]:
        """What is new since the last call: `Found` first, then facts, rows and marks, `Over` last."""
        self._take_hints(now)
        sweep = now >= self._next_folders
        if sweep:
            self._next_folders = now + FOLDERS
            if self._hints:
                self._hints.listen()
            self._match_patterns(now)
        found = self._look_into_matches(now)
        for key in list(self._runs):
            run = self._runs[key]
            items: list[Item | Found | Over] = [Found(run.info, None if run.catching_up else now)] * (key in found)
            items += run.read(now, sweep_configs=sweep or key in found)
            if items:
                items += self._goes_on_with(run, items)
                yield Batch(key, tuple(items))
            if self._suspects:
                self._suspects.survived()
            if run.over:
                self._put_to_sleep(key, now)
        for key in sorted(found - set(self._runs)):
            if key in self._asleep and not self._asleep[key].info.fresh:
                yield Batch(key, (Found(self._asleep[key].info, None),))
        self._first = False

    def _take_hints(self, now: float) -> None:
        for path in self._hints.take() if self._hints else ():
            if path in self._logs_at:
                key, name = self._logs_at[path]
                if key in self._runs:
                    self._runs[key].hint(name, now)
                    continue
            self._next_folders = now
            for at, match in self._matches.items():
                if path.startswith(at):
                    match.due = now

    def _match_patterns(self, now: float) -> None:
        patterns = [(pattern, plan) for plan in self._plans for pattern in (plan.runs, *plan.files) if pattern]
        for path, plan in self._tree.unmet(patterns, set(self._matches)):
            self._matches[path] = _Match(plan, path, now, set())

    def _look_into_matches(self, now: float) -> set[str]:
        """The keys of the runs that were found, or found again."""
        found: set[str] = set()
        for match in self._matches.values():
            if match.due > now:
                continue
            changed = self._list(match)
            for folder, files in match.found.items():
                if changed or f"{match.plan.name}:{folder}" not in self._runs:
                    found |= self._meet(match, folder, files, now)
            live = any(key in self._runs for key in match.runs)
            match.due = now + (FOLDERS if live or not match.runs else OVER)
        return found

    # --- finding -----------------------------------------------------------------------------------------------

    def _list(self, match: _Match) -> bool:
        """See whether anything was added or taken away below a match; only then its runs are worked out again."""
        if os.path.isfile(match.path):
            changed, match.found = not match.found, {match.path: [match.path]}
            return changed
        listed = {at: files for at, files in self._tree.walk(match.path) if files}
        if not match.unsure and listed.keys() == match.listed.keys() and _same(listed, match.listed):
            return False
        match.listed, match.unsure = listed, False
        match.found = self._runs_in(match, listed)
        return True

    def _runs_in(self, match: _Match, listed: Mapping[str, Mapping[str, int]]) -> dict[str, list[str]]:
        """The runs in a match: their folders, each with the paths of logs and configs that belong to it."""
        wanted: dict[str, list[str]] = {}
        for at, files in listed.items():
            paths = [f"{at}/{name}" for name in sorted(files) if self._living(name, files)]
            wanted[at] = [path for path in paths if self._wanted(match, path)]
        with_logs = [at for at, paths in wanted.items() if any(not self._config(match.plan, path) for path in paths)]
        home_of = run_folders(match.path, with_logs)
        runs: dict[str, list[str]] = {}
        for at, paths in wanted.items():
            folder = home_of.get(at) or next(
                (run for run in sorted(home_of.values(), key=len) if at.startswith(run)), None
            )
            if folder:
                runs.setdefault(folder, []).extend(paths)
        return {folder: newest_states(paths) for folder, paths in runs.items()}

    @staticmethod
    def _living(name: str, files: Mapping[str, int]) -> bool:
        """Whether a name is a file of its own: rotated parts belong to the log whose parts they are."""
        rotated = rotated_from(name)
        return not name.startswith(".") and not name.endswith(".gz") and (rotated is None or rotated[0] not in files)

    def _wanted(self, match: _Match, path: str) -> bool:
        plan = match.plan
        if self._config(plan, path):
            return True
        if plan.read:
            return any(fnmatchcase(os.path.basename(path), pattern) for pattern in plan.read)
        if path not in self._is_log:
            head = self._beginning(plan, path)
            if not head:
                match.unsure = True
                return bool(self._eyes.is_log(path, b""))
            self._is_log[path] = self._eyes.is_log(path, head)
        return self._is_log[path]

    def _config(self, plan: WatchPlan, path: str) -> bool:
        if plan.config:
            return any(fnmatchcase(path, f"*/{pattern}") for pattern in plan.config)
        return self._eyes.is_config(path)

    def _beginning(self, plan: WatchPlan, path: str) -> bytes:
        return beginning(self._open(plan), path, SNIFF)

    def _meet(self, match: _Match, folder: str, paths: list[str], now: float) -> set[str]:
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
        return {key}

    def _describe(self, plan: WatchPlan, key: str, folder: str, paths: Sequence[str], kept: Json) -> RunInfo:
        beside = self._listing(os.path.dirname(folder))
        about = (partial(self._beginning, plan), owner_of(folder), self._host, self._mounted())
        met = Met(plan, key, folder, paths, beside, *about)
        before = kept.get("continues") if isinstance(kept, dict) else None
        return describe(met, self._infos(), before if isinstance(before, str) else None)

    def _infos(self) -> dict[str, RunInfo]:
        """All runs that are known, live ones and those that are over."""
        return {key: run.info for key, run in self._asleep.items()} | {key: run.info for key, run in self._runs.items()}

    def _goes_on_with(self, run: LiveRun, items: Iterable[Item | Found | Over]) -> list[Found]:
        """A run says that it was resumed from a checkpoint of another one: from now on it continues that run."""
        path = resumed_from(item for item in items if isinstance(item, Row | Fact | Mark))
        other = run_of(path, run.info, self._infos()) if path and run.info.continues is None else None
        if other is not None:
            run.info = replace(run.info, continues=other)
        return [Found(run.info, None)] if other is not None else []

    def _start(self, info: RunInfo, plan: WatchPlan, folder: str) -> LiveRun:
        base = os.path.dirname(folder) if os.path.isfile(folder) else folder
        opened = self._open(plan)

        def new_log(name: str) -> Log:
            path = f"{base}/{name}"
            at = os.path.dirname(path)
            return Log(path, lambda mark: self._track(info.key, name, mark), opened, lambda: self._listing(at))

        guard = Careful(self._suspects, info.key, self._told) if self._suspects else None
        run = self._runs[info.key] = LiveRun(info, new_log, opened, self._given, plan.poll, guard)
        return run

    def _listing(self, folder: str) -> Mapping[str, int]:
        known = self._tree.look(folder)
        return known.files if known else {}

    def _track(self, key: str, name: str, mark: Bookmark | None) -> Track:
        def opener(file: str, head: bytes, timing: Arrivals, saved: Json) -> Reader:
            reader = self._eyes.open_reader(file, head[:SNIFF], self._names, timing, saved)
            if self._suspects is None:
                return reader
            return Guarded(reader, f"{key}/{file}", reader.settled, self._suspects, self._told)

        return Track(name, opener, mark)

    def _open(self, plan: WatchPlan) -> Callable[[str], OpenFile]:
        roots = [root_of(pattern) for pattern in (plan.runs, *plan.files) if pattern]
        return lambda path: open_file(roots, path)

    def _add_files(
        self, run: LiveRun, plan: WatchPlan, paths: Sequence[str], now: float, marks: Mapping[str, Sequence[Bookmark]]
    ) -> None:
        """Follow what is new in the run's folder; a new name of a file that we know is nothing new."""
        base = os.path.dirname(run.info.folder) if os.path.isfile(run.info.folder) else run.info.folder
        configs = 0
        for path in sorted(paths, key=lambda path: os.path.relpath(path, base) not in marks):
            name = os.path.relpath(path, base)
            if name != os.path.basename(run.info.folder) and self._config(plan, path):
                configs += 1
                if configs <= MOST_CONFIGS:
                    run.add_config(name, path)
            elif name not in run.logs and not self._known_inode(run, path):
                run.add_log(name, now, marks.get(name) or _by_inode(marks, path, paths, base))
                self._logs_at[path] = (run.info.key, name)

    @staticmethod
    def _known_inode(run: LiveRun, path: str) -> bool:
        try:
            inode = os.stat(path).st_ino
        except OSError:
            return True
        return any(log.knows(path, inode) for log in run.logs.values())

    def process_ended(self, key: str, over: Over) -> bool:
        """The run's processes are gone: it is over, in these words, once its files were read. False for no run of ours."""
        run = self._runs.get(key)
        if run is None or run.catching_up:
            return False
        run.process_ended(over)
        return True

    def _put_to_sleep(self, key: str, now: float) -> None:
        run = self._runs.pop(key)
        moved = max((moved_at(log.path) for log in run.logs.values()), default=now)
        self._asleep[key] = _Asleep(run.info, moved, run.bookmarks())
        for path in [path for path, (owner, _) in self._logs_at.items() if owner == key]:
            del self._logs_at[path]

    def bookmarks(self) -> dict[str, Json]:
        """What the store keeps, by run key. A run that is still catching up has none: it begins again."""
        live = {key: run.bookmarks() for key, run in self._runs.items() if not run.catching_up}
        return self._kept | live | {key: run.kept for key, run in self._asleep.items() if run.kept is not None}

    def adopt(self, plans: Sequence[WatchPlan], names: Names, hints: Hints | None) -> set[str]:
        """Take other plans into force. What is the same goes on untouched, the rest from its bookmarks at the next sweep.

        The answer are the runs whose history was only half read: they begin anew, so forget them.
        """
        same = [plan for plan in self._plans if plan in plans and names is self._names]
        parted = [path for path, match in self._matches.items() if match.plan not in same]
        halves = {key for path in parted for key in self._matches.pop(path).runs if self._put_away(key)}
        if hints is not self._hints and self._hints:
            self._hints.close()
        self._plans, self._names, self._hints = plans, names, hints
        self._is_log.clear()
        self._next_folders = -1e18
        return halves

    def _put_away(self, key: str) -> bool:
        """Let go of a run but for its bookmarks; True where it has none, for its history was being read."""
        asleep, run = self._asleep.pop(key, None), self._runs.pop(key, None)
        self._logs_at = {path: at for path, at in self._logs_at.items() if at[0] != key}
        if asleep is not None and asleep.kept is not None:
            self._kept[key] = asleep.kept
        if run is None:
            return False
        if not run.catching_up:
            self._kept[key] = run.bookmarks()
        run.close()
        return run.catching_up

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


def _by_inode(
    marks: Mapping[str, Sequence[Bookmark]], path: str, paths: Sequence[str], base: str
) -> Sequence[Bookmark]:
    """The bookmarks of a log that was renamed while we were away."""
    present = {os.path.relpath(path, base) for path in paths}
    inode = os.stat(path).st_ino
    gone = (kept for name, kept in marks.items() if name not in present)
    return next((kept for kept in gone if kept and kept[-1].inode == inode), ())


def _same(listed: Mapping[str, Mapping[str, int]], before: Mapping[str, Mapping[str, int]]) -> bool:
    """Whether no folder was listed anew: the tree hands in the same object until it was."""
    return all(files is before[at] for at, files in listed.items())

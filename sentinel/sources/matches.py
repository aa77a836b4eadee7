"""The matches of a watch, and which runs lie in each: folders are listed, beginnings looked at, nothing is followed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from heapq import heappop, heappush
from math import inf

from sentinel.sources.eyes import Eyes
from sentinel.sources.folder import rotated_from
from sentinel.sources.opening import OpenFile, beginning, open_file
from sentinel.sources.partition import newest_states, run_folders
from sentinel.sources.plan import WatchPlan
from sentinel.sources.run_files import SNIFF
from sentinel.sources.tree import Tree, root_of

AGAIN = 60.0


@dataclass(slots=True, eq=False)
class Match:
    """One match of a watch: a folder with runs below it, or a single log."""

    plan: WatchPlan
    path: str
    due: float
    runs: set[str]  # keys of the runs in it
    listed: dict[str, Mapping[str, int]] = field(default_factory=dict)  # its folders, as they were last time
    found: dict[str, list[str]] = field(default_factory=dict)  # the runs in them
    unsure: bool = False  # a file had no content yet to know it by
    number: int = 0  # in the order in which matches were met


class Matches:
    """All matches of the watches, and which of them are to be looked into when."""

    def __init__(self) -> None:
        """None was met yet."""
        self.by_path: dict[str, Match] = {}
        self.more = False  # some are due that the last call left out
        self._soonest: list[
            tuple[float, int, Match]
        ] = []  # as a heap; a plan that is no longer its match's is passed over
        self._met = 0
        self._untold: set[str] = set()  # those of which the kernel may not tell what moves in them

    def add(self, plan: WatchPlan, path: str, now: float) -> None:
        """One more, to be looked into now."""
        self.plan(Match(plan, path, inf, set(), number=self._met), now)
        self._met += 1
        self._untold.add(path)

    def is_told(self, match: Match, told: bool) -> None:
        """Whether the kernel is sure to tell what moves in this one."""
        (self._untold.discard if told else self._untold.add)(match.path)

    def drop(self, path: str) -> Match:
        """It is watched no more."""
        self._untold.discard(path)
        return self.by_path.pop(path)

    def plan(self, match: Match, at: float) -> None:
        """When this one is to be looked into next."""
        if match.due != at:
            match.due, self.by_path[match.path] = at, match
            heappush(self._soonest, (at, match.number, match))

    @property
    def all_told(self) -> bool:
        """Whether there are any, and the kernel is sure to tell what moves in each."""
        return bool(self.by_path) and not self._untold

    def due(self, now: float, most: int) -> list[Match]:
        """Those to be looked into now, in the order in which they were met; no more than so many."""
        found: list[Match] = []
        while self._soonest and self._soonest[0][0] <= now and len(found) < most:
            at, _, match = heappop(self._soonest)
            if match.due == at and self.by_path.get(match.path) is match:
                self.plan(match, now + AGAIN)  # unless it is planned otherwise: a look that fails is not the last
                found.append(match)
        self.more = bool(self._soonest) and self._soonest[0][0] <= now
        return found

    def around(self, path: str) -> Match | None:
        """The match that a path lies in."""
        while path not in self.by_path:
            path = path.rpartition("/")[0]
            if not path:
                return None
        return self.by_path[path]


class Places:
    """What lies where below the watched roots."""

    def __init__(self, eyes: Eyes) -> None:
        """Nothing was listed yet."""
        self.tree = Tree()
        self._eyes = eyes
        self._is_log: dict[str, bool] = {}

    def forget(self) -> None:
        """Which files are logs is asked anew."""
        self._is_log.clear()

    def look_into(self, match: Match) -> bool:
        """See whether anything was added or taken away below a match; only then its runs are worked out again."""
        if os.path.isfile(match.path):
            changed, match.found = not match.found, {match.path: [match.path]}
            return changed
        listed = {at: files for at, files in self.tree.walk(match.path) if files}
        if not match.unsure and listed.keys() == match.listed.keys() and _same(listed, match.listed):
            return False
        match.listed, match.unsure = listed, False
        match.found = self._runs_in(match, listed)
        return True

    def _runs_in(self, match: Match, listed: Mapping[str, Mapping[str, int]]) -> dict[str, list[str]]:
        """The runs in a match: their folders, each with the paths of logs and configs that belong to it."""
        wanted: dict[str, list[str]] = {}
        for at, files in listed.items():
            paths = [f"{at}/{name}" for name in sorted(files) if self._living(name, files)]
            wanted[at] = [path for path in paths if self._wanted(match, path)]
        with_logs = [at for at, paths in wanted.items() if any(not self.is_config(match.plan, path) for path in paths)]
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

    def _wanted(self, match: Match, path: str) -> bool:
        plan = match.plan
        if self.is_config(plan, path):
            return True
        if plan.read:
            return any(fnmatchcase(os.path.basename(path), pattern) for pattern in plan.read)
        if path not in self._is_log:
            head = beginning_in(plan, path)
            if not head:
                match.unsure = True
                return bool(self._eyes.is_log(path, b""))
            self._is_log[path] = self._eyes.is_log(path, head)
        return self._is_log[path]

    def is_config(self, plan: WatchPlan, path: str) -> bool:
        """Whether a file holds facts about a run."""
        if plan.config:
            return any(fnmatchcase(path, f"*/{pattern}") for pattern in plan.config)
        return self._eyes.is_config(path)


def open_in(plan: WatchPlan) -> Callable[[str], OpenFile]:
    """How files of a watch are opened: below its roots and nowhere else."""
    roots = [root_of(pattern) for pattern in (plan.runs, *plan.files) if pattern]
    return lambda path: open_file(roots, path)


def beginning_in(plan: WatchPlan, path: str) -> bytes:
    """The first bytes of a watched file; none where it cannot be had."""
    return beginning(open_in(plan), path, SNIFF)


def _same(listed: Mapping[str, Mapping[str, int]], before: Mapping[str, Mapping[str, int]]) -> bool:
    """Whether no folder was listed anew: the tree hands in the same object until it was."""
    return all(files is before[at] for at, files in listed.items())

"""The engine: batches in, effects out. Live and replay are this one code path; time is handed in (contracts 1 to 3).

Runs are judged apart from one another. Between two rows time passes over a fixed grid, so that a rule on silence fires
at the same moment whether the bytes came in one piece or in many, live or in replay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from sentinel.core.asleep import Asleep, may_sleep
from sentinel.core.course import Back, Course
from sentinel.core.grid import FINE, next_point
from sentinel.core.names import Names
from sentinel.core.records import (
    Action,
    Batch,
    Change,
    Effect,
    EffectKey,
    EffectKind,
    Fact,
    Found,
    How,
    Json,
    Mark,
    MarkKind,
    Origin,
    Over,
    Phase,
    Row,
    RunInfo,
)  # fmt: skip
from sentinel.core.rule import Rule, Rulebook, judging
from sentinel.core.run import Run
from sentinel.core.sleepers import Recall, Sleepers
from sentinel.core.watched import Watched

Own = Callable[[RunInfo, Rulebook], Rulebook]  # the rules for all, with those that a run brings itself


def no_own(_info: RunInfo, book: Rulebook) -> Rulebook:
    """No run brings rules of its own."""
    return book


class Engine:
    """All runs under watch."""

    def __init__(
        self, book: Rulebook, names: Names, host: str = "", recall: Recall | None = None, own: Own = no_own
    ) -> None:
        """An engine that has seen nothing. `recall` brings back the state of a run that was put to sleep."""
        self.book, self._own = book, own
        self.names = names
        self.host = host
        self.runs: dict[str, Watched] = {}  # those that are awake
        self.sleepers = Sleepers(recall)
        self.listed: dict[str, RunInfo] = {}  # over before we came: listed, never judged
        self.bugs: list[tuple[str, str, str]] = []  # (run, rule, traceback) since last taken
        self.lost: dict[str, str] = {}  # runs whose record could not be read back, and what to say of that
        self._courses: dict[str, Course] = {}
        self._current: dict[str, str] = {}  # key as sources know it -> key of the generation in force
        self._fed: set[str] = set()  # keys whose batches came since the last tick
        self._grid = float("-inf")  # the point of the fine grid that the last tick had passed

    # --- in ------------------------------------------------------------------------------------------------------

    def feed(self, batches: Iterable[Batch]) -> list[Effect]:
        """Take batches in, in order; the effects of all that moved."""
        effects: list[Effect] = []
        for batch in batches:
            key = batch.run
            self._fed.add(key)
            for item in batch.items:
                if isinstance(item, Row):
                    watched = self.awake(self._current.get(key, key))
                    if watched is not None:
                        self._row(key, watched, item, effects)
                else:
                    self._take(key, item, effects)
        return effects

    def tick(self, now: float) -> list[Effect]:
        """Time went on for all live runs. Between two points of the grid that concerns those alone that were fed."""
        effects: list[Effect] = []
        grid, fed, self._fed = now // FINE, self._fed, set()
        keys = (self._current.get(key, key) for key in fed) if grid == self._grid else list(self.runs)
        self._grid = grid
        for key in keys:
            watched = self.runs.get(key)
            if watched is not None and not watched.over:
                self._pass_time(watched, now, effects)
        for key in self.sleepers.due(now):
            self._look_through(key, now, effects)
        return effects

    def _look_through(self, key: str, now: float, effects: list[Effect]) -> None:
        """Time may move an alert of a sleeping run: if none moves it sleeps on, as it was written down."""
        watched, course = self._recalled(key)
        base = watched.run.now
        if self._pass_time(watched, now, effects) or not may_sleep(watched):
            self._rouse(key, watched, course)
        else:
            self.sleepers.sleep_on(key, watched, base)

    def _take(self, key: str, item: Fact | Mark | Found | Over, effects: list[Effect]) -> None:
        if isinstance(item, Found):  # wakes nobody: a start finds every run that is known
            self._found(key, item)
            return
        watched = self.awake(self._current.get(key, key))
        if watched is None:
            return  # listed only, or unknown: a run is judged from its `Found` on
        if isinstance(item, Fact):
            watched.learn(item)
        elif isinstance(item, Mark):
            self._mark(watched, item)
        else:
            self._over(watched, item, effects)
        effects += self._effects(watched)

    def _found(self, key: str, found: Found) -> None:
        if not found.info.fresh:
            self.listed[key] = found.info
            return
        if key in self._current:
            watched = self.awake(self._current[key]) if found.info.continues else None
            if watched is not None:
                self._continue(watched, found.info.continues)
            return
        self.listed.pop(key, None)
        self._open(key, found.info, found.at).catching_up = found.history

    def _continue(self, watched: Watched, other: str | None) -> None:
        """It turned out later that a run goes on with another one."""
        if other and watched.run.info.continues is None:
            watched.run.info = replace(watched.run.info, continues=other)
            watched.adopt(self.book_of(watched.run.info))

    def _open(self, key: str, info: RunInfo, at: float | None) -> Watched:
        watched = self._fresh(info)
        watched.found_at = at
        self.runs[info.key] = watched
        self._current[key] = info.key
        self._courses[info.key] = Course()
        return watched

    def _row(self, key: str, watched: Watched, row: Row, effects: list[Effect]) -> None:
        if watched.over and not row.file:
            return  # the machine goes on; the run that is over hears no more of it, and only its own lines revive it
        at, before = row.at, watched.run.now
        if at is not None and watched.over and row.names:
            watched.was_away(at)  # it was over until now: that is no silence of its own
        elif at is not None and (before is None or before // FINE != at // FINE):
            self._pass_time(watched, at, effects)
        course = self._courses[watched.run.info.key]
        back = course.follow(row)
        if back is not None:
            watched = self._go_back(key, watched, row, back, effects)
        elif watched.over and row.names:
            watched.resume()
        if course.counts_per_epoch(row.file):
            row = row._replace(step=None)
        watched.look(row)
        if watched.moved:
            effects += self._effects(watched)

    def _go_back(self, key: str, watched: Watched, row: Row, back: Back, effects: list[Effect]) -> Watched:
        if back is Back.NEW:
            watched.close(row.at, "began anew")
            effects += self._effects(watched)
            return self._open(key, next_generation(watched.run.info), row.at)
        watched.go_back(row, per_epoch=back is Back.PER_EPOCH)
        return watched

    def _mark(self, watched: Watched, mark: Mark) -> None:
        watched.marks.append(mark)
        self._courses[watched.run.info.key].note(mark)
        if mark.kind is MarkKind.RESET:
            watched.run.forget(mark.file)
        elif mark.kind is MarkKind.CAUGHT_UP:
            watched.catch_up_done()

    def _over(self, watched: Watched, over: Over, effects: list[Effect]) -> None:
        if watched.over:
            return
        if over.at is not None:
            self._pass_time(watched, over.at, effects)
            watched.run.pass_time(over.at)
        watched.learn(Fact("run.how", over.how.value, "", 0, Origin.PROCESS))
        if over.detail:
            watched.learn(Fact("run.closing", over.detail, "", 0, Origin.PROCESS))
        if not watched.settled:
            watched.settle()
        watched.close(over.at, over.how.value if over.how is not How.UNCLEAR else "ended, cannot tell why")

    def caught_up(self, keys: Iterable[str]) -> list[Effect]:
        """The history of these runs was read: what still fires is told, once."""
        effects: list[Effect] = []
        for key in keys:
            watched = self.runs.get(self._current.get(key, key))
            if watched is not None and watched.catching_up:
                watched.catch_up_done()
                effects += self._effects(watched)
        return effects

    # --- time ----------------------------------------------------------------------------------------------------

    def _pass_time(self, watched: Watched, now: float, effects: list[Effect]) -> bool:
        """Let time pass over the grid points before `now`, each a look of the rules that time can change; whether any moved."""
        before, moved = watched.run.now, False
        if before is None:
            watched.run.pass_time(now)
            return False
        if before // FINE == now // FINE:
            return False  # no point of any grid lies between them
        point = next_point(before, watched.run.grew or before)
        while point <= now:
            watched.pass_time(point)
            if watched.moved:
                moved = True
                effects += self._effects(watched)
            point = next_point(point, watched.run.grew or before)
        return moved

    # --- out -----------------------------------------------------------------------------------------------------

    def _effects(self, watched: Watched) -> list[Effect]:
        out: list[Effect] = []
        for change in watched.changes():
            key = EffectKey(change.run, f"{change.signature}/{change.rule}", change.instance, change.n, change.reason)
            out.append(Effect(EffectKind.TELL, key, change))
            if may_act(change):
                out.append(Effect(EffectKind(change.action.value), key, change))
        return out

    def _bug(self, run: str, rule: str, trace: str) -> None:
        self.bugs.append((run, rule, trace))

    # --- reload and restart ---------------------------------------------------------------------------------------

    def adopt(self, book: Rulebook, names: Names | None = None) -> list[Effect]:
        """Take a rulebook, and the names it was made with, into force for all runs at once; what ended by that."""
        others = judging(book) != judging(self.book)
        self.book, self.names = book, names or self.names
        effects: list[Effect] = []
        for watched in self.runs.values():
            watched.run.names = self.names
            watched.adopt(self.book_of(watched.run.info))
            effects += self._effects(watched)
        self.sleepers.look_again(everybody=others)
        return effects

    def renew(self, key: str) -> list[Effect]:
        """The rules that this run brings itself changed: take them into force for it alone, and wake it if it sleeps."""
        watched = self.awake(self._current.get(key, key))
        if watched is None or watched.over:
            return []
        watched.adopt(self.book_of(watched.run.info))
        return self._effects(watched)

    def book_of(self, info: RunInfo) -> Rulebook:
        """All rules that are in force for a run."""
        return self._own(info, self.book)

    def rule_of(self, run: str, key: str) -> Rule | None:
        """The rule of that key that is in force for all, or else for that run alone."""
        rule, info = self.book.rule(key), self.info(run)
        return rule if rule is not None or info is None else self.book_of(info).rule(key)

    def rules(self) -> Iterator[Rule]:
        """All rules that are in force for some run that is awake; those for all come first."""
        yield from self.book.rules
        for watched in self.runs.values():
            if watched.book is not self.book:
                yield from (rule for rule in watched.rules if rule.own)

    def _fresh(self, info: RunInfo) -> Watched:
        return Watched(Run(info, self.names), self.book_of(info), self.host, self._bug)

    def leave(self, key: str, now: float, why: str) -> list[Effect]:
        """Nobody watches this run any more: its alerts end and it is judged no longer, whatever the rules say."""
        current = self._current.get(key, key)
        asleep = self.sleepers.runs.get(current)
        watched = self.wake(current) if asleep and not asleep.over else self.runs.get(current)
        if watched is None or watched.over:
            return []
        watched.close(now, why)
        return self._effects(watched)

    def drop(self, key: str) -> None:
        """Forget a run altogether (retention)."""
        self.runs.pop(key, None)
        self.sleepers.forget(key)
        self._courses.pop(key, None)
        self.listed.pop(key, None)
        self._current = {known: current for known, current in self._current.items() if current != key}

    def save(self, key: str) -> Json:
        """One run's part of the snapshot."""
        return self.runs[key].save()

    def restore(self, key: str, info: RunInfo, saved: Json) -> None:
        """Bring one run back as it was saved; `key` is what sources call it."""
        self._open(key, info, None).restore(saved)

    def was_away(self, now: float) -> None:
        """After a restart: the time that nobody watched belongs to no run; those that sleep were told of it."""
        for watched in self.runs.values():
            if not watched.over:
                watched.was_away(now)

    # --- sleep ---------------------------------------------------------------------------------------------------

    def may_sleep(self, key: str) -> bool:
        """Whether a run is such that it can be put to sleep once it is written down."""
        return key in self.runs and may_sleep(self.runs[key])

    def lay_down(self, key: str) -> None:
        """Put a run to sleep that was written down as it is now."""
        self.sleepers.lay_down(key, self.runs.pop(key), self._courses.pop(key))
        self._fed.discard(key)

    def sleeps(self, key: str, asleep: Asleep) -> None:
        """After a restart: a run sleeps on; `key` is what sources call it."""
        self._current[key] = asleep.info.key
        self.sleepers.keep(asleep.info.key, asleep)

    def wake(self, key: str) -> Watched:
        """Bring a sleeping run back."""
        watched, course = self._recalled(key)
        self._rouse(key, watched, course)
        return watched

    def _rouse(self, key: str, watched: Watched, course: Course) -> None:
        self.sleepers.forget(key)
        self.runs[key], self._courses[key] = watched, course

    def _recalled(self, key: str) -> tuple[Watched, Course]:
        """A sleeping run as it was written down; one that cannot be read back begins anew, and `lost` tells of it."""
        info = self.sleepers.runs[key].info
        watched = self._fresh(info)
        try:
            return watched, self.sleepers.recall(key, watched)
        except Exception as bug:  # one record that cannot be read must not end the watch over all others
            self.lost[key] = f"the record of {info.name} could not be read back, its files are read again: {bug}"
            return self._fresh(info), Course()

    def info(self, key: str) -> RunInfo | None:
        """A run that is judged, awake or asleep, by the key of its generation."""
        watched, asleep = self.runs.get(key), self.sleepers.runs.get(key)
        return watched.run.info if watched is not None else asleep.info if asleep is not None else None

    @property
    def all_asleep(self) -> bool:
        """Whether no run is awake but machines."""
        return all(watched.run.info.kind == "host" for watched in self.runs.values())

    def infos(self) -> dict[str, RunInfo]:
        """All runs that are judged, awake or asleep, by the key of their generation."""
        awake = {key: watched.run.info for key, watched in self.runs.items()}
        return awake | {key: asleep.info for key, asleep in self.sleepers.runs.items()}

    def named(self, name: str) -> Watched | None:
        """The run that people call so, or whose key it is; if it sleeps it is woken."""
        key = next((key for key, info in self.infos().items() if name in (info.name, key)), "")
        return self.awake(key)

    def awake(self, key: str) -> Watched | None:
        """The run of that key, woken if it sleeps."""
        watched = self.runs.get(key)
        return self.wake(key) if watched is None and key in self.sleepers.runs else watched

    def keys(self) -> Mapping[str, str]:
        """What sources call a run -> the generation in force."""
        return self._current


def next_generation(info: RunInfo) -> RunInfo:
    """`name#2` after `name`, with a key of its own."""
    name, _, number = info.name.partition("#")
    generation = int(number or 1) + 1
    return replace(info, key=f"{info.key.partition('#')[0]}#{generation}", name=f"{name}#{generation}")


def may_act(change: Change) -> bool:
    """Whether a change asks for more than telling: a rule with an action begins to fire, in the light."""
    if change.action is Action.TELL or change.phase is not Phase.FIRING or change.hidden_by is not None:
        return False
    return change.reason in ("fired", "came to light", "first look")

"""The rules that runs bring themselves (contracts 8): read when a run is met, again when their files move, for it alone.

A run without such a folder costs one look when it is met: where one appears, the sweep of the watched folders has seen it.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sentinel.core.digest import digest
from sentinel.core.engine import Engine
from sentinel.core.names import Names
from sentinel.core.records import Effect, Fault, RunInfo
from sentinel.core.rule import Rulebook
from sentinel.daemon.metering import Meter, MeteredMatcher
from sentinel.daemon.peers import user_name
from sentinel.daemon.settings import Settings
from sentinel.rulebook.own import OwnBook, beside, metered, own_rules
from sentinel.sources.own_rules import WITHIN, Place, Stamp, read_own, stamp_of

LOOK_EVERY = 5.0
MOST_LOOKED = 400  # folders that are looked at in one go: many take their turns
MOST_TOLD = 1000  # folders of which is remembered what was told
MOST_SETS = 100  # different sets of files that one user may have in force: the same ones copied count once
TOO_DEAR = "this user's own rules cost more than 2 % of a core; while they do, some of their answers are unknown"
AT_ONCE, SHARE = 2.0, 0.02  # seconds of reading that may come together, and the share of time that they are given anew
Texts = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Held:
    """What one run's folder brings."""

    uid: int
    stamps: tuple[Stamp | None, ...]
    texts: Texts  # as they were read, by the names that people see
    paths: Mapping[str, str]  # those names -> where the files lie
    refused: tuple[Fault, ...]  # what could not be read
    good: dict[str, str] = field(default_factory=dict)  # the files as they last were without fault
    again: bool = True  # it moved at the last look: clocks of file systems are coarse, so it is read once more
    era: int = -1  # of the rules for all that it was judged beside
    in_force: Texts = ()
    faults: tuple[Fault, ...] = ()


class OwnRules:
    """All of them, by the run's folder. It is what the engine asks for the rules of a run."""

    def __init__(
        self, names: Names, settings: Settings | None = None, steady: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing was met yet."""
        self._held: dict[str, _Held] = {}
        self._books: dict[Texts, OwnBook] = {}
        self._all: Rulebook | None = None
        self._joined: dict[tuple[int, Texts], Rulebook] = {}
        self._meters: dict[int, Meter] = {}
        self._steady, self._spent, self._at = steady, 0.0, steady()
        self._over = set[int]()  # users whose rules cost too much
        self._due, self._waiting = 0.0, list[str]()
        self.appeared = set[str]()  # folders of which the sweep has seen that they may bring rules
        self.expected = set[str]()  # folders of runs that have alerts by rules of their own from an earlier life
        self._news, self._told = False, dict[str, str]()
        self._era = 0
        self.adopt(names, settings or Settings())

    def adopt(self, names: Names, settings: Settings) -> None:
        """Other names or settings: all that is held is judged anew when next asked for."""
        self._names, self._on, self._users = names, settings.sentinel.own_rules, settings.sentinel.users_rules
        self._era += 1
        self._books.clear()
        self._joined.clear()

    # --- for the engine --------------------------------------------------------------------------------------------

    def __call__(self, info: RunInfo, book: Rulebook) -> Rulebook:
        """The rules for all, with those that this run brings."""
        if not self._on or not info.folder or info.uid is None:
            return book
        held = self._held.get(info.folder)
        if held is None and not (held := self._meet(info)):
            return book
        return self._join(book, self._judged(held, book), held.uid)

    def _meet(self, info: RunInfo) -> _Held | None:
        places = self._places(info)
        stamps = tuple(map(stamp_of, places))
        if all(stamp is None for stamp in stamps) or self._spent > AT_ONCE:
            return None  # what is put off comes when it is looked at again
        self._held[info.folder] = held = self._read(info, places, stamps)
        return held

    def _join(self, book: Rulebook, texts: Texts, uid: int) -> Rulebook:
        if book is not self._all:
            self._all = book
            self._joined.clear()
        if (uid, texts) not in self._joined:
            meter, own = self._meters.setdefault(uid, Meter()), self._books[texts].book
            matcher = MeteredMatcher(own.matcher, meter) if own.matcher is not None else None
            own = replace(own, rules=tuple(metered(rule, meter) for rule in own.rules), matcher=matcher)
            self._joined[uid, texts] = beside(book, own)
        return self._joined[uid, texts]

    # --- reading and judging ---------------------------------------------------------------------------------------

    def _places(self, info: RunInfo) -> list[Place]:
        """Where the rules of a run may lie: what stands nearer to it comes last, and overrides."""
        assert info.uid is not None
        user = user_name(info.uid) if self._users else ""
        named = [Place(self._users.replace("{user}", user), info.uid, ())] if user and "/" not in user else []
        return [*named, Place(info.folder, info.uid)]

    def _read(self, info: RunInfo, places: Sequence[Place], stamps: tuple[Stamp | None, ...]) -> _Held:
        began = time.thread_time()
        texts: list[tuple[str, str]] = []
        refused: list[Fault] = []
        paths: dict[str, str] = {}
        for place in places:
            files = read_own(place)
            refused += files.faults
            for name, text in files.texts:
                shown = "/".join((*place.within, name)) if place.within else f"{place.path}/{name}"
                paths[shown] = f"{place.path}/{name}"
                texts.append((shown, text))
        self._spend(began)
        return _Held(info.uid or 0, stamps, tuple(texts), paths, tuple(refused))

    def _judged(self, held: _Held, book: Rulebook) -> Texts:
        """The texts that are in force for it: those that are good, and of broken ones what last was."""
        if held.era == self._era and held.in_force in self._books:
            return held.in_force
        began = time.thread_time()
        fresh = held.texts
        extra: tuple[Fault, ...] = ()
        if self._sets_of(held) >= MOST_SETS:
            what = (
                f"this user's runs bring more than {MOST_SETS} different sets of rules: those of this one are not taken"
            )
            fresh, extra = (), tuple(Fault(path, 0, 0, what) for path in held.paths.values())
        own = self._book(fresh, book)
        held.good = {file: text if file in own.taken else held.good[file] for file, text in fresh
                     if file in own.taken or file in held.good}  # fmt: skip
        held.in_force = tuple((file, held.good.get(file, text)) for file, text in fresh)
        self._book(held.in_force, book)
        faults = [replace(fault, file=held.paths.get(fault.file, fault.file)) for fault in own.book.faults]
        held.faults, held.era = tuple(sorted((*held.refused, *extra, *faults))), self._era
        self._news = True
        self._spend(began)
        return held.in_force

    def _book(self, texts: Texts, book: Rulebook) -> OwnBook:
        if texts not in self._books:
            try:
                self._books[texts] = own_rules(texts, self._names, {rule.signature for rule in book.rules})
            except Exception as bug:  # a stranger's file must not end the watch, not even over that run
                what = f"a bug in Sentinel: {type(bug).__name__}: {bug}"
                self._books[texts] = OwnBook(Rulebook((), tuple(Fault(file, 0, 0, what) for file, _ in texts)), ())
        return self._books[texts]

    def _sets_of(self, held: _Held) -> int:
        """How many other sets its user has in force, if this one were a further one."""
        if held.texts in self._books:
            return 0
        mine = (each for each in self._held.values() if each.uid == held.uid and each.era == self._era)
        return len({each.in_force for each in mine if each is not held})

    def _spend(self, began: float) -> None:
        self._spent += time.thread_time() - began

    # --- looking again ---------------------------------------------------------------------------------------------

    def look(self, engine: Engine) -> list[Effect]:
        """After each turn: what moved is taken into force, for its run alone."""
        now = self._steady()
        if now < self._due or not (self._held or self._waiting or self.appeared or self.expected):
            return []
        self._due = now + LOOK_EVERY
        self._give(now)
        live = _live(engine)
        if not self._waiting:
            self._waiting = sorted({*self._held, *self.appeared, *self.expected})
        effects: list[Effect] = []
        chosen, self._waiting = self._waiting[:MOST_LOOKED], self._waiting[MOST_LOOKED:]
        for number, folder in enumerate(chosen):
            if self._spent > AT_ONCE:
                self._waiting = chosen[number:] + self._waiting
                break
            keys, missed = live.get(folder), folder in self.expected and folder not in self._held
            self.expected.discard(folder)
            if keys is None or not self._on:
                self._held.pop(folder, None)
            elif self._moved(keys[0]) or missed:
                effects += [effect for info in keys for effect in engine.renew(info.key)]
        self._prune()
        return effects

    def _give(self, now: float) -> None:
        """Time went on: so much of it may be spent on own rules again."""
        went, self._at = now - self._at, now
        self._spent = max(0.0, self._spent - SHARE * went)
        before = [meter.over for meter in self._meters.values()]
        for meter in self._meters.values():
            meter.grow(went)
        self._over = {uid for uid, meter in self._meters.items() if meter.over}
        self._news = self._news or any(before)

    def _moved(self, info: RunInfo) -> bool:
        """Whether what it brings is other than it was; it is read if so."""
        held, places = self._held.get(info.folder), self._places(info)
        stamps = tuple(map(stamp_of, places))
        if all(stamp is None for stamp in stamps):
            return self._held.pop(info.folder, None) is not None
        if held is not None and stamps == held.stamps and not held.again:
            return False
        fresh = self._read(info, places, stamps)
        same = held is not None and (fresh.texts, fresh.refused) == (held.texts, held.refused)
        if held is not None and same:
            held.stamps, held.again = stamps, stamps != held.stamps
            return False
        fresh.good = held.good if held is not None else {}
        self._held[info.folder] = fresh
        return True

    def _prune(self) -> None:
        """Sets that nobody has in force any more are let go."""
        if len(self._books) > 2 * len(self._held) + 8:
            used = {texts for held in self._held.values() for texts in (held.in_force, held.texts)}
            self._books = {texts: book for texts, book in self._books.items() if texts in used}
            self._joined = {key: book for key, book in self._joined.items() if key[1] in used}
            users = {held.uid for held in self._held.values()}
            self._meters = {uid: meter for uid, meter in self._meters.items() if uid in users}

    # --- views -----------------------------------------------------------------------------------------------------

    def faults(self) -> Iterator[tuple[str, int, Fault]]:
        """Everything that is wrong, with the folder and the user of the run."""
        for folder, held in self._held.items():
            yield from ((folder, held.uid, fault) for fault in held.faults if not fault.note)
            if held.uid in self._over:
                yield folder, held.uid, Fault("/".join((folder, *WITHIN)), 0, 0, TOO_DEAR)

    def recall(self, told: str) -> None:
        """What people were told in an earlier life, as `untold` gave it."""
        with contextlib.suppress(ValueError):
            kept = json.loads(told or "{}")
            self._told = {str(folder): str(mark) for folder, mark in kept.items()}

    def untold(self) -> tuple[list[str], str]:
        """A sentence for each folder whose faults are news, and what is to be remembered so that none is told twice."""
        if not self._news:
            return [], ""
        self._news = False
        texts: dict[str, list[str]] = {}
        for folder, _, fault in self.faults():
            texts.setdefault(folder, []).append(str(fault))
        marks = {folder: _mark(each) for folder, each in texts.items()}
        news = [folder for folder, mark in marks.items() if self._told.get(folder) != mark]
        gone = [folder for folder in self._told if folder in self._held and folder not in marks]
        if not news and not gone:
            return [], ""
        self._told = {folder: mark for folder, mark in self._told.items() if folder not in gone} | marks
        self._told = dict(list(self._told.items())[-MOST_TOLD:])
        return [_sentence(folder, len(texts[folder])) for folder in sorted(news)], json.dumps(self._told)


def _mark(texts: Iterable[str]) -> str:
    return digest("\n".join(texts).encode("utf-8", "replace"))


def _sentence(folder: str, count: int) -> str:
    """Without what the files say: it is not everybody's to read."""
    faults = f"{count} fault{'' if count == 1 else 's'}"
    return f"{faults} in the run's own rules, all else goes on; see: sentinel check {folder}/{'/'.join(WITHIN)}"


def _live(engine: Engine) -> dict[str, list[RunInfo]]:
    """The runs that are not over, by their folder."""
    found: dict[str, list[RunInfo]] = {}
    awake = (watched.run.info for watched in engine.runs.values() if not watched.over)
    asleep = (run.info for run in engine.sleepers.runs.values() if not run.over)
    for info in (*awake, *asleep):
        if info.folder:
            found.setdefault(info.folder, []).append(info)
    return found


def own_folder(path: str) -> str | None:
    """The run's folder, of a path that names its own rules or a file of them; None for any other path."""
    parts = path.rstrip("/").split("/")
    for end in (len(parts), len(parts) - 1):
        if tuple(parts[max(0, end - len(WITHIN)) : end]) == WITHIN:
            return "/".join(parts[: end - len(WITHIN)]) or "/"
    return None

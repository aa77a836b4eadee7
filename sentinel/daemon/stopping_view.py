"""What the daemon knows of a run, as the stop plan looks at it. It reads no file: what needs one is seen by the hands.

The engine's time is the time of day carried on by the steady clock, so one shift turns it into the plan's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite, isinf

from sentinel.core.engine import Engine
from sentinel.core.names import matches
from sentinel.core.records import Action, MarkKind, Phase, RunInfo, Severity
from sentinel.core.run import Run
from sentinel.core.seams import Clock
from sentinel.core.series import Series
from sentinel.core.stopping_plan import Plan
from sentinel.core.stopping_signs import signs_of
from sentinel.core.stopping_world import Level, Limits, Mode, People, RunView, Sign, Tally, World, level_of
from sentinel.core.telling_letter import Member
from sentinel.core.telling_routes import Local
from sentinel.core.telling_words import Saying, Standing
from sentinel.core.watched import Watched
from sentinel.daemon.settings import Watch
from sentinel.daemon.stopping_people import Audience
from sentinel.daemon.stories import gpus_of, seconds_left

WARM_UPS = ("fact.warmup_steps", "config.warmup_steps", "config.num_warmup_steps", "config.lr_warmup_steps")
LONGEST_SAVE = 1800.0
AWAY = 60.0  # who has not looked for so long was suspended or stood still: nobody could have objected meanwhile


@dataclass(slots=True)
class Sighting:
    """What this daemon has itself seen of a run's course."""

    since: float  # first seen, resumed or begun anew, whichever came last
    resumes: int
    grew: float | None
    newest: float | None = None  # when we saw it grow; what it wrote before we came is not fresh
    signs: dict[tuple[str, int], float] = field(default_factory=dict)  # rule and firing -> when we first saw it fire


@dataclass(slots=True)
class View:
    """Everything but what people's channels, the store and the hands know."""

    engine: Engine
    clock: Clock
    boot: str
    started: float
    audience: Audience
    mode: Mode = Mode.OFF
    limits: Limits = field(default_factory=Limits)
    watches: Mapping[str, Watch] = field(default_factory=dict)
    tally: Tally | None = None  # counted once for all runs of a round; else at each look
    _looked: float | None = None
    _sightings: dict[str, Sighting] = field(default_factory=dict)

    def look(self) -> None:
        """Note which runs have grown or resumed since the last look; after a sleep of the machine all begins anew."""
        now = self.clock.steady()
        if self._looked is not None and now - self._looked > AWAY:
            self.started = now
        self._looked = now
        for key, watched in self.engine.runs.items():
            run, seen = watched.run, self._sightings.get(key)
            if seen is None:
                self._sightings[key] = Sighting(now, run.resumes, run.grew)
                continue
            if run.grew != seen.grew:
                seen.grew, seen.newest = run.grew, now
            if run.resumes != seen.resumes:
                seen.resumes, seen.since = run.resumes, now
        for key in self._sightings.keys() - self.engine.runs.keys():
            del self._sightings[key]

    def candidates(self) -> list[Watched]:
        """The runs with a sign that asks for more than telling."""
        return [watched for watched in self.engine.runs.values() if acting(watched)]

    def rouse(self) -> None:
        """Wake the runs that sleep since before our start with something firing, where their watch allows a plan at all:
        one that hangs writes nothing that would wake it.
        """
        if self.mode is Mode.OFF:
            return
        for key, asleep in list(self.engine.sleepers.runs.items()):
            if asleep.firing and not asleep.over and self._watch_level(asleep.info.watch) > Level.NEVER:
                self.engine.awake(key)

    def _watch_level(self, name: str) -> Level:
        watch = self.watches.get(name)
        return (level_of(watch.stop) if watch else None) or Level.NEVER

    def world(self, watched: Watched, plan: Plan | None, standing: Standing, local: Local) -> World:
        """The run as it stands."""
        info = watched.run.info
        shift = self.clock.steady() - self.clock.wall()
        signs = self._aged(watched, signs_of(watched.bounds, watched.run, shift))
        return World(
            now=self.clock.steady(),
            boot=self.boot,
            started=self.started,
            present=self.started,
            mode=self.mode,
            watch_level=self._watch_level(info.watch),
            limits=self.limits,
            run=self._run(watched),
            signs=signs,
            people=self._people(info, plan, signs, standing, local),
            tally=self.tally or self.counted(),
        )

    def counted(self) -> Tally:
        """How many runs there are, and how many a plan would be made for."""
        live = sum(other.run.info.kind == "run" and not other.over for other in self.engine.runs.values())
        live += sum(other.info.kind == "run" and not other.over for other in self.engine.sleepers.runs.values())
        return Tally(matching=len(self.candidates()), runs=live)

    def gone(self, plan: Plan) -> World:
        """The world of a plan whose run nobody knows any more."""
        now = self.clock.steady()
        view = RunView(plan.run, plan.run, plan.watch, None, over=True)
        return World(now, self.boot, self.started, self.mode, Level.NEVER, self.limits, view)

    def _sighting(self, watched: Watched) -> Sighting:
        run = watched.run
        return self._sightings.setdefault(run.info.key, Sighting(self.clock.steady(), run.resumes, run.grew))

    def _aged(self, watched: Watched, signs: tuple[Sign, ...]) -> tuple[Sign, ...]:
        """A sign that history alone knows the beginning of lasts since we first saw it."""
        seen, now = self._sighting(watched).signs, self.clock.steady()
        return tuple(
            replace(sign, since=seen.setdefault((sign.rule, sign.n), now)) if isinf(sign.since) else sign
            for sign in signs
        )

    def _run(self, watched: Watched) -> RunView:
        run, info = watched.run, watched.run.info
        seen = self._sighting(watched)
        left = seconds_left(run)
        return RunView(
            info.key,
            info.name,
            info.watch,
            info.uid,
            info.kind,
            info.home,
            bool(watched.over),
            warm(watched),
            evaluating(watched),
            saving(watched),
            seen.since,
            seen.newest,
            None if left is None else left / 3600 * max(1, len(gpus_of(run))),
            broken(run),
            len(gpus_of(run)),
        )

    def _people(
        self, info: RunInfo, plan: Plan | None, signs: tuple[Sign, ...], standing: Standing, local: Local
    ) -> People:
        wall = self.clock.wall()
        chain = set(line_of_descent(info, self.engine))
        keeps = [word for word in standing.of(Saying.KEEP, wall) if word.target in chain]
        wrong = {word.rule for word in standing.of(Saying.WRONG, wall) if word.run in chain}
        members = [_member(info, sign.rule, self.engine) for sign in signs if plan is None or sign.rule == plan.lead]
        words = {"watch": info.watch, "run": info.name, "host": self.engine.host}
        words |= {f"labels.{name}": text for name, text in info.labels.items()}
        return People(
            kept=f"kept by {keeps[-1].who}" if keeps else "",
            wrong=frozenset(wrong),
            muted=any(standing.muted(member, wall) is not None for member in members),
            quiet=self.audience.resting(words, local),
            announced=self.clock.steady() if plan is not None and self.audience.confirmed(plan) else None,
            channels=len(self.audience.channels),
        )


def acting(watched: Watched) -> bool:
    """Whether a sign on the run asks for more than telling."""
    return watched.run.info.kind == "run" and not watched.over and any(
        bound.rule.action is not Action.TELL for bound in watched.firing()
    )  # fmt: skip


def line_of_descent(info: RunInfo, engine: Engine) -> list[str]:
    """The run and all that it continues: who keeps one of them keeps it."""
    keys = [info.key]
    for key in keys:  # it grows while we go along it
        known = engine.info(key) or engine.listed.get(key)
        if known is not None:
            keys += sorted(({known.continues or key} | predecessors(known, engine)) - set(keys))
    return keys


def predecessors(info: RunInfo, engine: Engine) -> set[str]:
    """The runs whose folder it says to have resumed from: in its log, or in its config."""
    watched = engine.awake(info.key)
    if watched is None:
        return set()
    said = [mark.detail for mark in watched.marks if mark.kind is MarkKind.RESUMED]
    said += [
        str(fact.value) for name, fact in watched.run.facts.items()
        if isinstance(fact.value, str) and any(word in name for word in ("resume", "checkpoint", "ckpt", "init_from"))
    ]  # fmt: skip
    others = [*engine.infos().values(), *engine.listed.values()] if said else []
    return {other.key for other in others for text in said if other.key != info.key and _names(text, other.folder)}


def _names(text: str, folder: str) -> bool:
    """Whether a path, perhaps a relative one, lies in that folder. Too many kept runs are better than one too few."""
    parts = text.strip("'\" ").split("/")
    heads = ("/".join(parts[:size]).removeprefix("./") for size in range(len(parts), 0, -1))
    return bool(folder) and any(head == folder or (head and folder.endswith(f"/{head}")) for head in heads)


def warm(watched: Watched) -> bool:
    """Past warm-up: past the steps that its config names, and a rule that waits for `after` has spoken."""
    run = watched.run
    for name in WARM_UPS:
        steps = run.fact(name).number
        if steps == steps and (run.step is None or run.step <= steps):
            return False
    ratio = run.fact("config.warmup_ratio").number
    if ratio == ratio and ratio > 0 and (run.progress is None or run.progress <= ratio):
        return False
    return any(bound.ready for bound in watched.bounds.values() if bound.rule.after)


def evaluating(watched: Watched) -> bool:
    """A line said that an evaluation began, and no reading of training came since."""
    return _lasts(watched, MarkKind.EVALUATING, (), float("inf"))


def saving(watched: Watched) -> bool:
    """A line said that a save began; neither its end nor a reading of training came since."""
    return _lasts(watched, MarkKind.SAVING, (MarkKind.SAVED,), LONGEST_SAVE)


def _lasts(watched: Watched, kind: MarkKind, ends: tuple[MarkKind, ...], longest: float) -> bool:
    marks = [mark for mark in watched.marks if mark.kind is kind or mark.kind in ends]
    last = marks[-1] if marks else None
    if last is None or last.kind is not kind or last.at is None:
        return False
    now = watched.run.now or last.at
    trained = _newest_training(watched.run)
    return now - last.at <= longest and (trained is None or trained <= last.at)


def broken(run: Run) -> bool:
    """Whether the last reading of its training is NaN or infinite, whatever rules are in force."""
    return any(series.count and not isfinite(series.value) for series in _training(run))


def _training(run: Run) -> list[Series]:
    return [series for name, series in run.series.items() if matches("train.*", name) or name.startswith("train.")]


def _newest_training(run: Run) -> float | None:
    own = _training(run)
    times = [series.times[(series.count - 1) % series.size] for series in own if series.count]
    known = [time for time in times if time == time]
    return max(known, default=None)


def _member(info: RunInfo, rule: str, engine: Engine) -> Member:
    signature, _, name = rule.partition("/")
    known = engine.book.rule(rule)
    family = known.family if known is not None else ""
    return Member("", info.key, info.name, signature, name, family, Severity.HIGH, Phase.FIRING, "", None)

"""The trials in rule files: given readings through the same engine as a live run, and what each rule must say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from sentinel.core.engine import Engine
from sentinel.core.names import Names
from sentinel.core.records import Batch, Found, How, Over, Phase, RunInfo
from sentinel.core.rule import Rule, Rulebook
from sentinel.core.sparkline import sparkline
from sentinel.rulebook.files import Field, Signature
from sentinel.rulebook.patterns import PatternSet
from sentinel.rulebook.trial_given import AXES, FILE, TrialFault, given_facts, given_rows, listed, seconds

EXPECTED = re.compile(r"(fires|clears|quiet|unknown)(?: at (step|epoch|time)? ?(\S+))?", re.ASCII)
WIDTH = 64  # of a drawn curve


@dataclass(frozen=True, slots=True)
class Moment:
    """Where an alert moved."""

    row: int
    step: float | None
    epoch: float | None
    time: float | None

    def at(self, axis: str) -> float | None:
        """Its place on an axis."""
        found: float | None = getattr(self, axis)
        return found


@dataclass(slots=True)
class Course:
    """What one rule did in a trial."""

    fired: list[Moment] = field(default_factory=list)
    cleared: list[Moment] = field(default_factory=list)
    known: bool = False  # it said yes or no at least once


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that did not do what its trial says."""

    rule: str
    what: str
    curve: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One trial."""

    signature: str
    name: str
    file: str
    line: int
    failures: tuple[Failure, ...]


def run_trials(signatures: tuple[Signature, ...], book: Rulebook, names: Names) -> Iterator[Outcome]:
    """Every trial of every signature, on that signature's rules alone."""
    for signature in signatures:
        own_rules = [rule for rule in book.rules if rule.signature == signature.name]
        parts = {key for rule in own_rules if rule.parts for key in rule.parts.of}
        rules = tuple(rule for rule in book.rules if rule in own_rules or rule.key in parts)
        patterns = {p for rule in rules for e in (rule.when, rule.clear) if e for p in e.patterns}
        own = Rulebook(rules, (), PatternSet(sorted(patterns)))
        for number, trial in enumerate(signature.trials, 1):
            yield _outcome(signature, number, trial, own, names)


def _outcome(signature: Signature, number: int, trial: Field, book: Rulebook, names: Names) -> Outcome:
    plain = trial.marked.plainly()
    name = str(plain.get("name", f"trial {number}"))
    try:
        given = dict(plain.get("given", {}))
        courses = play(given, book, names)
        failures = tuple(_failures(plain.get("expect", {}), courses, book, given))
    except TrialFault as trouble:
        failures = (Failure("", str(trouble)),)
    return Outcome(signature.name, name, trial.text.file, trial.marked.line, failures)


# --- playing -----------------------------------------------------------------------------------------------------


def play(given: Mapping[str, Any], book: Rulebook, names: Names) -> dict[str, Course]:
    """What each rule did on the given readings."""
    engine = Engine(book, _in_fractions(names))
    run = RunInfo(FILE, FILE, "", "", fresh=True)
    engine.feed([Batch(FILE, (Found(run, None), *given_facts(given)))])
    courses = {rule.name: Course() for rule in reversed(book.rules)}
    seen: dict[str, int] = {}
    rows = list(given_rows(given))
    for number, row in enumerate(rows):
        engine.feed([Batch(FILE, (row,))])
        _note(engine, courses, seen, Moment(number, row.step, row.epoch, row.at))
    until = given.get("until")
    last = Moment(len(rows) - 1, None, None, None)
    if until is not None:
        engine.tick(seconds(until))
        _note(engine, courses, seen, Moment(len(rows) - 1, None, None, seconds(until)))
    if not any(row.names for row in rows):
        engine.feed([Batch(FILE, (Over(How.ENDED, None),))])
        _note(engine, courses, seen, last)
    if engine.bugs:
        raise TrialFault(f"a bug in judging {engine.bugs[0][1]}: {engine.bugs[0][2].strip().splitlines()[-1]}")
    return courses


def _in_fractions(names: Names) -> Names:
    """Trials give shares as fractions, so no unit has to be found out first."""
    return Names({key: replace(entry, share=False) for key, entry in names.entries.items()})


def _note(engine: Engine, courses: dict[str, Course], seen: dict[str, int], moment: Moment) -> None:
    for (key, instance), bound in engine.runs[FILE].bounds.items():
        course = courses[bound.rule.name]
        course.known = course.known or bound.answer is not None
        count = bound.alert.n
        place = f"{key} {instance}"
        if count > seen.get(place, 0):
            course.fired.append(moment)
            seen[place] = count
        elif bound.alert.phase is Phase.CLEAR and len(course.cleared) < len(course.fired):
            course.cleared.append(moment)


# --- comparing ---------------------------------------------------------------------------------------------------


def _failures(
    expect: Any, courses: Mapping[str, Course], book: Rulebook, given: Mapping[str, Any]
) -> Iterator[Failure]:
    wanted = dict.fromkeys(courses, "quiet") if expect == "quiet" else expect
    if not isinstance(wanted, dict):
        raise TrialFault("expect is 'quiet', or says for each rule: fires at step 10, quiet, unknown")
    for rule, words in wanted.items():
        if rule not in courses:
            raise TrialFault(f"expect names the rule '{rule}', which is not in force here")
        for word in str(words).split(","):
            wrong = _wrong(word.strip(), courses[rule])
            if wrong:
                yield Failure(rule, wrong, picture(given, next(r for r in book.rules if r.name == rule), courses[rule]))


def _wrong(word: str, course: Course) -> str:
    """In which way a rule did not do what is expected, or ""."""
    found = EXPECTED.fullmatch(word)
    if not found:
        raise TrialFault(f"'{word}' is no expectation; write fires at epoch 24, clears, quiet or unknown")
    verb, axis, place = found[1], found[2] or "time", found[3]
    if verb == "quiet":
        return f"was to stay quiet and fired at {_told(course.fired[0])}" if course.fired else ""
    if verb == "unknown":
        return "was to be unknown and was not" if course.known or course.fired else ""
    moments = course.fired if verb == "fires" else course.cleared
    if not moments:
        never = "said no all the time" if course.known else "was unknown all the time"
        return f"was to {verb[:-1]} and {never if verb == 'fires' else 'did not'}"
    if place is None or any(moment.at(axis) == seconds(_plain(place)) for moment in moments):
        return ""
    return f"was to {verb[:-1]} at {axis} {place} and did at {_told(moments[0])}"


def _plain(place: str) -> float | str:
    try:
        return float(place)
    except ValueError:
        return place


def _told(moment: Moment) -> str:
    known = [f"{axis} {value:g}" for axis in AXES if (value := moment.at(axis)) is not None]
    return known[0] if known else f"row {moment.row + 1}"


def picture(given: Mapping[str, Any], rule: Rule, course: Course) -> str:
    """The first curve that the rule reads as a line of bars, with a mark under each place where it fired."""
    reads = sorted(rule.when.reads if rule.when else ())
    name = next((name for name in reads if name in given), None)
    if name is None:
        return ""
    values = [float(v) if isinstance(v, int | float) else float("nan") for v in listed(given[name])]
    finite = [value for value in values if isfinite(value)]
    stride = max(1, (len(values) - 1) / (WIDTH - 1))
    marks = {round(moment.row / stride) for moment in course.fired}
    under = "".join("▲" if i in marks else " " for i in range(min(WIDTH, len(values)))).rstrip()
    curve = f"{name} {min(finite, default=0.0):g} .. {max(finite, default=1.0):g}\n{sparkline(values, WIDTH)}"
    return curve + (f"\n{under}" if under else "")

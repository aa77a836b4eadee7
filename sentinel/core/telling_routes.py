"""Which alerts go to which channel: the language of `when` and `quiet`, compiled once. Pure; local time is handed in.

severity >= high and (family in machine, throughput or labels.team == nlp) and not time in 22:00-07:00
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase

from sentinel.core.records import Change, Severity
from sentinel.core.telling_letter import Story


@dataclass(frozen=True, slots=True)
class Local:
    """The local time of day, handed in because core owns no clock."""

    minute: int
    weekday: int
    day: int  # local days since 1970


@dataclass(frozen=True, slots=True)
class Subject:
    """What a condition can ask about."""

    severity: Severity
    minute: int = 0  # of the local day, 0-1439
    weekday: int = 0  # Monday is 0
    words: Mapping[str, str] = field(default_factory=dict)  # family, user, run, watch, host, rule, labels.NAME


def subject_of(change: Change, story: Story, local: Local) -> Subject:
    """A change as `when` and `quiet` see it."""
    words = {
        "family": change.family,
        "signature": change.signature,
        "rule": change.rule,
        "run": change.run_name,
        "watch": story.watch,
        "user": story.user,
        "host": change.host,
        "instance": change.instance,
        **{f"labels.{name}": value for name, value in story.labels.items()},
    }
    return Subject(change.severity, local.minute, local.weekday, words)


Test = Callable[[Subject], bool]


class ConditionError(ValueError):
    """A mistake in a condition; it carries the column, from 1."""

    def __init__(self, what: str, column: int) -> None:
        """The mistake and its place."""
        super().__init__(f"{what} (column {column})")
        self.column = column


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition."""

    text: str
    holds: Test
    timed: bool  # whether the time of day decides in it


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMES = ("severity", "family", "signature", "rule", "run", "watch", "user", "host", "instance", "time", "day")
_TOKEN = re.compile(r"\s*(?:(>=|<=|==|!=|>|<|\(|\)|,)|([^\s()<>=!,]+))", re.ASCII)
_SEVERITIES = {severity.word: severity for severity in Severity}
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def parse_condition(text: str) -> Condition:
    """The condition that a text states; raises `ConditionError` with a column. An empty text holds always."""
    parser = _Parser(text)
    if not parser.tokens:
        return Condition(text, lambda _subject: True, timed=False)
    test = parser.either()
    parser.end()
    return Condition(text, test, parser.timed)


def parse_quiet(text: str) -> Condition:
    """`22:00-07:00 severity < critical`: hours, perhaps days, perhaps a condition. Bare hours hold all."""
    hours, _, rest = text.strip().partition(" ")
    day, _, after = rest.strip().partition(" ")
    days = _days(day) if day and not day.startswith("sev") else None
    rest = after if days else rest
    span = parse_span(hours)
    if span is None:
        raise ConditionError(f"'{hours}' is no stretch of the day; write 22:00-07:00", 1)
    condition = parse_condition(rest)
    return Condition(
        text,
        lambda subject: (
            in_span(subject.minute, span) and (days is None or subject.weekday in days) and condition.holds(subject)
        ),
        timed=True,
    )


def parse_span(text: str) -> tuple[int, int] | None:
    """`22:00-07:00` as minutes of the day, or None."""
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-4]):([0-5]\d)", text, re.ASCII)
    if not match:
        return None
    start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    return (start, end) if end <= 1440 else None


def in_span(minute: int, span: tuple[int, int]) -> bool:
    """Whether a minute of the day lies in a stretch that may run over midnight. Equal ends mean the whole day."""
    start, end = span
    return start <= minute < end if start < end else minute >= start or minute < end


def _days(text: str) -> frozenset[int] | None:
    """`mon-fri`, `sat,sun` or `sun`."""
    found: set[int] = set()
    for part in text.lower().split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last and last not in DAYS):
            return None
        start, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(start, end + (1 if end >= start else 8))}
    return frozenset(found)


class _Parser:
    """Recursive descent over the tokens of one condition."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, int]] = []
        self.place, self.timed, self.width = 0, False, len(text)
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise ConditionError(f"'{text[at:].strip()[0]}' has no meaning here", at + 1)
            start = match.start(1) if match[1] else match.start(2)
            self.tokens.append((match[1] or match[2], start + 1))
            at = match.end()

    def peek(self) -> str:
        return self.tokens[self.place][0] if self.place < len(self.tokens) else ""

    def column(self) -> int:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else self.width + 1

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise ConditionError("something is missing at the end", self.column())
        self.place += 1
        return token

    def end(self) -> None:
        if self.peek():
            raise ConditionError(f"'{self.peek()}' was not expected; join conditions by 'and' or 'or'", self.column())

    def either(self) -> Test:
        tests = [self.both()]
        while self.peek() == "or":
            self.take()
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda subject: any(test(subject) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.peek() == "and":
            self.take()
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda subject: all(test(subject) for test in tests)

    def one(self) -> Test:
        if self.peek() == "not":
            self.take()
            inner = self.one()
            return lambda subject: not inner(subject)
        if self.peek() == "(":
            self.take()
            inner = self.either()
            if self.take() != ")":
                raise ConditionError("a closing bracket is missing", self.column())
            return inner
        return self.comparison()

    def comparison(self) -> Test:
        column, name = self.column(), self.take()
        if name not in NAMES and not name.startswith("labels."):
            near = get_close_matches(name, NAMES, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(NAMES)} and labels.NAME"
            raise ConditionError(f"'{name}' is not known here; {hint}", column)
        column, operator = self.column(), self.take()
        if name in {"time", "day"}:
            return self.timely(name, operator, column)
        if name == "severity":
            return self.severity(operator, column)
        if operator == "in":
            return _is_any(name, self.listed())
        if operator not in {"==", "!="}:
            raise ConditionError(f"'{operator}' does not fit '{name}'; use ==, != or in", column)
        test = _is_any(name, (self.take(),))
        return test if operator == "==" else lambda subject: not test(subject)

    def listed(self) -> tuple[str, ...]:
        items = [self.take()]
        while self.peek() == ",":
            self.take()
            items.append(self.take())
        return tuple(items)

    def severity(self, operator: str, column: int) -> Test:
        if operator not in _COMPARE:
            raise ConditionError(f"'{operator}' does not fit 'severity'; use >=, ==, < and the like", column)
        column, word = self.column(), self.take()
        limit = _SEVERITIES.get(word)
        if limit is None:
            raise ConditionError(f"'{word}' is no severity; they are {', '.join(_SEVERITIES)}", column)
        compare, bound = _COMPARE[operator], limit
        return lambda subject: compare(subject.severity, bound)

    def timely(self, name: str, operator: str, column: int) -> Test:
        self.timed = True
        if operator != "in":
            raise ConditionError(f"write '{name} in ...'", column)
        column, text = self.column(), ",".join(self.listed())
        if name == "day":
            days = _days(text)
            if days is None:
                raise ConditionError(f"'{text}' names no days; write mon-fri or sat,sun", column)
            return lambda subject: subject.weekday in days
        span = parse_span(text)
        if span is None:
            raise ConditionError(f"'{text}' is no stretch of the day; write 22:00-07:00", column)
        return lambda subject: in_span(subject.minute, span)


def _is_any(name: str, wanted: tuple[str, ...]) -> Test:
    patterns = tuple(word.strip("'\"") for word in wanted)
    return lambda subject: any(fnmatchcase(subject.words.get(name, ""), pattern) for pattern in patterns)

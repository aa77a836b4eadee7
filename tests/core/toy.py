"""Hand-made expressions and rules, so that the engine is tested without any rule file."""

from dataclasses import dataclass, field

from sentinel.core.amounts import parse_alternatives
from sentinel.core.engine import Engine
from sentinel.core.names import Names
from sentinel.core.records import Action, Batch, Evidence, Fact, Found, Row, RunInfo, Severity, Verdict
from sentinel.core.rule import Parts, Rule, Rulebook


@dataclass(frozen=True)
class Toy:
    """An expression that asks a Python function."""

    ask: object
    reads: frozenset = frozenset()
    facts: frozenset = frozenset()
    patterns: tuple = ()
    timed: bool = False
    ages: bool = False
    text: str = "toy"
    wants: frozenset = frozenset()

    def bind(self, run, instance=""):
        return lambda: self.ask(run, instance)

    hunch = bind

    def reserve(self, run, instance=""):
        pass

    def outlook(self, run, instance="", *, far=False):
        return lambda: True

    def outline(self, run, instance=""):
        return tuple((0, item) for item in self.explain(run, instance).evidence)

    def explain(self, run, instance=""):
        seen = [series.last for name in sorted(self.reads) for series in run.matching(name) if series.last]
        evidence = tuple(Evidence("toy", p.value, p.step, p.epoch, p.at, p.file, p.line) for p in seen)
        return Verdict(self.ask(run, instance), evidence[0].value if evidence else None, None, evidence)


@dataclass(frozen=True)
class Said:
    """A template without fields."""

    text: str = "said"

    def fill(self, run, instance, verdict):
        return self.text


@dataclass
class Matches:
    """A matcher that looks for plain words."""

    words: tuple = ()
    tried: list = field(default_factory=list)

    def match(self, text):
        return tuple(word for word in self.words if word in text)


def above(name, limit):
    def ask(run, instance):
        wanted = name if not instance else f"{instance}.{name.split('.', 1)[1]}"
        series = run.series.get(wanted)
        return None if series is None or series.value != series.value else series.value > limit

    return Toy(ask, reads=frozenset([name]))


def silent_for(seconds):
    return Toy(lambda run, _: None if run.silence != run.silence else run.silence > seconds, timed=True)


def fact_is(name, value):
    def ask(run, _):
        return run.facts[name].value == value if name in run.facts else None

    return Toy(ask, facts=frozenset([name]))


def heard(pattern):
    return Toy(lambda run, _: run.lines(pattern).count > 0, patterns=(pattern,))


def rule(name, when=None, *, hold="", keep="", after="", signature="sig", severity=Severity.HIGH, **more):
    parts = more.pop("parts", None)
    return Rule(
        signature=signature, name=name, family="dynamics", title="", when=when, severity=severity, say=Said(),
        hold=parse_alternatives(hold) if hold else (), keep=parse_alternatives(keep) if keep else (),
        after=parse_alternatives(after) if after else (), parts=Parts(*parts) if parts else None, fingerprint=name, **more,
    )  # fmt: skip


INFO = RunInfo("runs:a", "a", "/data/a", "runs")


def engine(*rules, words=()):
    made = Engine(Rulebook(tuple(rules), (), Matches(words)), Names(), "host")
    made.feed([Batch("runs:a", (Found(INFO, 0.0),))])
    return made


def row(value, step=None, at=None, name="train.loss", file="train.log", text="", epoch=None, line=1):
    names = (name,) if name else ()
    return Row(names, (value,) if name else (), step, epoch, at, file, line, text)


def feed(made, *items):
    return [effect.change for effect in made.feed([Batch("runs:a", tuple(items))]) if effect.kind.value == "tell"]


def words_of(changes):
    return [f"{change.rule} {change.reason}" for change in changes]


__all__ = [
    "INFO",
    "Action",
    "Fact",
    "above",
    "engine",
    "fact_is",
    "feed",
    "heard",
    "row",
    "rule",
    "silent_for",
    "words_of",
]

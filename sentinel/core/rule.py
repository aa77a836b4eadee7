"""What a rule is once its file was understood: the seam between `rulebook`, which makes rules, and the engine.

Parsing lives in `rulebook`; judging in `engine`. Here is only the form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import TYPE_CHECKING, Protocol

from sentinel.core.records import Action, Answer, Evidence, Fault, Severity, Verdict

if TYPE_CHECKING:
    from sentinel.core.amounts import Amount
    from sentinel.core.run import Run

OWN = "own:"  # how the signatures of rules begin that a run brings itself: none can be taken for one that is for all


class Judge(Protocol):
    """A compiled expression bound to one instance of one run. It is called on every look, so it must be cheap."""

    def __call__(self) -> Answer:
        """Yes, no or unknown, on what the run holds now."""


class Expression(Protocol):
    """A compiled expression, not yet bound to a run."""

    @property
    def text(self) -> str:
        """The expression as its author wrote it."""

    @property
    def reads(self) -> frozenset[str]:
        """Series names and wildcards (`train.loss.*`): when one of them moves, the rule is looked at."""

    @property
    def facts(self) -> frozenset[str]:
        """Names of the facts that it reads."""

    @property
    def wants(self) -> frozenset[str]:
        """Series, wildcards and facts without any one of which the answer cannot be yes."""

    @property
    def patterns(self) -> tuple[str, ...]:
        """RE2 patterns of `lines(...)`: a line that matches one makes the rule look."""

    @property
    def timed(self) -> bool:
        """Whether the mere passing of time can change the verdict (`silence`, `age`, time windows)."""

    @property
    def ages(self) -> bool:
        """Whether it can do so otherwise than by `silence`, which stands still while nobody watches; ages do not."""

    def bind(self, run: Run, instance: str = "") -> Judge:
        """The cheap form for one instance. Series that do not exist yet are met when they come."""

    def reserve(self, run: Run, instance: str = "") -> None:
        """From now on the series that the run has keep all that it will read, should it be bound later."""

    def hunch(self, run: Run, instance: str = "") -> Judge:
        """A cheap test for one instance: where it is not yes, the expression is not yes either."""

    def outlook(self, run: Run, instance: str = "", *, far: bool = False) -> Judge:
        """A test for the readings to come: where it is not yes, the expression is not while they stay in their bands.

        The narrow ones, or the wide ones where it looks far ahead.
        """

    def explain(self, run: Run, instance: str = "") -> Verdict:
        """The verdict with every sub-expression's value; slow, for changes and for people."""

    def outline(self, run: Run, instance: str = "") -> tuple[tuple[int, Evidence], ...]:
        """The expression as a tree for people: each part's depth and what it says now."""


class Template(Protocol):
    """A text with fields (`say`, `why`, `try`)."""

    @property
    def text(self) -> str:
        """As its author wrote it."""

    def fill(self, run: Run, instance: str, verdict: Verdict) -> str:
        """The text with its fields filled; a field that cannot be filled shows as `?`, never as an exception."""


@dataclass(frozen=True, slots=True)
class Parts:
    """`parts: {at_least: 3, of: [...]}`: a signature made of other alerts (contracts 2)."""

    at_least: int
    of: tuple[str, ...]  # "signature/rule"


@dataclass(frozen=True, slots=True)
class Only:
    """Limits a rule to some runs; an empty field does not limit."""

    watch: str = ""
    user: str = ""
    run: str = ""
    kind: str = ""  # run, notebook or host


@dataclass(frozen=True, slots=True)
class Rule:
    """One statement of a rule file, ready to be judged."""

    signature: str
    name: str
    family: str
    title: str
    when: Expression | None  # None for a rule made of parts
    severity: Severity
    say: Template
    clear: Expression | None = None
    after: tuple[Amount, ...] = ()  # alternatives: the first known unit counts
    hold: tuple[Amount, ...] = ()  # `for`
    keep: tuple[Amount, ...] = ()
    doom: float = 0.0
    action: Action = Action.TELL
    each: str = ""  # "gpu.*": one alert per GPU
    hides: tuple[str, ...] = ()  # "signature/rule", or "signature/*"
    parts: Parts | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    only: Only = Only()
    why: tuple[Template, ...] = ()
    attempts: tuple[Template, ...] = ()  # `try`
    wrong_if: tuple[str, ...] = ()
    from_start: bool = False  # speaks of the start: unknown in a run that continues another
    shipped: bool = False
    may_act: bool = True  # False for a user's own rules without root
    file: str = ""
    line: int = 0
    fingerprint: str = ""  # of what judges: a rule whose fingerprint stayed keeps its phases over a reload
    was: str = ""  # the key that it had before it was renamed

    @property
    def key(self) -> str:
        """`signature/rule`, unique over all files."""
        return intern(f"{self.signature}/{self.name}")  # one text for all runs: each keeps it for each of its rules

    @property
    def own(self) -> bool:
        """Whether the run brings it itself (contracts 8): it may tell and never act."""
        return self.signature.startswith(OWN)

    @property
    def of_facts_alone(self) -> bool:
        """Judged once, when the facts are settled (contracts 2)."""
        when = self.when
        return when is not None and not (when.reads or when.patterns or when.timed) and bool(when.facts)

    @property
    def of_words(self) -> bool:
        """Judged when a fact comes, too: after the words that it heard there may be no line any more, only how the run went."""
        return self.when is not None and bool(self.when.patterns and self.when.facts)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules in force, with the faults of those that are not."""

    rules: tuple[Rule, ...] = ()
    faults: tuple[Fault, ...] = ()
    matcher: Matcher | None = None
    held: tuple[str, ...] = ()  # broken files that are in force as they last were good

    def rule(self, key: str) -> Rule | None:
        """The rule of that key."""
        return next((rule for rule in self.rules if rule.key == key), None)


def judging(book: Rulebook) -> frozenset[str]:
    """What of a rulebook judges, and whom: while that stays, so does what time will do to a run that sleeps."""
    return frozenset(f"{rule.key} {rule.fingerprint} {rule.only}" for rule in book.rules)


class Matcher(Protocol):
    """All text patterns of a rulebook, tried on a line in one pass (RE2)."""

    def match(self, text: str) -> tuple[str, ...]:
        """The patterns that the line matches, as their authors wrote them."""

"""Rules bound to the instances of one run: which rule is looked at when which series moved. No judging here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from sentinel.core.alert import Alert
from sentinel.core.amounts import Unit
from sentinel.core.names import matches
from sentinel.core.records import Answer, Severity, Verdict
from sentinel.core.rule import Judge, Only, Rule
from sentinel.core.run import Run

TARGET = re.compile(r"loss|accuracy|f1|perplexity|bleu|rouge|auc|map|iou|wer|reward|score|error|dice|psnr|fid")
UNTOUCHED = Alert()


@dataclass(slots=True, eq=False)
class Bound:
    """One rule on one instance of one run."""

    rule: Rule
    instance: str
    run: Run
    alert: Alert = field(default_factory=Alert)
    reads: frozenset[str] = frozenset()
    ready: bool = False  # `after` was reached once
    on_target: bool = False  # it reads a loss or target: its "no" says that the run is fine
    said: Answer = None  # the last answer
    broken: str = ""  # the bug that set this rule aside on this run
    wants: frozenset[str] = frozenset()  # without any of these it cannot say yes
    asked: Judge | None = None  # its question, once the rule is ready and while it is not broken
    waits: bool = False  # while its alert is at rest its answer is worked out when somebody wants it
    hunch: Judge | None = None  # the cheap test: where it is not yes, its answer is not yes either
    outlook: Judge | None = None  # the same for the next few readings, while they stay in their narrow bands
    far_outlook: Judge | None = None  # ... and for many, while they stay in their wide ones
    _when: Judge | None = None
    _clear: Judge | None = None
    _reserved: int = 0  # of so many series

    @property
    def key(self) -> tuple[str, str]:
        """Rule and instance."""
        return (self.rule.key, self.instance)

    @property
    def judges(self) -> bool:
        """Whether it has a question of its own; one that is made of parts has none."""
        return self.rule.when is not None

    def when(self) -> Judge:
        """Its question, bound when somebody first asks it: most rules on a run never have what they read."""
        if self._when is None:
            assert self.rule.when is not None
            self._when = self.rule.when.bind(self.run, self.instance)
        return self._when

    def clear(self) -> Answer:
        """Whether what it fired for is over; unknown where it does not say."""
        if self.rule.clear is None or self.broken:
            return None
        if self._clear is None:
            self._clear = self.rule.clear.bind(self.run, self.instance)
        return self._clear()

    def reserve(self) -> None:
        """From now on all is kept that its questions will read of the series there are, whenever they are bound."""
        if self._reserved == len(self.run.series):
            return
        self._reserved = len(self.run.series)
        for question in (self.rule.when, self.rule.clear):
            if question is not None:
                question.reserve(self.run, self.instance)

    @property
    def answer(self) -> Answer:
        """What it said last; one that waits is asked now."""
        if not self._unasked or not self.judges or self.broken:
            return self.said
        try:
            return self.when()()
        except Exception:  # reported when a look asks it
            return None

    @property
    def untouched(self) -> bool:
        """Whether it stands as it was bound, and what it says can be asked at any time: nothing of it need be kept."""
        return self.judges and not self.rule.after and self.alert == UNTOUCHED

    @property
    def heard(self) -> Answer:
        """What it said last, for the store: one that waits is not asked for that, it can be asked as well afterwards."""
        return None if self._unasked else self.said

    @property
    def _unasked(self) -> bool:
        return self.waits and self.alert.at_rest

    @property
    def is_hopeless(self) -> bool:
        """Whether no reading of the series that the run has can move its alert."""
        if not self.ready or not self.alert.at_rest or not self.judges or self.broken:
            return False
        return not all(self.run.has(name) for name in self.wants)


def bind(rule: Rule, run: Run, instance: str, alert: Alert | None) -> Bound:
    """Bind a rule; its alert lives on if there was one."""
    bound = Bound(
        rule=rule,
        instance=instance,
        run=run,
        alert=alert or Alert(),
        reads=_own(reads_of(rule), instance),
        ready=not rule.after,
        wants=_own(rule.when.wants, instance) if rule.when else frozenset(),
        on_target=bool(rule.when and any(TARGET.search(name) for name in rule.when.reads)),
    )
    bound.reserve()
    return bound


@dataclass(frozen=True, slots=True)
class _Wordless:
    """The template of a rule that is gone."""

    text: str = ""

    def fill(self, _run: Run, _instance: str, _verdict: Verdict) -> str:
        """Nothing."""
        return ""


def gone(key: str) -> Rule:
    """What stands in for a rule that is no longer there, so that its alert can end."""
    signature, _, name = key.rpartition("/")
    return Rule(signature, name, "", signature, None, Severity.INFO, _Wordless())


def _own(names: frozenset[str], instance: str) -> frozenset[str]:
    """The names as an instance has them; the run's own share the rule's set."""
    return frozenset(own_name(name, instance) for name in names) if instance else names


def own_name(name: str, instance: str) -> str:
    """The name that an instance gives a series: `gpu.util` of `gpu.3` is `gpu.3.util`."""
    group = instance.partition(".")[0]
    return f"{instance}.{name[len(group) + 1 :]}" if group and name.startswith(group + ".") else name


def applies(rule: Rule, run: Run) -> bool:
    """Whether a rule is meant for this run at all (`only`, the start of a continued run)."""
    if rule.from_start and run.info.continues:
        return False
    return _only(rule.only, run)


def _only(only: Only, run: Run) -> bool:
    info = run.info
    user = str(info.labels.get("user", ""))
    wanted = ((only.watch, info.watch), (only.run, info.name), (only.user, user), (only.kind, info.kind))
    return all(not want or want == have for want, have in wanted)


def reads_of(rule: Rule) -> frozenset[str]:
    """All series names and wildcards that move a rule."""
    when = rule.when.reads if rule.when else frozenset()
    return when | rule.clear.reads if rule.clear else when


def patterns_of(rule: Rule) -> tuple[str, ...]:
    """All text patterns that move a rule."""
    return (rule.when.patterns if rule.when else ()) + (rule.clear.patterns if rule.clear else ())


def timed(rule: Rule) -> bool:
    """Whether time alone can change its verdict."""
    return bool((rule.when and rule.when.timed) or (rule.clear and rule.clear.timed))


def ages(bound: Bound) -> bool:
    """Whether time can change its verdict otherwise than by the run's silence."""
    rule = bound.rule
    waits = not bound.ready and any(amount.unit is Unit.SECONDS for amount in rule.after)
    return waits or bool((rule.when and rule.when.ages) or (rule.clear and rule.clear.ages))


def waits_for(rule: Rule) -> str:
    """Why a rule that is not ready cannot say anything yet."""
    return f"waits for {' or '.join(map(str, rule.after))}"


def instances_touched(rule: Rule, names: Iterable[str]) -> set[str]:
    """On which instances of a run a rule must look when these series moved; "" is the run itself.

    Under `each: gpu.*` the series `gpu.3.util` is `gpu.util` of the instance `gpu.3`.
    """
    reads = reads_of(rule)
    if not rule.each:
        return {""} if any(_is_read(name, reads) for name in names) else set()
    family = rule.each.split(".", 1)[0]
    return {instance for name in names if (instance := instance_of(name, family, reads))}


def instance_of(name: str, family: str, reads: frozenset[str]) -> str:
    """The instance whose series this is, if the rule reads it: `gpu.3.util` -> `gpu.3`."""
    head, _, rest = name.partition(".")
    number, _, metric = rest.partition(".")
    if head != family or not metric:
        return ""
    return f"{head}.{number}" if _is_read(f"{head}.{metric}", reads) else ""


def _is_read(name: str, reads: frozenset[str]) -> bool:
    return name in reads or any("*" in read and matches(read, name) for read in reads)

"""A compiled expression: bound to a run it is one cheap call; explained it is every part's value with its place."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sentinel.core.functions.needs import InWindow, Need, OneFact, OneSeries, own_name, reserve
from sentinel.core.functions.needs import window as window_of
from sentinel.core.names import Names
from sentinel.core.records import Answer, Evidence, Verdict
from sentinel.core.rule import Judge
from sentinel.core.run import Run
from sentinel.rulebook.expressions.bounds import Bounds, Long, Now, Soon
from sentinel.rulebook.expressions.checks import Wrong, parse
from sentinel.rulebook.expressions.code import Cells, Code, compile_judge, compile_values
from sentinel.rulebook.expressions.compiler import Comparison, Compiler
from sentinel.rulebook.expressions.hunches import Hunches
from sentinel.rulebook.expressions.outline import Outline
from sentinel.rulebook.expressions.wants import NOTHING, wanted_for_yes

MOST_EVIDENCE = 24


@dataclass(frozen=True, slots=True)
class Context:
    """What an expression may refer to."""

    names: Names
    declared: Mapping[str, str] = field(default_factory=dict)
    lets: Mapping[str, str] = field(default_factory=dict)
    each: str = ""
    strict: bool = False  # severity high or more: unknown while the unit of a share that it reads is open


@dataclass(frozen=True, slots=True)
class Hunch:
    """The cheap test of an expression, and what it needs of a run."""

    needs: tuple[Need, ...] = ()
    judge: Callable[..., Any] | None = None


@dataclass(slots=True)
class Compiled:
    """One expression."""

    text: str
    reads: frozenset[str]
    facts: frozenset[str]
    patterns: tuple[str, ...]
    timed: bool
    ages: bool
    notes: tuple[Wrong, ...]
    _cells: Cells
    _answer: str
    _leaves: tuple[Code, ...]
    _comparisons: tuple[Comparison, ...]
    wants: frozenset[str] = NOTHING
    _guards: str = ""
    _judge: Callable[..., Any] | None = None  # made when first asked for; one for all runs
    _values: Callable[..., Any] | None = None
    _hunch: Callable[[Bounds], Hunch] | None = None  # makes the cheap tests when first asked for
    _hunched: dict[type[Bounds], Hunch] = field(default_factory=dict)
    _outlined: Callable[[], Outline] | None = None
    meter: Callable[[Judge], Judge] | None = None  # put between a stranger's expression and who asks it

    @property
    def parts(self) -> int:
        """How many series, windows, families and patterns it reads: what a look costs grows with them."""
        return len(self._cells.needs)

    def bind(self, run: Run, instance: str = "") -> Judge:
        """The cheap form for one instance."""
        judge = self._bound(run, instance)
        return judge if self.meter is None else self.meter(judge)

    def reserve(self, run: Run, instance: str = "") -> None:
        """From now on the series that the run has keep all that it will read, should it be bound later."""
        reserve(self._cells.needs, run, instance)

    def _bound(self, run: Run, instance: str) -> Judge:
        if self._judge is None:
            self._judge = compile_judge(self._cells, self._answer, self._guards)
        return partial(self._judge, *self._met(run, instance))

    def hunch(self, run: Run, instance: str = "") -> Judge:
        """A cheap test for one instance: where it is not yes, the expression is not yes either."""
        return self._cheap(Now(), run, instance)

    def outlook(self, run: Run, instance: str = "", *, far: bool = False) -> Judge:
        """A test for the readings to come: where it is not yes, the expression is not while they stay in their bands."""
        return self._cheap(Long() if far else Soon(), run, instance)

    def _cheap(self, bounds: Bounds, run: Run, instance: str) -> Judge:
        hunch = self._hunched.get(type(bounds))
        if hunch is None:
            hunch = self._hunched[type(bounds)] = self._hunch(bounds) if self._hunch else Hunch()
        if hunch.judge is None:
            return self.bind(run, instance) if isinstance(bounds, Now) else _may_be
        return partial(hunch.judge, *[need.meet(run, instance) for need in hunch.needs])

    def _met(self, run: Run, instance: str) -> list[Any]:
        return [need.meet(run, instance) for need in self._cells.needs]

    def _trace(self, run: Run, instance: str) -> list[Any]:
        """The values of all leaves, then of each comparison and its two sides."""
        if self._values is None:
            pairs = [source for one in self._comparisons for source in (one.answer, one.left, one.right)]
            self._values = compile_values(self._cells, [*(leaf.source for leaf in self._leaves), *pairs])
        values: list[Any] = self._values(*self._met(run, instance))
        return values

    # --- for people ----------------------------------------------------------------------------------------------

    def explain(self, run: Run, instance: str = "") -> Verdict:
        """The verdict with every part's value."""
        answer: Answer = self._bound(run, instance)()
        pairs = [source for one in self._comparisons for source in (one.answer, one.left, one.right)]
        values = compile_values(self._cells, [*(leaf.source for leaf in self._leaves), *pairs])(
            *self._met(run, instance)
        )
        leaves = dict(
            zip((self._part(leaf) for leaf in self._leaves), zip(self._leaves, values, strict=False), strict=True)
        )
        evidence = [self._evidence(run, instance, what, value) for what, (_, value) in leaves.items()]
        value, limit = self._decided(answer, values[len(self._leaves) :])
        why = self._missing(run, instance) if answer is None else ""
        return Verdict(answer, value, limit, tuple(evidence[:MOST_EVIDENCE]), why)

    def outline(self, run: Run, instance: str = "") -> tuple[tuple[int, Evidence], ...]:
        """The expression as a tree: each part's depth and what it says now, with the window and count behind it."""
        if self._outlined is None:
            return ()
        outline = self._outlined()
        return tuple(
            (part.depth, self._evidence(run, instance, part.text, value) if part.leaf else _plainly(part.text, value))
            for part, value in zip(outline.parts, outline.values(run, instance), strict=True)
        )

    def _part(self, leaf: Code) -> str:
        return self.text[leaf.start : leaf.end] or self.text

    def _decided(self, answer: Answer, values: Sequence[Any]) -> tuple[float | None, float | None]:
        """The sides of the comparison that decided: the first that says what the whole says."""
        triples = list(zip(values[::3], values[1::3], values[2::3], strict=True))
        fitting = [triple for triple in triples if triple[0] is answer] or triples
        if not fitting:
            return None, None
        return tuple(None if side != side else float(side) for side in fitting[0][1:])  # type: ignore[return-value]

    def _evidence(self, run: Run, instance: str, what: str, value: Any) -> Evidence:
        shown = None if value != value else getattr(value, "value", value)
        if isinstance(shown, tuple):
            shown = ", ".join(map(str, shown))
        for need in self._cells.needs:
            if isinstance(need, OneFact) and need.name == what:
                fact = run.facts.get(own_name(need.name, instance))
                return (
                    Evidence(what, shown, file=fact.file, line=fact.line)
                    if fact
                    else Evidence(what, None, note="unknown")
                )
        series = self._series_in(run, instance, what)
        last = series.last if series is not None else None
        if last is None:
            return Evidence(what, shown, note="" if shown is not None else "no reading yet")
        note = self._note(series, what, shown)
        return Evidence(what, shown, last.step, last.epoch, last.at, last.file, last.line, note)

    def _series_in(self, run: Run, instance: str, what: str) -> Any:
        """The series that a part names: itself, or the first argument of the function."""
        inside = what.partition("(")[2].partition(",")[0].strip(" \"')") or what
        return run.series.get(own_name(inside, instance))

    def _note(self, series: Any, what: str, shown: Any) -> str:
        for need in self._cells.needs:
            if isinstance(need, InWindow) and what.startswith(tuple(f"{n}(" for n in _names_of(need))):
                amounts = [amount for amount in need.amounts if amount.unit.value != "%"]
                if (
                    amounts
                    and str(amounts[0]) in what
                    and (need.kind, amounts[0].unit, amounts[0].number, need.lag) in series.windows
                ):
                    window = window_of(series, need, amounts[0])
                    return f"{'about, ' if window.about else ''}{window.readings} readings in {amounts[0]}"
        return "" if shown is not None else "unknown"

    def _missing(self, run: Run, instance: str) -> str:
        """What is wanted: `needs val.f1; the run has val.accuracy`."""
        wanted = [own_name(name, instance) for name in sorted(self.reads) if not run.matching(own_name(name, instance))]
        facts = [name for name in sorted(self.facts) if name not in run.facts]
        if not wanted and not facts:
            return "too few readings, or a value that is no number"
        groups = {name.partition(".")[0] for name in wanted}
        have = [name for name in run.series if name.partition(".")[0] in groups][:5]
        return f"needs {', '.join([*wanted, *facts])}" + (f"; the run has {', '.join(have)}" if have else "")


def _may_be() -> bool:
    return True


def _hunch_of(text: str, context: Context, bounds: Bounds) -> Hunch:
    """The cheap test of an expression, in cells of its own; without a judge where there is none."""
    compiler, tree = _parsed(text, context)
    source = Hunches(compiler, bounds).could(tree)
    if source is None:
        return Hunch()
    guards = _guards(compiler, context) if isinstance(bounds, Now) else ""  # a unit may be settled soon
    cells = compiler.cells.used_in(source + guards)
    return Hunch(tuple(cells.needs), compile_judge(cells, source, guards))


def _parsed(text: str, context: Context) -> tuple[Compiler, ast.expr]:
    """A compiler that has met nothing yet, and the tree: parsed when wanted, for it is larger than all else of a rule."""
    compiler = Compiler(context.names, context.declared, each=context.each)
    compiler.lets = {name: parse(part) for name, part in context.lets.items()}
    return compiler, parse(text)


def _plainly(what: str, value: Any) -> Evidence:
    return Evidence(what, None if value != value else value)


def _outline_of(text: str, context: Context) -> Outline:
    compiler, tree = _parsed(text, context)
    outline = Outline(compiler)
    outline.grow(tree)
    return outline


def _names_of(need: InWindow) -> tuple[str, ...]:
    from sentinel.core.functions.table import TABLE

    return tuple(f.name for f in TABLE.values() if f.kind == need.kind and f.method == need.method) or ("count",)


def compile_expression(text: str, context: Context, root: str = "answer") -> tuple[Compiled | None, list[Wrong]]:
    """The expression, or everything that is wrong with it, columns counted from 0."""
    compiler = Compiler(context.names, context.declared, each=context.each)
    try:
        compiler.lets = {name: parse(part) for name, part in context.lets.items()}
        tree = parse(text)
        code = compiler.answer(tree) if root == "answer" else compiler.number(tree)
    except Wrong as wrong:
        return None, [*compiler.wrongs, wrong]
    except RecursionError:
        return None, [Wrong(0, "the expression is nested too deeply")]
    if compiler.wrongs:
        return None, compiler.wrongs
    wants = wanted_for_yes(tree, compiler.lets) if root == "answer" else NOTHING
    made = _made(text, compiler, code, context, wants)
    if root == "answer":
        made._hunch = partial(_hunch_of, text, context)
        made._outlined = partial(_outline_of, text, context)
    return made, []


def _made(text: str, compiler: Compiler, code: Code, context: Context, wants: frozenset[str]) -> Compiled:
    guards = _guards(compiler, context)
    return Compiled(
        text,
        frozenset(compiler.reads),
        frozenset(compiler.facts),
        tuple(dict.fromkeys(compiler.patterns)),
        compiler.timed,
        compiler.ages,
        tuple(compiler.notes),
        compiler.cells,
        code.source,
        tuple(compiler.leaves),
        tuple(compiler.comparisons),
        wants,
        guards,
    )


def _guards(compiler: Compiler, context: Context) -> str:
    """The lines that keep a rule of severity high unknown while the unit of a share that it reads is open; zeros need none."""
    if not context.strict:
        return ""
    shares = sorted(name for name in compiler.reads if "*" not in name and context.names.share(name))
    cells = [compiler.cells.cell(OneSeries(name)) for name in shares]
    return "".join(f" if {cell}.unit == 1 and {cell}.high > 0.0: return None\n" for cell in cells)

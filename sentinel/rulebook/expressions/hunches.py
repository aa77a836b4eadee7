"""A cheap test that is only false where an expression cannot be yes. Read off the tree; what it cannot bound it passes.

Ranked windows need not be brought up to date to bound a quantile, a greatest of a window is at least the last reading,
a deviation is at least zero: so most rules can be left alone at most looks without working out their windows.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sentinel.core.amounts import Unit
from sentinel.core.functions.needs import EdgeOf, OneSeries
from sentinel.core.functions.table import TABLE, Function
from sentinel.core.series import NEAR
from sentinel.rulebook.expressions.bounds import EDGES, EXACT, NEARLY, OPEN, Bounds, Span
from sentinel.rulebook.expressions.calls import window_of_call
from sentinel.rulebook.expressions.checks import Wrong, dotted
from sentinel.rulebook.expressions.code import Code

if TYPE_CHECKING:
    from sentinel.rulebook.expressions.compiler import Compiler

_NOT_ABOVE: dict[type[ast.cmpop], str] = {ast.Gt: "<=", ast.GtE: "<"}  # high(left) against low(right)
_NOT_BELOW: dict[type[ast.cmpop], str] = {ast.Lt: ">=", ast.LtE: ">"}  # low(left) against high(right)
_SIGNS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-"}
_SCALES: dict[type[ast.operator], str] = {ast.Mult: "*", ast.Div: "/"}


FEW = 16  # the edges of so few readings hold no longer than for the next one
SHORT = 2 * NEAR  # of so many readings a window is cheaper than what asking in vain costs


@dataclass(slots=True)
class Hunches:
    """Makes the test for one expression, with cells of its own."""

    compiler: Compiler
    bounds: Bounds
    level: int = NEARLY
    loose: set[int] = field(default_factory=set)  # the levels that would say more about what was just bounded

    def could(self, node: ast.expr) -> str | None:
        """A source that is true wherever the part may be yes; None where that is always so."""
        name = dotted(node)
        if name is not None and name in self.compiler.lets:
            return self.could(self.compiler.lets[name])
        if isinstance(node, ast.BoolOp):
            parts = [self.could(value) for value in node.values]
            known = sorted((part for part in parts if part), key=_price)
            if isinstance(node.op, ast.Or) and len(known) < len(parts):
                return None
            return f"({(' or ' if isinstance(node.op, ast.Or) else ' and ').join(known)})" if known else None
        if isinstance(node, ast.Compare):
            return self._compare(node)
        return self._arrival(node) or self._exactly(node)

    def _exactly(self, node: ast.expr) -> str | None:
        self.compiler._expanded = 0
        source = self.compiler.answer(node).source
        return source if self.bounds.allows(source, self.compiler.cells) else None

    def _arrival(self, node: ast.expr) -> str | None:
        """`nonfinite(x)` and `not known(x)` of a series: where its readings are numbers both are no."""
        negated = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        call = node.operand if isinstance(node, ast.UnaryOp) and negated else node
        wanted = "known" if negated else "nonfinite"
        if not isinstance(call, ast.Call) or dotted(call.func) != wanted or len(call.args) != 1:
            return None
        cell = self._series(call.args[0])
        return self.bounds.unknown(cell) if cell else None

    def _series(self, node: ast.expr) -> str | None:
        """The cell of a series that stands there by its bare name."""
        name = dotted(node)
        if name is None or name in self.compiler.lets or len(self.compiler._bare(node, set())) != 1:
            return None
        return self.compiler.cells.cell(OneSeries(name))

    def _compare(self, node: ast.Compare) -> str | None:
        if len(set(self.compiler._bare(node, set()))) > 1:  # read together where all have arrived
            return self._exactly(node)
        sides = [node.left, *node.comparators]
        pairs = [self._both(op, a, b) for op, a, b in zip(node.ops, sides[:-1], sides[1:], strict=True)]
        known = [pair for pair in pairs if pair]
        return f"({' and '.join(known)})" if known else None

    def _both(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> str | None:
        """The cheapest bounds first; better ones are asked where those decide nothing."""
        known = []
        for level in (NEARLY, EDGES, EXACT):
            if level > self.bounds.deepest or (level and level not in self.loose):
                continue
            self.level = level
            self.loose = self.loose if level else set()
            pair = self._pair(op, left, right)
            if pair is None:
                break
            known.append(pair)
        self.level = NEARLY
        return " and ".join(known) if known else None

    def _pair(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> str | None:
        if type(op) not in (*_NOT_ABOVE, *_NOT_BELOW, ast.Eq):
            return self._exactly(ast.copy_location(ast.Compare(left, [op], [right]), left))
        if not (self._is_number(left) and self._is_number(right)):
            return self._exactly(ast.copy_location(ast.Compare(left, [op], [right]), left))
        try:
            one, other = self.span(left), self.span(right)
        except Wrong:  # a fact, a text or a yes or no
            return self._exactly(ast.copy_location(ast.Compare(left, [op], [right]), left))
        if self.level < EXACT and one.is_exact and other.is_exact:
            return self._exactly(ast.copy_location(ast.Compare(left, [op], [right]), left))
        above = _refuted(one.high, _NOT_ABOVE.get(type(op), "<" if isinstance(op, ast.Eq) else ""), other.low)
        below = _refuted(one.low, _NOT_BELOW.get(type(op), ">" if isinstance(op, ast.Eq) else ""), other.high)
        known = [part for part in (above, below) if part]
        return " and ".join(known) if known else None

    def _is_number(self, node: ast.expr) -> bool:
        """Whether a side of a comparison is arithmetic, not a text, a fact or a yes or no."""
        name = dotted(node)
        if name is not None and name in self.compiler.lets:
            return self._is_number(self.compiler.lets[name])
        return not isinstance(node, ast.Constant) or isinstance(node.value, int | float) is True

    # --- spans ---------------------------------------------------------------------------------------------------

    def span(self, node: ast.expr) -> Span:
        """Between what a number lies."""
        name = dotted(node)
        if name is not None and name in self.compiler.lets:
            return self.span(self.compiler.lets[name])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self.span(node.operand)
            return Span(_negative(inner.high), _negative(inner.low))
        exact = self._cheaply(node)
        if exact is not None:
            return Span(exact, exact)
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        cell = self._series(node)
        return self.bounds.last(cell) if cell else OPEN

    def _cheaply(self, node: ast.expr) -> str | None:
        self.compiler._expanded = 0
        code: Code = self.compiler.number(node)
        return code.source if self.bounds.allows(code.source, self.compiler.cells) else None

    def _arithmetic(self, node: ast.BinOp) -> Span:
        if type(node.op) in _SIGNS:
            left, right = self.span(node.left), self.span(node.right)
            if isinstance(node.op, ast.Sub):
                right = Span(right.high, right.low)
            sign = _SIGNS[type(node.op)]
            return Span(_joined(left.low, sign, right.low), _joined(left.high, sign, right.high))
        factor, other = _constant(node.right), node.left
        if factor is None and isinstance(node.op, ast.Mult):
            factor, other = _constant(node.left), node.right
        if not factor or type(node.op) not in _SCALES:
            return OPEN
        inner, sign = self.span(other), _SCALES[type(node.op)]
        ends = _joined(inner.low, sign, repr(factor)), _joined(inner.high, sign, repr(factor))
        return Span(*ends) if factor > 0 else Span(*reversed(ends))

    def _call(self, node: ast.Call) -> Span:
        function = TABLE.get(dotted(node.func) or "")
        if function is None or not node.args:
            return OPEN
        if function.name == "abs":
            return self._size(self.span(node.args[0]))
        if function.form == "look" and function.name in ("best", "worst", "last"):
            return self._look(node, function)
        texts = any(isinstance(argument, ast.Constant) and isinstance(argument.value, str) for argument in node.args)
        rule = _ENDS.get((function.kind, function.method)) if function.form == "window" and texts else None
        return rule(self, node, function) if rule else OPEN

    @staticmethod
    def _size(inner: Span) -> Span:
        """Of what lies between two ends without its sign: at least zero."""
        low, high = inner.low, inner.high
        if low is None or high is None:
            return Span("0.0", None)
        return Span(
            f"({low} if {low} > 0.0 else -{high} if {high} < 0.0 else 0.0)",
            f"({high} if {high} >= -{low} else -{low} if {high} == {high} else NAN)",
        )

    def _look(self, node: ast.Call, function: Function) -> Span:
        cell = self._series(node.args[0])
        if cell is None:
            return OPEN
        return self.bounds.last(cell) if function.name == "last" else self.bounds.ever(cell)

    def _ranked(self, node: ast.Call, function: Function) -> Span:
        """The edges of a quantile, which hold for some readings to come."""
        name, amounts, arguments = window_of_call(self.compiler, node, function)
        if len(amounts) > 1 or amounts[0].unit is not Unit.READINGS:
            return OPEN
        readings, deepest = amounts[0].number, self.bounds.deepest
        if deepest == NEARLY:
            return self.bounds.newest(self.compiler.cells.cell(OneSeries(name)), readings)
        lasting = readings > FEW or deepest == EXACT
        if readings <= NEAR and (self.level < EDGES or not lasting):
            self.loose |= {EDGES} if lasting else set()
            return self.bounds.near(self.compiler.cells.cell(OneSeries(name)))
        if readings <= SHORT and deepest == EXACT:
            if self.level == EXACT or readings <= FEW:
                return Span(*[self.compiler.number(node).source] * 2)
            self.loose.add(EXACT)
        share = 0.5 if function.method == "median" else float(arguments[1])
        least = int(arguments[0])
        return Span(*(self._edge(EdgeOf(name, amounts[0], least, share, upper)) for upper in (False, True)))

    def _edge(self, need: EdgeOf) -> str:
        series, edge = self.compiler.cells.cell(OneSeries(need.name)), self.compiler.cells.cell(need)
        return self.bounds.edge(series, edge)

    def _extreme(self, node: ast.Call, function: Function) -> Span:
        """The greatest of a window is no less than the last reading, and no more than the greatest of all."""
        name, amounts, _ = window_of_call(self.compiler, node, function)
        cell = self.compiler.cells.cell(OneSeries(name))
        counted = len(amounts) == 1 and amounts[0].unit is Unit.READINGS
        all_of_it = self.bounds.newest(cell, amounts[0].number) if counted else self.bounds.ever(cell)
        last = self.bounds.last(cell)
        return Span(last.low, all_of_it.high) if function.method == "high" else Span(all_of_it.low, last.high)

    def _not_negative(self, node: ast.Call, function: Function) -> Span:
        """At least zero; a standard deviation has an edge beside."""
        if function.kind != "sums":
            return Span("0.0", None)
        if self.level < EDGES:
            self.loose.add(EDGES)
            return Span("0.0", None)
        name, amounts, arguments = window_of_call(self.compiler, node, function)
        if len(amounts) > 1 or amounts[0].unit is not Unit.READINGS:
            return Span("0.0", None)
        return Span(self._edge(EdgeOf(name, amounts[0], int(arguments[0]))), None)


_ENDS = {
    ("ranked", "median"): Hunches._ranked,
    ("ranked", "quantile"): Hunches._ranked,
    ("extremes", "low"): Hunches._extreme,
    ("extremes", "high"): Hunches._extreme,
    ("extremes", "range"): Hunches._not_negative,
    ("sums", "std"): Hunches._not_negative,
    ("ranked", "mad"): Hunches._not_negative,
}


def _price(source: str) -> tuple[int, int]:
    """What a test costs, roughly; that something is (not) known hardly ever decides, so it comes late."""
    return source.count(".renew()") + source.count(".reach(") + 100 * source.startswith("(None if"), len(source)


def _refuted(left: str | None, sign: str, right: str | None) -> str | None:
    """That it is not refuted; NaN refutes nothing."""
    return f"not ({left} {sign} {right})" if sign and left is not None and right is not None else None


def _joined(left: str | None, sign: str, right: str | None) -> str | None:
    return None if left is None or right is None else f"({left} {sign} {right})"


def _negative(source: str | None) -> str | None:
    return None if source is None else f"(-{source})"


def _constant(node: ast.expr) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _constant(node.operand)
        return None if inner is None else -inner
    plain = isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return float(node.value) if plain else None  # type: ignore[attr-defined]

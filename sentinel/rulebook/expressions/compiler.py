"""From the tree of an expression to the source of its judge. Three-valued logic is written out in place."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sentinel.core.functions.needs import Joined, OneFact, OneSeries, own_name
from sentinel.core.functions.table import TABLE, WORDS
from sentinel.core.names import Names, clean
from sentinel.rulebook.expressions.calls import call
from sentinel.rulebook.expressions.checks import LARGEST_NUMBER, Wrong, dotted, is_fact, unknown_word
from sentinel.rulebook.expressions.code import Cells, Code, Kind

MOST_LETS = 50
_ORDER: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", ">="),
    ast.LtE: ("<=", ">"),
    ast.Gt: (">", "<="),
    ast.GtE: (">=", "<"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
}
_SIGNS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
_DIVIDING: dict[type[ast.operator], str] = {ast.Div: "/", ast.Mod: "%", ast.FloorDiv: "//"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides that were compared, for the value and limit of a verdict."""

    left: str
    right: str
    answer: str


@dataclass(slots=True)
class Compiler:
    """Compiles one expression; what it reads is left in its fields."""

    names: Names
    declared: Mapping[str, str] = field(default_factory=dict)  # the file's own `names:` -> which way is better
    lets: Mapping[str, ast.expr] = field(default_factory=dict)
    each: str = ""
    cells: Cells = field(default_factory=Cells)
    reads: set[str] = field(default_factory=set)
    facts: set[str] = field(default_factory=set)
    patterns: list[str] = field(default_factory=list)
    timed: bool = False
    ages: bool = False  # ... and not by `silence` alone
    notes: list[Wrong] = field(default_factory=list)
    wrongs: list[Wrong] = field(default_factory=list)
    leaves: list[Code] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    _group: tuple[str, ...] = ()
    _expanded: int = 0
    _inside: list[str] = field(default_factory=list)  # the lets that are being expanded

    # --- entry points --------------------------------------------------------------------------------------------

    def answer(self, node: ast.expr) -> Code:
        """A part that must be a yes or no."""
        return self.as_answer(self.code(node), node)

    @staticmethod
    def as_answer(code: Code, node: ast.expr) -> Code:
        """A part as a yes or no."""
        if code.kind is Kind.FACT:
            return Code(f"{code.source}.truth", Kind.ANSWER, code.start, code.end)
        if code.kind is not Kind.ANSWER:
            what = f"this is {code.kind.value}, not a yes or no; compare it, or use default(x, y) for the unknown"
            raise Wrong(node.col_offset, what)
        return code

    def number(self, node: ast.expr) -> Code:
        """A part that must be a number."""
        return self.as_number(self.code(node), node)

    @staticmethod
    def as_number(code: Code, node: ast.expr) -> Code:
        """A part as a number."""
        if code.kind is Kind.FACT:
            return Code(f"{code.source}.number", Kind.NUMBER, code.start, code.end)
        if code.kind is not Kind.NUMBER:
            raise Wrong(node.col_offset, f"this is {code.kind.value}, not a number")
        return code

    def code(self, node: ast.expr, text: bool = False) -> Code:
        """Any part."""
        name = dotted(node)
        if name is not None:
            code = self._named(name, node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if not text:
                raise Wrong(node.col_offset, "a text is only allowed as an argument or compared with a fact")
            code = Code(repr(node.value), Kind.TEXT)
        else:
            handler = _HANDLERS.get(type(node))
            if handler is None:
                raise Wrong(node.col_offset, "this is not allowed here")
            code = handler(self, node)
        code = Code(code.source, code.kind, node.col_offset, node.end_col_offset or 0, code.names, code.leaf)
        if code.leaf and not self._inside:
            self.leaves.append(code)
        return code

    # --- names ---------------------------------------------------------------------------------------------------

    def _named(self, name: str, node: ast.expr) -> Code:
        if "__" in name or name.startswith("_"):
            raise Wrong(node.col_offset, f"'{name}' is no name of a series")
        if name in self.lets:
            return self._let(name, node)
        if name in WORDS:
            return self._word(name)
        if name in ("true", "false"):
            return Code(name.title(), Kind.ANSWER)
        if name in TABLE:
            raise Wrong(node.col_offset, f"'{name}' is a function; write {name}({TABLE[name].takes})")
        if is_fact(name):
            self.facts.add(name)
            return Code(self.cells.cell(OneFact(name)), Kind.FACT, leaf=True)
        self.reads_series(name, node)
        cell = self.cells.cell(OneSeries(name))
        if len(self._group) < 2 or name not in self._group:
            return Code(f"{cell}.value", Kind.NUMBER, names=(name,), leaf=True)
        members = [self.cells.cell(OneSeries(member)) for member in self._group]
        same = " == ".join(f"{member}.source" for member in members)
        join = self.cells.cell(Joined(self._group))
        source = f"({cell}.value if {same} else {join}({self._group.index(name)}))"
        return Code(source, Kind.NUMBER, names=(name,), leaf=True)

    def _let(self, name: str, node: ast.expr) -> Code:
        if name in self._inside:
            raise Wrong(node.col_offset, f"`let: {name}` uses itself")
        self._expanded += 1
        if self._expanded > MOST_LETS:
            raise Wrong(node.col_offset, f"`let:` is used more than {MOST_LETS} times in one expression")
        self._inside.append(name)
        try:
            code = self.code(self.lets[name])
        finally:
            self._inside.pop()
        return Code(code.source, code.kind, leaf=True)

    def _word(self, name: str) -> Code:
        run = self.cells.run()
        if name in ("silence", "elapsed", "typical_gap", "longest_gap"):
            self.timed = self.timed or name in ("silence", "elapsed")
            self.ages = self.ages or name == "elapsed"
            return Code(f"{run}.{name}", Kind.NUMBER, leaf=True)
        temporary = self.cells.name()
        return Code(f"(NAN if ({temporary} := {run}.{name}) is None else {temporary})", Kind.NUMBER, leaf=True)

    def reads_series(self, name: str, node: ast.expr) -> str:
        """Note that a series is read; an unknown name near a known one is a fault, another a note."""
        self.reads.add(name)
        if self._is_known(name):
            return name
        slash = clean(name)
        word = unknown_word(name) if "." not in name else ""
        close = self.names.near(name, self.declared)
        if "/" in name:
            self.wrongs.append(Wrong(node.col_offset, f"'{name}': series names have dots; did you mean '{slash}'?"))
        elif word or close:
            hint = f"; did you mean '{close}'?" if close else word
            self.wrongs.append(Wrong(node.col_offset, f"there is no series '{name}'{hint}"))
        else:
            self.notes.append(Wrong(node.col_offset, f"no run has given '{name}' yet"))
        return name

    def _is_known(self, name: str) -> bool:
        if name in self.declared or self.names.known(name):
            return True
        if "*" in name:
            return True
        head = self.each.partition(".")[0]
        if head and name.startswith(head + "."):
            return self.names.known(own_name(name, f"{head}.0")) or self.names.known(own_name(name, f"{head}.*"))
        parts = name.split(".")
        return len(parts) > 2 and parts[0] in ("rank", "gpu", "disk") and self.names.known(".".join(parts[2:]))

    def better(self, name: str) -> str:
        """Which way is better, or ""."""
        return self.declared.get(name) or self.names.better(name)

    # --- operators -----------------------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> Code:
        value = node.value
        if isinstance(value, bool):
            return Code(str(value), Kind.ANSWER)
        if not isinstance(value, int | float):
            raise Wrong(node.col_offset, f"{value!r} is not allowed; numbers, texts, True and False are")
        if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            raise Wrong(node.col_offset, "this number is too large")
        if value - value != 0:
            raise Wrong(node.col_offset, "this number is too large")
        return Code(repr(float(value)), Kind.NUMBER)

    def _unary(self, node: ast.UnaryOp) -> Code:
        if isinstance(node.op, ast.Not):
            temporary = self.cells.name()
            inner = self.answer(node.operand).source
            return Code(f"(None if ({temporary} := {inner}) is None else not {temporary})", Kind.ANSWER)
        inner = self.number(node.operand).source
        return Code(f"(-{inner})" if isinstance(node.op, ast.USub) else inner, Kind.NUMBER)

    def _binary(self, node: ast.BinOp) -> Code:
        self._refuse_paths(node)
        with_group = self._join(node)
        left, right = self.number(node.left).source, self.number(node.right).source
        self._group = with_group
        x, y, result = self.cells.name(), self.cells.name(), self.cells.name()
        sign = _SIGNS.get(type(node.op))
        if sign:
            inner = f"({result} := ({x} := {left}) {sign} ({y} := {right}))"
            return Code(f"({result} if -TOP <= {inner} <= TOP else over({x}, {y}, {result}))", Kind.NUMBER)
        sign = _DIVIDING[type(node.op)]
        inner = f"({result} := ({x} := {left}) {sign} {y})"
        checked = f"({result} if -TOP <= {inner} <= TOP else over({x}, {y}, {result}))"
        return Code(f"({checked} if ({y} := {right}) else NAN)", Kind.NUMBER)

    def _refuse_paths(self, node: ast.BinOp) -> None:
        """`custom/bleu_dev` is a raw key, not a division of two series that nobody knows."""
        left, right = dotted(node.left), dotted(node.right)
        if isinstance(node.op, ast.Div) and left and right and not is_fact(left) and not is_fact(right):
            if left in WORDS or left in self.lets or self._is_known(left):
                return
            joined = clean(f"{left}/{right}")
            raise Wrong(node.col_offset, f"series names have dots; did you mean '{joined}'?")

    def _join(self, node: ast.expr) -> tuple[str, ...]:
        """Read the bare series of this sum or comparison together; gives back what was in force."""
        before = self._group
        if not before:
            names = self._bare(node, set())
            self._group = tuple(dict.fromkeys(names)) if len(set(names)) > 1 else ("",)
        return before

    def _bare(self, node: ast.AST, seen: set[str]) -> list[str]:
        name = dotted(node)
        if name is not None:
            if name in self.lets and name not in seen:
                seen.add(name)
                return self._bare(self.lets[name], seen)
            plain = name in WORDS or name in TABLE or name in ("true", "false") or is_fact(name) or name in self.lets
            return [] if plain else [name]
        if isinstance(node, ast.Call):
            function = dotted(node.func)
            texts = any(isinstance(arg, ast.Constant) and isinstance(arg.value, str) for arg in node.args)
            if function not in ("abs", "log", "exp", "sqrt", "default", "min", "max") or texts:
                return []
            return [found for arg in node.args for found in self._bare(arg, seen)]
        return [found for child in ast.iter_child_nodes(node) for found in self._bare(child, seen)]

    def _compare(self, node: ast.Compare) -> Code:
        before = self._join(node)
        sides = [node.left, *node.comparators]
        answers = [
            self._pair(op, left, right) for op, left, right in zip(node.ops, sides[:-1], sides[1:], strict=True)
        ]  # fmt: skip
        self._group = before
        return self._kleene(answers, "False", "True")

    def _pair(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> str:
        if isinstance(op, ast.In | ast.NotIn):
            return self._inside_of(left, right, isinstance(op, ast.NotIn))
        one, other = self.code(left, text=True), self.code(right, text=True)
        kinds = {one.kind, other.kind}
        if kinds & {Kind.TEXT, Kind.ANSWER} or kinds == {Kind.FACT}:
            return self._equal(op, left, one, other)
        one, other = self.as_number(one, left), self.as_number(other, right)
        x, y = self.cells.name(), self.cells.name()
        yes, no = _ORDER[type(op)]
        first = f"True if ({x} := {one.source}) {yes} ({y} := {other.source})"
        if isinstance(op, ast.Eq):
            answer = f"({first} else None if {x} != {x} or {y} != {y} else False)"
        elif isinstance(op, ast.NotEq):
            differ = f"({x} := {one.source}) != ({y} := {other.source})"
            answer = f"((None if {x} != {x} or {y} != {y} else True) if {differ} else False)"
        else:
            answer = f"({first} else False if {x} {no} {y} else None)"
        self.comparisons.append(Comparison(one.source, other.source, answer))
        return answer

    def _equal(self, op: ast.cmpop, left: ast.expr, one: Code, other: Code) -> str:
        kinds = (one.kind, other.kind)
        if not isinstance(op, ast.Eq | ast.NotEq):
            if kinds == (Kind.FACT, Kind.FACT):
                numbers = [self.as_number(code, left).source for code in (one, other)]
                x, y = self.cells.name(), self.cells.name()
                yes, no = _ORDER[type(op)]
                return (
                    f"(True if ({x} := {numbers[0]}) {yes} ({y} := {numbers[1]}) else False if {x} {no} {y} else None)"
                )
            raise Wrong(left.col_offset, "texts and answers are compared with == and != only")
        table: dict[tuple[Kind, Kind], str] = {
            (Kind.FACT, Kind.FACT): f"same_fact({one.source}, {other.source})",
            (Kind.FACT, Kind.TEXT): f"is_text({one.source}, {other.source})",
            (Kind.TEXT, Kind.FACT): f"is_text({other.source}, {one.source})",
            (Kind.FACT, Kind.ANSWER): f"same_answer({one.source}.truth, {other.source})",
            (Kind.ANSWER, Kind.FACT): f"same_answer({one.source}, {other.source}.truth)",
            (Kind.ANSWER, Kind.ANSWER): f"same_answer({one.source}, {other.source})",
        }
        same = table.get(kinds)
        if same is None:
            raise Wrong(left.col_offset, f"{one.kind.value} cannot be compared with {other.kind.value}")
        return self._negated(same) if isinstance(op, ast.NotEq) else same

    def _negated(self, answer: str) -> str:
        temporary = self.cells.name()
        return f"(None if ({temporary} := {answer}) is None else not {temporary})"

    def _inside_of(self, left: ast.expr, right: ast.expr, negated: bool) -> str:
        one = self.code(left, text=True)
        if isinstance(right, ast.Tuple):
            answer = self._in_tuple(one, right)
        else:
            other = self.code(right)
            if one.kind is not Kind.TEXT or other.kind is not Kind.FACT:
                raise Wrong(right.col_offset, "after 'in' stands a list (a, b), or a fact when a text is looked for")
            answer = f"holds({other.source}, {one.source})"
        return self._negated(answer) if negated else answer

    def _in_tuple(self, one: Code, right: ast.Tuple) -> str:
        choices: list[float | str] = []
        for entry in right.elts:
            inner = entry.operand if isinstance(entry, ast.UnaryOp) and isinstance(entry.op, ast.USub) else entry
            if not isinstance(inner, ast.Constant) or not isinstance(inner.value, int | float | str):
                raise Wrong(entry.col_offset, "a list after 'in' holds plain numbers and texts")
            value = inner.value if isinstance(inner.value, str) else float(self._constant(inner).source)
            choices.append(-value if inner is not entry and not isinstance(value, str) else value)
        if one.kind is Kind.FACT:
            return f"is_one_of({one.source}, {tuple(choices)!r})"
        if one.kind is not Kind.NUMBER or any(isinstance(choice, str) for choice in choices):
            raise Wrong(right.col_offset, "only a fact can be one of several texts")
        return f"one_of({one.source}, {tuple(choices)!r})"

    def _bool(self, node: ast.BoolOp) -> Code:
        answers = sorted((self.answer(value).source for value in node.values), key=_cost)  # the order changes no answer
        ends = ("False", "True") if isinstance(node.op, ast.And) else ("True", "False")
        return self._kleene(answers, *ends)

    def _kleene(self, answers: list[str], decisive: str, other: str) -> Code:
        """`and` ends at the first no, `or` at the first yes; unknown only if nothing decides."""
        if len(answers) == 1:
            return Code(answers[0], Kind.ANSWER)
        names = [self.cells.name() for _ in answers]
        chain = " else ".join(
            f"{decisive} if ({name} := {source}) is {decisive}" for name, source in zip(names, answers, strict=True)
        )
        unknown = " or ".join(f"{name} is None" for name in names)
        return Code(f"({chain} else None if {unknown} else {other})", Kind.ANSWER)

    def _if(self, node: ast.IfExp) -> Code:
        condition = self.answer(node.test).source
        one, other = self.code(node.body), self.code(node.orelse)
        if Kind.ANSWER in (one.kind, other.kind):
            one, other = self.as_answer(one, node.body), self.as_answer(other, node.orelse)
            return Code(f"pick_answer({condition}, {one.source}, {other.source})", Kind.ANSWER)
        one, other = self.as_number(one, node.body), self.as_number(other, node.orelse)
        return Code(f"pick({condition}, {one.source}, {other.source})", Kind.NUMBER)


def _cost(source: str) -> int:
    """What a part costs to ask, roughly: calls of cells are windows, bare cells are last values."""
    return sum(source.count(f"{cell}(") for cell in set(_CELL.findall(source)))


_CELL = re.compile(r"\bc\d+(?=\()", re.ASCII)
_HANDLERS: dict[type[ast.expr], Callable[[Compiler, Any], Code]] = {
    ast.Constant: Compiler._constant,
    ast.UnaryOp: Compiler._unary,
    ast.BinOp: Compiler._binary,
    ast.Compare: Compiler._compare,
    ast.BoolOp: Compiler._bool,
    ast.IfExp: Compiler._if,
    ast.Call: call,
}

"""An expression as a tree for people: every part under the part that it belongs to, with what it says on a run now."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sentinel.core.functions.table import TABLE
from sentinel.core.run import Run
from sentinel.rulebook.expressions.checks import dotted
from sentinel.rulebook.expressions.code import compile_values

if TYPE_CHECKING:
    from sentinel.rulebook.expressions.compiler import Compiler

DEEPEST, MOST = 8, 80


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an expression."""

    depth: int
    text: str
    source: str
    leaf: bool  # it has no parts of its own: a place in the files is worth showing


@dataclass(slots=True)
class Outline:
    """The parts of one expression, parents before children."""

    compiler: Compiler
    parts: list[Part] = field(default_factory=list)

    def grow(self, node: ast.expr, depth: int = 0) -> None:
        """Add a part with all its own parts."""
        if depth > DEEPEST or len(self.parts) >= MOST:
            return
        before = self.compiler._join(node) if isinstance(node, ast.Compare | ast.BinOp) else self.compiler._group
        self.compiler._expanded = 0
        code = self.compiler.code(node, text=True)
        source = code.source if code.kind.value != "a fact" else f"{code.source}.value"
        children = self._children(node)
        self.parts.append(Part(depth, _shown(node), source, leaf=not children))
        for child in children:
            self.grow(child, depth + 1)
        self.compiler._group = before

    def _children(self, node: ast.expr) -> list[ast.expr]:
        name = dotted(node)
        if name is not None:
            return [self.compiler.lets[name]] if name in self.compiler.lets else []
        found = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        if isinstance(node, ast.Call):
            function = TABLE.get(dotted(node.func) or "")
            texts = any(isinstance(arg, ast.Constant) and isinstance(arg.value, str) for arg in node.args)
            nested = function is not None and (function.form == "math" or function.name in ("default", "min", "max"))
            found = list(node.args) if nested and not texts else []
        return [child for child in found if not isinstance(child, ast.Constant | ast.Tuple)]

    def values(self, run: Run, instance: str) -> list[Any]:
        """What each part says now."""
        made = compile_values(self.compiler.cells, [part.source for part in self.parts])
        values: list[Any] = made(*[need.meet(run, instance) for need in self.compiler.cells.needs])
        return values


def _shown(node: ast.expr) -> str:
    if isinstance(node, ast.BoolOp):
        return "all of" if isinstance(node.op, ast.And) else "any of"
    return ast.unparse(node).replace("'", '"')

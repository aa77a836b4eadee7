"""Without which series and facts an expression cannot say yes. Read off the tree alone; no code is made here.

What is left out costs time and nothing else, so every form that is not listed wants nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from sentinel.core.functions.table import TABLE, WORDS
from sentinel.rulebook.expressions.checks import dotted

Wants = frozenset[str]
NOTHING: Wants = frozenset()
_ANSWERS = ("known", "nonfinite", "default")


def wanted_for_yes(node: ast.expr, lets: Mapping[str, ast.expr]) -> Wants:
    """Series, wildcards and facts that must all be known before this part can be a yes."""
    if isinstance(node, ast.BoolOp):
        parts = [wanted_for_yes(value, lets) for value in node.values]
        return _all(parts) if isinstance(node.op, ast.And) else frozenset.intersection(*parts)
    if isinstance(node, ast.Compare):
        return _all(wanted(side, lets) for side in (node.left, *node.comparators))
    name = dotted(node)
    if name is not None and name in lets:
        return wanted_for_yes(lets[name], _without(lets, name))
    if isinstance(node, ast.Call) and dotted(node.func) == "known" and node.args:
        return wanted(node.args[0], lets)
    if isinstance(node, ast.Call) and dotted(node.func) == "nonfinite":
        return _argument(node)
    return wanted(node, lets)


def wanted(node: ast.expr, lets: Mapping[str, ast.expr]) -> Wants:
    """Series, wildcards and facts that must all be known before this number or fact can be known."""
    name = dotted(node)
    if name is not None and name in lets:
        return wanted(lets[name], _without(lets, name))
    if name is not None:
        return NOTHING if name in WORDS or name in TABLE or name in ("true", "false") else frozenset([name])
    if isinstance(node, ast.BinOp):
        return wanted(node.left, lets) | wanted(node.right, lets)
    if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
        return wanted(node.operand, lets)
    return _of_call(node, lets) if isinstance(node, ast.Call) else NOTHING


def _of_call(node: ast.Call, lets: Mapping[str, ast.expr]) -> Wants:
    function = TABLE.get(dotted(node.func) or "")
    if function is None or function.name in _ANSWERS or not node.args:
        return NOTHING
    elementwise = function.name in ("min", "max") and not any(_text(argument) for argument in node.args)
    if function.form == "math" or elementwise:
        return _all(wanted(argument, lets) for argument in node.args)
    return _argument(node) if function.form in ("window", "look", "family") else NOTHING


def _argument(node: ast.Call) -> Wants:
    name = (_text(node.args[0]) or dotted(node.args[0])) if node.args else None
    return frozenset([name]) if name else NOTHING


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _all(parts: Iterable[Wants]) -> Wants:
    return NOTHING.union(*parts)


def _without(lets: Mapping[str, ast.expr], name: str) -> Mapping[str, ast.expr]:
    return {own: part for own, part in lets.items() if own != name}

"""Calls: each form of function in the table becomes a cell that is bound to the run, and a call of it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from sentinel.core.amounts import GRAMMAR, Amount, Unit, parse_alternatives
from sentinel.core.functions.needs import (
    Ago,
    Behind,
    FirstOf,
    InWindow,
    LinesOf,
    OfFamily,
    OneFact,
    OneSeries,
    OverGroup,
    ShareOf,
)  # fmt: skip
from sentinel.core.functions.table import TABLE, Function
from sentinel.rulebook.expressions.checks import Wrong, dotted, is_fact, unknown_function
from sentinel.rulebook.expressions.code import Code, Kind
from sentinel.rulebook.patterns import pattern_fault

if TYPE_CHECKING:
    from sentinel.rulebook.expressions.compiler import Compiler

LEAST = 5
_HELPERS = {"log": "ln", "exp": "exp", "sqrt": "root", "abs": "abs"}
_SECONDS = {"minutes": 60.0, "hours": 3600.0, "days": 86400.0}


def call(compiler: Compiler, node: ast.Call) -> Code:
    """A call of one of the table's functions."""
    name = dotted(node.func)
    function = TABLE.get(name or "")
    if function is None:
        what = unknown_function(name) if name else "only the functions of the reference can be called"
        raise Wrong(node.func.col_offset, what)
    if any(keyword.arg is None for keyword in node.keywords):
        raise Wrong(node.col_offset, "'**' is not allowed")
    code = _FORMS[function.form](compiler, node, function)
    return Code(code.source, code.kind, node.col_offset, node.end_col_offset or 0, leaf=True)


# --- arguments ---------------------------------------------------------------------------------------------------


def _sizes(node: ast.Call, function: Function, least: int, most: int) -> None:
    if not least <= len(node.args) <= most:
        raise Wrong(node.col_offset, f"write {function.name}({function.takes})")
    for keyword in node.keywords:
        raise Wrong(node.col_offset, f"{function.name}() has no argument '{keyword.arg}'; write {function.takes}")


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _series(compiler: Compiler, node: ast.expr, function: Function) -> str:
    """The name of the series that an argument names, as a dotted name or as text."""
    name = _text(node) or dotted(node)
    if name is None or is_fact(name):
        raise Wrong(node.col_offset, f"{function.name}() takes the name of a series first")
    if name in compiler.lets:
        raise Wrong(node.col_offset, f"'{name}' is from `let:`; {function.name}() takes the name of a series")
    if "*" in name:
        raise Wrong(node.col_offset, f"{function.name}() takes one series, not the family '{name}'")
    return compiler.reads_series(name, node)


def _amounts(node: ast.expr, function: Function) -> tuple[Amount, ...]:
    text = _text(node)
    amounts = parse_alternatives(text) if text is not None else None
    if amounts is None:
        shown = f"'{text}' is no window" if text is not None else f"{function.name}() takes a window as text"
        raise Wrong(node.col_offset, f"{shown}; write {GRAMMAR}")
    for amount in amounts:
        whole = amount.unit is not Unit.READINGS or amount.number == int(amount.number)
        if not amount.number > 0 or not whole:
            raise Wrong(node.col_offset, f"a window of {amount} is impossible")
    return amounts


def _number(node: ast.expr, what: str) -> float:
    sign = 1.0
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1.0, node.operand
    good = isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
    if not good:
        raise Wrong(node.col_offset, f"{what} must be a plain number")
    return sign * float(node.value)  # type: ignore[attr-defined]


# --- forms -------------------------------------------------------------------------------------------------------


def _window(compiler: Compiler, node: ast.Call, function: Function) -> Code:
    if function.name in ("min", "max") and not (len(node.args) == 2 and _text(node.args[1]) is not None):
        return _elementwise(compiler, node, function)
    name, amounts, arguments = window_of_call(compiler, node, function)
    cell = compiler.cells.cell(InWindow(name, function.kind, function.method, amounts, function.lag))
    return Code(f"{cell}({', '.join(arguments)})", Kind.ANSWER if function.answers else Kind.NUMBER)


def window_of_call(compiler: Compiler, node: ast.Call, function: Function) -> tuple[str, tuple[Amount, ...], list[str]]:
    """The series, the window and the arguments that its method is called with: `least` and what else it takes."""
    if not 2 <= len(node.args) <= 2 + len(function.extras):
        raise Wrong(node.col_offset, f"write {function.name}({function.takes})")
    name, amounts = _series(compiler, node.args[0], function), _amounts(node.args[1], function)
    given = dict(zip([key for key, _ in function.extras], node.args[2:], strict=False))
    for keyword in node.keywords:
        if keyword.arg not in ("least", *(key for key, _ in function.extras)) or keyword.arg in given:
            raise Wrong(keyword.value.col_offset, f"{function.name}() has no argument '{keyword.arg}' here")
        given[keyword.arg or ""] = keyword.value
    least = _number(given["least"], "least") if "least" in given else float(LEAST)
    _possible(node, amounts, least)
    extras = [
        _lag(compiler, given[key], function, name) if key == "lag" and key in given
        else repr(_extra(node, function, key, value, given))
        for key, value in function.extras
    ]  # fmt: skip
    return name, amounts, [str(int(least)), *extras]


def _possible(node: ast.Call, amounts: tuple[Amount, ...], least: float) -> None:
    if not (1 <= least <= 1000 and least == int(least)):
        raise Wrong(node.col_offset, "least must be a whole number from 1 to 1000")
    for amount in amounts:
        if amount.unit is Unit.READINGS and amount.number < least:
            raise Wrong(node.col_offset, f"a window of {amount} never holds the {least:g} that it needs; write least=")


def _extra(node: ast.Call, function: Function, key: str, usual: float | None, given: dict[str, ast.expr]) -> float:
    if key in given:
        value = _number(given[key], key)
    elif usual is None:
        raise Wrong(node.col_offset, f"{function.name}() needs '{key}': {function.name}({function.takes})")
    else:
        value = usual
    if key == "share" and not 0.0 <= value <= 1.0:
        raise Wrong(node.col_offset, "a share lies between 0 and 1")
    if key in ("by", "within") and value < 0:
        raise Wrong(node.col_offset, f"'{key}' cannot be negative")
    return value


def _lag(compiler: Compiler, node: ast.expr, function: Function, name: str) -> str:
    """How many readings back: a plain number, an amount such as "1 epoch", or an expression."""
    if _text(node) is not None:
        return f"{compiler.cells.cell(Behind(name, _amounts(node, function)))}()"
    if isinstance(node, ast.Constant | ast.UnaryOp):
        lag = _number(node, "lag")
        if lag < 1 or lag != int(lag):
            raise Wrong(node.col_offset, "'lag' counts readings, from 1; a text such as \"1 epoch\" works too")
        return repr(lag)
    return compiler.number(node).source


def _elementwise(compiler: Compiler, node: ast.Call, function: Function) -> Code:
    if len(node.args) < 2 or node.keywords:
        raise Wrong(node.col_offset, f'write {function.name}(x, "100 steps") or {function.name}(a, b)')
    parts = ", ".join(compiler.number(argument).source for argument in node.args)
    return Code(f"{'least' if function.name == 'min' else 'greatest'}({parts})", Kind.NUMBER)


def _look(compiler: Compiler, node: ast.Call, function: Function) -> Code:
    if function.name == "default":
        return _default(compiler, node, function)
    if function.name == "known":
        return _known(compiler, node, function)
    _sizes(node, function, 2 if function.name == "ago" else 1, function.most)
    name = _series(compiler, node.args[0], function)
    cell = compiler.cells.cell(OneSeries(name))
    if function.name == "nonfinite":
        return Code(f"(({cell}.value - {cell}.value != 0.0) if {cell}.count else None)", Kind.ANSWER)
    if function.name in ("best", "worst"):
        return _extreme(compiler, node, name, function.name == "best", cell)
    if function.name == "age":
        compiler.timed = compiler.ages = True
        return Code(f"{compiler.cells.run()}.age({cell})", Kind.NUMBER)
    if function.name == "last":
        return Code(f"{cell}.value", Kind.NUMBER)
    if function.name in ("ago", "count"):
        return _counted(compiler, node, function, name, cell)
    readings = int(_number(node.args[1], "n")) if len(node.args) > 1 else 1
    if not 1 <= readings <= (32 if function.name == "first" else 512):
        raise Wrong(node.args[1].col_offset, f"n must lie between 1 and {32 if function.name == 'first' else 512}")
    if function.name == "prev":
        return Code(f"{cell}.back({readings})", Kind.NUMBER)
    if readings == 1:
        return Code(f"{cell}.first_value", Kind.NUMBER)
    return Code(f"{compiler.cells.cell(FirstOf(name, readings))}()", Kind.NUMBER)


def _counted(compiler: Compiler, node: ast.Call, function: Function, name: str, cell: str) -> Code:
    if len(node.args) == 1:
        return Code(f"({cell}.count + 0.0 if {cell}.count else NAN)", Kind.NUMBER)
    amounts = _amounts(node.args[1], function)
    if function.name == "ago":
        return Code(f"{compiler.cells.cell(Ago(name, amounts))}()", Kind.NUMBER)
    return Code(f"{compiler.cells.cell(InWindow(name, 'sums', 'counted', amounts))}(1)", Kind.NUMBER)


def _extreme(compiler: Compiler, node: ast.Call, name: str, best: bool, cell: str) -> Code:
    better = compiler.better(name)
    if not better:
        what = f"nobody said which way is better for '{name}'; add `names: {{{name}: {{better: higher}}}}` to the file"
        raise Wrong(node.args[0].col_offset, what)
    low = (better == "lower") == best
    temporary = compiler.cells.name()
    source = f"({temporary} if ({temporary} := {cell}.{'low' if low else 'high'}) - {temporary} == 0.0 else NAN)"
    return Code(source, Kind.NUMBER)


def _default(compiler: Compiler, node: ast.Call, function: Function) -> Code:
    _sizes(node, function, 2, 2)
    other = compiler.code(node.args[1], text=True)
    temporary = compiler.cells.name()
    name = dotted(node.args[0])
    if name is not None and is_fact(name):
        cell = compiler.cells.cell(OneFact(name))
        if other.kind in (Kind.NUMBER, Kind.FACT):
            other = compiler.as_number(other, node.args[1])
            source = f"({temporary} if ({temporary} := {cell}.number) == {temporary} else {other.source})"
            return Code(source, Kind.NUMBER)
        if other.kind is Kind.ANSWER:
            source = f"({other.source} if ({temporary} := {cell}.truth) is None else {temporary})"
            return Code(source, Kind.ANSWER)
        raise Wrong(node.args[1].col_offset, "default() of a fact gives a number, True or False")
    one = compiler.code(node.args[0])
    if one.kind is Kind.ANSWER and other.kind is Kind.ANSWER:
        return Code(f"({other.source} if ({temporary} := {one.source}) is None else {temporary})", Kind.ANSWER)
    one, other = compiler.as_number(one, node.args[0]), compiler.as_number(other, node.args[1])
    source = f"({temporary} if ({temporary} := {one.source}) == {temporary} else {other.source})"
    return Code(source, Kind.NUMBER)


def _known(compiler: Compiler, node: ast.Call, function: Function) -> Code:
    _sizes(node, function, 1, 1)
    name = dotted(node.args[0])
    if name is not None and is_fact(name):
        return Code(f"({compiler.cells.cell(OneFact(name))}.value is not None)", Kind.ANSWER)
    one = compiler.code(node.args[0])
    if one.kind is Kind.ANSWER:
        return Code(f"(({one.source}) is not None)", Kind.ANSWER)
    temporary = compiler.cells.name()
    return Code(f"(({temporary} := {compiler.as_number(one, node.args[0]).source}) == {temporary})", Kind.ANSWER)


def _family(compiler: Compiler, node: ast.Call, function: Function) -> Code:
    _sizes(node, function, 1, 1)
    if function.name == "share":
        name = _series(compiler, node.args[0], function)
        compiler.reads.add(name.rpartition(".")[0] + ".*")
        return Code(f"{compiler.cells.cell(ShareOf(name))}()", Kind.NUMBER)
    pattern = _text(node.args[0])
    if pattern is None or "*" not in pattern:
        raise Wrong(
            node.args[0].col_offset, f'{function.name}() takes a family as text: {function.name}("train.loss.*")'
        )
    compiler.reads_series(pattern, node.args[0])
    method = {"total": "total"}.get(function.name, function.name)
    return Code(f"{compiler.cells.cell(OfFamily(pattern, method))}()", Kind.NUMBER)


def _group(compiler: Compiler, node: ast.Call, function: Function) -> Code:
    _sizes(node, function, 1, 2)
    head = {"gpus": "gpu", "ranks": "rank"}[function.name.partition("_")[0]]
    name = _text(node.args[0]) or dotted(node.args[0]) or ""
    parts = name.split(".")
    if len(parts) < 2 or parts[0] != head:
        raise Wrong(node.args[0].col_offset, f"{function.name}() takes a series of the {head}s, such as {head}.util")
    pattern = name if "*" in name else ".".join([head, "*", *parts[1:]])
    compiler.reads_series(pattern, node.args[0])
    amounts = _amounts(node.args[1], function) if len(node.args) > 1 else ()
    return Code(f"{compiler.cells.cell(OverGroup(pattern, function.method, amounts))}(1)", Kind.NUMBER)


def _math(compiler: Compiler, node: ast.Call, function: Function) -> Code:
    _sizes(node, function, 1, 1)
    one = compiler.number(node.args[0])
    if function.name in _SECONDS:
        return Code(f"({one.source} * {_SECONDS[function.name]})", Kind.NUMBER)
    return Code(f"{_HELPERS[function.name]}({one.source})", Kind.NUMBER)


def _lines(compiler: Compiler, node: ast.Call, function: Function) -> Code:
    _sizes(node, function, 1, 2)
    pattern = _text(node.args[0])
    if pattern is None:
        raise Wrong(node.args[0].col_offset, 'lines() takes a pattern as text: lines("out of memory", "10m")')
    fault = pattern_fault(pattern)
    if fault:
        raise Wrong(node.args[0].col_offset, fault)
    amounts = _amounts(node.args[1], function) if len(node.args) > 1 else ()
    for amount in amounts:
        if amount.unit in (Unit.READINGS, Unit.PERCENT):
            raise Wrong(node.args[1].col_offset, f"lines() counts within time, steps or epochs, not '{amount}'")
        compiler.timed = compiler.timed or amount.unit is Unit.SECONDS
        compiler.ages = compiler.ages or amount.unit is Unit.SECONDS
    compiler.patterns.append(pattern)
    return Code(f"{compiler.cells.cell(LinesOf(pattern, amounts))}()", Kind.NUMBER)


_FORMS = {
    "window": _window,
    "look": _look,
    "family": _family,
    "group": _group,
    "math": _math,
    "text": _lines,
}

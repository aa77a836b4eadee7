"""What an expression may be made of: sizes, the whitelist, and sentences that say what to write instead."""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches
from keyword import kwlist

from sentinel.core.functions.table import FACTS, TABLE, WORDS

MOST_CHARACTERS, MOST_NODES, DEEPEST = 2000, 300, 30
LARGEST_NUMBER = 2**53


class Wrong(Exception):
    """A mistake in an expression, at a column counted from 0."""

    def __init__(self, column: int, what: str) -> None:
        """With its place."""
        super().__init__(what)
        self.column = column
        self.what = what


_INSTEAD: dict[type[ast.AST], str] = {
    ast.Pow: "powers are not allowed; write exp(log(x) * n)",
    ast.Lambda: "lambda is not allowed",
    ast.Subscript: "brackets are not allowed; prev(x, 3) gives the third reading before the last",
    ast.NamedExpr: "':=' is not allowed; use `let:` for a name of your own",
    ast.JoinedStr: "f-strings are not allowed; `say` has fields",
    ast.List: "a list is not allowed; write (a, b) after 'in'",
    ast.Set: "a set is not allowed; write (a, b) after 'in'",
    ast.BitAnd: "write 'and' instead of '&'",
    ast.BitOr: "write 'or' instead of '|'",
    ast.Is: "write '==' instead of 'is'",
    ast.IsNot: "write '!=' instead of 'is not'",
    ast.Starred: "'*' is not allowed here",
}
ALLOWED = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.BinOp, ast.Add, ast.Sub,
    ast.Mult,
    ast.Div, ast.Mod, ast.FloorDiv, ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.In, ast.NotIn,
    ast.IfExp, ast.Call, ast.Name, ast.Attribute, ast.Load, ast.Constant, ast.keyword, ast.Tuple,
)  # fmt: skip

_ARGUMENTS = re.compile(r"\([^()]*\)")
_KEYWORDS = re.compile(rf"(?<=[\w)]\.)(?:{'|'.join(filter(str.islower, kwlist))})\b")  # `val.class.n0.dice`


def parse(text: str) -> ast.expr:
    """The expression's tree, if it is made of what is allowed and no larger."""
    if len(text) > MOST_CHARACTERS:
        raise Wrong(0, f"the expression is longer than {MOST_CHARACTERS} characters")
    if "\0" in text or not text.strip():
        raise Wrong(0, "the expression is empty" if not text.strip() else "the expression holds a zero byte")
    flat = text.replace("\r", " ").replace("\n", " ").replace("\t", " ").replace("\f", " ")
    lead = len(flat) - len(flat.lstrip())
    spelt = _KEYWORDS.sub(_as_name, flat.strip())
    try:
        tree = ast.parse(spelt, mode="eval")
    except SyntaxError as trouble:
        raise Wrong(lead + max(0, (trouble.offset or 1) - 1), _syntax(trouble.msg, flat)) from None
    except (RecursionError, MemoryError, ValueError):
        raise Wrong(0, "the expression is nested too deeply") from None
    if lead or not spelt.isascii():
        data = spelt.encode()
        for node in ast.walk(tree):
            if hasattr(node, "col_offset"):  # Python counts bytes
                node.col_offset = lead + len(data[: node.col_offset].decode())
    _walk(tree.body, 0, [0])
    return tree.body


def _as_name(keyword: re.Match[str]) -> str:
    """The same word as Python takes it for a name, which it is after a dot: its first letter in another face."""
    return chr(ord("\N{MATHEMATICAL SANS-SERIF SMALL A}") + ord(keyword[0][0]) - ord("a")) + keyword[0][1:]


def _syntax(message: str, text: str) -> str:
    while (outer := _ARGUMENTS.sub("", text)) != text:
        text = outer  # `least=5` stands rightly in its brackets
    if re.search(r"[^=<>!]=[^=]", text):
        return "write '==' to compare"
    return f"this is no expression: {message}"


def _walk(node: ast.AST, depth: int, count: list[int]) -> None:
    count[0] += 1
    column = getattr(node, "col_offset", 0)
    if count[0] > MOST_NODES or depth > DEEPEST:
        raise Wrong(column, "the expression is too large; use `let:` to name parts of it, or make two rules")
    if not isinstance(node, ALLOWED):
        raise Wrong(column, _INSTEAD.get(type(node), f"{type(node).__name__} is not allowed in rules"))
    for child in ast.iter_child_nodes(node):
        _walk(child, depth + 1, count)


def dotted(node: ast.AST) -> str | None:
    """The dotted name that a node spells, if it spells one."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def is_fact(name: str) -> bool:
    """Whether a dotted name is a fact's."""
    return name.startswith(FACTS)


def near(word: str, among: object) -> str:
    """`; did you mean 'x'?`, or nothing."""
    found = get_close_matches(word, list(among), n=1, cutoff=0.6)  # type: ignore[call-overload]
    return f"; did you mean '{found[0]}'?" if found else ""


def unknown_function(name: str) -> str:
    """The sentence for a function that does not exist."""
    return f"there is no function '{name}'" + near(name, TABLE)


def unknown_word(name: str) -> str:
    """The mending for a bare word near one that expressions know."""
    return near(name, [*WORDS, *TABLE])

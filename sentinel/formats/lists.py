"""Several names and then their numbers: `loss_a,loss_b 0.5 0.7`, as `print("loss_a,loss_b", a, b)` gives it."""

from __future__ import annotations

import re
from collections.abc import Collection

from sentinel.core.names import Names
from sentinel.formats.numbers import VALUE
from sentinel.formats.tokens import Token

_ONE = rf"(?>{VALUE})"  # never given back: a row of numbers that ends in something else costs its length, not its power
_ITEM = rf"(?:np\.float\d\d\()?{_ONE}\)?"
_LISTED = re.compile(
    rf"\s*(?P<names>[A-Za-z_][\w@]*(?:\s*,\s*[A-Za-z_][\w@]*)+)\s*[:=]?\s*(?P<values>{_ONE}(?:[\s,]+{_ONE})+)\s*"
)
_ARRAY = re.compile(
    rf"\s*(?P<name>[A-Za-z][\w@]*(?: \w+)*)\s*[:=]?\s*\[(?P<values>[\s,]*{_ITEM}(?:[\s,]+{_ITEM})*)[\s,]*\]\s*"
)
_RUN = re.compile(rf"\s*(?P<name>[A-Za-z][\w@]*)\s*[:=]\s*(?P<values>{_ONE}(?:\s+{_ONE}){{2,}})\s*")
_WIDTH = re.compile(r"float\d\d")
_NAME = re.compile(r"[A-Za-z_][\w@]*")
_NUMBER = re.compile(VALUE)
_INDEX = re.compile(r"\s+\d+\.\d")


def listed(text: str, start: int, scores: Collection[str], names: Names) -> list[tuple[str, Token]]:
    """Each name with its number; nothing where the line is no such list or the two do not match in count."""
    if array := _ARRAY.fullmatch(text, start) or _RUN.fullmatch(text, start):
        return _classes(array, scores, names)
    match = _LISTED.fullmatch(text, start)
    if match is None:
        return []
    keys = _NAME.findall(match["names"])
    numbers = list(_NUMBER.finditer(text, match.start("values"), match.end("values")))
    if len(keys) != len(numbers):
        return []
    return [(name, Token("num", n[0], n.start(), n.end())) for name, n in zip(keys, numbers, strict=True)]


def _classes(array: re.Match[str], scores: Collection[str], names: Names) -> list[tuple[str, Token]]:
    """`Pseudo dice [0.91, 0.74]`: a score of each class, of which none is the score of all."""
    said = array["values"]
    widths = {m.start() + 5 for m in _WIDTH.finditer(said)}
    numbers = [m for m in _NUMBER.finditer(said) if m.start() not in widths]
    metric = names.spell(array["name"]).metric
    if metric not in scores:
        return []
    at = array.start("values")
    tokens = [Token("num", n[0], at + n.start(), at + n.end()) for n in numbers]
    many = len(tokens) > 1
    return [(f"class/{i}/{metric}" if many else array["name"], token) for i, token in enumerate(tokens)]


def is_index(text: str, token: Token) -> bool:
    """`Prec@1  0 98.4`: a whole number between a name and its value says which of several it is."""
    return token.text.isdigit() and bool(_INDEX.match(text, token.end))

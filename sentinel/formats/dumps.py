"""Configs that a program prints into its log: argparse's Namespace, dataclass prints, dicts, Hydra's YAML over many lines.

They give facts and never readings. Which line opens such a block and which one ends it is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import re2

from sentinel.core.records import Scalar
from sentinel.formats.configs import hidden, scalar, well_known
from sentinel.formats.course import Course
from sentinel.formats.naming import Naming, Role
from sentinel.formats.prose import head

_CALL = re2.compile(r"\b(?:Namespace|\w*(?:Config|Args|Arguments|Params|Parameters|Options))\(\w+=")
_PAIR = re.compile(r"(?P<key>[A-Za-z_]\w*)=(?P<value>'[^']*'|\"[^\"]*\"|[-+\w.]+)(?=[,)\]\s]|$)")
_OPENS = re.compile(
    r"^[^\d=:]{0,60}[^\w=]{0,12}$",
    re.IGNORECASE,
)
_OPENERS = frozenset(
    [
        "config",
        "configuration",
        "configs",
        "cfg",
        "args",
        "arguments",
        "parameters",
        "hyperparameters",
        "hyper-parameters",
        "hparams",
        "settings",
        "options",
    ]
)
_LINE = re.compile(r"^(?P<in>\s*)(?P<key>[A-Za-z_][\w./-]*)\s*[:=](?:\s+(?P<value>\S.*?))?\s*$")
_MORE = re.compile(r"[,;|]\s*\w+\s*[:=]\s*\S|\s\w+[:=]\s*[-+\d.]")  # a second pair: not a line of a config
_ITEM = re.compile(r"^\s*-\s+\S|^\s*[-=*#]{4,}\s*$")
_MOST = 2000


def told(pairs: Iterable[tuple[str, Any]], course: Course, line: int, out: list[Any]) -> None:
    """Each pair as `config.KEY`, the well-known ones as `fact.NAME` too; secrets are blacked out."""
    for _, (key, value) in zip(range(_MOST), pairs, strict=False):
        if isinstance(value, str | int | float) and value == value and len(key) < 200:
            course.fact(f"config.{key}", hidden(key, value[:1000] if isinstance(value, str) else value), line, out)
            if (known := well_known(key, value)) and known != f"config.{key}":
                course.fact(known, value, line, out)


def printed_call(text: str) -> list[tuple[str, Scalar]]:
    """The pairs of `Namespace(lr=0.1, ...)` and the like; inner calls give theirs flat."""
    call = _CALL.search(text) if "=" in text else None
    if call is None:
        return []
    found: dict[str, Scalar] = {}
    for pair in _PAIR.finditer(text, call.start()):
        raw = pair["value"]
        value = raw[1:-1] if raw[0] in "'\"" else scalar(raw)
        if value is not None:
            found.setdefault(pair["key"], value)
    return list(found.items())


def printed_dict(thing: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The pairs of a config that was printed as one dict or object."""
    pairs = [(key.replace("/", "."), scalar(v) if isinstance(v, str) else v) for key, v in thing.items()]
    return [(key, value) for key, value in pairs if value is not None]


def opens(text: str) -> bool:
    """Whether the lines after this one may be a config: `Config:`, `Training arguments`."""
    if text[-24:].rstrip(" :=-*#>]").rpartition(" ")[2].lower() not in _OPENERS:
        return False
    start, _ = head(text)
    return len(text) - start < 80 and bool(_OPENS.match(text[start:]))


def goes_on(text: str, course: Course, naming: Naming, line: int, out: list[Any]) -> bool:
    """Take a line of the block that was opened; False where the block has ended."""
    assert course.dump is not None
    start, _ = head(text)
    said = text[start:]
    if _ITEM.match(said):
        return True
    match = _LINE.match(said)
    if match is None or _is_reading(match, naming):
        course.dump = None
        return False
    indent, path = len(match["in"]), course.dump
    while path and path[-1][0] >= indent:
        path.pop()
    key = ".".join([str(name) for _, name in path] + [match["key"]])
    if match["value"] is None:
        path.append([indent, match["key"]])
        return True
    value = match["value"]
    plain = value[1:-1] if len(value) > 1 and value[0] in "'\"" and value[-1] == value[0] else scalar(value)
    told([(key, plain)] if plain is not None else [], course, line, out)
    return True


def _is_reading(match: re.Match[str], naming: Naming) -> bool:
    """`epoch: 3`, `loss: 0.5`, `lr: 0.1, acc: 0.9`: the training has begun."""
    value = match["value"] or ""
    if _MORE.search(value):
        return True
    what = naming.column(match["key"])
    singular = not match["key"].lower().endswith("s")
    return bool(value) and (
        (what in (Role.STEP, Role.EPOCH) and singular) or (what is Role.METRIC and value[0].isdigit())
    )

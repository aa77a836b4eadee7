"""Rows from objects: JSON lines, Python dict prints, MLPerf lines, drawn frames. A flat key is a key, however drawn."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sentinel.core.records import Row
from sentinel.core.spelling import split_of, words
from sentinel.formats.course import Course
from sentinel.formats.naming import Naming, Role, counter_rank
from sentinel.formats.numbers import number, whole

_PAIR = re.compile(r"""['"]([^'"]{1,120})['"]\s*:\s*(?:'([^']*)'|"([^"]*)"|([^,'"{}\[\]]+))""")
_SPLIT_KEYS = frozenset(
    ["mode", "phase", "split", "stage", "_type"]
)  # mmcv says `mode: val`, SlowFast `_type: val_epoch`
_MESSAGES = frozenset(["msg", "message", "event"])  # of services: `"msg": "eval"`
_WRAPPED = frozenset(["data", "fields", "payload"])  # where they keep what was measured
_OF = re.compile(r"(\d+)/\d+")  # `epoch: "39/200"`
_COLLECTED = {"num", "mean", "std"}  # StyleGAN and EDM give of each series how many, their mean and spread
_MOST_KEYS = 2000
_DEEPEST = 4


def flat(value: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Nested keys joined by `/`; lists are left out."""
    out: dict[str, Any] = {}
    for key, inner in value.items():
        name = f"{prefix}{key}"
        if isinstance(inner, Mapping) and inner.keys() == _COLLECTED:
            out[name] = inner["mean"]
        elif isinstance(inner, Mapping):
            if depth < _DEEPEST:
                wrapped = not depth and key in _WRAPPED and any(counter_rank(str(k)) is not None for k in inner)
                out.update(flat(inner, "" if wrapped else f"{name}/", depth + 1))
        elif not isinstance(inner, list | tuple) or len(inner) == 1:
            out[name] = inner[0] if isinstance(inner, list | tuple) else inner
        if len(out) > _MOST_KEYS:
            break
    return out


def from_json(text: str) -> dict[str, Any] | None:
    """The object that a line is, or None."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return flat(value) if isinstance(value, dict) else None


def from_dict_print(text: str) -> dict[str, Any] | None:
    """The pairs of a printed Python dict, `nan` and all; None where there are none."""
    start = text.find("{'")
    end = text.rfind("}")
    if start < 0 or end < start:
        return None
    pairs = {}
    for match in _PAIR.finditer(text, start, end):
        raw = match[2] if match[2] is not None else match[3] if match[3] is not None else match[4].strip()
        pairs[match[1]] = None if raw == "None" else raw
        if len(pairs) > _MOST_KEYS:
            break
    return pairs or None


class Objects:
    """Turns flat objects of one file into rows; each set of keys is named once."""

    __slots__ = ("_known", "_naming", "_version")

    def __init__(self, naming: Naming) -> None:
        """Ready to read."""
        self._naming = naming
        self._known: dict[tuple[Any, ...], tuple[str, ...]] = {}
        self._version = 0

    def row(self, thing: Mapping[str, Any], course: Course, line: int, text: str, table: bool = False) -> Row | None:
        """The row that an object gives; None where it holds no reading."""
        step, epoch, best = None, None, 99
        keys: list[str] = []
        values: list[float] = []
        strong = False
        for key, raw in thing.items():
            value = _value(raw)
            if value is None and (value := self._counted(key, raw)) is None:
                continue
            what = self._naming.column(key)
            if what is Role.STEP:
                rank = counter_rank(key) or 0
                if rank < best and (counted := whole(repr(value))) is not None:
                    step, best = counted, rank
            elif what is Role.EPOCH:
                epoch = value if value == value and abs(value) < 1e9 else None
            elif what is Role.STAMP:
                course.stamp = value if 1e9 < value < 1e10 else course.stamp
            elif what is not Role.SKIP:
                keys.append(key)
                values.append(value)
                strong = strong or what is Role.METRIC
        if not keys or not (strong or table or step is not None or epoch is not None):
            return None
        if epoch is not None or step is not None:
            course.counters(step, epoch)
        split = _named_split(thing) or course.context
        names = self._names(tuple(keys), split)
        if "" in names:
            values = [v for n, v in zip(names, values, strict=True) if n]
            names = self._names(tuple(k for n, k in zip(names, keys, strict=True) if n), split)
        if not names or len(names) != len(values):
            return None
        return course.row(names, tuple(values), step, epoch, line, text)

    def _counted(self, key: str, raw: Any) -> float | None:
        found = _OF.fullmatch(raw) if isinstance(raw, str) else None
        return float(found[1]) if found and self._naming.column(key) in (Role.STEP, Role.EPOCH) else None

    def _names(self, keys: tuple[str, ...], context: str) -> tuple[str, ...]:
        if self._version != self._naming.version:
            self._version = self._naming.version
            self._known.clear()
        found = self._known.get((keys, context))
        if found is None:
            if len(self._known) > 2000:
                self._known.clear()
            found = self._naming.name_all([(key, "") for key in keys], context)
            self._known[keys, context] = found
        return found


def is_numeric(raw: Any) -> bool:
    """Whether a value is a number, or one of how many: a config has mostly words."""
    if isinstance(raw, str):
        return number(raw.partition("/")[0]) is not None
    return raw is not None


def _named_split(thing: Mapping[str, Any]) -> str:
    """The split that an object names in words: `_type: val_epoch` is of the validation."""
    keys = _SPLIT_KEYS & thing.keys() | {key for key in _MESSAGES & thing.keys() if len(str(thing[key]).split()) < 3}
    said = [word for key in keys for word in words(str(thing[key]))]
    splits = {split for word in said if (split := split_of(word))}
    return splits.pop() if len(splits) == 1 else ""


def _value(raw: Any) -> float | None:
    if isinstance(raw, bool) or raw is None:
        return None
    if isinstance(raw, int | float):
        return float(raw) if abs(raw) < 1e308 or raw != raw or isinstance(raw, float) else None
    return number(raw) if isinstance(raw, str) and len(raw) < 40 else None

"""YAML with the place of every value: composed nodes, YAML 1.2 scalars, and no anchors, tags or double keys.

A broken text is faults, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from sentinel.core.records import Fault

LARGEST = 10_000_000
DEEPEST = 24
MOST_NODES = 400_000
_CLOSEST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_HEX = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", "+.inf"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


@dataclass(frozen=True, slots=True)
class Marked:
    """A value with its place. Mappings hold (key, value) pairs by key; lists hold marked values."""

    value: Any  # dict[str, Marked] | list[Marked] | scalar
    line: int
    column: int
    key_line: int = 0
    key_column: int = 0
    plain: bool = True  # a plain or quoted scalar on one line: columns inside it are columns of the file
    quoted: bool = False

    def plainly(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: value.plainly() for key, value in self.value.items()}
        if isinstance(self.value, list):
            return [value.plainly() for value in self.value]
        return self.value


class _Refused(Exception):
    def __init__(self, mark: Any, what: str) -> None:
        super().__init__(what)
        self.mark, self.what = mark, what


def read_marked(text: str, file: str) -> tuple[Marked | None, list[Fault]]:
    """The one document of a text, or what is wrong with it."""
    if len(text) > LARGEST:
        return None, [Fault(file, 0, 0, f"is larger than {LARGEST // 1_000_000} MB")]
    lines = text.split("\n")
    faults: list[Fault] = []
    try:
        _refuse_early(text)
        node = yaml.compose(text, Loader=_CLOSEST)
        if node is None:
            return None, [Fault(file, 0, 0, "is empty")]
        reader = _Reader(file, lines, faults)
        return reader.read(node, 0), faults
    except _Refused as refused:
        faults.append(_fault(file, lines, refused.mark, refused.what))
    except yaml.MarkedYAMLError as trouble:
        mark = trouble.problem_mark or trouble.context_mark
        faults.append(_fault(file, lines, mark, _words(trouble)))
    except yaml.YAMLError as trouble:
        faults.append(Fault(file, 0, 0, f"is no YAML: {str(trouble).splitlines()[0]}"))
    except (RecursionError, ValueError) as trouble:
        faults.append(Fault(file, 0, 0, f"cannot be read: {trouble}"))
    return None, faults


def _words(trouble: yaml.MarkedYAMLError) -> str:
    problem = (trouble.problem or trouble.context or "").strip()
    if "alias" in problem or "anchor" in problem:
        return "anchors and aliases (&, *) are not allowed; quote the text if it is one"
    if "cannot start any token" in problem and "\\t" in problem:
        return "a tab cannot indent; use spaces"
    return f"this is no YAML: {problem}"


def _refuse_early(text: str) -> None:
    """Anchors, tags and depth are refused from the events, before anything is built."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_CLOSEST)):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused(event.start_mark, "anchors and aliases (&, *) are not allowed; quote the text if it is one")
        tag = getattr(event, "tag", None)
        if tag:
            raise _Refused(event.start_mark, f"tags are not allowed ({tag}); quote the text if it is one")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST or count > MOST_NODES:
            raise _Refused(event.start_mark, "the file is nested too deeply or too large")


def _fault(file: str, lines: list[str], mark: Any, what: str) -> Fault:
    if mark is None:
        return Fault(file, 0, 0, what)
    source = lines[mark.line] if mark.line < len(lines) else ""
    return Fault(file, mark.line + 1, mark.column + 1, what, source=source)


class _Reader:
    def __init__(self, file: str, lines: list[str], faults: list[Fault]) -> None:
        self.file, self.lines, self.faults = file, lines, faults

    def read(self, node: Any, depth: int, key: Any = None) -> Marked:
        mark = node.start_mark
        line, column = mark.line + 1, mark.column + 1
        key_line, key_column = (key.start_mark.line + 1, key.start_mark.column + 1) if key is not None else (0, 0)
        if isinstance(node, yaml.MappingNode):
            return Marked(self._mapping(node, depth), line, column, key_line, key_column)
        if isinstance(node, yaml.SequenceNode):
            return Marked([self.read(child, depth + 1) for child in node.value], line, column, key_line, key_column)
        plain = node.style not in ("|", ">") and node.end_mark.line == mark.line
        quoted = node.style in ("'", '"')
        value = _scalar(node.value) if node.style is None or node.style == "" else node.value
        return Marked(value, line, column, key_line, key_column, plain, quoted)

    def _mapping(self, node: Any, depth: int) -> dict[str, Marked]:
        found: dict[str, Marked] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _Refused(key.start_mark, "a key must be a plain text")
            name = key.value
            if name in found:
                self.faults.append(_fault(self.file, self.lines, key.start_mark, f"the key '{name}' stands here twice"))
                continue
            found[name] = self.read(value, depth + 1, key)
        return found


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text) if len(text) < 20 else float(text)
    if _HEX.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text


def walk(marked: Marked) -> Iterator[Marked]:
    """A value and all values inside it."""
    yield marked
    inner = marked.value.values() if isinstance(marked.value, dict) else marked.value
    if isinstance(marked.value, dict | list):
        for child in inner:
            yield from walk(child)

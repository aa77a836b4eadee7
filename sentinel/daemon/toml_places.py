"""Where a key stands in a TOML text: `tomllib` keeps no places, so this scans the lines for tables and keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TABLE = re.compile(r"\s*\[\[?\s*([\w.\"' -]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([\w\"'-]+(?:\s*\.\s*[\w\"'-]+)*)\s*=")

Path = tuple[int | str, ...]


def place_of(path: Path, text: str) -> tuple[int, int, str]:
    """Line, column and source line of a key; of the nearest table above it when the key itself stands nowhere."""
    lines = text.splitlines()
    best = (0, 1, 1)
    for number, column, found in _places(lines):
        common = _common(found, path)
        if common > best[0]:
            best = (common, number, column)
    return best[1], best[2], lines[best[1] - 1] if lines else ""


def _common(found: Path, path: Path) -> int:
    if len(found) > len(path):
        return 0
    return len(found) if found == path[: len(found)] else 0


def _places(lines: list[str]) -> Iterator[tuple[int, int, Path]]:
    table: Path = ()
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if header := _TABLE.match(line):
            table = _table_path(header[1], line.lstrip().startswith("[["), seen)
            yield number, line.index("[") + 1, table
        elif key := _KEY.match(line):
            yield number, key.start(1) + 1, table + _parts(key[1])


def _table_path(name: str, of_array: bool, seen: dict[str, int]) -> Path:
    if not of_array:
        return _parts(name)
    seen[name] = seen.get(name, -1) + 1
    return (*_parts(name), seen[name])


def _parts(dotted: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))

"""A recorded run played again as its bytes arrived: files grow, are rewritten, the process is seen, and it ends.

The rows, one JSON object a line: `{"t", "op": "a", "f", "a", "b"}` bytes a to b of file f were appended; `{"op": "w",
"f", "n"}` the whole file was rewritten and is n bytes long (`text` where it was not the beginning of the final file);
`{"op": "proc", ...}` numbers of the process; `{"op": "end", "exit"}` the process ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sentinel.core.records import Fact, Origin, Row


class Arrival(NamedTuple):
    """One row of an arrivals file."""

    t: float
    op: str
    row: Mapping[str, Any]


class ArrivalsError(ValueError):
    """The arrivals file says something that cannot be played; the text names its line and the mending."""


def read_arrivals(path: Path, time_scale: float) -> Iterator[Arrival]:
    """The rows in their order, with scaled times."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _arrival(line, f"{path}:{number}", time_scale)


_NEEDED = {"a": ("f", "a", "b"), "w": ("f", "n"), "proc": (), "end": ()}


def _arrival(line: str, place: str, time_scale: float) -> Arrival:
    try:
        row = json.loads(line)
        op, t = row["op"], float(row["t"])
    except (ValueError, KeyError, TypeError) as trouble:
        raise ArrivalsError(f'{place}: a row is an object such as {{"t": 1.5, "op": "a", ...}}') from trouble
    missing = [key for key in _NEEDED.get(op, ("op",)) if key not in row]
    if op not in _NEEDED or missing:
        wanted = f"needs {', '.join(missing)}" if op in _NEEDED else f"'op' is one of {', '.join(_NEEDED)}"
        raise ArrivalsError(f"{place}: {wanted}")
    return Arrival(t * time_scale, op, row)


@dataclass(slots=True)
class Arrived:
    """A file as it stood at some time of the recording: what `Track` reads."""

    final: bytes
    size: int = 0
    device: int = 0
    inode: int = 1
    override: bytes | None = None  # its content then, where that was not the beginning of the final one

    def apply(self, arrival: Arrival) -> None:
        """Let one row happen to it."""
        row = arrival.row
        if arrival.op == "a":
            self.size = max(self.size, min(int(row["b"]), len(self.final)))
            self.override = None
        else:
            self.override = row["text"].encode() if "text" in row else None
            self.size = min(int(row["n"]), len(self.override if self.override is not None else self.final))

    def read(self, count: int, offset: int) -> bytes:
        """Bytes from an offset; fewer at the end."""
        content = self.final if self.override is None else self.override
        return content[offset : min(offset + count, self.size)]


def process_row(arrival: Arrival) -> Row | None:
    """What was seen of the process, as readings `proc.NAME`."""
    numbers = {
        f"proc.{key}": float(value)
        for key, value in arrival.row.items()
        if key not in ("t", "op") and isinstance(value, int | float) and not isinstance(value, bool)
    }
    if not numbers:
        return None
    return Row(tuple(numbers), tuple(numbers.values()), None, None, arrival.t, "", 0)


def exit_facts(arrival: Arrival) -> list[Fact]:
    """The code and signal that the process ended with, where the recording has them."""
    code = arrival.row.get("exit")
    if not isinstance(code, int):
        return []
    facts = [Fact("process.exit_code", code, "", 0, Origin.PROCESS)]
    signal = -code if code < 0 else code - 128 if 128 < code < 193 else 0
    if signal:
        facts.append(Fact("process.signal", signal, "", 0, Origin.PROCESS))
    return facts

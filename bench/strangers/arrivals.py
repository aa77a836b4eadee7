"""When each line of a made run came, as the zoo writes it down: one JSON object for each, and one for how its process ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

STEP = 0.05  # a line every three seconds of the true run, told at a sixtieth


def even(_lines: int) -> float:
    """Every line as long after the last one as the others."""
    return STEP


def arrivals(folder: Path, gap: Callable[[int], float] = even) -> tuple[list[dict[str, Any]], float]:
    """The lines of all files of a run, `gap` seconds after each other by their number; when the last one came."""
    rows: list[dict[str, Any]] = []
    now, lines = STEP, 0
    for file in sorted(folder.iterdir()):
        data, start = file.read_bytes(), 0
        if file.name == "config.json":
            rows.append({"t": now, "f": file.name, "op": "a", "a": 0, "b": len(data)})
            continue
        for end in (i + 1 for i, byte in enumerate(data) if byte in b"\r\n"):
            lines += 1
            now += gap(lines)
            rows += [{"t": round(now, 4), "f": file.name, "op": "a", "a": start, "b": end}, lives(now)]
            start = end
    return rows, now


def lives(now: float) -> dict[str, Any]:
    """Its process was there."""
    return {"t": round(now, 4), "op": "proc", "rss_mb": 900.0, "cpu_s": round(now, 2)}


def write(path: Path, rows: list[dict[str, Any]], at: float, code: int) -> None:
    """All of it, and how the process ended."""
    end = {"t": round(at, 4), "op": "end", "exit": code}
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, end]))

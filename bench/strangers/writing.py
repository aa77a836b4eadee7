"""What all writers share: the time of a line, how numbers are printed, and the file that they fill."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench.strangers.training import Said

Config = dict[str, Any]
Writer = Callable[[Path, list[Said], Config], int]
_BEGAN = datetime(2026, 3, 1, 22, 0, 0)  # noqa: DTZ001  (logs write local time)


def at(said: Said) -> datetime:
    return _BEGAN + timedelta(seconds=1.5 * said.step)


def kept(folder: Path, name: str, said: Iterable[Said], line: Callable[[Said], str]) -> int:
    """Write one text for each that has one; the last step."""
    last = 0
    with (folder / name).open("w", newline="") as file:
        for s in said:
            if text := s.text or line(s):
                file.write(text if text.endswith(("\r", "\n")) else text + "\n")
            last = s.step
    return last


def num(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}g}" if value and abs(value) < 10**-digits else f"{value:.{digits}f}"

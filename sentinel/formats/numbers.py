"""Numbers as people and frameworks print them: NaN in all spellings, percent, thousands, 2.31M, 12.3k, fractions.

One grammar for prose, tables and dicts. What is no number gives None; nothing is guessed.
"""

from __future__ import annotations

import re
from math import inf, nan

PLAIN = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
STRANGE = r"nan(?:\((?:ind|snan|q?nan|0x[0-9a-f]+)\))?|inf(?:inity)?|1\.#(?:qnan|snan|ind|inf)0*|none"
VALUE = rf"[-+]?(?:(?i:1\.[#](?:qnan|snan|ind|inf)0*)|{PLAIN}|(?i:nan(?:\([a-z0-9]*\))?|inf(?:inity)?)(?![\w]))"

_NUMBER = re.compile(rf"([-+]?)({PLAIN})\s*(%|[kKMGBT](?:i?B)?)?", re.ASCII)
_STRANGE = re.compile(rf"([-+]?)({STRANGE})", re.IGNORECASE)
SCALES = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}


def strange(text: str) -> float | None:
    """NaN and the infinities in all spellings, or None for anything else."""
    match = _STRANGE.fullmatch(text)
    if not match:
        return None
    if "inf" in match[2].lower():
        return -inf if match[1] == "-" else inf
    return nan


def number(text: str) -> float | None:
    """The number that a whole cell or value states; a percent sign stays for the caller to weigh."""
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        pass
    text = text.strip()
    match = _NUMBER.fullmatch(text)
    if not match:
        return strange(text)
    value = float(match[2].replace(",", ""))
    unit = match[3]
    if unit and unit != "%":
        value *= SCALES[unit[0]]
    return -value if match[1] == "-" else value


def whole(text: str) -> int | None:
    """A counter: a whole number, with or without thousands separators, also printed as `12.0`; never negative."""
    if text.isdigit() and text.isascii() and len(text) < 16:
        return int(text)
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return None
    return int(value) if value == value and 0 <= value < 1e15 and value == int(value) else None

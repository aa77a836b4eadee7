"""Texts made harmless and short: nothing steers a terminal or hides letters, and what must be short keeps what tells it apart."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import Any

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def clean(text: str) -> str:
    """Without anything that could steer a terminal, reorder letters or hide them."""
    return _CONTROL.sub("", text.replace("\n", " ").replace("\t", " ")).strip()


def harmless(thing: Any) -> Any:
    """The same with every text in it cleaned, wherever it came from; layout stays."""
    if isinstance(thing, str):
        return _CONTROL.sub("", thing.replace("\n", " ").replace("\t", " "))
    if isinstance(thing, tuple):
        return tuple(harmless(item) for item in thing)
    if is_dataclass(thing) and not isinstance(thing, type):
        return replace(thing, **{field.name: harmless(getattr(thing, field.name)) for field in fields(thing)})
    return thing


def shorten(text: str, most: int) -> str:
    """A long text ends in an ellipsis."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def middle(text: str, most: int) -> str:
    """A long name keeps its two ends: sweeps differ in the last letters."""
    if len(text) <= most:
        return text
    front = (most - 1) // 2
    return f"{text[:front]}…{text[-(most - 1 - front) :]}"

"""Progress through a validation: `Test: [20/49] Loss 0.35 (0.31)` counts batches, and only its last mean is a score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sentinel.core.spelling import split_of
from sentinel.formats.naming import Role
from sentinel.formats.numbers import VALUE, whole
from sentinel.formats.tokens import Token

if TYPE_CHECKING:
    from sentinel.formats.walk import Field

_BATCHES = re.compile(r"\]?\s*\[\s*\d+/\d+")
_SECOND = re.compile(r"\]\s*,?\s*\[\s*\d+/\d+\s*\]")
_COUNT = re.compile(r"\s*\d+/\d+\s*")
_MEAN = re.compile(rf"\s*\(\s*(?P<mean>{VALUE})\s*%?\s*\)")
_SHADOW = re.compile(r"\((?:ema|swa)\)", re.IGNORECASE)  # a second model's scores: one series holds those of one model
_MACHINE = frozenset(["time", "data"])


def leads(text: str, token: Token, key: Sequence[str]) -> bool:
    """`Train: 3 [ 50/1251 (4%)]`, `Train: [3/300][50/1251]`: behind a split alone, before the batches, stands an epoch."""
    return len(key) == 1 and bool(split_of(key[0].lower())) and bool(_BATCHES.match(text, token.end))


def counts(inside: str) -> bool:
    """Whether a bracket holds the batches of an epoch: `10/750`."""
    return bool(_COUNT.fullmatch(inside))


def follows(text: str, token: Token) -> bool:
    """`[3/25][50/1583]`: what stands before the batches is the epoch."""
    return bool(_SECOND.match(text, token.end))


def held(split: str) -> str:
    """The split that a loop over batches within a training is of: what tests there each epoch is the validation."""
    return "val" if split == "test" else split


def measured(text: str, fields: Sequence[Field], batches: Token) -> tuple[list[Field], bool]:
    """The fields that tell of the model, with means where they are printed, and whether it is known how far it is."""
    if _SHADOW.search(text, 0, batches.start):
        return [], False
    told = [f for f in fields if f.role is not Role.SIDE and f.raw.lower() not in _MACHINE]
    if not any(f.role is Role.METRIC for f in told):
        return [], False
    return [_mean(text, f) for f in told], batches.kind == "frac"


def _mean(text: str, field: Field) -> Field:
    match = _MEAN.match(text, field.token.end)
    if match is None:
        return field
    return field._replace(
        token=field.token._replace(text=match["mean"], start=match.start("mean"), end=match.end("mean"))
    )


def share(done: str, total: str) -> float:
    """How much of a loop that counts from 0 or from 1 is done; 1 at its last batch, 0 where that cannot be told."""
    at, last = whole(done), whole(total)
    if at is None or not last:
        return 0.0
    return 1.0 if at >= last - 1 else max(at, 0) / last

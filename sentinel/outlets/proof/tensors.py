"""Looks into tensors' bytes: numbers that are not finite, rows that never trained, a fingerprint of each.

Runs in the limited child, on a memory map. Needs numpy.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

# dtype -> bytes an item, the unsigned view, and the exponent bits that are all set when a number is not finite
FLOATS = {
    "f4": (4, "u4", 0x7F800000),
    "bf16": (2, "u2", 0x7F80),
    "f2": (2, "u2", 0x7C00),
    "f8": (8, "u8", 0x7FF0000000000000),
}
KINDS = {
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": "bf16",
    "F32": "f4", "F64": "f8", "F16": "f2", "BF16": "bf16",
}  # fmt: skip
CHUNK = 1 << 20
SAMPLE = 1 << 16
FEWEST_ROWS = 256


class Span(NamedTuple):
    """One tensor's bytes in a file."""

    name: str
    kind: str  # the storage class or safetensors dtype
    begin: int
    length: int
    shape: tuple[int, ...]
    whole: bool = True  # contiguous, and alone in its storage


def count_nonfinite(data: Any, kind: str) -> int:
    """How many numbers of these bytes are NaN or infinite."""
    size, view, bits = FLOATS[kind]
    numbers = data[: len(data) // size * size].view(view)
    step, found = CHUNK // size, 0
    for begin in range(0, len(numbers), step):
        part = numbers[begin : begin + step] & bits
        if part.size and part.max() == bits:
            found += int((part == bits).sum())
    return found


def untrained_rows(data: Any, kind: str, shape: tuple[int, ...]) -> int:
    """How many rows are all zero: of AdamW's second moment, rows that never had a gradient."""
    view, step = FLOATS[kind][1], max(1, CHUNK // max(1, shape[1]))
    rows = data.view(view).reshape(shape)
    return sum(int((~rows[begin : begin + step].any(axis=1)).sum()) for begin in range(0, shape[0], step))


def fingerprint(data: Any) -> str:
    """A short mark of the bytes: equal marks mean, but for sampling, equal tensors."""
    step = max(1, len(data) // SAMPLE)
    return hashlib.blake2b(data[::step].tobytes(), digest_size=8).hexdigest()


def look_into(span: Span, data: Any) -> dict[str, Any]:
    """What one tensor's bytes say."""
    kind = KINDS.get(span.kind)
    said: dict[str, Any] = {}
    if kind is None or not span.length:
        return said
    bad = count_nonfinite(data, kind)
    if bad:
        said["nonfinite"] = bad
    size = FLOATS[kind][0]
    second_moment = span.name.endswith(("exp_avg_sq", ".v", "exp_avg_sqs")) and len(span.shape) == 2
    if (
        second_moment
        and span.whole
        and span.shape[0] >= FEWEST_ROWS
        and span.length == span.shape[0] * span.shape[1] * size
    ):
        rows = untrained_rows(data, kind, span.shape)
        if rows:
            said["untrained"] = rows
    return said

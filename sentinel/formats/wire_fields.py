"""Protocol buffers' wire form, as far as event files need it: fields of a message, nothing about any message."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_MOST_FIELDS = 100_000


def message(data: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """(field number, value) for each field; stops quietly where the bytes are no message."""
    at, size = 0, len(data)
    for _ in range(_MOST_FIELDS):
        if at >= size:
            return
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
            yield key >> 3, value
        elif kind == 1 and at + 8 <= size:
            yield key >> 3, struct.unpack_from("<d", data, at)[0]
            at += 8
        elif kind == 2:
            length, at = varint(data, at)
            if at + length > size:
                return
            yield key >> 3, data[at : at + length]
            at += length
        elif kind == 5 and at + 4 <= size:
            yield key >> 3, struct.unpack_from("<f", data, at)[0]
            at += 4
        else:
            return


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length number and where it ends; past the end of the bytes where it is torn."""
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
    return 0, len(data) + 1


def signed(value: int) -> int:
    """An int64 that was written as a plain varint."""
    return value - (1 << 64) if value >> 63 else value

"""Files as replay reads them: plain, or `.gz` that may not grow beyond a hundred times its size (contracts 8)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from sentinel.sources.opening import OpenFile

CHUNK = 1 << 18
MOST_TIMES = 100


def chunks(content: OpenFile, *, gz: bool) -> Iterator[bytes]:
    """A file's bytes from its start."""
    return _unpacked(content) if gz else _plain(content)


def _plain(content: OpenFile) -> Iterator[bytes]:
    offset = 0
    while data := content.read(CHUNK, offset):
        offset += len(data)
        yield data


def _unpacked(content: OpenFile) -> Iterator[bytes]:
    """What a gzip holds, its members one after another; a torn or damaged end ends it."""
    left = content.size * MOST_TIMES
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for packed in _plain(content):
            data = packed
            while data and left > 0:
                piece = unpacker.decompress(data, min(CHUNK, left))
                left -= len(piece)
                if piece:
                    yield piece
                data = unpacker.unconsumed_tail
                if unpacker.eof:
                    data, unpacker = unpacker.unused_data, zlib.decompressobj(wbits=31)
                elif not piece:
                    break
    except zlib.error:
        return

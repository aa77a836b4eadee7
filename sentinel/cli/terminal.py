"""What commands print passes here: a name or line that somebody else wrote shows its control characters, none acts.

The form is that of JSON (`\u001b`), so that JSON stays JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

# Control characters but newline and tab; what reorders or hides letters; halves of characters that no terminal knows.
_STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def harmless(text: str) -> str:
    """The same text with what could steer a terminal written out."""
    return _STEERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: str) -> str:
    """The same on one line, so that no name can forge another."""
    return harmless(text.replace("\n", "\\n"))


class Harmless:
    """A text stream that writes only harmless text."""

    def __init__(self, stream: TextIO) -> None:
        """Around that stream."""
        self._stream = stream

    def write(self, text: str) -> int:
        """Write it, harmless."""
        return self._stream.write(harmless(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def guarded(wanted: bool) -> Iterator[None]:
    """While this lasts, stdout and stderr write only harmless text."""
    import sys

    if not wanted:
        yield
        return
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Harmless(before[0]), Harmless(before[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before

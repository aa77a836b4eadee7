"""Whether lines read like those before them but for their digits: what is written in between two looks may then wait.

No word is looked for but the numbers that are none: whatever has another shape than the last lines is news. Pure.
"""

from __future__ import annotations

import re

from sentinel.formats.numbers import STRANGE

_STRANGE = re.compile(rf"(?<![a-z])(?:{STRANGE})(?![a-z])".encode())
_SIGNS = (b"nan", b"inf", b"none", b"1.#")  # one of them is in all of those, and cheaper to look for
_VARIES = b"0123456789.+-eE,:%# =>\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x96\xe2"  # of numbers, times, padding and bars
_ENDS = bytes.maketrans(b"\r", b"\n")


def shapes_of(data: bytes) -> frozenset[bytes]:
    """The shapes of these lines; none where a number is not finite or bytes are no plain text: those never wait."""
    low = data.lower()
    if b"\0" in data or (any(sign in low for sign in _SIGNS) and _STRANGE.search(low)):
        return frozenset()
    return frozenset(data.translate(_ENDS, _VARIES).split(b"\n"))


def alike(data: bytes, known: frozenset[bytes]) -> bool:
    """Whether all of these lines have known shapes."""
    return known.issuperset(data.translate(_ENDS, _VARIES).split(b"\n"))

"""Blacks out what looks like a secret: in a command, word by word, and in the lines of a log that are kept or sent."""

from __future__ import annotations

import re
from collections.abc import Iterable

BLACK = "***"
_WORD = r"(?:api_?)?(?:token|key|password|passwd|secret|credentials?|auth)"
_KEY = re.compile(rf"(?:^|[._-]){_WORD}$", re.IGNORECASE)
_SHAPE = re.compile(
    r"\bhf_\w{8,}|\bsk-[\w-]{8,}|\bAKIA\w{12,}|\bxox[a-z]-[\w-]{6,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)|\bgh[pousr]_\w{16,}"
)
_NAMED = re.compile(rf"((?:\b|[._-]){_WORD}[\"']?\s*[:=]\s*)([\"']?)[^\s\"',;]+", re.IGNORECASE)
_BEARER = re.compile(r"(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}", re.IGNORECASE)


def black_words(command: Iterable[str]) -> list[str]:
    """A command, word by word, with what looks like a secret blacked out."""
    words, hide = [], False
    for word in command:
        name, sign, _ = word.partition("=")
        if hide:
            words.append(BLACK)
        elif sign and _KEY.search(name):
            words.append(f"{name}={BLACK}")
        else:
            words.append(_SHAPE.sub(BLACK, word))
        hide = not hide and not sign and word.startswith("-") and bool(_KEY.search(word))
    return words


def black_text(text: str) -> str:
    """Lines of a log with what looks like a secret, by its shape or by the name before it, blacked out."""
    return _BEARER.sub(rf"\1{BLACK}", _NAMED.sub(rf"\1\2{BLACK}", _SHAPE.sub(BLACK, text)))

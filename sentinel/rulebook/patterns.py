"""Text patterns: RE2 alone, all of a rulebook tried on a line in one pass, on at most 8 KiB of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import re2

from sentinel.core.rule import Matcher

LONGEST_LINE = 8192
LONGEST_PATTERN = 500
_MEMORY = 1 << 23


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    return options


def pattern_fault(pattern: str) -> str:
    """Why RE2 cannot take a pattern, or ""."""
    if not pattern:
        return "an empty pattern matches every line"
    if len(pattern) > LONGEST_PATTERN:
        return f"the pattern is longer than {LONGEST_PATTERN} characters"
    try:
        compiled = re2.compile(pattern, _options())
    except (re2.error, UnicodeEncodeError) as trouble:
        detail = trouble.args[0] if trouble.args else ""
        words = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
        return f"RE2 cannot take the pattern: {words} (no lookaround, no back references)"
    return "the pattern matches the empty line, and so every line" if compiled.search("") else ""


def found(pattern: str, text: str) -> bool:
    """Whether a pattern matches somewhere in a line."""
    return re2.compile(pattern, _options()).search(text[:LONGEST_LINE]) is not None


class PatternSet:
    """All patterns of a rulebook."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Compile them into one automaton."""
        self.patterns = tuple(dict.fromkeys(patterns))
        self._set = re2.Set.SearchSet(_options())
        for pattern in self.patterns:
            self._set.Add(pattern)
        self._set.Compile()

    def match(self, text: str) -> tuple[str, ...]:
        """The patterns that the line matches, in the order in which they were given."""
        if not self.patterns:
            return ()
        hits = self._set.Match(text[:LONGEST_LINE])
        return tuple(self.patterns[i] for i in sorted(hits)) if hits else ()


@dataclass(frozen=True, slots=True)
class Together:
    """Two sets tried on a line one after the other: that of all runs is shared, and made once."""

    first: Matcher
    second: Matcher

    def match(self, text: str) -> tuple[str, ...]:
        """The patterns of both that the line matches, each once."""
        found, more = self.first.match(text), self.second.match(text)
        return tuple(dict.fromkeys((*found, *more))) if more else found

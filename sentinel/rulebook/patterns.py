"""Text patterns: RE2 alone, all of a rulebook tried on a line in one pass, on at most 8 KiB of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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
        alone = re2.Set.SearchSet(_options())
        alone.Add(pattern)
        alone.Compile()
    except (re2.error, UnicodeEncodeError) as trouble:
        detail = trouble.args[0] if trouble.args else ""
        words = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
        return f"RE2 cannot take the pattern: {words} (no lookaround, no back references)"
    return "the pattern matches the empty line, and so every line" if compiled.search("") else ""


def size_of(pattern: str) -> int:
    """How large its automaton is: what a character of a line costs at worst grows with it."""
    return int(re2.compile(pattern, _options()).programsize)


def found(pattern: str, text: str) -> bool:
    """Whether a pattern matches somewhere in a line."""
    return re2.compile(pattern, _options()).search(text[:LONGEST_LINE]) is not None


class PatternSet:
    """All patterns of a rulebook."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Compile them into one automaton; those for which it has no room into a further one."""
        wanted = tuple(dict.fromkeys(patterns))
        self._set, self.patterns = _compiled(wanted)
        rest = wanted[len(self.patterns) :]
        self._more = PatternSet(rest) if rest else None

    def match(self, text: str) -> tuple[str, ...]:
        """The patterns that the line matches, in the order in which they were given."""
        if not self.patterns:
            return ()
        hits = self._set.Match(text[:LONGEST_LINE])
        found = tuple(self.patterns[i] for i in sorted(hits)) if hits else ()
        return found if self._more is None else found + self._more.match(text)


def _compiled(wanted: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """As many of the first patterns as one automaton has room for; a single one always has it, or it is a fault."""
    taken = wanted
    while True:
        made = re2.Set.SearchSet(_options())
        for pattern in taken:
            made.Add(pattern)
        try:
            made.Compile()
        except re2.error:
            if len(taken) == 1:
                raise
            taken = taken[: len(taken) // 2]
        else:
            return made, taken


@dataclass(frozen=True, slots=True)
class Together:
    """Two sets tried on a line one after the other: that of all runs is shared, and made once."""

    first: Matcher
    second: Matcher

    def match(self, text: str) -> tuple[str, ...]:
        """The patterns of both that the line matches, each once."""
        found, more = self.first.match(text), self.second.match(text)
        return tuple(dict.fromkeys((*found, *more))) if more else found

"""One table from what logs say to canonical names, and which way is better. Pure; `rulebook` fills it from `names.yml`.

A canonical name is `[split.]group.metric` in dots: `train.loss`, `val.prob.in_span_mean`. `*` matches one part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

Better = Literal["lower", "higher", ""]


@dataclass(frozen=True, slots=True)
class Name:
    """One canonical name and what is known about it."""

    name: str  # may hold `*` parts
    better: Better = ""
    share: bool = False  # percent and fraction are one thing for it
    spellings: tuple[str, ...] = ()


@dataclass(slots=True)
class Names:
    """The table in force."""

    entries: Mapping[str, Name] = field(default_factory=dict)
    _seen: dict[str, Name | None] = field(default_factory=dict, repr=False)

    def entry(self, name: str) -> Name | None:
        """What is known about a canonical name, through wildcards too."""
        if name not in self._seen:
            found = self.entries.get(name)
            if found is None:
                found = next((e for key, e in self.entries.items() if "*" in key and matches(key, name)), None)
            self._seen[name] = found
        return self._seen[name]

    def known(self, name: str) -> bool:
        """Whether some entry declares the name."""
        return self.entry(name) is not None

    def better(self, name: str) -> Better:
        """Which way is better, or "" where nobody said."""
        entry = self.entry(name)
        return entry.better if entry else ""

    def share(self, name: str) -> bool:
        """Whether percent and fraction are one thing for it."""
        entry = self.entry(name)
        return bool(entry and entry.share)

    def near(self, name: str, others: Iterable[str] = ()) -> str | None:
        """The declared name that a typo was most likely meant to be."""
        close = get_close_matches(name, [*self.entries, *others], n=1, cutoff=0.8)
        return close[0] if close else None


def matches(pattern: str, name: str) -> bool:
    """Whether a dotted pattern, where `*` stands for one part, matches a name."""
    wanted, parts = pattern.split("."), name.split(".")
    return len(wanted) == len(parts) and all(w in ("*", p) for w, p in zip(wanted, parts, strict=True))


_NOT_A_NAME = re.compile(r"[^a-z0-9_]+")


def clean(raw: str) -> str:
    """A raw key as a dotted name of its own: `custom/bleu dev` -> `custom.bleu_dev`."""
    parts = re.split(r"[/.]+", raw.strip().lower())
    return ".".join(filter(None, (_NOT_A_NAME.sub("_", part).strip("_") for part in parts)))

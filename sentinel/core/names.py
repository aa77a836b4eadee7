"""One table from what logs say to canonical names, and which way is better; `rulebook` fills it from `names.yml`.

A canonical name is `[split.]group.metric` in dots: `train.loss`, `val.prob.in_span_mean`. `*` matches one part. How a
raw key is taken apart stands in `core/spelling.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from math import inf
from typing import Literal

from sentinel.core.spelling import Known, Spelling, spell, words

Better = Literal["lower", "higher", ""]
SPLIT_NAMES = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Name:
    """One canonical name and what is known about it."""

    name: str  # may hold `*` parts
    better: Better = ""
    share: bool = False  # percent and fraction are one thing for it
    spellings: tuple[str, ...] = ()
    splits: bool = False  # declared once, it also stands under train., val. and test.


@dataclass(slots=True)
class Names:
    """The table in force."""

    entries: Mapping[str, Name] = field(default_factory=dict)
    hints: float = inf  # for how many names the nearest one is still looked for, which is slow
    _seen: dict[str, Name | None] = field(default_factory=dict, repr=False)
    _index: dict[str, Known] = field(default_factory=dict, repr=False)
    _spelt: dict[str, Spelling] = field(default_factory=dict, repr=False)

    def entry(self, name: str) -> Name | None:
        """What is known about a canonical name, through wildcards and splits too."""
        if name not in self._seen:
            self._seen[name] = self._find(name)
        return self._seen[name]

    def _find(self, name: str) -> Name | None:
        found = self.entries.get(name)
        if found is None:
            found = next((e for key, e in self.entries.items() if "*" in key and matches(key, name)), None)
        if found is None:
            split, _, metric = name.partition(".")
            if split in SPLIT_NAMES and metric:
                inner = self._find(metric)
                found = inner if inner and inner.splits else None
        return found or self._kind_of(name)

    def _kind_of(self, name: str) -> Name | None:
        """`val.char_accuracy` is known through `accuracy`: better and share hold for every kind of a metric."""
        head, dot, last = name.rpartition(".")
        if head and head not in SPLIT_NAMES:
            return None
        parts = last.split("_")
        for start in range(1, len(parts)):
            kind = self.entries.get("_".join(parts[start:]))
            if kind and kind.splits:
                return Name(f"{head}{dot}{last}", kind.better, kind.share, splits=True)
        return None

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
        self.hints -= 1
        if self.hints < 0:
            return None
        declared = [f"{split}.{key}" for key, e in self.entries.items() if e.splits for split in SPLIT_NAMES]
        close = get_close_matches(name, [*self.entries, *declared, *others], n=1, cutoff=0.8)
        return close[0] if close else None

    def spell(self, raw: str) -> Spelling:
        """What a raw key of a log or table means; remembered, for files repeat their keys."""
        found = self._spelt.get(raw)
        if found is None:
            if not self._index and self.entries:
                self._index = spelling_index(self.entries.values())
            if len(self._spelt) > 20_000:
                self._spelt.clear()
            found = self._spelt[raw] = spell(raw, self._index)
        return found

    def canonical(self, raw: str, split: str = "") -> str:
        """The canonical name of a raw key that stands under a split: `canonical("acc", "val")` is `val.accuracy`."""
        found = self.spell(raw)
        return joined(found, split if found.splits else "")


def joined(found: Spelling, split: str) -> str:
    """A spelling's full name, with its own split before the one that its place gives."""
    split = found.split or split
    return f"{split}.{found.metric}" if split and found.metric else found.metric


def spelling_index(entries: Iterable[Name]) -> dict[str, Known]:
    """Every declared spelling, cleaned, with the name it stands for; a name is a spelling of itself."""
    index: dict[str, Known] = {}
    for entry in entries:
        for spelling in (entry.name, *entry.spellings):
            wild = spelling.endswith("*")
            if "*" in spelling[:-1]:
                continue  # a family with a part in the middle is met by its name alone
            key = "_".join(words(spelling.rstrip("*"))) + ("_*" if wild else "")
            index.setdefault(key, Known(entry.name, entry.splits))
    return index


@lru_cache(maxsize=4096)  # asked every few seconds for each run, always of the same few names
def matches(pattern: str, name: str) -> bool:
    """Whether a dotted pattern, where `*` stands for one part, matches a name."""
    wanted, parts = pattern.split("."), name.split(".")
    return len(wanted) == len(parts) and all(w in ("*", p) for w, p in zip(wanted, parts, strict=True))


_NOT_A_NAME = re.compile(r"[^a-z0-9_]+")


def clean(raw: str) -> str:
    """A raw key as a dotted name of its own: `custom/bleu dev` -> `custom.bleu_dev`."""
    parts = re.split(r"[/.]+", raw.strip().lower())
    return ".".join(filter(None, (_NOT_A_NAME.sub("_", part).strip("_") for part in parts)))

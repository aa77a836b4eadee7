"""A shape of line, learned once: the regular expression that reads further lines of it. What the slow way would take
for something else must not match here, so that it never matters which line of a file taught it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple

from sentinel.core.names import Names
from sentinel.formats import stamps
from sentinel.formats.tokens import Token
from sentinel.formats.walk import Fields

_VALUE = (
    r"([-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
    r"|[-+]?(?i:nan(?:\([a-z0-9]*\))?|inf(?:inity)?|1\.#(?:qnan|snan|ind|inf)0*))"
)
_RATIO = r"(\d[\d,]*\s*/\s*\d[\d,]*)"
_COUNT = r"(\d[\d,]*)(\s*/\s*)(\d[\d,]*)"
_FORMS = (  # a number that is no reading keeps its form: what is whole may be a counter, what has a colon is a time
    (re.compile(r"\d[\d,]*"), r"\d[\d,]*"),
    (re.compile(r"[-+]\d+"), r"[-+]\d+"),
    (re.compile(r"[-+]?\d+\.\d+"), r"[-+]?\d+\.\d+"),
    (re.compile(r"\d+(?::\d\d)+(?:\.\d+)?"), r"\d+(?::\d\d)+(?:\.\d+)?"),
    (re.compile(r"[-+]?\d*\.?\d+[eE][-+]?\d+"), r"[-+]?\d*\.?\d+[eE][-+]?\d+"),
)
_PARTS = re.compile(r"(\s+|(?<![A-Za-z_\d.])[-+]?\d[\d.,:]*(?:[eE][-+]?\d+)?(?![\w]))")
_DIGITS_LEAD = re.compile(r"[\s\[(<]*[A-Z]?\d")


class Layout(NamedTuple):
    """A shape of line that has been met: where its counters and values stand."""

    pattern: re.Pattern[str]
    keys: tuple[tuple[str, str], ...]
    values: tuple[int, ...]  # groups
    tokens: tuple[Token, ...]
    step: int
    epoch: int
    total: int  # the step's planned total
    epochs: int
    stamped: bool
    names: dict[str, tuple[str, ...]]
    take: Callable[[tuple[str, ...]], tuple[str, ...]] | None  # all values at once, where none has a unit
    direct: bool  # learned from a whole line as it stands in the file
    unstamped: str | None  # "" where a line of this shape may lead with a stamp all the same: look at it
    batches: tuple[int, int] | None  # where it counts the batches of a validation, and their total
    owned: bool  # the line names the split of several readings itself


def learn(text: str, start: int, parts: Fields, names: Names, direct: bool) -> Layout:
    """The line's shape: what varies becomes a group, what stays is taken literally."""
    wanted = [(f.token, "value") for f in parts.kept]
    wanted += [(t, "step") for t in (parts.step,) if t] + [(t, "epoch") for t in (parts.epoch,) if t]
    wanted += [(parts.done, "done")] if parts.done else []
    wanted.sort(key=lambda pair: pair[0].start)
    regex, at = _stamp(text, start)
    stamped = at > 0
    group = 1 if stamped else 0
    spots: dict[str, int] = {"step": -1, "epoch": -1, "step_total": -1, "epoch_total": -1, "done": -1, "done_total": -1}
    values: list[int] = []
    for token, kind in wanted:
        regex += _loose(text[at : token.start], before_number=True)
        if kind == "value":
            values.append(group)
        else:
            spots[kind] = group
        if token.kind == "frac" and kind != "value":
            regex += _COUNT
            spots[f"{kind}_total"] = group + 2
            group += 2
        else:
            regex += _RATIO if token.kind == "frac" else _VALUE + _unit(text, token)
        group, at = group + 1, token.end
    regex += _loose(text[at:])
    return _made(regex, text, (parts, tuple(values), spots), names, (direct, stamped))


def _made(
    regex: str,
    text: str,
    found: tuple[Fields, tuple[int, ...], dict[str, int]],
    names: Names,
    flags: tuple[bool, bool],
) -> Layout:
    parts, values, spots = found
    direct, stamped = flags
    keys = tuple((f.raw, f.section) for f in parts.kept)
    kept = tuple(f.token for f in parts.kept)
    batches = (spots["done"], spots["done_total"]) if parts.done else None
    places = (spots["step"], spots["epoch"], spots["step_total"], spots["epoch_total"])
    plain = len(values) > 1 and all(t.scale == 1.0 and not t.share and t.kind != "frac" for t in kept)
    take = itemgetter(*values) if plain else None
    owned = len(keys) > 1 and any(section or names.spell(raw).split for raw, section in keys)
    unstamped = "" if not stamped and _DIGITS_LEAD.match(text) else None
    shape = re.compile(regex, re.DOTALL)
    return Layout(shape, keys, values, kept, *places, stamped, {}, take, direct, unstamped, batches, owned)


def _stamp(text: str, start: int) -> tuple[str, int]:
    """The stamp that a line leads with as a group, and where it ends; nothing and 0 where there is none."""
    stamp = stamps.leading(text)
    if not stamp or stamp[1] > start:
        return "", 0
    digits = re.sub(r"\d", r"\\d", re.escape(text[stamp[0] : stamp[1]]))
    regex = re.escape(text[: stamp[0]]) + "(" + digits + ")"
    return re.sub(r"\\d(?:\\d)*(?= )", r"\\d+", regex) if text[stamp[0]] in "IWEF" else regex, stamp[1]


def _unit(text: str, token: Token) -> str:
    return re.escape(text[token.start + len(token.text) : token.end])


def _loose(text: str, before_number: bool = False) -> str:
    """Literal text, but for runs of space and for numbers that are no reading."""
    out = []
    parts = _PARTS.split(text)
    for at, part in enumerate(parts):
        if not part:
            continue
        if part.isspace():
            word_follows = any(parts[at + 1 :]) and next(p for p in parts[at + 1 :] if p)[0].isalpha()
            last = not any(parts[at + 1 :])
            if word_follows:
                out.append(" " if part == " " else r"(?:\s{2,}|\t)")
            else:
                out.append(r"\s+" if not last or before_number else r"\s*")
            continue
        form = next((loose for form, loose in _FORMS if form.fullmatch(part)), None)
        out.append(form or re.escape(part))
    return "".join(out)

"""Lines of prose: a layout is learned once as a regular expression, and further lines of it are read by that alone."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import NamedTuple

import re2

from sentinel.core.names import Names
from sentinel.formats import fields, progress, stamps
from sentinel.formats.chinese import in_english
from sentinel.formats.layout import Layout, learn
from sentinel.formats.naming import Naming
from sentinel.formats.numbers import number, whole

_LEVEL = re.compile(
    r".{0,120}?\b(?:INFO|DEBUG|WARNING|WARN|ERROR|CRITICAL|NOTICE)\b[\])\s:|,-]*(?:(?:root|tensorflow|[\w.]*__main__):)?"
    r"(?:[^\[\]]{0,60}?\.py[^\[\]]{0,30}?\]\s*|\[?[\w./]+\.(?:py|cpp|cc|c):\s*\d+\]?[\s:-]*)?"
)
_PLACE = re.compile(r"[^|]{0,60}\| \w+ *\| [\w.]+:[\w<>]+:\d+ - ")  # loguru: where in the source a line was said
_FILE_LINE = re.compile(r"\s*\S+\.(?:py|cpp|cc|c|cu):\d+\]\s*")
_HINT = re2.compile(
    r"(?i)loss|epoch|step|iter|acc|err|lr|batch|\bep\b|ppl|perplex|auc|f1|bleu|norm|map|iou|rew|score|recall|prec|test|val|train"
    r"|update|m[as]e\b|\[\d|dev\b|kl\b|[cw]er\b|cost|\bfid\b|psnr|ssim|dice|\btick |learning.rate|rank-?1\b"
    r"|learn:|\bep[_i]|return|t_env"
)
_CONFIG_PRINT = re2.compile(
    r"\b(?:Namespace|\w*Config|\w*Args|\w*Arguments|\w*Params)\(\w+=|\bimproved (?:from|by)\b|\w' reached \d"
    r"|<tf\.Tensor|\bdid not improve\b|\.py\s+(?:\S+\s+)?--?[A-Za-z]"
)
_new = tuple.__new__  # a named tuple's own way to make one costs twice as much
_MOST_LAYOUTS = 128
_ANY_NUMBER = r"[-+]?[\d.,]*(?:[eE][-+]?\d+)?(?:[A-Za-z]+)?"


class Found(NamedTuple):
    """What a line says."""

    names: tuple[str, ...]
    values: tuple[float, ...]
    step: int | None
    epoch: float | None
    total: int | None
    epochs: int | None
    stamp: str | None
    section: str = ""
    owned: bool = False
    part: float = 1.0  # of a validation over batches: how much of it the means are over


def head(text: str) -> tuple[int, float | None]:
    """Where the message begins behind timestamp, logger and level; and the stamp."""
    stamp = stamps.leading(text)
    start = stamp[1] if stamp else 0
    level = _LEVEL.match(text, start)
    if place := _PLACE.match(text):
        return place.end(), stamp[2] if stamp else None
    if level:
        return level.end(), stamp[2] if stamp else None
    place = _FILE_LINE.match(text, start)
    if place:
        return place.end(), stamp[2] if stamp else None
    while stamp and start < len(text) and text[start] in " ])>-|:,\t":
        start += 1
    return start, stamp[2] if stamp else None


class Prose:
    """Reads lines of prose of one file."""

    __slots__ = ("_hot", "_layouts", "_names", "_naming", "_version")

    def __init__(self, names: Names, naming: Naming) -> None:
        """Ready to read."""
        self._names = names
        self._naming = naming
        self._layouts: OrderedDict[str, Layout] = OrderedDict()
        self._hot: list[Layout] = []
        self._version = 0

    def known(self, text: str) -> Found | None:
        """What a line says whose layout was met lately; None sends it the long way."""
        if self._version != self._naming.version:
            return None
        for at, layout in enumerate(self._hot):
            match = layout.pattern.fullmatch(text)
            if match:
                if at > 2:
                    self._hot.insert(0, self._hot.pop(at))
                return self._take(layout, match, "")
        return None

    def read(self, text: str, context: str, direct: bool = False) -> Found | None:
        """What the line says, or None where it says nothing in numbers."""
        if (plain := in_english(text)) is not text:
            text, direct = plain, False
        if self._version != self._naming.version:
            self._version = self._naming.version
            for layout in self._layouts.values():
                layout.names.clear()
            self._hot.clear()
        for key in reversed(self._layouts):
            match = self._layouts[key].pattern.fullmatch(text)
            if match:
                found = self._given(self._layouts[key], match, context)
                if found is not None:
                    self._layouts.move_to_end(key)
                    self._warm(self._layouts[key], found)
                    return found
        if not _HINT.search(text) or len(text) > 8192 or _CONFIG_PRINT.search(text):
            return None
        start, _ = head(text)
        parts = fields.read(text, start, self._names)
        if not parts.kept and parts.step is None and parts.epoch is None:
            return Found((), (), None, None, None, None, None, parts.section) if parts.section else None
        layout = learn(text, start, parts, self._names, direct)
        match = layout.pattern.fullmatch(text)
        found = self._given(layout, match, context) if match else None
        if found is not None:
            self._layouts[layout.pattern.pattern] = layout
            if len(self._layouts) > _MOST_LAYOUTS:
                self._layouts.popitem(last=False)
        return found._replace(section=parts.section if not parts.kept else "") if found else None

    def _given(self, layout: Layout, match: re.Match[str], context: str) -> Found | None:
        """What a line gives, and of a validation under way how far that is."""
        found = self._take(layout, match, context)
        if found is None or layout.batches is None:
            return found
        return found._replace(part=progress.share(*(match[at + 1] for at in layout.batches)))

    def _warm(self, layout: Layout, found: Found) -> None:
        if layout.direct and found.names and layout.batches is None and layout not in self._hot:
            self._hot.insert(0, layout)
            del self._hot[8:]

    def _take(self, layout: Layout, match: re.Match[str], context: str) -> Found | None:
        groups = match.groups()
        headed, context = context[:1] == ":", context.lstrip(":")
        if (layout.step >= 0 or layout.epoch >= 0) and not headed:
            context = ""  # a line with counters of its own stands in no section, but for one right below its heading
        if layout.take is not None and (names := layout.names.get(context)) is not None:
            try:
                floats = tuple(map(float, layout.take(groups)))
            except ValueError:
                return self._take_slowly(layout, groups, context)
            return self._found(layout, groups, names, floats)
        return self._take_slowly(layout, groups, context)

    def _take_slowly(self, layout: Layout, groups: tuple[str, ...], context: str) -> Found | None:
        values = []
        for index, token in zip(layout.values, layout.tokens, strict=True):
            value = number(groups[index]) if token.kind != "frac" else _ratio(groups[index])
            if value is None:
                return None
            values.append(value if token.scale == 1.0 else value * token.scale)
        names = layout.names.get(context)
        if names is None:
            names = layout.names[context] = self._naming.name_all(layout.keys, context)
        for i, token in enumerate(layout.tokens):
            if token.share and self._names.share(names[i]):
                values[i] /= 100
        return self._found(layout, groups, names, tuple(values))

    def _found(
        self, layout: Layout, groups: tuple[str, ...], names: tuple[str, ...], values: tuple[float, ...]
    ) -> Found | None:
        step = epoch = total = epochs = None
        if layout.step >= 0 and (step := whole(groups[layout.step])) is None:
            return None  # `step: G` is another layout
        if layout.epoch >= 0 and (epoch := number(groups[layout.epoch])) is None:
            return None
        if layout.total >= 0:
            total = whole(groups[layout.total])
        if layout.epochs >= 0:
            epochs = whole(groups[layout.epochs])
        stamp = groups[0] if layout.stamped else layout.unstamped
        return _new(Found, (names, values, step, epoch, total, epochs, stamp, "", layout.owned, 1.0))


def _ratio(text: str) -> float | None:
    """`9890/10000` as the share that it is."""
    good, _, total = text.replace(",", "").partition("/")
    return int(good) / int(total) if int(total) else None

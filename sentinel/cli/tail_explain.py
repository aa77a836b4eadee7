"""`sentinel tail --explain FILE`: each line as it stands in the file, and under it what it was taken for."""

from __future__ import annotations

import gzip
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sentinel.core.names import Names
from sentinel.core.records import Fact, Item, Mark, Row
from sentinel.core.seams import Timing
from sentinel.formats import open_reader
from sentinel.formats.lines import Splitter

LEGEND = "+ gave readings   = gave a fact   ! says something of the run   . mere text, for patterns\n"
_WIDEST = 160
_MOST_NAMES = 60


@dataclass(slots=True)
class Met:
    """One name in this file."""

    count: int = 0
    line: int = 0
    value: float = 0.0


@dataclass(slots=True)
class Told:
    """What was met on the way, for the last lines."""

    lines: int = 0
    signs: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    names: dict[str, Met] = field(default_factory=lambda: defaultdict(Met))

    def take(self, sign: str, items: Iterable[Item]) -> None:
        """One line with its sign."""
        self.lines += 1
        self.signs[sign] += 1
        for item in items:
            if isinstance(item, Row):
                for name, value in zip(item.names, item.values, strict=True):
                    met = self.names[name]
                    met.count, met.line, met.value = met.count + 1, item.line, value


def explain(path: Path, names: Names, timing: Timing) -> bool:
    """Print a file line by line; False where it cannot be read."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except OSError as error:
        print(f"sentinel tail: {path}: {error.strerror or error}", file=sys.stderr)
        return False
    reader = open_reader(str(path).removesuffix(".gz"), data[:65536], names, timing)
    by_line: dict[int, list[Item]] = defaultdict(list)
    for item in (*reader.feed(data, None), *reader.finish()):
        by_line[item.line].append(item)
    texts = {} if b"\0" in data[:4096] else _texts(data)
    print(LEGEND)
    told = Told()
    for line in sorted({*texts, *by_line}):
        sign = _sign(by_line.get(line, ()))
        print(f"{line:7} {sign} {texts.get(line, 'a record')}".rstrip())
        for said in _said(by_line.get(line, ())):
            print(f"{'':9} {said}")
        told.take(sign, by_line.get(line, ()))
    _sum_up(told, names)
    return True


def _texts(data: bytes) -> dict[int, str]:
    """The lines by their number, as far as a terminal may see them; of a line drawn over and over the last drawing."""
    splitter = Splitter()
    pieces = (*splitter.feed(data), *splitter.finish())
    return {piece.number: "".join(c if c.isprintable() else " " for c in piece.text)[:_WIDEST] for piece in pieces}


def _sign(items: Sequence[Item]) -> str:
    if any(isinstance(item, Row) and item.names for item in items):
        return "+"
    if any(isinstance(item, Mark) for item in items):
        return "!"
    return "=" if any(isinstance(item, Fact) for item in items) else "."


def _said(items: Sequence[Item]) -> Iterable[str]:
    for item in items:
        if isinstance(item, Fact):
            yield f"= {item.name} {item.value}"
        elif isinstance(item, Mark):
            yield f"! {item.kind.value}: {item.detail[:_WIDEST]}" if item.detail else f"! {item.kind.value}"
        elif item.names:
            counters = (("step", item.step), ("epoch", item.epoch))
            where = ", ".join(f"{word} {value:,.10g}" for word, value in counters if value is not None)
            numbers = "  ".join(f"{name} {value:g}" for name, value in zip(item.names, item.values, strict=True))
            yield f"> {numbers}  ({where or 'no step or epoch'})"


def _sum_up(told: Told, names: Names) -> None:
    readings = sum(met.count for met in told.names.values())
    count = told.signs
    print(
        f"\n{told.lines:,} lines: {count['+']:,} gave {readings:,} readings, {count['=']:,} facts alone,"
        f" {count['!']:,} say something of the run, {count['.']:,} are mere text"
    )
    own = False
    for name, met in sorted(told.names.items(), key=lambda pair: -pair[1].count)[:_MOST_NAMES]:
        star = "" if names.known(name) else " *"
        own = own or bool(star)
        print(f"  {name + star:34} {met.count:7,} readings, the last {met.value:g} in line {met.line}")
    if len(told.names) > _MOST_NAMES:
        print(f"  and {len(told.names) - _MOST_NAMES} more names")
    if own:
        print("  * no entry of names.yml declares it: rules may use it as it is; `better` and other spellings go there")

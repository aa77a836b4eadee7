"""Reads texts as the daemon would, for the tests of this room."""

from pathlib import Path

from sentinel.core.records import Fact, Mark, Row
from sentinel.formats import open_reader
from sentinel.rulebook.names_file import load_names

NAMES, _ = load_names([Path(__file__).parents[2] / "rules" / "names.yml"])


class Stamps:
    def at(self, stamp, arrival):
        return stamp if arrival is None else arrival


def items(text, file="train.log", cuts=(), saved_at=None):
    data = text.encode() if isinstance(text, str) else text
    reader = open_reader(file, data[:65536], NAMES, Stamps())
    out, at = [], 0
    for cut in [*sorted(cuts), len(data)]:
        out += reader.feed(data[at:cut], None)
        at = cut
        if saved_at == cut:
            saved, settled = reader.save(), reader.settled
            reader = open_reader(file, data[:65536], NAMES, Stamps(), saved=saved)
            out += reader.feed(data[settled:cut], None)
    return [*out, *reader.finish()]


def rows(text, file="train.log"):
    return [i for i in items(text, file) if isinstance(i, Row) and i.names]


def said(text, file="train.log"):
    """One dict a row: the readings, and step and epoch where known."""
    out = []
    for row in rows(text, file):
        counters = {k: v for k, v in (("step", row.step), ("epoch", row.epoch)) if v is not None}
        out.append({**dict(zip(row.names, row.values, strict=True)), **counters})
    return out


def facts(text, file="train.log"):
    return {i.name: i.value for i in items(text, file) if isinstance(i, Fact)}


def marks(text, file="train.log"):
    return [i.kind.value for i in items(text, file) if isinstance(i, Mark)]

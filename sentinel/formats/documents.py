"""The reader of files that are one JSON document: trainer_state.json, Chainer's and CatBoost's logs, Keras' histories."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, cast

from sentinel.core.names import Names
from sentinel.core.records import Fact, Item, Json, Origin
from sentinel.core.seams import Timing
from sentinel.formats.course import Course
from sentinel.formats.naming import Naming, Role
from sentinel.formats.objects import Objects, flat

_LONGEST = 200_000  # looks of a history
_NEXT = re.compile(r"[\s,]*(?=[^\s,\]])")


class DocumentReader:
    """Reads a file that is one JSON document: its rows come when it is whole."""

    __slots__ = ("_arrival", "_buffer", "_course", "_done", "_naming", "_objects", "settled")

    LARGEST = 64 << 20

    def __init__(self, file: str, names: Names, timing: Timing, saved: Json = None) -> None:
        """Ready to read."""
        self._course = Course(file, timing)
        self._naming = Naming(names)
        self._objects = Objects(self._naming)
        self._buffer = b""
        self._done = isinstance(saved, dict) and bool(saved.get("done"))
        self.settled = int(cast("int", saved.get("settled", 0))) if isinstance(saved, dict) else 0
        self._arrival: float | None = None

    def feed(self, data: bytes, arrival: float | None) -> Sequence[Item]:
        """Nothing until the document is whole."""
        self._course.arrival = arrival
        if self._done:
            self.settled += len(data)
            return []
        if len(self._buffer) < self.LARGEST:
            self._buffer += data
        closed = data.rstrip()[-1:] in (b"}", b"]")
        return self._parse() if closed else []

    def idle(self, now: float) -> Sequence[Item]:  # noqa: ARG002
        """Nothing: a document has no last line."""
        return []

    def finish(self) -> Sequence[Item]:
        """A torn document gives nothing."""
        return [] if self._done else self._parse()

    def save(self) -> Json:
        """Whether it was whole."""
        return {"kind": "document", "done": self._done, "settled": self.settled}

    def _parse(self) -> list[Item]:
        text = self._buffer.decode("utf-8-sig", "replace")
        try:
            root = json.loads(text)
        except (ValueError, RecursionError):
            return []
        self._done = True
        self.settled += len(self._buffer)
        self._buffer = b""
        out: list[Item] = []
        key, things = _records(root, self._course, out)
        if not things and isinstance(root, dict):
            things = _side_by_side(root, self._naming)
        for line, thing in zip(_lines(text, key, len(things)), things, strict=True):
            row = self._objects.row(flat(thing), self._course, line, "") if isinstance(thing, dict) else None
            if row is not None:
                out.append(row)
        return out


def _lines(text: str, key: str, count: int) -> list[int]:
    """The line that each object of a document's list begins on; 0 for all where they cannot be told."""
    opening = re.search(rf'"{re.escape(key)}"\s*:\s*\[' if key else r"\[", text)
    found: list[int] = []
    at, line, seen = opening.end() if opening else len(text), 1, 0
    scan = json.JSONDecoder().raw_decode
    while match := _NEXT.match(text, at):
        line += text.count("\n", seen, match.end())
        seen = match.end()
        found.append(line)
        _, at = scan(text, seen)
    return found if len(found) == count else [0] * count


def _records(root: Any, course: Course, out: list[Item]) -> tuple[str, list[Any]]:
    """The list that a document holds, with its key: `log_history`, Chainer's list, CatBoost's iterations."""
    if isinstance(root, list):
        return "", root
    if not isinstance(root, dict):
        return "", []
    for key, name in (
        ("max_steps", "planned_steps"),
        ("num_train_epochs", "planned_epochs"),
        ("train_batch_size", "batch_size"),
    ):
        value = root.get(key)
        if isinstance(value, int) and value > 0:
            out.append(Fact(f"fact.{name}", value, course.file, 0, Origin.LOG))
    meta = root.get("meta")
    if isinstance(meta, dict) and isinstance(root.get("iterations"), list):
        names = {
            k: [m.get("name", "") for m in meta.get(f"{k}_metrics", []) if isinstance(m, dict)]
            for k in ("learn", "test")
        }
        things = [_catboost(thing, names) if isinstance(thing, dict) else thing for thing in root["iterations"]]
        return "iterations", things
    lists = [(len(v), k) for k, v in root.items() if isinstance(v, list) and v and isinstance(v[0], dict)]
    longest = max(lists)[1] if lists else ""
    return longest, root[longest] if lists else []


def _side_by_side(root: dict[str, Any], naming: Naming) -> list[Any]:
    """The looks of a history that holds a list for each name, as Keras keeps it; no other lists than a loss's count."""
    lists = {k: v for k, v in root.items() if isinstance(v, list) and v and all(_is_number(x) for x in v)}
    spelt = {key: naming.names.spell(key) for key in lists}
    losses = [len(lists[key]) for key, said in spelt.items() if said.metric == "loss"]
    if not 0 < max(losses, default=0) <= _LONGEST:
        return []
    together = {key: values for key, values in lists.items() if len(values) == max(losses)}
    counted = any(naming.column(key) in (Role.STEP, Role.EPOCH) for key in together)
    unit = "epoch" if any(spelt[key].split in ("val", "test") for key in together) else "step"
    looks = [dict(zip(together, values, strict=True)) for values in zip(*together.values(), strict=True)]
    return looks if counted else [{unit: at, **look} for at, look in enumerate(looks, 1)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _catboost(thing: dict[str, Any], names: dict[str, list[str]]) -> dict[str, Any]:
    out: dict[str, Any] = {"iteration": thing.get("iteration")}
    for split, keys in names.items():
        values = thing.get(split)
        if isinstance(values, list):
            out.update(
                {
                    f"{split}_{key}": value
                    for key, value in zip(keys, values, strict=False)
                    if not isinstance(value, list)
                }
            )
    return out

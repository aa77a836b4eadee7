"""The reader of files that are one JSON document: trainer_state.json, Chainer's and CatBoost's logs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from sentinel.core.names import Names
from sentinel.core.records import Fact, Item, Json, Origin
from sentinel.core.seams import Timing
from sentinel.formats.course import Course
from sentinel.formats.naming import Naming
from sentinel.formats.objects import Objects, flat


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
        try:
            root = json.loads(self._buffer.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return []
        self._done = True
        self.settled += len(self._buffer)
        self._buffer = b""
        out: list[Item] = []
        for thing in _records(root, self._course, out):
            row = self._objects.row(flat(thing), self._course, 0, "")
            if row is not None:
                out.append(row)
        return out


def _records(root: Any, course: Course, out: list[Item]) -> list[dict[str, Any]]:
    """The list of objects that a document holds: `log_history`, Chainer's list, CatBoost's iterations."""
    if isinstance(root, list):
        return [thing for thing in root if isinstance(thing, dict)]
    if not isinstance(root, dict):
        return []
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
        return [_catboost(thing, names) for thing in root["iterations"] if isinstance(thing, dict)]
    lists = [v for v in root.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
    return [thing for thing in max(lists, key=len) if isinstance(thing, dict)] if lists else []


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

"""The readers of TensorBoard's event files and of W&B's `.wandb` files: own framing, torn tails resumed, no dependency."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from typing import Any, cast

from sentinel.core.names import Names
from sentinel.core.records import Fact, Item, Json, Origin
from sentinel.core.seams import Timing
from sentinel.formats.configs import hidden
from sentinel.formats.course import Course
from sentinel.formats.naming import Naming, Role
from sentinel.formats.objects import Objects
from sentinel.formats.wire_fields import message, signed

WANDB_HEADER = 7
_BLOCK = 32_768
_LARGEST = 64 << 20

# A frame found in the bytes at an offset of the file: (its content, where it ends); None: torn; ValueError: no such file.
Framing = Callable[[bytes, int, int], "tuple[bytes, int] | None"]


class BinaryReader:
    """Reads one file of framed records; see `Reader`."""

    __slots__ = ("_broken", "_buffer", "_course", "_kind", "_naming", "_objects", "_record", "settled")

    def __init__(self, kind: str, file: str, names: Names, timing: Timing, saved: Json = None) -> None:
        """Ready to read a file of that kind, `tfevents` or `wandb`."""
        state = cast("dict[str, Any]", saved) if isinstance(saved, dict) else {}
        self._kind = kind
        self._course = Course(file, timing)
        self._course.restore(state.get("course", {}))
        self._naming = Naming(names, dict(state.get("claims", {})))
        self._objects = Objects(self._naming)
        self._buffer = b""
        self._record = state.get("record", 0)
        self._broken = bool(state.get("broken"))
        self.settled: int = state.get("settled", 0)

    def feed(self, data: bytes, arrival: float | None) -> Sequence[Item]:
        """The items of every whole record."""
        self._course.arrival = arrival
        out: list[Item] = []
        if self._broken:
            self.settled += len(data)
            return out
        self._buffer += data
        at = 0
        framing, decode = _KINDS[self._kind]
        while True:
            try:
                found = framing(self._buffer, at, self.settled + at)
            except ValueError:
                self._broken = True
                at = len(self._buffer)
                break
            if found is None:
                break
            content, at = found
            self._record += 1
            decode(content, self._record, self._course, self._naming, self._objects, out)
        self.settled += at
        self._buffer = self._buffer[at:]
        return out

    def idle(self, now: float) -> Sequence[Item]:  # noqa: ARG002
        """Nothing: a torn record says nothing."""
        return []

    def finish(self) -> Sequence[Item]:
        """Nothing more."""
        return []

    def save(self) -> Json:
        """All that reading on from `settled` needs."""
        course, claims = cast("Json", self._course.save()), cast("Json", dict(self._naming.claims))
        return {
            "kind": self._kind,
            "settled": self.settled,
            "record": self._record,
            "broken": self._broken,
            "course": course,
            "claims": claims,
        }


def _event_frame(data: bytes, at: int, _offset: int) -> tuple[bytes, int] | None:
    """TFRecord: length, its check, content, its check."""
    if len(data) - at < 12:
        return None
    length, check = struct.unpack_from("<QI", data, at)
    if length > _LARGEST or check != masked_crc(data[at : at + 8]):
        raise ValueError("no event file")
    end = at + 12 + length + 4
    return (data[at + 12 : end - 4], end) if end <= len(data) else None


def wandb_frame(data: bytes, at: int, offset: int) -> tuple[bytes, int] | None:
    """LevelDB's log: blocks of 32 KiB, a record whole or in parts."""
    if offset == 0:
        if len(data) - at < WANDB_HEADER:
            return None
        if data[at : at + 4] != b":W&B":
            raise ValueError("no wandb file")
        at, offset = at + WANDB_HEADER, WANDB_HEADER
    parts: list[bytes] = []
    while True:
        left = _BLOCK - offset % _BLOCK
        if left < WANDB_HEADER:
            at, offset = at + left, offset + left
        if len(data) - at < WANDB_HEADER:
            return None
        length, kind = struct.unpack_from("<HB", data, at + 4)
        if not 1 <= kind <= 4 or sum(map(len, parts)) > _LARGEST:
            raise ValueError("no wandb record")
        end = at + WANDB_HEADER + length
        if end > len(data):
            return None
        parts.append(data[at + WANDB_HEADER : end])
        offset, at = offset + WANDB_HEADER + length, end
        if kind in (1, 4):
            return b"".join(parts), at


def _event(content: bytes, record: int, course: Course, naming: Naming, objects: Objects, out: list[Item]) -> None:
    """One event of TensorBoard: its scalars are one look."""
    step, thing = 0, {}
    for number, value in message(content):
        if number == 1 and isinstance(value, float):
            course.stamp = value if value == value and 0 < value < 1e11 else course.stamp
        elif number == 2 and isinstance(value, int):
            step = signed(value)
        elif number == 5 and isinstance(value, bytes):
            for inner, scalar in message(value):
                if inner == 1 and isinstance(scalar, bytes):
                    thing.update(_scalar(scalar))
    thing = {tag: value for tag, value in thing.items() if tag != "hp_metric"}
    for tag in [tag for tag in thing if naming.column(tag) is Role.EPOCH]:
        course.epoch = thing.pop(tag)
    if thing:
        row = objects.row({**thing, "global_step": step}, course, record, "", table=True)
        if row is not None:
            out.append(row)


def _scalar(data: bytes) -> dict[str, float]:
    """The tag and value of a summary's scalar, old (simple_value) or new (a tensor of one float)."""
    tag, found = "", None
    for number, value in message(data):
        if number == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8", "replace")
        elif number == 2 and isinstance(value, float):
            found = value
        elif number == 8 and isinstance(value, bytes):
            found = _tensor(value)
    return {tag: found} if tag and found is not None else {}


def _tensor(data: bytes) -> float | None:
    parts = dict(message(data))
    kind, content = parts.get(1), parts.get(4)
    form = {1: "<f", 2: "<d"}.get(kind) if isinstance(kind, int) else None
    packed = content if isinstance(content, bytes) else parts.get(5) if kind == 1 else parts.get(6)
    if isinstance(packed, float):
        return packed
    if form and isinstance(packed, bytes) and len(packed) == struct.calcsize(form):
        return float(struct.unpack(form, packed)[0])
    return None


def _wandb(content: bytes, record: int, course: Course, naming: Naming, objects: Objects, out: list[Item]) -> None:  # noqa: ARG001
    """One record of W&B: history is a look, config is facts."""
    for number, value in message(content):
        if number == 2 and isinstance(value, bytes):
            row = objects.row(_items(value), course, record, "", table=True)
            if row is not None:
                out.append(row)
        elif number == 5 and isinstance(value, bytes):
            out.extend(_settings(value, course.file, record))
        elif number == 17 and isinstance(value, bytes):  # the run's own record brings its first config
            for inner, config in message(value):
                if inner == 4 and isinstance(config, bytes):
                    out.extend(_settings(config, course.file, record))


def _settings(data: bytes, file: str, record: int) -> list[Fact]:
    """The facts of a config record."""
    items = [(k, v) for k, v in _items(data).items() if isinstance(v, str | int | float) and not k.startswith("_wandb")]
    return [Fact(f"config.{k.replace('/', '.')}", hidden(k, v), file, record, Origin.CONFIG) for k, v in items]


def _items(data: bytes) -> dict[str, Any]:
    """The key and value pairs of a history or config record, values as JSON."""
    out: dict[str, Any] = {}
    for _, item in message(data):
        if not isinstance(item, bytes):
            continue
        keys, value = [], None
        for number, part in message(item):
            if number in (1, 2) and isinstance(part, bytes):
                keys.append(part.decode("utf-8", "replace"))
            elif number == 16 and isinstance(part, bytes):
                value = part
        if keys and value is not None:
            try:
                out["/".join(keys)] = json.loads(value)
            except (ValueError, RecursionError):
                continue
    return out


_KINDS: dict[str, tuple[Framing, Callable[..., None]]] = {
    "tfevents": (_event_frame, _event),
    "wandb": (wandb_frame, _wandb),
}


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC = _crc_table()


def masked_crc(data: bytes) -> int:
    """CRC-32C as TFRecord masks it."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _CRC[(value ^ byte) & 255] ^ (value >> 8)
    value ^= 0xFFFFFFFF
    return (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def kind_of(file: str, head: bytes) -> str:
    """`tfevents` or `wandb` where the first bytes or the name say so, else ""."""
    if head[:4] == b":W&B":
        return "wandb"
    framed = len(head) >= 12 and struct.unpack_from("<Q", head)[0] < _LARGEST
    if framed and struct.unpack_from("<I", head, 8)[0] == masked_crc(head[:8]):
        return "tfevents"
    base = file.rsplit("/", 1)[-1]
    if not head[:1] and ".tfevents." in base:
        return "tfevents"
    return "wandb" if not head[:1] and base.endswith(".wandb") else ""

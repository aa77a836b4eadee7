"""Reads pickles without running them: each class or function that they name becomes an inert stand-in, tensors records.

Runs in the limited child. Standard library only.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from typing import Any, NamedTuple

ITEM_SIZES = {
    "DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8, "IntStorage": 4,
    "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1, "UntypedStorage": 1,
    "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16,
}  # fmt: skip
DANGEROUS = frozenset((
    "os", "posix", "nt", "subprocess", "sys", "shutil", "socket", "importlib", "runpy", "pty", "webbrowser", "ctypes",
    "code", "bdb", "pdb", "asyncio", "multiprocessing", "threading", "signal", "tempfile", "urllib", "http", "ftplib",
    "smtplib", "pickle", "marshal", "types",
))  # fmt: skip
DANGEROUS_BUILTINS = frozenset((
    "eval", "exec", "compile", "open", "__import__", "getattr", "setattr", "delattr", "globals", "breakpoint", "input",
    "apply", "execfile",
))  # fmt: skip
DEEPEST, MOST = 64, 2_000_000


class Storage(NamedTuple):
    """Where a tensor's bytes are: the record's key, what it holds, how many."""

    kind: str
    key: str
    numbers: int


class Tensor(NamedTuple):
    """A tensor as the pickle describes it."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def numbers(self) -> int:
        """How many numbers it has."""
        total = 1
        for size in self.shape:
            total *= size
        return total


class Stub:
    """Stands in for every foreign class or function: takes anything, does nothing, remembers what it was given."""

    called = "?"

    def __new__(cls, *given: Any, **named: Any) -> Stub:
        """A stand-in that keeps what it was made with."""
        self = object.__new__(cls)
        self.__dict__["held"] = [*given, *named.values()]
        return self

    def __init__(self, *_: Any, **__: Any) -> None:
        """Nothing happens."""

    def __call__(self, *given: Any) -> Stub:
        """Calling it gives another stand-in."""
        return type(self)(*given)

    def __setstate__(self, state: Any) -> None:
        """The state is only kept."""
        self.__dict__["held"].append(state)

    def append(self, item: Any) -> None:
        """Kept."""
        self.__dict__["held"].append(item)

    add = append

    def extend(self, items: Any) -> None:
        """Kept."""
        self.__dict__["held"].append(items)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__dict__["held"].append({key: value} if isinstance(key, str) else value)

    __hash__ = object.__hash__


class Ordered(dict[Any, Any]):
    """Stands in for OrderedDict, whose instances may carry attributes such as `_metadata`."""


def _rebuild(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Any:
    plain = isinstance(storage, Storage) and isinstance(offset, int)
    numbers = [*size, *stride] if isinstance(size, tuple) and isinstance(stride, tuple) else [None]
    if not plain or not all(isinstance(n, int) and n >= 0 for n in numbers) or offset < 0:
        raise pickle.UnpicklingError("a tensor is described by something else than numbers")
    return Tensor(storage, offset, size, stride)


def _first(data: Any, *_: Any) -> Any:
    return data


_KNOWN: dict[tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    ("torch._utils", "_rebuild_tensor"): _rebuild,
    ("torch._utils", "_rebuild_parameter"): _first,
    ("torch._utils", "_rebuild_parameter_with_state"): _first,
    ("torch._tensor", "_rebuild_from_type_v2"): lambda made, _kind, given, _state: made(*given),
    ("collections", "OrderedDict"): Ordered,
}


class StubUnpickler(pickle.Unpickler):
    """An unpickler that can make nothing but plain values, stand-ins and tensor records."""

    def __init__(self, file: Any) -> None:
        """Reads from a binary file."""
        super().__init__(file, encoding="utf-8", errors="replace")
        self.named: set[str] = set()
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Never the thing itself."""
        self.named.add(f"{module}.{name}")
        known = _KNOWN.get((module, name))
        if known is not None:
            return known
        called = name if module in ("torch", "torch.storage") and name.endswith("Storage") else f"{module}.{name}"
        return type("Stub", (Stub,), {"called": called})

    def persistent_load(self, pid: Any) -> Any:
        """A storage is only described: ('storage', class, key, location, count)."""
        if not (isinstance(pid, tuple) and len(pid) >= 5 and isinstance(pid[4], int) and pid[4] >= 0):
            raise pickle.UnpicklingError("a storage is described by something else than torch's tuple")
        storage = Storage(getattr(pid[1], "called", "?"), str(pid[2]), pid[4])
        self.storages[storage.key] = storage
        return storage


def read_stubs(data: bytes) -> tuple[Any, StubUnpickler]:
    """A pickle's object with stand-ins for everything foreign."""
    unpickler = StubUnpickler(io.BytesIO(data))
    return unpickler.load(), unpickler


def dangerous(named: set[str]) -> list[str]:
    """Which of the names would run something on whoever loads the file with a full unpickler."""

    def bad(name: str) -> bool:
        module, _, last = name.rpartition(".")
        return name.split(".", maxsplit=1)[0] in DANGEROUS or (
            module in ("builtins", "__builtin__") and last in DANGEROUS_BUILTINS
        )

    return sorted(name for name in named if bad(name))


def foreign(named: set[str]) -> list[str]:
    """Names of neither torch nor the standard containers: what a full load would have to import."""
    own = ("torch.", "torch_", "collections.", "builtins.", "__builtin__.", "_codecs.", "numpy.")
    return sorted(name for name in named if not name.startswith(own))


def leaves(thing: Any) -> Iterator[tuple[str, Any]]:
    """Every leaf with its dotted path, each object once, however often or deep it is referred to."""
    seen: set[int] = set()
    waiting: list[tuple[str, Any, int]] = [("", thing, 0)]
    count = 0
    while waiting and count < MOST:
        path, item, depth = waiting.pop()
        count += 1
        parts = _parts(item)
        if parts is None:
            yield path, item
        elif depth < DEEPEST and id(item) not in seen:
            seen.add(id(item))
            waiting.extend((f"{path}.{name}".strip("."), part, depth + 1) for name, part in reversed(parts))


def _parts(item: Any) -> list[tuple[str, Any]] | None:
    if isinstance(item, Tensor | Storage):
        return None
    if isinstance(item, dict):
        return [(str(key)[:200], part) for key, part in item.items()]
    if isinstance(item, list | tuple):
        return [(str(number), part) for number, part in enumerate(item)]
    if isinstance(item, Stub):
        return [("", part) for part in item.__dict__["held"]]
    return None

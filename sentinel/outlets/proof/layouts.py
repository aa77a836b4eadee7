"""The file forms of checkpoints: torch zip, legacy torch, safetensors. Each gives its tensors' places or what lacks.

Runs in the limited child, on an open file. `BrokenError`: it is not complete; `UnclearError`: it cannot be told.
"""

from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from sentinel.outlets.proof.stub import (
    ITEM_SIZES,
    Storage,
    StubUnpickler,
    Tensor,
    dangerous,
    foreign,
    leaves,
    read_stubs,
)
from sentinel.outlets.proof.tensors import Span

LARGEST_PICKLE = 64 << 20
LARGEST_HEADER = 100 << 20
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
SAFE_SIZES = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2, "I8": 1,
    "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1,
}  # fmt: skip
STEP_NAMES = ("global_step", "step", "iteration", "iter_num", "iter", "steps", "num_updates", "iterations")
EPOCH_NAMES = ("epoch", "current_epoch")
OPTIMIZER_NAMES = ("optimizer", "optim", "optimizer_states", "opt", "optimizer_state_dict", "optim_state_dict")


class BrokenError(Exception):
    """The file is not complete."""


class UnclearError(Exception):
    """Whether the file is complete cannot be told."""


@dataclass
class Contents:
    """What a file's structure says."""

    form: str
    spans: list[Span] = field(default_factory=list)
    parameters: int = 0
    step: int | None = None
    epoch: float | None = None
    optimizer: bool = False
    dangerous: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def read_layout(file: BinaryIO, size: int) -> Contents:
    """The structure of an open file, by its first bytes."""
    if size == 0:
        raise BrokenError("0 bytes")
    head = file.read(16)
    file.seek(0)
    for fits, reader in READERS:
        if fits(head, size):
            return reader(file, size)
    raise UnclearError(f"no form of checkpoint that is known: begins with {head[:8].hex()}")


def _zip(file: BinaryIO, size: int) -> Contents:
    try:
        with zipfile.ZipFile(file) as archive:
            return _torch_zip(archive, file, size)
    except (zipfile.BadZipFile, EOFError, struct.error) as trouble:
        raise BrokenError(f"cut off or damaged: {trouble}") from None


def _torch_zip(archive: zipfile.ZipFile, file: BinaryIO, size: int) -> Contents:
    infos = archive.infolist()
    pickles = [info for info in infos if info.filename.endswith("data.pkl")]
    if not pickles:
        raise BrokenError("a zip file without data.pkl")
    if any(info.compress_type for info in infos):
        raise UnclearError("has compressed records, which torch never writes")
    if pickles[0].file_size > LARGEST_PICKLE:
        raise UnclearError(f"its pickle has {pickles[0].file_size >> 20} MiB, more than is read")
    prefix = pickles[0].filename.removesuffix("data.pkl")
    records = {info.filename.removeprefix(prefix): _record(info, file, size) for info in infos}
    thing, unpickler = read_stubs(archive.read(pickles[0]))
    found = _described("torch zip", thing, unpickler)
    data = {name.removeprefix("data/"): place for name, place in records.items() if name.startswith("data/")}
    _place(found, thing, unpickler, data)
    return found


def _record(info: zipfile.ZipInfo, file: BinaryIO, size: int) -> tuple[int, int]:
    """Where a record's bytes are, by its local header: damage there is not seen by the directory."""
    file.seek(info.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise BrokenError(f"the local header of {info.filename} is damaged")
    name, extra = struct.unpack("<HH", header[26:30])
    if file.read(name) != info.orig_filename.encode():
        raise BrokenError(f"the local header of {info.filename} names another record")
    begin = info.header_offset + 30 + name + extra
    if begin + info.file_size > size:
        raise BrokenError(f"{info.filename} goes past the end of the file")
    return begin, info.file_size


def _described(form: str, thing: Any, unpickler: StubUnpickler) -> Contents:
    found = Contents(form, dangerous=dangerous(unpickler.named), foreign=foreign(unpickler.named)[:20])
    if isinstance(thing, dict):
        found.step = _number(thing, STEP_NAMES)
        found.epoch = _number(thing, EPOCH_NAMES)
        found.optimizer = any(name in thing for name in OPTIMIZER_NAMES) or {"state", "param_groups"} <= set(thing)
    return found


def _number(thing: dict[Any, Any], names: tuple[str, ...]) -> int | None:
    number = next((thing[name] for name in names if isinstance(thing.get(name), int)), None)
    return None if number is None or isinstance(number, bool) else number


def _place(found: Contents, thing: Any, unpickler: StubUnpickler, data: dict[str, tuple[int, int]]) -> None:
    """Every tensor's bytes; each storage must be there with the size that the pickle claims."""
    sizes = {}
    for key, storage in unpickler.storages.items():
        place = data.get(key)
        needs = storage.numbers * ITEM_SIZES.get(storage.kind, 1)
        if place is None:
            raise BrokenError(f"the storage {key} is missing")
        if needs > place[1]:
            raise BrokenError(f"the storage {key} should have {needs} bytes and has {place[1]}")
        sizes[key] = needs
    seen: set[str] = set()
    for name, tensor in leaves(thing):
        if isinstance(tensor, Tensor) and tensor.storage.key in sizes:
            found.parameters += tensor.numbers
            if tensor.storage.key not in seen:
                seen.add(tensor.storage.key)
                found.spans.append(_span(name, tensor, data[tensor.storage.key][0], sizes[tensor.storage.key]))


def _span(name: str, tensor: Tensor, begin: int, length: int) -> Span:
    dense, row = [], 1
    for extent in reversed(tensor.shape):
        dense.append(row)
        row *= extent
    whole = tensor.offset == 0 and tuple(reversed(dense)) == tensor.stride and tensor.numbers == tensor.storage.numbers
    return Span(name, tensor.storage.kind, begin, length, tensor.shape, whole)


def _safetensors(file: BinaryIO, size: int) -> Contents:
    length = struct.unpack("<Q", file.read(8))[0]
    if length > LARGEST_HEADER or length + 8 > size:
        raise BrokenError(f"its header of {length} bytes does not fit into {size}")
    try:
        header = json.loads(file.read(length))
    except ValueError as trouble:
        raise BrokenError(f"its header is damaged: {trouble}") from None
    tensors = {name: about for name, about in header.items() if name != "__metadata__"}
    found, end = Contents("safetensors"), 0
    for name, about in tensors.items():
        first, last = about["data_offsets"]
        count = 1
        for extent in about["shape"]:
            count *= extent
        if last - first != count * SAFE_SIZES.get(about["dtype"], 1) or first < 0:
            raise BrokenError(f"{name} should have {count} numbers and has {last - first} bytes")
        found.spans.append(Span(name, about["dtype"], 8 + length + first, last - first, tuple(about["shape"])))
        found.parameters += count
        end = max(end, last)
    if 8 + length + end != size:
        raise BrokenError(f"its header promises {8 + length + end} bytes, the file has {size}")
    about = os.fstat(file.fileno())
    if about.st_blocks * 512 < size * 0.98 and size > 1 << 20:
        raise BrokenError(f"sparse: {about.st_blocks * 512} of {size} bytes are written")
    return found


def _legacy(file: BinaryIO, size: int) -> Contents:
    """torch's form of before 1.6: four pickles, then each storage as a count and its bytes."""
    if StubUnpickler(file).load() != LEGACY_MAGIC:
        raise UnclearError("a pickle that is no checkpoint of torch: its end cannot be told without loading it")
    for _ in range(2):
        StubUnpickler(file).load()
    unpickler = StubUnpickler(file)
    thing = unpickler.load()
    keys = StubUnpickler(file).load()
    data: dict[str, tuple[int, int]] = {}
    for key in keys if isinstance(keys, list) else []:
        storage = unpickler.storages.get(str(key), Storage("?", str(key), 0))
        head = file.read(8)
        begin = file.tell()
        length = int.from_bytes(head, "little") * ITEM_SIZES.get(storage.kind, 1)
        if len(head) < 8 or begin + length > size:
            raise BrokenError(f"the storage {key} goes past the end of the file")
        data[str(key)] = (begin, length)
        file.seek(begin + length)
    found = _described("legacy torch", thing, unpickler)
    _place(found, thing, unpickler, data)
    return found


def _plausible_header(head: bytes, size: int) -> bool:
    return (len(head) >= 9 and head[8:9] == b"{") or (0 < size < 9)


READERS: tuple[tuple[Callable[[bytes, int], bool], Callable[[BinaryIO, int], Contents]], ...] = (
    (lambda head, _: head[:2] == b"PK", _zip),
    (lambda head, _: head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05", _legacy),
    (_plausible_header, _safetensors),
)

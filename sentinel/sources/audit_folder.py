"""All facts that lie in a folder before anything runs: configs, tokenizers, and what its Python files betray."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sentinel.core.records import Fact
from sentinel.sources.audit_facts import with_well_known
from sentinel.sources.audit_source import source_facts
from sentinel.sources.eyes import Eyes, default_eyes
from sentinel.sources.folder import walk

LARGEST = 16 << 20  # a tokenizer may be large; a config never is
LARGEST_SOURCE = 1 << 20
_FOREIGN = ("site-packages/", "node_modules/", ".venv/", "venv/", "tests/", "test/")


def folder_facts(folder: Path, eyes: Eyes | None = None) -> Iterator[Fact]:
    """The facts of every config and source file below a folder, each with its place. What cannot be read is left out."""
    eyes = eyes or default_eyes()
    for name in walk(str(folder)):
        if any(name.startswith(part) or f"/{part}" in name for part in _FOREIGN):
            continue
        if name.endswith(".py") and not eyes.is_config(name):
            yield from source_facts(name, _read(folder / name, LARGEST_SOURCE).decode("utf-8", "replace"))
        elif eyes.is_config(name):
            yield from with_well_known(eyes.read_config(name, _read(folder / name, LARGEST)))


def _read(path: Path, most: int) -> bytes:
    """A file's bytes; nothing where it is too large or cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        return file.read() if os.fstat(descriptor).st_size <= most else b""

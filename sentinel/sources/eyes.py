"""What sources need of `formats`, as one seam: what a file is, and how its bytes become rows and facts. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sentinel.core.names import Names
from sentinel.core.records import Fact, Json
from sentinel.core.seams import Reader, Timing


class Eyes(Protocol):
    """The four questions that a source asks about a file. The module `sentinel.formats` answers them."""

    def is_log(self, name: str, head: bytes) -> bool:
        """Whether a file of this name and beginning is one that training writes and a reader understands."""

    def is_config(self, name: str) -> bool:
        """Whether a file of this name holds facts about a run."""

    def open_reader(self, file: str, head: bytes, names: Names, timing: Timing, saved: Json = None) -> Reader:
        """A reader for a file with this beginning, or one that goes on from what another has saved."""

    def read_config(self, name: str, data: bytes) -> Sequence[Fact]:
        """Every key of a config file."""


def default_eyes() -> Eyes:
    """The formats that Sentinel knows."""
    from sentinel import formats

    return formats

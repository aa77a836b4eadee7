"""Understanding what trainings write: bytes to rows, facts and marks. Pure: no files, no clock.

Nothing is configured: which reader a file gets follows from its content, and may change within it.
"""

from __future__ import annotations

import re

from sentinel.core.names import Names
from sentinel.core.records import Json
from sentinel.core.seams import Reader, Timing
from sentinel.formats.binary import BinaryReader, kind_of
from sentinel.formats.configs import is_config, read_config
from sentinel.formats.documents import DocumentReader
from sentinel.formats.text import TextReader

__all__ = ["is_config", "is_log", "open_reader", "read_config"]

_LOG_ENDINGS = (".log", ".out", ".err", ".csv", ".tsv", ".jsonl", ".ndjson", ".txt", ".json", ".gz")
_HISTORY = re.compile(
    rb'\{\s*"[\w /.-]+":\s*\[\s*-?[\d.]'
)  # `{"loss": [0.7, 0.5], "val_loss": ...`: lists, side by side
_STRANGE = bytes(byte for byte in range(1, 27) if not 9 <= byte <= 13)  # of no text
_NOT_LOGS = ("requirements.txt", "vocab.txt", "merges.txt", "tokenizer.json", "config.json", "package.json")


def open_reader(
    file: str,
    head: bytes,
    names: Names,
    timing: Timing,
    saved: Json = None,
    run_context: object = None,  # noqa: ARG001
) -> Reader:
    """The reader for a file, by its first bytes, or as it was saved."""
    kind = saved.get("kind") if isinstance(saved, dict) else None
    binary = kind if kind in ("tfevents", "wandb") else kind_of(file, head) if kind is None else ""
    if binary:
        return BinaryReader(str(binary), file, names, timing, saved)
    if kind == "document" or (kind is None and _is_document(head)):
        return DocumentReader(file, names, timing, saved)
    return TextReader(file, names, timing, saved)


def is_log(name: str, head: bytes) -> bool:
    """Whether a file of a run's folder is worth following: text with a log's name, or text that looks like one."""
    base = name.rsplit("/", 1)[-1].lower()
    if kind_of(name, head):
        return True
    if base in _NOT_LOGS or (is_config(name) and not _is_document(head)):
        return False
    if not base.endswith(_LOG_ENDINGS) and "." in base and base not in ("log", "nohup.out"):
        return False
    sample = head[:4096]
    return (len(sample) - len(sample.translate(None, _STRANGE))) * 20 <= len(sample)


def _is_document(head: bytes) -> bool:
    """One JSON document over many lines: it opens with a bracket and its first line is not an object of its own."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"[":
        return start[1:].lstrip()[:1] == b"{"
    first = start.split(b"\n", 1)[0].strip()
    if _HISTORY.match(start):
        return True
    return start[:1] == b"{" and (first == b"{" or (b'"log_history"' in head and not first.endswith(b"}")))

"""Text folded to the reader's terminal: at words, hanging under where it began. Into a pipe nothing is folded: there lines
are searched, not read.
"""

from __future__ import annotations

import argparse
import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TextIO

_NARROWEST = 40  # below this nothing is readable anyway
_GAP = re.compile(r"(\S.*?\s{2,})\S")  # what stands before the second column of an example


def columns(stream: TextIO) -> int | None:
    """How wide the terminal is that this stream goes to; None where it goes to none."""
    return max(_NARROWEST, shutil.get_terminal_size().columns) if stream.isatty() else None


def folded(line: str, width: int | None, hang: int | None = None) -> list[str]:
    """A line as it fits; what follows its first line begins at `hang`, by default two columns further in."""
    if width is None or len(line) <= width:
        return [line]
    indent = len(line) - len(line.lstrip())
    rest = " " * (indent + 2 if hang is None else hang)
    return textwrap.wrap(
        line, width, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    )


def examples(text: str, width: int) -> list[str]:
    """Prose and indented examples: prose is filled, what an example says hangs in its own column."""
    lines: list[str] = []
    for block in _blocks(text.splitlines()):
        lines += _example(block, width) if block[:1].isspace() else folded(block, width, hang=0)
    return lines


def _blocks(lines: Iterable[str]) -> Iterator[str]:
    """Paragraphs as one line each; every other line as it is."""
    for is_prose, lines_of_it in groupby(lines, lambda line: bool(line) and not line[0].isspace()):
        block = list(lines_of_it)
        yield from [" ".join(block)] if is_prose else block


def _example(line: str, width: int) -> list[str]:
    indent = len(line) - len(line.lstrip())
    second = _GAP.match(line, indent)
    if second is None or len(line) <= width:
        return [line]
    if second.end(1) <= width // 2 + 10:
        return folded(line, width, hang=second.end(1))
    return [line[: second.end(1)].rstrip(), *folded(" " * (indent + 4) + line[second.end(1) :], width, indent + 4)]


class Help(argparse.HelpFormatter):
    """A command's help, its examples in two columns."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + line for line in examples(text, width)).rstrip()

"""Which rule folders a command means: those named, else the shipped ones and one's own. No judging here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sentinel.core.names import Names
from sentinel.core.records import Fault
from sentinel.daemon.shipped import shipped
from sentinel.rulebook.files import RuleFolder
from sentinel.rulebook.names_file import load_names


def folders_and_names(paths: Sequence[str]) -> tuple[list[RuleFolder], Names, list[Fault]]:
    """The shipped folder, then those that were named, with the names that they all use."""
    own = [RuleFolder(Path(path)) for path in paths if Path(path).resolve() != shipped("rules").resolve()]
    folders = [RuleFolder(shipped("rules"), shipped=True), *own]
    files = [folder.path / "names.yml" for folder in folders if (folder.path / "names.yml").is_file()]
    names, faults = load_names(files)
    return folders, names, faults


def fault_lines(fault: Fault) -> list[str]:
    """A fault for people: its place and sentence, the line, and a caret under the column."""
    lines = [("note: " if fault.note else "") + str(fault)]
    if fault.source:
        shown = fault.source[:200]
        lines += [f"    {shown}", "    " + " " * (min(fault.column, 200) - 1) + "^"]
    return lines

"""The rules that a run brings itself, as commands see them: read with the same care and the same limits as in the daemon."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from sentinel.core.names import Names
from sentinel.core.records import Fault
from sentinel.core.rule import Rulebook
from sentinel.daemon.own_rules import own_folder
from sentinel.rulebook.own import own_rules
from sentinel.sources.own_rules import WITHIN, Place, read_own


@dataclass(frozen=True, slots=True)
class Brought:
    """What one run brings: a sentence about it, and all that is wrong."""

    sentence: str
    faults: tuple[Fault, ...]


def run_that_brings(path: str) -> str | None:
    """The folder of the run whose own rules are meant: by `RUN/.sentinel/rules`, a file in it, or the run's folder."""
    whole = os.path.abspath(path)
    folder = own_folder(whole)
    return folder or (whole if os.path.lexists(os.path.join(whole, *WITHIN)) else None)


def brought_by(folder: str, names: Names, book: Rulebook) -> Brought:
    """The rules of a run's folder beside those of a rulebook."""
    place = Place(folder, os.stat(folder).st_uid)
    files = read_own(place)
    own = own_rules(files.texts, names, {rule.signature for rule in book.rules})
    faults = tuple(replace(fault, file=f"{place.path}/{fault.file}") for fault in own.book.faults)
    count = f"{len(own.book.rules)} rule{'' if len(own.book.rules) == 1 else 's'}"
    return Brought(f"{folder} brings {count} of its own: in force for it alone, to tell", (*files.faults, *faults))

"""Progress bars: what tqdm and Keras draw, and what stands in it."""

from __future__ import annotations

import re
from typing import NamedTuple

from sentinel.formats.walk import named

_BAR = re.compile(
    r"^(?P<desc>(?:\d+\|\d+\|)?[^|]*?)(?:\|\|)?:?\s*\d+%\|[^|]*\|\s*(?P<n>\d+)/(?P<total>\d+)\s*\[[^,\]]*(?:,\s*[\d.?]+\s*(?:it/s|s/it|\w+/s|s/\w+))?(?P<rest>[^\]]*)\](?P<more>.*)$"
)
_KERAS = re.compile(r"^\s*(?P<n>\d+)/(?P<total>\d+|Unknown) (?:\[[=>.\s]*\]|[━╸╺][━ ╸╺]*)(?P<rest>.*)$")
_DRAWN = re.compile(r"^(?P<desc>[^\[\]]*)\[[=#>.█░ -]+\]\s*\d+(?:\.\d+)?%\s+(?P<n>\d+)/(?P<total>\d+)\b(?P<rest>.*)$")
_KERAS_EPOCH = re.compile(r"^(?P<n>\d+)/(?P=n) - \d+m?s (?:- \d+m?s/\w+ )?- (?P<rest>.*)$")  # with `verbose=2`
_OF_EPOCHS = re.compile(r"(^|\]\s*)(\d+/\d+)$")  # `[fold_1] 003/200:  25%|` counts epochs before it counts batches
_TAIL = re.compile(r"%\|[^|]*\|[^\[]*\[[^\]]*\]\s*(\S.*)$")
_NUMBER = re.compile(r"\d|\b(?:nan|inf)\b", re.IGNORECASE)
_KERAS_TIME = re.compile(r"^\s*(?:-\s*)?(?:ETA: \S+|\d+\S*s(?: \d+\S+/\w+)?)?\s*-?\s*")


class Bar(NamedTuple):
    """One drawing of a bar."""

    said: str  # the prose in it
    done: int | None  # None where it goes through a validation, whose batches are no steps
    part: float = 1.0  # of a validation: how much of it is done

    @property
    def tells(self) -> bool:
        """Whether any number stands in it; NaN is one."""
        return bool(_NUMBER.search(self.said))


def shown(text: str) -> Bar | None:
    """The bar that a line is."""
    if match := _BAR.match(text):
        desc = _OF_EPOCHS.sub(r"\1epoch \2", match["desc"])
        said = f"{desc} , {match['rest'].strip(', ')} , {match['more']}"
        done, total = int(match["n"]), int(match["total"])
        # Its redraws are one evaluation, not many; a bar over epochs names no split and shows a new one each time.
        validates = total and done and named(match["desc"].split()) in ("val", "test")
        return Bar(said, None, done / total) if validates else Bar(said, done)
    if match := _KERAS.match(text):
        return Bar(_KERAS_TIME.sub("", match["rest"], count=1), int(match["n"]))
    if (match := _DRAWN.match(text)) and named(match["desc"].split()) not in ("val", "test"):
        return Bar(f"{match['desc']} , {match['rest'].strip(' |')}", int(match["n"]))
    if match := _KERAS_EPOCH.match(text):
        return Bar(match["rest"], None)  # one line an epoch: its batches are no steps of the run
    return None


def is_keras(text: str) -> bool:
    """Whether a line is a bar as Keras draws it."""
    return bool(_KERAS.match(text))


def tail(text: str) -> str:
    """What was written after a bar that had not ended its line, as a program does that dies; "" for a bar alone."""
    return match[1] if "%|" in text and (match := _TAIL.search(text)) else ""

"""What others put before a program's line: Docker, CRI, syslog and journal, Slurm and torchrun ranks. Peeled first."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from sentinel.formats import stamps

_CRI = re.compile(r"^(\d{4}-\d\d-\d\dT\S+) (?:stdout|stderr) [FP] (.*)$")
_SYSLOG = re.compile(r"^([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) [\w.-]+ [\w./@-]+\[\d+\]: (.*)$")
# `[rank3]:` of torchrun, `[1,3]<stderr>:` of mpirun, `3: ` of srun; darknet counts its iterations as srun its tasks.
_RANK = re.compile(
    r"^(?:\[[a-z]+(\d{1,4})\]:|\[(?:rank|Rank|RANK)[ =:]?(\d{1,4})(?:/\d{1,4})?\]:?|"
    r"\[\d+,(\d{1,4})\]<std(?:out|err)>:|(\d{1,4}): (?!\S+, \S+ avg))\s?(.*)$"
)


class Peeled(NamedTuple):
    """A line without its wrapper."""

    text: str
    stamp: float | None
    rank: int | None


def peel(text: str) -> Peeled | None:
    """The line inside a wrapper; None where there is none."""
    first = text[0]
    if first == "{" and text.startswith('{"log":'):
        return _docker(text)
    if first == "[" or (first.isdigit() and text[1:6].find(": ") >= 0):
        rank = _RANK.match(text)
        if rank:
            return Peeled(rank[5], None, int(rank[1] or rank[2] or rank[3] or rank[4]))
    if first == "2" or first in "JFMASOND":
        match = _CRI.match(text) or _SYSLOG.match(text)
        if match:
            return Peeled(match[2], stamps.parse(match[1]) or _zulu(match[1]), None)
    return None


def _zulu(text: str) -> float | None:
    found = stamps.leading(text)
    return found[2] if found else None


def _docker(text: str) -> Peeled | None:
    try:
        outer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    inner = outer.get("log") if isinstance(outer, dict) else None
    if not isinstance(inner, str):
        return None
    stamp = outer.get("time")
    return Peeled(inner.rstrip("\r\n"), _zulu(stamp) if isinstance(stamp, str) else None, None)

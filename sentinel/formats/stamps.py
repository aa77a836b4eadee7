"""Timestamps at the head of a line, as seconds since 1970, without a clock or a calendar module.

A stamp without a zone counts as UTC and one without a year as of a fixed year; the source shifts them by the file's
distance to its arrivals (contracts 3).
"""

from __future__ import annotations

import re

_MONTHS = {
    m: i + 1 for i, m in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
}
NO_YEAR = 2000  # a leap year, so that every day exists

_CLOCK = r"(?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?"
_HALF = r"(?: (?P<p>[AP])M\b)?"  # of the day
_FORMS = (
    rf"(?P<Y>\d{{4}})[-/](?P<m>\d\d)[-/](?P<d>\d\d)[ T_]{_CLOCK}(?P<z>Z|[+-]\d\d:?\d\d)?",
    rf"[IWEF](?P<m>\d\d)(?P<d>\d\d) {_CLOCK}\s+\d+",
    rf"(?P<b>[A-Z][a-z][a-z])\s+(?P<d>\d\d?) {_CLOCK}(?: (?P<Y>\d{{4}}))?",
    rf"(?:[A-Z][a-z][a-z] )(?P<b>[A-Z][a-z][a-z])\s+(?P<d>\d\d?) {_CLOCK}(?: [A-Z]{{3,4}})? (?P<Y>\d{{4}})",
    rf"(?P<m>\d\d)/(?P<d>\d\d)/(?P<Y>\d{{4}}) {_CLOCK}{_HALF}",
    rf"(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<Y>\d{{4}}) {_CLOCK}",
    rf"(?P<m>\d\d)[/-](?P<d>\d\d) {_CLOCK}{_HALF}",
)
_STAMPS = tuple(re.compile(form, re.ASCII) for form in _FORMS)
HEAD = re.compile(r"[\s\[(<]*(?:(?:INFO|DEBUG|WARNING|ERROR)[\s:]+)?(?=[\dA-Z])")
STARTS = frozenset("0123456789[(< \t" + "IWEFDJFMASONT")


def seconds(year: int, month: int, day: int, hour: int, minute: int, second: float) -> float:
    """A civil time as seconds since 1970 (the proleptic calendar, by arithmetic)."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    return days * 86_400.0 + hour * 3600 + minute * 60 + second


def leading(text: str) -> tuple[int, int, float] | None:
    """(start, end, seconds) of the timestamp that a line begins with, or None."""
    if not text or text[0] not in STARTS:
        return None
    head = HEAD.match(text)
    start = head.end() if head else 0
    for form in _STAMPS:
        match = form.match(text, start)
        if match:
            at = _value(match)
            if at is not None:
                return start, match.end(), at
    return None


def parse(text: str) -> float | None:
    """The seconds of a text that is a timestamp and nothing else."""
    found = leading(text)
    return found[2] if found and not text[found[1] :].strip(" ])>") else None


def _value(match: re.Match[str]) -> float | None:
    part = match.groupdict()
    month = _MONTHS.get(part["b"].lower(), 0) if part.get("b") else int(part["m"])
    day = int(part["d"])
    if month > 12 >= day:  # the day came first
        month, day = day, month
    hour, minute, second = int(part["H"]), int(part["M"]), int(part["S"])
    if half := part.get("p"):
        hour = hour % 12 + 12 * (half == "P")
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60):
        return None
    year = int(part["Y"]) if part.get("Y") else NO_YEAR
    at = seconds(year, month, day, hour, minute, second) - _zone(part.get("z"))
    return at + fraction_of(part["f"]) if part.get("f") else at


def fraction_of(digits: str) -> float:
    """What follows a second's comma."""
    return int(digits) / float(10 ** len(digits))


class Seconds:
    """The stamps of lines that follow one another: of those in one second only the first is taken apart."""

    __slots__ = ("_at", "_second")

    def __init__(self) -> None:
        """Ready to read."""
        self._second = ""
        self._at = 0.0

    def of(self, text: str) -> float | None:
        """The seconds of a text that is a timestamp."""
        cut = max(text.rfind(","), text.rfind("."))
        second, digits = (text[:cut], text[cut + 1 :]) if cut > 0 else (text, "")
        if digits and not digits.isdigit():
            return parse(text)
        if second != self._second:
            found = leading(second)
            if found is None or found[1] != len(second):
                return parse(text)
            self._second, self._at = second, found[2]
        return self._at + fraction_of(digits) if digits else self._at


def _zone(zone: str | None) -> int:
    if not zone or zone == "Z":
        return 0
    digits = zone[1:].replace(":", "")
    shift = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -shift if zone[0] == "-" else shift

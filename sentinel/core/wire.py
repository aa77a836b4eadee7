"""The JSON forms that commands print and the control socket carries: one object a line, keys only ever added.

Strict JSON: a value that is not finite becomes a word, what is unknown is null, times are RFC 3339 in UTC.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite, isnan

from sentinel.core.records import Change, Evidence, Json, Reading

VERSION = 1


def number(value: float | bool | str | None) -> Json:
    """A value as strict JSON knows it: `nan`, `inf` and `-inf` are words."""
    if not isinstance(value, float) or isfinite(value):
        return value
    return "nan" if isnan(value) else "inf" if value > 0 else "-inf"


def timestamp(at: float | None) -> str | None:
    """Seconds since 1970 as RFC 3339 UTC with milliseconds. Own arithmetic, for core owns no clock."""
    if at is None or not isfinite(at) or not 0 <= at < 253402300800:
        return None
    milliseconds = round(at * 1000)
    days, rest = divmod(milliseconds, 86_400_000)
    year, month, day = _civil(days)
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{year:04d}-{month:02d}-{day:02d}T{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}Z"


def _civil(days: int) -> tuple[int, int, int]:
    """Days since 1970-01-01 as (year, month, day): a 400-year cycle begins on 1 March so that leap days come last."""
    era, of_era = divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def change_json(change: Change) -> dict[str, Json]:
    """A change, as `replay`, `audit` and `alerts` print it."""
    return {
        "v": VERSION,
        "id": change.id or None,
        "run": change.run_name,
        "instance": change.instance or None,
        "host": change.host or None,
        "signature": change.signature,
        "family": change.family,
        "rule": change.rule,
        "severity": change.severity.word,
        "doom": change.doom,
        "phase": change.phase.value,
        "at": timestamp(change.at),
        "step": change.step,
        "epoch": number(change.epoch),
        "progress": number(change.progress),
        "file": change.file or None,
        "line": change.line or None,
        "value": number(change.value),
        "limit": number(change.limit),
        "evidence": [evidence_json(item) for item in change.evidence],
        "say": change.say,
        "hidden_by": change.hidden_by,
        "reason": change.reason,
        "stale": change.stale,
        "since": timestamp(change.since),
    }


def evidence_json(item: Evidence) -> dict[str, Json]:
    """One number behind a verdict."""
    return {
        "what": item.what,
        "value": number(item.value),
        "step": item.step,
        "epoch": number(item.epoch),
        "at": timestamp(item.at),
        "file": item.file or None,
        "line": item.line or None,
        "note": item.note,
    }


def reading_json(reading: Reading) -> dict[str, Json]:
    """A reading, as `tail --json` and `run --trace` print it."""
    return {
        "v": VERSION,
        "run": reading.run,
        "name": reading.name,
        "value": number(reading.value),
        "step": reading.step,
        "epoch": number(reading.epoch),
        "at": timestamp(reading.at),
        "file": reading.file or None,
        "line": reading.line or None,
    }


def dump(thing: Mapping[str, Json]) -> str:
    """One line of strict JSON."""
    return json.dumps(thing, allow_nan=False, ensure_ascii=False, separators=(", ", ": "))

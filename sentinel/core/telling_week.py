"""The round-up: what was watched and told in a week, in at most twenty lines. Pure; the daemon counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sentinel.core.records import Severity
from sentinel.core.telling_letter import Letter, Occasion

LINES = 20
WEEK, DAY = 7 * 86400.0, 86400.0
MONDAY_MORNING = 9 * 60  # the local minute from which a digest may go out


@dataclass(frozen=True, slots=True)
class Week:
    """What the daemon counted."""

    runs: int = 0
    unread: Mapping[str, int] = field(default_factory=dict)  # why -> how many runs could not be read
    alerts: Mapping[str, int] = field(default_factory=dict)  # severity -> how many
    by_rule: Mapping[str, int] = field(default_factory=dict)  # rule -> alerts
    wrong: Mapping[str, int] = field(default_factory=dict)  # rule -> marked wrong
    muted: int = 0
    held: int = 0  # kept back by the cap
    never: tuple[str, ...] = ()  # rules that never matched
    saved: float | None = None  # GPU-hours
    how_saved: str = ""  # how they were counted
    stops: tuple[str, ...] = ()  # stop plans, and what leave rehearsals lacked: each in words


def digest_due(every: str, last: float | None, now: float, minute: int, weekday: int) -> bool:
    """Whether the round-up is due: daily, or weekly on a Monday, from nine o'clock on, never twice."""
    if every == "never" or minute < MONDAY_MORNING:
        return False
    if every == "daily":
        return last is None or now - last >= DAY - 4 * 3600.0
    return weekday == 0 and (last is None or now - last >= WEEK - DAY)


def digest(week: Week, host: str, now: float, span: str = "week") -> Letter:
    """The letter."""
    lines = [f"runs seen: {week.runs}"]
    lines += [f"could not be read: {count} ({why})" for why, count in _most(week.unread, 3)]
    told = ", ".join(f"{count} {severity}" for severity, count in week.alerts.items() if count)
    lines.append(f"alerts: {told or 'none'}")
    lines += [f"  {rule}: {count}" for rule, count in _most(week.by_rule, 5)]
    lines += [f"marked wrong: {rule}, {count}" for rule, count in _most(week.wrong, 3)]
    lines += [f"muted: {week.muted}, kept back by the cap: {week.held}"] if week.muted or week.held else []
    if week.never:
        more = f" and {len(week.never) - 3} more" if len(week.never) > 3 else ""
        lines.append(f"rules that never matched: {', '.join(week.never[:3])}{more}")
    lines += [f"stop plans: {len(week.stops)}"] if week.stops else []
    lines += [f"  {line}" for line in week.stops[:4]]
    saved = "not counted" if week.saved is None else f"{week.saved:.1f}"
    lines.append(f"GPU-hours saved: {saved}" + (f" ({week.how_saved})" if week.how_saved else ""))
    head = f"{host}: the {span} in {len(lines[:LINES])} lines"
    return Letter(Occasion.WEEK, now, host, head=head, lines=tuple(lines[:LINES]), severity=Severity.INFO, open=0)


def _most(counts: Mapping[str, int], most: int) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]

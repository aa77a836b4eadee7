"""The life of one rule on one instance: phase x verdict, nine cells, all written here and nowhere else (contracts 2).

An alert moves only through `advance`. It stores what was held and when things happened, never a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from sentinel.core.amounts import Amount
from sentinel.core.hold import Hold, Spot
from sentinel.core.records import Answer, Json, Phase
from sentinel.core.rule import Rule


class Move(StrEnum):
    """What happened to an alert at a look, by name; None is "nothing that anybody needs to know"."""

    FIRED = "fired"
    CLEARED = "cleared"
    WENT_STALE = "went stale"


@dataclass(slots=True)
class Alert:
    """Where one rule stands on one instance."""

    phase: Phase = Phase.CLEAR
    n: int = 0  # how often it fired: part of the effect's key
    since: float | None = None  # when it began to fire, in the engine's time
    since_step: int | None = None
    stale: bool = False
    told_stale: bool = False
    hidden_by: str | None = None
    ended_firing: bool = False  # a resume opens it again
    hold: Hold = field(default_factory=Hold)  # towards firing, or towards clearing

    @property
    def at_rest(self) -> bool:
        """Clear, with nothing begun: a "no" or an unknown changes nothing, which the engine uses to hurry on."""
        return self.phase is Phase.CLEAR

    def save(self) -> Json:
        """For the store."""
        told = [self.stale, self.told_stale, self.hidden_by, self.ended_firing]
        return [self.phase.value, self.n, self.since, self.since_step, *told, self.hold.save()]

    @classmethod
    def load(cls, saved: Json) -> Alert:
        """As it was saved."""
        assert isinstance(saved, list)
        phase, n, since, since_step, stale, told, hidden, ended, hold = saved
        return cls(Phase(phase), n, since, since_step, stale, told, hidden, ended, Hold.load(hold))


def answer_in_firing(when: Answer, clear: Answer, has_clear: bool) -> Answer:
    """What the two expressions together say of a firing alert: "no" needs `clear` to be yes and `when` not to be yes."""
    if when is True or not has_clear:
        return when
    if clear is None:
        return None
    return not clear  # between the two limits the alert goes on firing: that is hysteresis


def advance(alert: Alert, rule: Rule, answer: Answer, spot: Spot) -> Move | None:
    """Let a verdict act on an alert."""
    return _TABLE[alert.phase, answer](alert, rule, spot)


def end(alert: Alert) -> Phase:
    """The run is over: what was firing or pending is closed, which is not "resolved". The phase it had."""
    before = alert.phase
    alert.phase = Phase.ENDED if before in (Phase.FIRING, Phase.PENDING) else before
    alert.ended_firing = before is Phase.FIRING
    alert.hold = Hold()
    return before


def reopen(alert: Alert, anew: bool = False) -> None:
    """The run goes on: what was firing when it ended fires again; what only told of that end begins anew."""
    if alert.phase is Phase.ENDED:
        ended, alert.ended_firing = alert.ended_firing, False
        alert.phase = Phase.FIRING if ended and not anew else Phase.CLEAR


# --- the nine cells ----------------------------------------------------------------------------------------------


def _stay(alert: Alert, rule: Rule, spot: Spot) -> None:
    return None


def _begin(alert: Alert, rule: Rule, spot: Spot) -> Move | None:
    alert.phase = Phase.PENDING
    alert.hold = Hold()
    return _hold_towards_firing(alert, rule, spot)


def _hold_towards_firing(alert: Alert, rule: Rule, spot: Spot) -> Move | None:
    alert.hold.add(spot)
    if not _held(alert.hold, rule.hold, spot):
        return None
    alert.phase = Phase.FIRING
    alert.n += 1
    alert.since, alert.since_step = spot.at, spot.step
    alert.stale = alert.told_stale = False
    alert.hold = Hold()
    return Move.FIRED


def _drop(alert: Alert, rule: Rule, spot: Spot) -> None:
    alert.phase = Phase.CLEAR
    alert.hold = Hold()


def _stand_still(alert: Alert, rule: Rule, spot: Spot) -> None:
    alert.hold.pause()


def _freshen(alert: Alert, rule: Rule, spot: Spot) -> None:
    alert.stale = False
    alert.hold = Hold()


def _hold_towards_clear(alert: Alert, rule: Rule, spot: Spot) -> Move | None:
    alert.stale = False
    alert.hold.add(spot)
    if not _held(alert.hold, rule.keep, spot):
        return None
    alert.phase = Phase.CLEAR
    alert.since = alert.since_step = None
    alert.hold = Hold()
    return Move.CLEARED


def _go_stale(alert: Alert, rule: Rule, spot: Spot) -> Move | None:
    alert.hold.pause()
    alert.stale = True
    if alert.told_stale:
        return None
    alert.told_stale = True
    return Move.WENT_STALE


def _held(hold: Hold, wanted: tuple[Amount, ...], spot: Spot) -> bool:
    return not wanted or hold.reached(wanted, spot)


_Cell = Callable[[Alert, Rule, Spot], Move | None]
_TABLE: dict[tuple[Phase, Answer], _Cell] = {
    (Phase.CLEAR, True): _begin,
    (Phase.CLEAR, False): _stay,
    (Phase.CLEAR, None): _stay,
    (Phase.PENDING, True): _hold_towards_firing,
    (Phase.PENDING, False): _drop,
    (Phase.PENDING, None): _stand_still,
    (Phase.FIRING, True): _freshen,
    (Phase.FIRING, False): _hold_towards_clear,
    (Phase.FIRING, None): _go_stale,
    # a run that ended is not judged; should a late line come, it changes nothing
    (Phase.ENDED, True): _stay,
    (Phase.ENDED, False): _stay,
    (Phase.ENDED, None): _stay,
}

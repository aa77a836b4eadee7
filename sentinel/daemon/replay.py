"""A finished run through the same engine as a live one; what it would have told, and what that would have saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sentinel.core.engine import Engine, Own, no_own
from sentinel.core.names import Names
from sentinel.core.records import Change, EffectKind, Phase, Row, RunInfo
from sentinel.core.rule import Rulebook
from sentinel.core.standing import standing
from sentinel.core.watched import Watched
from sentinel.sources.replay import replay_run

Heard = Callable[[Change], None]


@dataclass(slots=True)
class Replayed:
    """What a replay of one run gave."""

    info: RunInfo
    changes: list[Change] = field(default_factory=list)
    watched: Watched | None = None
    standing: str = ""
    rows: int = 0
    last_step: int | None = None
    last_epoch: float | None = None
    began: float | None = None
    ended: float | None = None
    bugs: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def firing(self) -> list[Change]:
        """The alerts that would have been told, in order."""
        return [change for change in self.changes if change.phase is Phase.FIRING and change.reason == "fired"]

    def saved(self, change: Change) -> tuple[int | None, float | None, float | None]:
        """What stopping at a change would have saved: steps, epochs, seconds."""
        steps = None if change.step is None or self.last_step is None else max(0, self.last_step - change.step)
        epochs = None if change.epoch is None or self.last_epoch is None else max(0.0, self.last_epoch - change.epoch)
        seconds = None if change.at is None or self.ended is None else max(0.0, self.ended - change.at)
        return steps, epochs, seconds


def replay(
    path: Path,
    book: Rulebook,
    names: Names,
    arrivals: Path | None = None,
    time_scale: float = 1.0,
    heard: Heard | None = None,
    own: Own = no_own,
) -> Replayed:
    """Replay one run; `own` gives the rules that it brings itself. OSError where it cannot be read."""
    run = replay_run(path, names, arrivals, time_scale)
    engine = Engine(book, names, own=own)
    out = Replayed(run.info)
    for turn in run.turns:
        out.rows += sum(isinstance(item, Row) for item in turn.batch.items)
        for effect in engine.feed([turn.batch]):
            if effect.kind is EffectKind.TELL:
                out.changes.append(effect.change)
                if heard is not None:
                    heard(effect.change)
    _sum_up(out, engine)
    return out


def _sum_up(out: Replayed, engine: Engine) -> None:
    watched = list(engine.runs.values())[-1]
    run = watched.run
    out.watched, out.bugs = watched, engine.bugs
    out.last_step, out.last_epoch = run.step, run.epoch
    out.began, out.ended = run.began, run.now
    out.standing = standing(watched, run.now or 0.0)

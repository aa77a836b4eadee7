"""What people read of a stop plan: the announcement, the answer to an `ack`, a line of `status`, the last word. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from sentinel.core.amounts import seconds_text
from sentinel.core.stopping import stop_time
from sentinel.core.stopping_conditions import Found
from sentinel.core.stopping_plan import Plan, Route, Stage
from sentinel.core.stopping_world import RunView


def announcement(plan: Plan, run: str, grace: float) -> str:
    """Said before anything is done; the grace begins when a person's channel has confirmed it."""
    how = "asked for a checkpoint and then ended" if plan.route is Route.ASK else "ended on its last good checkpoint"
    good = plan.proven.copy or plan.proven.good or "none"
    return (
        f"{run} is doomed ({plan.lead}) and will be {how} in {seconds_text(grace)}. Last good checkpoint: {good}.\n"
        f"To keep it running: sentinel keep {run}, or a file KEEP in its folder. To call this wrong: sentinel wrong {run}."
    )


def acked(plan: Plan, run: str, grace: float, now: float, clock: str) -> str:
    """An `ack` does not end a plan; it is answered with the time of the stop, and with what holds it beyond that."""
    at = stop_time(plan, grace)
    when = "once people were reached" if at is None else f"in {seconds_text(max(at - now, 0))}, at {clock}"
    held = "; ".join(wait for wait in plan.waits if not wait.startswith(("grace", "reached")))
    return f"seen; the plan goes on {when}{f', not before this holds: {held}' if held else ''}. `sentinel keep {run}` ends it."


def status_line(plan: Plan) -> str:
    """Where a plan stands and what it waits for."""
    kind = "rehearsal" if plan.rehearsal else "plan"
    waits = f"; waits for {'; '.join(plan.waits)}" if plan.waits else ""
    missing = f"; leave that is missing: {'; '.join(plan.missing)}" if plan.missing else ""
    return f"{kind} {plan.id} ({plan.lead}): {plan.stage.value}{waits}{missing}{'; ' + plan.why if plan.why else ''}"


def spared(run: RunView) -> str:
    """What a stop has saved; GPU-hours only where its GPUs are known."""
    if run.left is None:
        return "not known"
    return f"about {run.left:.1f} GPU-hours" if run.gpus else f"about {run.left:.1f} hours; its GPUs are not known"


def last_word(plan: Plan, run: str, lost: str = "", spared: str = "", more: Iterable[str] = ()) -> str:
    """How it ended: the checkpoint, what was lost, what was spared; then what the hands left: evidence, how to resume."""
    good = plan.proven.good or "none"
    lines = [f"{run}: {plan.stage.value}: {plan.why}", f"Checkpoint: {good}"]
    lines += [f"Kept beside it: {plan.proven.copy}"] if plan.proven.copy else []
    lines += [f"Lost: {lost}"] if lost else []
    lines += [f"Spared: {spared}"] if plan.stage is Stage.STOPPED and spared else []
    return "\n".join([*lines, *more])


def condition_lines(found: Iterable[Found]) -> list[str]:
    """Every condition with its value, for `sentinel stop RUN --dry-run` and the log."""
    return [
        f"{'yes' if one.holds else 'NO ':4}{one.condition.name:12} {one.condition.says}: {one.value}" for one in found
    ]

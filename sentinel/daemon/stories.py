"""The story behind a change: all that words and pictures need of the rule, the run and its curves."""

from __future__ import annotations

from sentinel.core.bound import own_name, reads_of
from sentinel.core.engine import Engine
from sentinel.core.records import Change, Verdict
from sentinel.core.rule import Rule, Template
from sentinel.core.run import Run
from sentinel.core.series import Series
from sentinel.core.telling_letter import CURVE_POINTS, Axis, Curve, Story
from sentinel.daemon.peers import user_name

MOST_CURVES = 4


def story_of(engine: Engine, change: Change) -> Story:
    """What is known now about the rule and run of a change."""
    watched = engine.runs.get(change.run)
    rule = engine.rule_of(change.run, f"{change.signature}/{change.rule}")
    if watched is None or rule is None:
        return Story(title=change.signature)
    run, info = watched.run, watched.run.info
    curves = curves_of(run, rule, change)
    axis: Axis = curves[0].axis if curves else "step"
    stake_wall = seconds_left(run)
    gpus = gpus_of(run)
    batch = [other for other in engine.infos().values() if other.batch == info.batch] if info.batch else []
    return Story(
        title=rule.title,
        why=filled(rule.why, run, change),
        attempts=filled(rule.attempts, run, change),
        wrong_if=rule.wrong_if,
        when=rule.when.text if rule.when else "",
        rule_file=rule.file,
        rule_line=rule.line,
        rule_fingerprint=rule.fingerprint,
        user=user_name(info.uid),
        watch=info.watch,
        labels=dict(info.labels) | dict(rule.labels),
        folder=info.folder,
        batch=info.batch,
        batch_size=len(batch),
        gpus=gpus,
        planned_steps=int(run.planned_steps) if run.planned_steps == run.planned_steps else None,
        planned_epochs=run.planned_epochs if run.planned_epochs == run.planned_epochs else None,
        curves=curves,
        fired=on_axis(change, axis),
        stake=stake_wall / 3600 * max(1, len(gpus)) if stake_wall is not None else None,
        stake_wall=stake_wall,
        first_look=change.reason == "first look",
    )


def filled(templates: tuple[Template, ...], run: Run, change: Change) -> tuple[str, ...]:
    """Templates with their fields filled."""
    verdict = Verdict(True, change.value, change.limit, change.evidence)
    return tuple(template.fill(run, change.instance, verdict) for template in templates)


def curves_of(run: Run, rule: Rule, change: Change) -> tuple[Curve, ...]:
    """The series that the rule read, the first of them with the limit where it is one of this very series."""
    found: dict[str, Series] = {}
    for name in sorted(reads_of(rule)):
        for series in run.matching(own_name(name, change.instance)):
            found.setdefault(series.name, series)
    chosen = list(found.values())[:MOST_CURVES]
    first = {item.what for item in change.evidence[:1]}
    return tuple(curve_of(series, change.limit if series.name in first else None) for series in chosen)


def curve_of(series: Series, limit: float | None) -> Curve:
    """One series, thinned, against the axis that it has."""
    points = series.points
    axis: Axis = "step"
    if any(point.step is None for point in points):
        axis = "epoch" if all(point.epoch is not None for point in points) else "time"
    placed = [((p.step if axis == "step" else p.epoch if axis == "epoch" else p.at), p.value) for p in points]
    known = [(float(x), value) for x, value in placed if x is not None]
    stride = max(1, -(-len(known) // CURVE_POINTS))
    return Curve(series.name, tuple(known[::-1][::stride][::-1]), axis, limit)


def on_axis(change: Change, axis: Axis) -> float | None:
    """Where the rule fired, on the curves' axis."""
    return {"step": change.step, "epoch": change.epoch, "time": change.at}[axis]


def seconds_left(run: Run) -> float | None:
    """How long the run goes on at its own speed until its plan is reached."""
    progress, elapsed = run.progress, run.elapsed
    if not progress or progress >= 1 or elapsed != elapsed or elapsed <= 0:
        return None
    return elapsed / progress * (1 - progress)


def gpus_of(run: Run) -> tuple[int, ...]:
    """The GPUs that the run's own series speak of."""
    numbers = {name.split(".")[1] for name in run.series if name.startswith("gpu.")}
    return tuple(sorted(int(number) for number in numbers if number.isdigit()))

"""Changes and stories that the tests of telling share, in their own words."""

from dataclasses import replace

from sentinel.core.records import Action, Change, Effect, EffectKey, EffectKind, Evidence, Phase, Severity
from sentinel.core.telling_letter import Curve, Story

AT = 1_795_195_320.0


def change(run="swift-fox", n=1, **keys):
    base = Change(
        id=keys.pop("id", f"a{abs(hash(run)) % 9999:04d}"), run=f"w/{run}", run_name=run, instance="", host="tesla-07",
        signature="probability-collapse", family="collapse", rule="no-separation", severity=Severity.HIGH, doom=0.75,
        phase=Phase.FIRING, at=AT, step=2400, epoch=24.0, progress=0.24, file="probability_stats.csv", line=25,
        value=0.0041, limit=0.05, n=n, since=AT - 600,
        evidence=(Evidence("val.prob.in_span_mean", 0.0652), Evidence("val.prob.out_span_mean", 0.0611)),
        say="in-span 0.065 and out-of-span 0.061 differ by 0.0041 (limit 0.05)",
    )  # fmt: skip
    return replace(base, **keys)


def story(**keys):
    fall = [0.423, 0.31, 0.22, 0.17, 0.13, 0.11, 0.095, 0.085, 0.078, 0.072, 0.068, 0.065]
    inside = tuple((i * 2.0 + 2, y) for i, y in enumerate(fall))
    outside = tuple((x, y - 0.004 + 0.0002 * i) for i, (x, y) in enumerate(inside))
    base = Story(
        title="In-span and out-of-span probabilities collapse to one value",
        why=("one loss term outweighs the others", "positive spans are rare and their weight is too small"),
        attempts=("scale the countdown target to 0…1", "raise the span loss's weight to 4"),
        wrong_if=("the model has just been restarted with a fresh head",),
        when="abs(val.prob.in_span_mean - val.prob.out_span_mean) < 0.05",
        rule_file="rules/collapse/probability-collapse.yml", rule_line=14,
        user="ana", watch="nlp", folder="/data/runs/swift-fox", gpus=(0,), planned_epochs=100.0, planned_steps=10000,
        curves=(Curve("val.prob.in_span_mean", inside, "epoch", last_good=(8.0, 0.17)),
                Curve("val.prob.out_span_mean", outside, "epoch")),
        onset=10.0, fired=24.0, stake=18.4, stake_wall=66_000.0,
        next="Nothing is stopped: this machine is in rehearsal.",
    )  # fmt: skip
    return replace(base, **keys)


def effect(change):
    rule = f"{change.signature}/{change.rule}"
    key = EffectKey(change.run, rule, change.instance, change.n, change.phase.value)
    return Effect(EffectKind.TELL, key, change)


__all__ = ["AT", "Action", "change", "effect", "story"]

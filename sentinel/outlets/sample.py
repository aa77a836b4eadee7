"""The sample alert of `tell --test`: a real layout with invented numbers, and it says so."""

from __future__ import annotations

from math import exp

from sentinel.core.records import Change, Evidence, Phase, Severity
from sentinel.core.telling_letter import Curve, Letter, Member, Occasion, Story, member_of

_SAY = "in-span 0.065 and out-of-span 0.061 differ by 0.0041 (limit 0.05)"


def sample_letter(host: str, now: float) -> Letter:
    """A probability collapse as it would be told, marked as a test."""
    change, story = _change(host, now), _story()
    members: tuple[Member, ...] = (member_of(change, story),)
    return Letter(Occasion.NEW, now, host, change, story, members, marks=("a test: no run is in trouble",))


def _change(host: str, now: float) -> Change:
    return Change(
        id="test", run="sample", run_name="sample-run", instance="", host=host, signature="probability-collapse",
        family="collapse", rule="no-separation", severity=Severity.HIGH, doom=0.75, phase=Phase.FIRING, at=now,
        step=2400, epoch=24.0, progress=0.24, file="probability_stats.csv", line=25, value=0.0041, limit=0.05,
        evidence=(Evidence("val.prob.in_span_mean", 0.0652), Evidence("val.prob.out_span_mean", 0.0611)),
        say=_SAY, since=now - 1100.0,
    )  # fmt: skip


def _story() -> Story:
    epochs = [float(epoch) for epoch in range(1, 25)]
    inside = tuple((epoch, 0.0616 + 0.36 * exp(-(epoch - 1) / 5)) for epoch in epochs)
    outside = tuple((epoch, y - 0.0041 + 0.005 * exp(-epoch / 3)) for epoch, y in inside)
    return Story(
        title="In-span and out-of-span probabilities collapse to one value",
        why=("one loss term outweighs all others, so \"predict nothing\" is the safe answer", "positive spans are rare"),
        attempts=("scale the countdown target to 0…1", "raise the span loss's weight to 4 and start again"),
        wrong_if=("the head has just been replaced",),
        when="abs(val.prob.in_span_mean - val.prob.out_span_mean) < 0.05",
        user="you", watch="sample", gpus=(0,), planned_epochs=100.0,
        curves=(Curve("val.prob.in_span_mean", inside, "epoch", last_good=inside[4]),
                Curve("val.prob.out_span_mean", outside, "epoch")),
        onset=9.0, fired=24.0, stake=18.4, stake_wall=66_000.0, next="Nothing is stopped: this is a test.",
    )  # fmt: skip

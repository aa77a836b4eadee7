"""Words that stand around a key in prose and are no part of it."""

from __future__ import annotations

BEFORE_COUNTER = frozenset(
    [
        "global",
        "train",
        "training",
        "current",
        "at",
        "step",
        "epoch",
        "optimizer",
        "val",
        "valid",
        "validation",
        "test",
        "eval",
        "loss",
        "of",
        "num",
    ]
)
COUNTED_BY = BEFORE_COUNTER | {
    "env",
    "environment",
    "agent",
    "gradient",
    "trainer",
    "total",
    "elapsed",
    "learner",
    "world",
}
SHORT = frozenset(
    [
        "avg",
        "acc",
        "val",
        "tr",
        "prec",
        "rec",
        "no",
        "max",
        "min",
        "std",
        "cum",
        "ep",
        "iter",
        "it",
        "valid",
        "eval",
        "lr",
        "approx",
        "est",
        "tot",
        "num",
        "up",
        "sen",
        "l.r",
        "temp",
        "perp",
        "vs",
    ]
)
NO_LABEL = frozenset(
    ["info", "debug", "warning", "error", "critical", "note", "eval", "best", "result", "results", "summary"]
)
ACTS = frozenset(["evaluating", "evaluate", "evaluation", "validating", "testing"])  # on a split that is named beside

"""What loggers, schedulers and machines do to a healthy training's words: rounding, gaps, pauses, two starts. No training here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.strangers.arrivals import STEP, arrivals, write
from bench.strangers.training import Said


def rounded(said: list[Said]) -> list[Said]:
    """The rate is printed with three places: it looks like nothing from the middle on."""
    return [
        replace(s, metrics={**s.metrics, "lr": round(s.metrics["lr"], 3)}) if "lr" in s.metrics else s for s in said
    ]


def always_rounded(said: list[Said]) -> list[Said]:
    """The rate is printed with two places: it looks like nothing from the first line to the last."""
    return [
        replace(s, metrics={**s.metrics, "lr": round(s.metrics["lr"], 2)}) if "lr" in s.metrics else s for s in said
    ]


def not_yet(said: list[Said]) -> list[Said]:
    """Validation is rare, and in between it is printed as not a number."""
    out, n = [], 0
    for s in said:
        n += bool(s.split)
        empty = s.split and n % 5
        out.append(replace(s, metrics={k: float("nan") for k in s.metrics}) if empty else s)
    return out


def begun_twice(said: list[Said]) -> list[Said]:
    """The script died at two thirds and was started from its last save: a stretch is printed twice."""
    at = int(0.66 * said[-1].step)
    back = at - int(0.12 * said[-1].step)
    first = [s for s in said if s.step <= at]
    again = [s for s in said if s.step > back]
    jitter = [
        replace(s, metrics={k: v * (1 + 0.01 * (s.step % 7 - 3)) if "loss" in k else v for k, v in s.metrics.items()})
        for s in again
    ]
    return [*first, Said("", back, 0, text=f"Loading checkpoint from checkpoint-{back}"), *jitter]


def slower_with_length(said: list[Said]) -> list[Said]:
    """Sequences double twice: a third of the samples a second is the same work."""
    last = said[-1].step
    speed = lambda step: 640.0 / (2 ** (3 * step // last)) + step % 7  # noqa: E731
    return [s if s.split else replace(s, metrics={**s.metrics, "samples_per_second": speed(s.step)}) for s in said]


def longer_checks(said: list[Said]) -> list[Said]:
    """Each validation takes longer than the one before, for the sentences grow."""
    out, n = [], 0
    for s in said:
        n += bool(s.split)
        out.append(
            replace(s, metrics={**s.metrics, "runtime": 2.0 + 1.5 * n, "samples_per_second": 400.0 / (1 + n)})
            if s.split
            else s
        )
    return out


def infinite_at_first(said: list[Said]) -> list[Said]:
    """The first two perplexities are too large for a number."""
    out, n = [], 0
    for s in said:
        n += bool(s.split)
        out.append(replace(s, metrics={**s.metrics, "ppl": float("inf")}) if s.split and n <= 2 else s)
    return out


def summed(said: list[Said], batch: int = 64) -> list[Said]:
    """The loss is summed over the batch and the accumulation, in thousands."""
    return [replace(s, metrics={k: v * batch * 8 if k == "loss" else v for k, v in s.metrics.items()}) for s in said]


def pauses(path: Path, folder: Path) -> None:
    """Lines every three seconds, but each save takes minutes and each validation longer than the last."""
    rows, now = arrivals(folder, lambda lines: STEP if lines % 40 else 5.0 + lines / 120)  # five minutes and more
    write(path, rows, now + 0.01, 0)

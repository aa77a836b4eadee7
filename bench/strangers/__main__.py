"""Make the second folder of labelled tiny trainings: `python -m bench.strangers OUT`, then `sentinel backtest OUT/runs --labels OUT/labels.csv`.

Each healthy set-up stands beside itself with one thing broken, written as some frameworks write. No limit was chosen on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench.labelled import begin, configure, label, make
from bench.strangers.endings import ENDINGS, VOICES, arrive
from bench.strangers.files import BY_EPOCH, FILES
from bench.strangers.kinds import SET_UPS, Broken, SetUp
from bench.strangers.large import LARGE
from bench.strangers.lines import LINES
from bench.strangers.training import Plan, Said, train

WRITERS = {**LARGE, **LINES, **FILES}
NO_STEPS = {"plain", "speechbrain", "losses", *BY_EPOCH}


def course(set_up: SetUp, broken: Broken | None) -> tuple[list[Said], dict[str, Any]]:
    """What the training says, and its config."""
    cause, at = (broken.cause, broken.at) if broken else ("", 0)
    more = dict(broken.more) if broken else {}
    more.pop("few", None)
    given = "" if cause in ENDINGS else cause
    if isinstance(set_up.make, partial):
        plan: Plan = set_up.make(given, **more)
        said = list(train(plan, given, at))
        config = {
            "learning_rate": plan.lr,
            "steps": plan.steps,
            "epochs": max(1, plan.steps // plan.per_epoch),
            "per_epoch": plan.per_epoch,
            **plan.config,
        }
    else:
        said = list(set_up.make(given) if set_up.make.__name__ in ("boosted", "folds") else set_up.make(given, at))
        config = {"steps": said[-1].step, "epochs": said[-1].epoch + 1, "per_epoch": 100}
    if set_up.text:
        said = VOICES[set_up.text](said, set_up)
    return (ENDINGS[cause](said, at) if cause in ENDINGS else said), config


def write(out: Path, number: int, set_up: SetUp, broken: Broken | None, writer: str, seed: int) -> dict[str, Any]:
    """One run in its folder; its row of the labels."""
    torch.manual_seed(7919 * seed + number)
    run = f"s{number:03d}"
    folder = begin(out, run)
    cause = broken.cause if broken else ""
    if writer == "own":
        from bench.strangers.frameworks import FRAMEWORKS

        last = FRAMEWORKS[set_up.make](folder, cause, seed * 100 + number)
        unit, total, apart = 1, last, 20
    else:
        said, config = course(set_up, broken)
        configure(folder, config, seed)
        WRITERS[writer](folder, said, config)
        unit, total = (config["per_epoch"] if writer in NO_STEPS else 1), config["steps"]
        last, apart = said[-1].step, said[2].step - said[1].step
        if cause in ("hangs", "crashes", "out of memory"):
            (out / "arrivals").mkdir(exist_ok=True)
            arrive(out / "arrivals" / f"{run}.jsonl", folder, hangs=cause == "hangs")
    onset = None
    if broken:
        onset = broken.at if cause in ENDINGS else max(broken.at + 2 * apart, int(0.15 * last))
    families = broken.families if broken else ""
    last = last if unit == 1 else last // unit
    return label(
        run,
        name(set_up, broken),
        writer,
        cause=cause,
        families=families,
        onset=onset,
        last=last,
        total=total,
        unit=unit,
    )


def name(set_up: SetUp, broken: Broken | None, *_how: Any) -> str:
    """A set-up, and what is broken in it."""
    return f"{set_up.name}: {broken.cause}" if broken else set_up.name


def plans(first: int, seeds: int) -> Iterator[tuple[SetUp, Broken | None, str, int]]:
    """Every set-up, healthy and broken, with each of its writers, as often as asked."""
    for seed in range(first, first + seeds):
        for set_up in SET_UPS:
            for writer in set_up.writers.split():
                yield set_up, None, writer, seed
            for broken in set_up.broken:
                for writer in broken.writers.split():
                    yield set_up, broken, writer, seed


if __name__ == "__main__":
    make(__doc__, plans, name, write)

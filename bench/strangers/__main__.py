"""Make the second folder of labelled tiny trainings: `python -m bench.strangers OUT`, then `sentinel backtest OUT/runs --labels OUT/labels.csv`.

Each healthy set-up stands beside itself with one thing broken, written as some frameworks write. No limit was chosen on them.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench.strangers.endings import ENDINGS, VOICES, arrive
from bench.strangers.files import BY_EPOCH, FILES
from bench.strangers.kinds import SET_UPS, Broken, SetUp
from bench.strangers.large import LARGE
from bench.strangers.lines import LINES
from bench.strangers.training import Plan, Said, train

WRITERS = {**LARGE, **LINES, **FILES}
NO_STEPS = {"plain", "speechbrain", "losses", *BY_EPOCH}
COLUMNS = (
    "run", "family", "label", "format", "planted_cause", "onset_step", "onset_epoch", "onset_t_s", "last_step", "total_steps",
    "exit_code", "ends_by", "signature_families", "notes",
)  # fmt: skip


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
    folder = out / "runs" / run
    folder.mkdir(parents=True)
    at = broken.at if broken else 0
    if writer == "own":
        from bench.strangers.frameworks import FRAMEWORKS

        last = FRAMEWORKS[set_up.make](folder, broken.cause if broken else "", seed * 100 + number)
        unit, total, apart = 1, last, 20
    else:
        said, config = course(set_up, broken)
        shown = {k: v for k, v in config.items() if k not in ("steps", "per_epoch")}
        (folder / "config.json").write_text(json.dumps({**shown, "max_steps": config["steps"], "seed": seed}, indent=1))
        last = WRITERS[writer](folder, said, config)
        unit, total = (config["per_epoch"] if writer in NO_STEPS else 1), config["steps"]
        last = said[-1].step
        apart = said[2].step - said[1].step
        if broken and broken.cause in ("hangs", "crashes", "out of memory"):
            arrive(out / "arrivals" / f"{run}.jsonl", folder, hangs=broken.cause == "hangs")
    onset = max(at + 2 * apart, int(0.15 * last)) if broken else 0
    if broken and broken.cause in ENDINGS:
        onset = at
    row = {
        "run": run, "family": f"{set_up.name}: {broken.cause}" if broken else set_up.name, "label": "doomed" if broken else "healthy",
        "format": writer, "planted_cause": broken.cause if broken else "", "last_step": last if unit == 1 else last // unit,
        "total_steps": total, "exit_code": 0, "ends_by": "normal", "signature_families": broken.families if broken else "",
    }  # fmt: skip
    if broken:
        row |= {"onset_step": onset if unit == 1 else "", "onset_epoch": onset // unit}
    return row


def plans(first: int, seeds: int) -> Iterator[tuple[SetUp, Broken | None, str, int]]:
    """Every set-up, healthy and broken, with each of its writers, as often as asked."""
    for seed in range(first, first + seeds):
        for set_up in SET_UPS:
            for writer in set_up.writers.split():
                yield set_up, None, writer, seed
            for broken in set_up.broken:
                for writer in broken.writers.split():
                    yield set_up, broken, writer, seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--only", default="", help="kinds whose name or cause holds this")
    args = parser.parse_args()
    torch.set_num_threads(1)
    (args.out / "arrivals").mkdir(parents=True, exist_ok=True)
    every = list(enumerate(plans(args.first, args.seeds), 1))
    with (args.out / "labels.csv").open("w", newline="") as file:
        labels = csv.DictWriter(file, COLUMNS, restval="")
        labels.writeheader()
        for number, plan in every:
            name = f"{plan[0].name}: {plan[1].cause if plan[1] else ''}"
            if args.only not in name:
                continue
            labels.writerow(write(args.out, number, *plan))
            file.flush()
            print(f"\r{number}/{len(every)} {name:<60}", end="", flush=True)
    print(f"\n{args.out}/runs, {args.out}/labels.csv")


if __name__ == "__main__":
    main()

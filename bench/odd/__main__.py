"""Make the third folder of labelled tiny trainings: `python -m bench.odd OUT`, then `sentinel backtest OUT/runs --labels OUT/labels.csv`.

Most of them are well and look odd; none was used to choose a limit of a rule.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import torch

from bench.odd.blocks import BLOCKS
from bench.odd.kinds import KINDS, Kind
from bench.odd.lines import LINES
from bench.odd.voices import pauses
from bench.strangers.__main__ import COLUMNS
from bench.strangers.__main__ import NO_STEPS as OTHERS_WITHOUT
from bench.strangers.__main__ import WRITERS as OTHERS
from bench.strangers.training import Said

WRITERS = {**OTHERS, **BLOCKS, **LINES}
NO_STEPS = (OTHERS_WITHOUT - {"losses"}) | {"nnunet", "yolo", "skorch", "fastai", "pyg", "deepq"}
PLAIN = {"learning_rate": 3e-3, "vocab_size": 64}


def course(kind: Kind, seed: int) -> list[Said]:
    """What one training of this kind says; all its frameworks write the same."""
    torch.manual_seed(6007 * seed + KINDS.index(kind))
    said = list(kind.make())
    return kind.voice(said) if kind.voice else said


def write(out: Path, number: int, kind: Kind, writer: str, seed: int, said: list[Said]) -> dict[str, Any]:
    """One run in its folder; its row of the labels."""
    run = f"o{number:03d}"
    folder = out / "runs" / run
    folder.mkdir(parents=True)
    told = [s for s in said if not s.text]
    last, epochs = max(s.step for s in told), max(s.epoch for s in told) + 1
    unit = max(1, last // epochs) if writer in NO_STEPS else 1
    config = {"steps": last, "epochs": epochs, "per_epoch": max(1, last // epochs)}
    about = {"max_steps": last, "epochs": epochs, "seed": seed}
    text = any("ppl" in s.metrics for s in told)
    (folder / "config.json").write_text(json.dumps({**(PLAIN if text else {}), **about}, indent=1))
    WRITERS[writer](folder, said, config)
    if kind.pauses:
        pauses(out / "arrivals" / f"{run}.jsonl", folder)
    sick = bool(kind.families)
    apart = told[2].step - told[1].step
    onset = (
        max(kind.at + 2 * apart, int(0.15 * last))
        if sick and kind.name not in ("judged in groups", "walk with costs")
        else 0
    )
    if sick and not onset:
        onset = next(s.step for s in told if s.step >= kind.at * (last / len(told)))
    return {
        "run": run, "family": f"{kind.name}: {kind.cause}" if sick else kind.name, "label": "doomed" if sick else "healthy",
        "format": writer, "planted_cause": kind.cause, "onset_step": onset if sick and unit == 1 else "", "onset_epoch": onset // unit if sick else "",
        "last_step": last if unit == 1 else last // unit, "total_steps": last, "exit_code": 0, "ends_by": "normal", "signature_families": kind.families,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--only", default="", help="kinds whose name or cause holds this")
    parser.add_argument(
        "--one", action="store_true", help="each kind with one of its frameworks, another for each seed"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    (args.out / "arrivals").mkdir(parents=True, exist_ok=True)
    plans = []
    for seed in range(args.first, args.first + args.seeds):
        for kind in KINDS:
            writers = kind.writers.split()
            plans += [(kind, w, seed) for w in ([writers[seed % len(writers)]] if args.one else writers)]
    with (args.out / "labels.csv").open("w", newline="") as file:
        labels = csv.DictWriter(file, COLUMNS, restval="")
        labels.writeheader()
        last: tuple[Kind, int] | None = None
        said: list[Said] = []
        for number, (kind, writer, seed) in enumerate(plans, 1):
            if args.only not in f"{kind.name}: {kind.cause}":
                continue
            said = said if last == (kind, seed) else course(kind, seed)
            last = kind, seed
            labels.writerow(write(args.out, number, kind, writer, seed, said))
            file.flush()
            print(f"\r{number}/{len(plans)} {kind.name:<50}", end="", flush=True)
    print(f"\n{args.out}/runs, {args.out}/labels.csv")


if __name__ == "__main__":
    main()

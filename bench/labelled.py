"""A folder of labelled tiny trainings: the command, the config and the row of the labels that all makers of such folders share.

What is trained, what is broken in it and how it writes is the makers' own: `bench.wild`, `bench.strangers`.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

COLUMNS = (
    "run", "family", "label", "format", "planted_cause", "onset_step", "onset_epoch", "onset_t_s", "last_step", "total_steps",
    "exit_code", "ends_by", "signature_families", "notes",
)  # fmt: skip


def make(
    about: str,
    plans: Callable[[int, int], Iterable[tuple[Any, ...]]],
    name: Callable[..., str],
    write: Callable[..., dict[str, Any]],
    sole: Callable[..., bool] | None = None,
) -> None:
    """Write every plan as a run under OUT/runs, with OUT/labels.csv. A run's number is the same whatever `--only` leaves out.

    `sole` says whether a plan is the one of its kind that `--one` takes.
    """
    import torch

    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--only", default="", help="those whose name holds this")
    if sole:
        parser.add_argument(
            "--one", action="store_true", help="each kind with one of its writers, another for each seed"
        )
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    taken = [plan for plan in plans(args.first, args.seeds) if not (sole and args.one) or sole(*plan)]
    every = list(enumerate(taken, 1))
    chosen = [(number, plan) for number, plan in every if args.only in name(*plan)]
    with (args.out / "labels.csv").open("w", newline="") as file:
        labels = csv.DictWriter(file, COLUMNS, restval="")
        labels.writeheader()
        for number, plan in chosen:
            labels.writerow(write(args.out, number, *plan))
            file.flush()
            print(f"\r{number}/{len(every)} {name(*plan):<60}", end="", flush=True)
    print(f"\n{args.out}/runs, {args.out}/labels.csv")


def begin(out: Path, run: str) -> Path:
    """The folder of a run."""
    folder = out / "runs" / run
    folder.mkdir(parents=True)
    return folder


def configure(folder: Path, config: dict[str, Any], seed: int) -> None:
    """The config that a training of that kind would lay beside its log."""
    shown = {key: value for key, value in config.items() if key not in ("steps", "per_epoch")}
    (folder / "config.json").write_text(json.dumps({**shown, "max_steps": config["steps"], "seed": seed}, indent=1))


def label(
    run: str,
    family: str,
    writer: str,
    *,
    cause: str,
    families: str,
    onset: int | None,
    last: int,
    total: int,
    unit: int,
) -> dict[str, Any]:
    """A row: doomed from `onset` on, or healthy. A writer without steps counts in epochs of `unit` steps."""
    row = {
        "run": run, "family": family, "label": "healthy" if onset is None else "doomed", "format": writer, "planted_cause": cause,
        "last_step": last, "total_steps": total, "exit_code": 0, "ends_by": "normal", "signature_families": families,
    }  # fmt: skip
    if onset is not None:
        row |= {"onset_step": onset if unit == 1 else "", "onset_epoch": onset // unit}
    return row

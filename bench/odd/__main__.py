"""Make the third folder of labelled tiny trainings: `python -m bench.odd OUT`, then `sentinel backtest OUT/runs --labels OUT/labels.csv`.

Most of them are well and look odd; none was used to choose a limit of a rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from bench.labelled import begin, configure, label, make
from bench.odd.blocks import BLOCKS
from bench.odd.kinds import KINDS, Kind
from bench.odd.lines import LINES
from bench.odd.voices import pauses
from bench.strangers.__main__ import NO_STEPS as OTHERS_WITHOUT
from bench.strangers.__main__ import WRITERS as OTHERS
from bench.strangers.training import Said

WRITERS = {**OTHERS, **BLOCKS, **LINES}
NO_STEPS = (OTHERS_WITHOUT - {"losses"}) | {"nnunet", "yolo", "skorch", "fastai", "pyg", "deepq"}
PLAIN = {"learning_rate": 3e-3, "vocab_size": 64}
BY_LINES = ("judged in groups", "walk with costs")  # what is broken there begins at a share of the lines


@lru_cache(maxsize=1)  # its writers come one after the other
def course(kind: Kind, seed: int) -> list[Said]:
    """What one training of this kind says; all its frameworks write the same."""
    torch.manual_seed(6007 * seed + KINDS.index(kind))
    said = list(kind.make())
    return kind.voice(said) if kind.voice else said


def write(out: Path, number: int, kind: Kind, writer: str, seed: int) -> dict[str, Any]:
    """One run in its folder; its row of the labels."""
    said = course(kind, seed)
    run = f"o{number:03d}"
    folder = begin(out, run)
    told = [s for s in said if not s.text]
    last, epochs = max(s.step for s in told), max(s.epoch for s in told) + 1
    unit = max(1, last // epochs) if writer in NO_STEPS else 1
    config = {"steps": last, "epochs": epochs, "per_epoch": max(1, last // epochs)}
    text = any("ppl" in s.metrics for s in told)
    configure(folder, {**(PLAIN if text else {}), **config}, seed)
    WRITERS[writer](folder, said, config)
    if kind.pauses:
        (out / "arrivals").mkdir(exist_ok=True)
        pauses(out / "arrivals" / f"{run}.jsonl", folder)
    onset = None
    if kind.families:
        apart = told[2].step - told[1].step
        onset = max(kind.at + 2 * apart, int(0.15 * last))
        if kind.name in BY_LINES:
            onset = next(s.step for s in told if s.step >= kind.at * (last / len(told)))
    total, families = last, kind.families
    last = last if unit == 1 else last // unit
    return label(
        run, name(kind), writer, cause=kind.cause, families=families, onset=onset, last=last, total=total, unit=unit
    )


def name(kind: Kind, *_how: Any) -> str:
    """A kind, and what is broken in it."""
    return f"{kind.name}: {kind.cause}" if kind.families else kind.name


def plans(first: int, seeds: int) -> Iterator[tuple[Kind, str, int]]:
    """Every kind with each of its frameworks, as often as asked."""
    for seed in range(first, first + seeds):
        for kind in KINDS:
            for writer in kind.writers.split():
                yield kind, writer, seed


def sole(kind: Kind, writer: str, seed: int) -> bool:
    """Whether this framework is the one that stands for its kind."""
    writers = kind.writers.split()
    return writer == writers[seed % len(writers)]


if __name__ == "__main__":
    make(__doc__, plans, name, write, sole)

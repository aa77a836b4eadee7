"""Make a fourth folder of labelled tiny trainings: `python -m bench.unseen OUT --first 1`, then `bench/detection.py --unseen OUT`.

Each fault is proved when it is made: the run must keep less than half of what its healthy twin gains over chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from bench.labelled import begin, configure, label, make
from bench.strangers.arrivals import write as arrive
from bench.unseen.kinds import KINDS, Kind
from bench.unseen.prints import PRINTS
from bench.unseen.shapes import SHAPES
from bench.unseen.tables import TABLES
from bench.unseen.told import Told

VOICES = {**PRINTS, **TABLES}
FILES = {
    "jsonl": "metrics.jsonl",
    "nested": "log.jsonl",
    "seconds_csv": "history.csv",
    "sparse_csv": "metrics.csv",
    "hashed": "curve.dat",
}
APART = 60.0  # a run's seconds for each second of its arrivals
DRAWS = 5
HANGS = 5 * 3600.0


class NotDoomed(Exception):
    """A fault that did not do what it says."""


@lru_cache(maxsize=64)
def course(train: Any, fault: str, seed: int) -> tuple[list[Told], float]:
    """What one training says, and what it is truly worth."""
    torch.manual_seed(7001 * seed)
    run, told = train(9973 * seed, fault) if fault else train(9973 * seed), []
    while True:
        try:
            told.append(next(run))
        except StopIteration as end:
            return told, float(end.value)


def proved(kind: Kind, seed: int) -> list[Told]:
    """The lines of a run whose fault is one; where it does no harm by luck, another seed is drawn."""
    for draw in range(DRAWS - 1):
        try:
            return told_once(kind, seed + 1000 * draw)
        except NotDoomed:
            continue
    return told_once(kind, seed + 1000 * DRAWS)


def told_once(kind: Kind, seed: int) -> list[Told]:
    """The lines of one training. NotDoomed where it is hardly worse than its healthy twin."""
    told, score = course(kind.course, kind.fault, seed)
    if kind.fault:
        twin = course(kind.course, "", seed)[1]
        gain = twin - kind.chance
        if not gain > 0 or (score == score and score - kind.chance > 0.5 * gain):
            raise NotDoomed(f"{kind.name}: {kind.fault}: worth {score:.4g} beside {twin:.4g}")
    return told


def write(out: Path, number: int, kind: Kind, voice: str, seed: int) -> dict[str, Any]:
    """One run in its folder with the times of its lines; its row of the labels."""
    whole = proved(kind, seed)
    run, last = f"u{number:03d}", max(one.step for one in whole)
    config: dict[str, Any] = {"steps": last, "epochs": max(one.epoch for one in whole) + 1}
    config["per_epoch"] = max(1, last // config["epochs"])
    told = SHAPES[kind.shape](whole, config)
    folder = begin(out, run)
    if voice != "boosted":  # its rounds are no steps, and it has no plan
        configure(folder, {k: v for k, v in config.items() if isinstance(v, int)}, seed)
    lines, times = [], []
    for n, text in enumerate(VOICES[voice](told, config)):
        lines.append(text if text.endswith("\r") else text + "\n")
        times.append(n)
    path = folder / FILES.get(voice, "train.log")
    path.write_text("".join(lines), newline="")
    _arrivals(out, run, folder, path.name, lines, told, kind)
    onset = max(int(kind.at * last), int(0.15 * last)) if kind.doomed else None
    return label(
        run,
        name(kind),
        voice,
        cause=kind.fault or kind.shape * kind.doomed,
        families=kind.families,
        onset=onset,
        last=last,
        total=last,
        unit=1,
    )


def _arrivals(out: Path, run: str, folder: Path, file: str, lines: list[str], told: list[Told], kind: Kind) -> None:
    """The clock of the training, sixty times as fast; a run that hangs is there for five hours more."""
    (out / "arrivals").mkdir(exist_ok=True)
    plan, rows = folder / "config.json", []
    if plan.exists():
        rows.append({"t": 0.01, "f": plan.name, "op": "a", "a": 0, "b": plan.stat().st_size})
    start = 0
    for n, line in enumerate(lines):
        now = round(told[min(len(told) - 1, n * len(told) // len(lines))].t / APART, 4)
        end = start + len(line.encode())
        rows += [
            {"t": now, "f": file, "op": "a", "a": start, "b": end},
            {"t": now, "op": "proc", "rss_mb": 900.0, "cpu_s": now},
        ]
        start = end
    now = rows[-1]["t"]
    if kind.shape == "hangs":
        rows += [
            {"t": round(now + more / APART, 4), "op": "proc", "rss_mb": 900.0, "cpu_s": now}
            for more in range(300, int(HANGS), 300)
        ]
        now += HANGS / APART
    arrive(out / "arrivals" / f"{run}.jsonl", rows, now + 0.01, 0)


def name(kind: Kind, *_how: Any) -> str:
    """A kind, and what is broken in it."""
    return f"{kind.name}: {kind.fault or kind.shape}" if kind.doomed else kind.name


def plans(first: int, seeds: int) -> Iterator[tuple[Kind, str, int]]:
    """Every kind once a seed, in one of its voices; another seed takes another."""
    for seed in range(first, first + seeds):
        for kind in KINDS:
            voices = kind.voices.split()
            yield kind, voices[seed % len(voices)], seed


if __name__ == "__main__":
    make(__doc__, plans, name, write)

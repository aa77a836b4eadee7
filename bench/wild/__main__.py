"""Make a folder of labelled tiny trainings: `python -m bench.wild OUT [--seeds 2]`, then `sentinel backtest OUT/runs --labels OUT/labels.csv`.

None of them was used to choose a limit of a rule: what the rules say of them is closer to what they will say of yours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench.labelled import begin, configure, label, make
from bench.wild import games, tasks
from bench.wild.fitting import Said, Task, fit
from bench.wild.writers import EPOCHS_ONLY, WRITERS


@dataclass(frozen=True)
class Kind:
    """One kind of run; `families` empty means healthy."""

    name: str
    make: Callable[[str], Any]
    cause: str = ""
    at: int = 0
    families: str = ""
    writers: str = "prose jsonl"
    steps: int = 0


def fitted(maker: Callable[..., Task], **more: Any) -> Callable[[str], Task]:
    """A task that the common loop trains."""
    return partial(maker, **more)


LOSS, SKILL = "numerics dynamics optimisation", "dynamics generalisation optimisation"
KINDS = (
    Kind("plain", fitted(tasks.classify), writers="timm engine by_epoch bare"),
    Kind("smoothed labels", fitted(tasks.smoothed), writers="jsonl sparse"),
    Kind("language", fitted(tasks.language, schedule="warm cosine", lr=1e-2), writers="bare dicts"),
    Kind("regression to the noise", fitted(tasks.regress, steps=1500), writers="prose by_epoch"),
    Kind("autoencoder", fitted(tasks.autoencode), writers="engine jsonl"),
    Kind("diffusion at its floor", fitted(tasks.diffuse, steps=2000, every=20, per_epoch=200), writers="prose sparse"),
    Kind("contrastive", fitted(tasks.contrast), writers="timm jsonl"),
    Kind("one in a hundred", fitted(tasks.rare, steps=1200, per_epoch=120), writers="prose by_epoch"),
    Kind("density below zero", fitted(tasks.density, schedule="cosine"), writers="bare jsonl"),
    Kind("three heads", fitted(tasks.detect, schedule="warm linear"), writers="engine sparse"),
    Kind("fine tuning", fitted(tasks.finetune, schedule="linear"), writers="dicts prose"),
    Kind("curriculum", fitted(tasks.staged, steps=750), writers="jsonl bare"),
    Kind("tagging", fitted(tasks.tag, lr=1e-2), writers="dicts prose"),
    Kind("counts, summed", fitted(tasks.count, optimizer="adamw"), writers="prose sparse"),
    Kind("parity", fitted(tasks.parity, steps=3000, every=30, per_epoch=100, lr=1e-3), writers="jsonl bare"),
    Kind("cyclic rate", fitted(tasks.classify, schedule="cycle", lr=1e-2), writers="prose sparse"),
    Kind("sgd, noisy", fitted(tasks.classify, optimizer="sgd", lr=0.02, every=1, steps=500), writers="jsonl timm"),
    Kind("two players", games.adversaries, writers="bare jsonl"),
    Kind("policy gradient", games.policy, writers="table jsonl"),
    Kind("q-learning", games.values, writers="table prose"),
    Kind("boosting", games.boost, writers="rounds"),
    Kind("preferences", games.preferences, writers="dicts jsonl"),
    Kind("rate far too high", fitted(tasks.classify), "rate x1000", 200, LOSS, "prose jsonl timm", 600),
    Kind("rate far too high, text", fitted(tasks.language), "rate x100", 200, LOSS, "dicts bare", 600),
    Kind("not a number", fitted(tasks.autoencode), "log of zero", 300, "numerics", "engine jsonl", 600),
    Kind("sign of the loss", fitted(tasks.detect), "sign", 150, LOSS + " generalisation", "prose sparse", 600),
    Kind("weights decay away", fitted(tasks.classify), "decay", 200, "dynamics generalisation collapse numerics", "jsonl bare", 600),
    Kind("never steps", fitted(tasks.classify, steps=1500), "no step", 0, SKILL, "prose dicts sparse", 1500),
    Kind("rate falls to zero", fitted(tasks.language, steps=1200), "rate zero", 30, SKILL, "jsonl dicts", 1200),
    Kind("shuffled labels", fitted(tasks.classify, steps=2400, every=20, per_epoch=120), "labels", 0, SKILL + " collapse", "prose by_epoch dicts", 2400),
    Kind("shuffled text", fitted(tasks.language, steps=1500), "labels", 0, SKILL, "jsonl bare", 1500),
    Kind("shuffled targets", fitted(tasks.regress, steps=2400, every=20, per_epoch=120), "labels", 0, SKILL, "prose by_epoch", 2400),
    Kind("empty input", fitted(tasks.classify, steps=1500), "empty input", 0, SKILL + " collapse", "engine jsonl", 1500),
    Kind("deep sigmoid", fitted(tasks.classify, steps=1500), "deep sigmoid", 0, SKILL + " numerics collapse", "prose jsonl", 1500),
    Kind("memorises", fitted(tasks.classify, steps=3000, every=20, per_epoch=60), "few", 0, "generalisation", "prose by_epoch", 3000),
    Kind("memorises text", fitted(tasks.language, steps=1500, lr=1e-2), "few", 0, "generalisation", "jsonl dicts", 1500),
    Kind("memorises a curve", fitted(tasks.regress, steps=6000, every=50, per_epoch=60, lr=5e-3), "few", 0, "generalisation", "by_epoch prose", 6000),
    Kind("target among features", fitted(tasks.classify), "leak", 0, "generalisation audit", "prose by_epoch", 600),
    Kind("posterior collapse", fitted(tasks.autoencode, steps=1200), "beta", 0, "collapse dynamics", "engine jsonl", 1200),
    Kind("unscaled targets", fitted(tasks.regress, optimizer="sgd", lr=0.05), "unscaled", 0, LOSS, "prose jsonl", 600),
    Kind("discriminator wins", games.adversaries, "discriminator wins", 300, "dynamics collapse optimisation", "bare jsonl", 800),
    Kind("policy breaks", games.policy, "rate x100", 8, "dynamics collapse", "table jsonl", 400),
    Kind("reward is gone", games.policy, "no reward", 150, "dynamics collapse", "table jsonl", 400),
    Kind("few rows boosted", games.boost, "few", 0, "generalisation", "rounds", 150),
    Kind("preferences at random", games.preferences, "labels", 0, SKILL, "dicts jsonl", 300),
)  # fmt: skip


def course(kind: Kind) -> tuple[list[Said], dict[str, Any]]:
    """What the training says, and its config."""
    if not isinstance(kind.make, partial):
        said = list(kind.make(kind.cause, kind.at))
        return said, {"steps": said[-1].step, "epochs": said[-1].epoch + 1, "per_epoch": 100}
    task: Task = kind.make(kind.cause)
    config = {
        "learning_rate": task.lr,
        "steps": task.steps,
        "epochs": task.steps // task.per_epoch,
        "per_epoch": task.per_epoch,
    }
    return list(fit(task, kind.cause, kind.at)), {**config, **task.config}


def write(out: Path, number: int, kind: Kind, writer: str, seed: int) -> dict[str, Any]:
    """One run in its folder; its row of the labels."""
    torch.manual_seed(1000 * seed + number)
    said, config = course(kind)
    run = f"w{number:03d}"
    folder = begin(out, run)
    configure(folder, config, seed)
    last = WRITERS[writer](folder, said, config)
    unit = config["per_epoch"] if writer in EPOCHS_ONLY else 1
    apart = said[1].step - said[0].step
    onset = max(kind.at + 2 * apart, int(0.15 * said[-1].step)) if kind.families else None
    last = said[-1].step if unit == 1 else last
    total, families = config["steps"], kind.families
    return label(
        run, kind.name, writer, cause=kind.cause, families=families, onset=onset, last=last, total=total, unit=unit
    )


def name(kind: Kind, *_how: Any) -> str:
    """A kind's name."""
    return kind.name


def plans(first: int, seeds: int) -> Iterator[tuple[Kind, str, int]]:
    """Every kind with each of its writers, as often as asked."""
    for seed in range(first, first + seeds):
        for kind in KINDS:
            for writer in kind.writers.split():
                yield kind, writer, seed


if __name__ == "__main__":
    make(__doc__, plans, name, write)

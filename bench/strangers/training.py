"""One loop for most of the set-ups, and the table of what may be broken in it. Needs torch."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

Metrics = dict[str, float]


@dataclass
class Said:
    """What a trainer says at one place; `split` is "" for a training line, and `text` a line of its own."""

    split: str
    step: int
    epoch: int
    metrics: Metrics = field(default_factory=dict)
    text: str = ""


@dataclass
class Plan:
    """A training script's choices."""

    model: nn.Module
    batch: Callable[[int], Any]
    loss: Callable[[nn.Module, Any], tuple[Tensor, Metrics]]
    check: Callable[[nn.Module], Metrics] | None = None
    steps: int = 800
    per_epoch: int = 80
    every: int = 10
    check_every: int = 0  # steps between evaluations; 0: at each epoch's end
    lr: float = 3e-3
    optimizer: str = "adam"
    rate: Callable[[float], float] = lambda _share: 1.0
    clip: float = 0.0
    scale: float = 0.0  # of the loss, where half precision is trained
    resumes: tuple[int, int] = (0, 0)  # at the first step the script dies and goes on from the second
    says: str = "lr grad_norm"
    config: dict[str, Any] = field(default_factory=dict)


def warm_cosine(share: float) -> float:
    return min(1.0, share / 0.06 + 0.01) * 0.5 * (1 + math.cos(math.pi * share))


def restarts(share: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * (share * 4 % 1.0)))


def one_cycle(share: float) -> float:
    return (0.04 + share / 0.3) / 1.04 if share < 0.3 else 0.5 * (1 + math.cos(math.pi * (share - 0.3) / 0.7))


RATES: dict[str, Callable[[int], float]] = {
    "rate x30": lambda _n: 30.0,
    "rate x300": lambda _n: 300.0,
    "rate x3000": lambda _n: 3000.0,
    "rate stepped at every batch": lambda n: 0.9**n,
    "warm-up without end": lambda n: n / 1e7,
}


def forget(model: nn.Module) -> None:
    """A resume that loads everything but the weights."""
    for part in model.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()


def throw(model: nn.Module) -> None:
    """One update from a broken batch, without clipping."""
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.randn_like(weights) * 3)


def bury(model: nn.Module) -> None:
    """One update that pushes every unit below zero for all inputs."""
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name.endswith("bias") and len(weights) > 16:
                weights.sub_(200.0)


HITS: dict[str, Callable[[nn.Module], None]] = {
    "resumed without weights": forget,
    "one update": throw,
    "dead units": bury,
}


@dataclass
class Bench:
    """The moving parts of one training."""

    plan: Plan
    model: nn.Module
    optimizer: torch.optim.Optimizer
    scale: float
    good: int = 0
    skipped: int = 0

    def update(self, loss: Tensor, cause: str) -> float:
        """One step backward; the gradient's norm."""
        if cause != "gradients pile up":
            self.optimizer.zero_grad()
        if loss.requires_grad:
            (-loss if cause == "sign" else loss).backward()
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.clip or 1e30))
        if cause == "overflow":
            norm = math.inf
        if self.scale and not math.isfinite(norm):
            self.scale, self.good = max(self.scale / 2, 2**-5), 0
            self.skipped += 1
            return norm
        self.good += 1
        if cause == "clipped to nothing":
            nn.utils.clip_grad_norm_(self.model.parameters(), 1e-5)
        self.optimizer.step()
        return norm


def _made(plan: Plan, cause: str) -> torch.optim.Optimizer:
    kinds = {
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "sgd": torch.optim.SGD,
        "decayed": partial(torch.optim.AdamW, weight_decay=1.0),
    }
    model = copy.deepcopy(plan.model) if cause == "another model's weights" else plan.model
    more = {"momentum": 0.9} if plan.optimizer == "sgd" else {}
    return kinds[plan.optimizer](model.parameters(), lr=plan.lr, **more)


def train(plan: Plan, cause: str = "", at: int = 0) -> Iterator[Said]:
    """Train; from step `at` on the cause is at work."""
    bench = Bench(plan, plan.model, _made(plan, cause), plan.scale)
    kept, step, resumed = None, 0, False
    while step < plan.steps:
        step += 1
        if step == plan.resumes[1]:
            kept = copy.deepcopy((plan.model.state_dict(), bench.optimizer.state_dict()))
        if step == plan.resumes[0] and kept and not resumed:
            plan.model.load_state_dict(kept[0])
            bench.optimizer.load_state_dict(kept[1])
            step, resumed = plan.resumes[1], True
            yield Said("", step, (step - 1) // plan.per_epoch, text=f"Resuming from checkpoint at step {step}")
        yield from _one(bench, step, cause if step > at else "", step - at)


def _one(bench: Bench, step: int, cause: str, since: int) -> Iterator[Said]:
    plan = bench.plan
    if cause in HITS and since == 1:
        HITS[cause](bench.model)
    lr = plan.lr * plan.rate(step / plan.steps) * RATES.get(cause, lambda _n: 1.0)(since)
    if cause == "resumed without weights":
        lr = plan.lr * 0.002
    for group in bench.optimizer.param_groups:
        group["lr"] = lr
    loss, metrics = plan.loss(bench.model, plan.batch(step))
    if cause == "root of zero":
        first = next(bench.model.parameters())
        loss = loss + 1e-3 * (first - first.detach()).pow(2).sum().sqrt()
    if cause == "detached":
        loss = loss.detach()
    norm = bench.update(loss, cause)
    epoch = (step - 1) // plan.per_epoch
    if step % plan.every == 0:
        more = {"lr": lr, "grad_norm": norm, "loss_scale": bench.scale, "skipped": bench.skipped}
        yield Said("", step, epoch, {"loss": float(loss), **metrics, **{k: more[k] for k in plan.says.split()}})
    if plan.check is not None and step % (plan.check_every or plan.per_epoch) == 0:
        bench.model.eval()
        with torch.no_grad():
            yield Said("val", step, epoch, plan.check(bench.model))
        bench.model.train()


def mlp(*sizes: int, act: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    parts: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        parts += [nn.Linear(a, b), act()]
    return nn.Sequential(*parts[:-1])


def picker(x: Tensor, y: Tensor, size: int = 32, few: int = 0) -> Callable[[int], tuple[Tensor, Tensor]]:
    """Batches at random, from the first `few` alone where asked."""
    n = few or len(x)

    def batch(_step: int) -> tuple[Tensor, Tensor]:
        at = torch.randint(n, (min(size, n),))
        return x[at], y[at]

    return batch


def shuffled(y: Tensor, cause: str) -> Tensor:
    """The labels, torn from their inputs where that is the cause."""
    return y[torch.randperm(len(y))] if cause == "labels" else y

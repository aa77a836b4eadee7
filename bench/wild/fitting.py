"""One training loop for all tasks, with a place for each cause of doom. Needs torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

Metrics = dict[str, float]


@dataclass
class Said:
    """What a trainer says at one place: `split` is "" for a training line."""

    split: str
    step: int
    epoch: int
    metrics: Metrics


@dataclass
class Task:
    """A model, its batches and its validation, as a training script would have them."""

    model: nn.Module
    batch: Callable[[int], Any]  # step -> batch
    loss: Callable[[nn.Module, Any], tuple[Tensor, Metrics]]
    check: Callable[[nn.Module], Metrics] | None = None
    steps: int = 600
    per_epoch: int = 60
    every: int = 10
    lr: float = 3e-3
    optimizer: str = "adam"
    schedule: str = "constant"
    clip: float = 0.0
    says_gradient: bool = True
    config: Mapping[str, Any] = field(default_factory=dict)


def rate(task: Task, step: int) -> float:
    """The learning rate of a step."""
    share = step / task.steps
    warm = min(1.0, (step + 1) / (0.08 * task.steps)) if "warm" in task.schedule else 1.0
    if "cosine" in task.schedule:
        return task.lr * warm * 0.5 * (1 + float(torch.cos(torch.tensor(share * 3.14159))))
    if "linear" in task.schedule:
        return task.lr * warm * (1 - share)
    if "cycle" in task.schedule:
        return task.lr * (0.1 + abs((share * 6) % 2 - 1))
    return task.lr * warm


def fit(task: Task, cause: str = "", at: int = 0) -> Iterator[Said]:
    """Train, and say what a training script would say; from step `at` on the cause is at work."""
    make = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[task.optimizer]
    optimizer = make(task.model.parameters(), lr=task.lr)
    if task.optimizer == "sgd":
        optimizer.param_groups[0]["momentum"] = 0.9
    for step in range(1, task.steps + 1):
        sick = bool(cause) and step > at
        lr = rate(task, step) * (_RATES.get(cause, 1.0) if sick else 1.0)
        optimizer.param_groups[0]["lr"] = lr
        loss, metrics = task.loss(task.model, task.batch(step))
        if sick and cause == "log of zero" and step % 7 == 0:
            loss = loss * torch.log(torch.zeros(())) * 0  # not a number, and so are the gradients
        optimizer.zero_grad()
        (-loss if sick and cause == "sign" else loss).backward()
        norm = float(nn.utils.clip_grad_norm_(task.model.parameters(), task.clip or 1e30))
        if not (sick and cause == "no step"):
            optimizer.step()
        if sick and cause == "decay":
            with torch.no_grad():
                for weights in task.model.parameters():
                    weights.mul_(0.9)
        epoch = (step - 1) // task.per_epoch
        if step % task.every == 0:
            more = {"grad_norm": norm} if task.says_gradient else {}
            yield Said("", step, epoch, {"loss": float(loss), **metrics, "lr": lr, **more})
        if task.check is not None and step % task.per_epoch == 0:
            task.model.eval()
            with torch.no_grad():
                yield Said("val", step, epoch, task.check(task.model))
            task.model.train()


_RATES = {"rate x1000": 1000.0, "rate x100": 100.0, "rate x30": 30.0, "rate zero": 0.0}

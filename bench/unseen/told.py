"""What a training says at one place, what it was truly worth in the end, and the loop that most of them share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

Metrics = dict[str, float]
Course = Generator["Told", None, float]  # what is returned is the true score, which no log shows


@dataclass
class Told:
    """`split` is "" for a training line; `text` is a line of its own; `t` counts seconds from the start."""

    split: str
    step: int
    epoch: int
    metrics: Metrics = field(default_factory=dict)
    text: str = ""
    t: float = 0.0


def norm(model: nn.Module) -> float:
    return float(sum(float(p.grad.square().sum()) for p in model.parameters() if p.grad is not None) ** 0.5)


def update(model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, clip: float = 0.0) -> float:
    """One step; the norm of its gradient."""
    optimizer.zero_grad()
    loss.backward()
    size = norm(model)
    if clip:
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return size


def rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = value


def timed(told: list[Told], seconds: Callable[[int, int], float]) -> list[Told]:
    """Each line with the second at which it was written; `seconds(n, of)` lie before the n-th of them."""
    now, out = 0.0, []
    for n, one in enumerate(told):
        now += seconds(n, len(told))
        out.append(replace(one, t=now))
    return out


@dataclass
class Epoch:
    """One row of a table: the means of the training lines, and what was measured at the end."""

    number: int
    step: int
    t: float
    train: Metrics
    held: Metrics


def epochs(told: list[Told]) -> Iterator[Epoch]:
    """The rows of a log that writes once an epoch; other texts are lost on it."""
    mean: dict[str, list[float]] = {}
    last: Told | None = None
    for one in [t for t in told if not t.text]:
        if last and one.epoch != last.epoch and mean:
            yield Epoch(last.epoch, last.step, last.t, _means(mean), {})
            mean = {}
        if one.split:
            yield Epoch(one.epoch, one.step, one.t, _means(mean), one.metrics)
            mean = {}
        else:
            for name, value in one.metrics.items():
                mean.setdefault(name, []).append(value)
        last = one
    if last and mean:
        yield Epoch(last.epoch, last.step, last.t, _means(mean), {})


def _means(mean: dict[str, list[float]]) -> Metrics:
    return {name: values[-1] if name == "lr" else sum(values) / len(values) for name, values in mean.items()}

"""Pictures: classes, masks, boxes and a scene, all drawn by formulas. Needs torch."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from bench.strangers.training import Metrics, Plan, mlp, one_cycle, picker, shuffled


def drawn(n: int, classes: int, noise: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Small pictures: a pattern for each class under noise."""
    kind = torch.Generator().manual_seed(seed)
    patterns = torch.randn(classes, 1, 8, 8, generator=kind)
    y = torch.randint(classes, (n,))
    return patterns[y] + noise * torch.randn(n, 1, 8, 8), y


def convnet(classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.Flatten(), nn.Linear(24 * 16, classes),
    )  # fmt: skip


def classes(cause: str, classes: int = 10, noise: float = 1.6, **more: Any) -> Plan:
    """A picture's class, with top-1 and top-5."""
    x, y = drawn(3000, classes, noise)
    vx, vy = drawn(600, classes, noise)
    y = shuffled(y, cause)
    if cause == "few":
        y = torch.where(torch.rand(len(y)) < 0.4, torch.randint(classes, (len(y),)), y)
    if cause == "other units in validation":
        vx = vx * 255 + 100
    model = convnet(classes)
    if cause == "all frozen":
        for weights in model[:-1].parameters():
            weights.requires_grad_(False)
        model[-1].weight.requires_grad_(False)
        model[-1].weight.data.zero_()

    def score(m: nn.Module, a: Tensor, b: Tensor) -> tuple[Tensor, Metrics]:
        out = m(a)
        hits = out.topk(5, 1).indices == b.unsqueeze(1)
        loss = f.cross_entropy(out, b)
        return loss, {"acc1": 100 * float(hits[:, 0].float().mean()), "acc5": 100 * float(hits.float().sum(1).mean())}

    def check(m: nn.Module) -> Metrics:
        loss, metrics = score(m, vx, vy)
        return {"loss": float(loss), **metrics}

    more.setdefault("rate", one_cycle)
    few = 60 if cause == "few" else 0
    config = {"num_classes": classes, "arch": "convnet"}
    return Plan(model, picker(x, y, 32, few), lambda m, b: score(m, *b), check, config=config, **more)


def masks(cause: str, **more: Any) -> Plan:
    """A disc among noise, one pixel in thirty: dice begins at zero."""

    def batch(_step: int, n: int = 16) -> tuple[Tensor, Tensor]:
        grid = torch.arange(16.0)
        cx, cy = torch.rand(n, 1, 1) * 12 + 2, torch.rand(n, 1, 1) * 12 + 2
        y = ((grid.view(1, 1, 16) - cx) ** 2 + (grid.view(1, 16, 1) - cy) ** 2 < 4).float().unsqueeze(1)
        x = y * 1.5 + 0.8 * torch.randn(n, 1, 16, 16)
        return (torch.zeros_like(x) if cause == "empty input" else x), y

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        return f.binary_cross_entropy_with_logits(m(b[0]), b[1]), {}

    def check(m: nn.Module) -> Metrics:
        x, y = batch(0, 64)
        out = m(x)
        hit = float(((out > 0) & (y > 0)).sum())
        both = float((out > 0).sum() + y.sum())
        right = float(((out > 0) == (y > 0)).float().mean())
        return {
            "loss": float(f.binary_cross_entropy_with_logits(out, y)),
            "dice": 2 * hit / both,
            "iou": hit / max(1.0, both - hit),
            "pixel_acc": right,
        }

    model = nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 1, 1)
    )
    return Plan(model, batch, loss, check, **more)


def boxes(cause: str, **more: Any) -> Plan:
    """Boxes and classes: three losses and their sum, with the scores of detection."""
    x, vx = torch.randn(2500, 20), torch.randn(400, 20)
    wb, wc = torch.randn(20, 4), torch.randn(20, 6)
    order = torch.randperm(2500) if cause == "labels" else torch.arange(2500)

    def parts(m: nn.Module, a: Tensor, t: Tensor) -> tuple[list[Tensor], float]:
        out, box, kind = m(a), torch.tanh(t @ wb / 4), (t @ wc).argmax(1)
        hit = ((out[:, 4:].argmax(1) == kind) & ((out[:, :4] - box).abs().amax(1) < 0.35)).float().mean()
        three = [
            7 * f.smooth_l1_loss(out[:, :4], box),
            f.cross_entropy(out[:, 4:], kind),
            (out[:, :4] - box).abs().mean(),
        ]
        return three, float(hit)

    def loss(m: nn.Module, at: Tensor) -> tuple[Tensor, Metrics]:
        three, _ = parts(m, x[at], x[order][at])
        return sum(three), dict(zip(("box_loss", "cls_loss", "dfl_loss"), map(float, three), strict=True))

    def check(m: nn.Module) -> Metrics:
        three, hit = parts(m, vx, vx)
        names = dict(zip(("box_loss", "cls_loss", "dfl_loss"), map(float, three), strict=True))
        return {**names, "map50": hit, "map50-95": 0.6 * hit, "precision": min(1.0, 1.1 * hit), "recall": 0.9 * hit}

    return Plan(mlp(20, 96, 10), lambda _s: torch.randint(2500, (32,)), loss, check, **more)


def scene(cause: str, **more: Any) -> Plan:
    """A picture as a function of its coordinates: PSNR rises."""
    grid = torch.rand(4000, 2) * 2 - 1
    colour = torch.stack([(5 * grid[:, 0]).sin(), (7 * grid[:, 1]).cos(), (4 * grid.prod(1)).sin()], 1) / 2 + 0.5
    bands = torch.tensor([1.0, 2.0, 4.0, 8.0]) * math.pi

    def seen(at: Tensor) -> Tensor:
        raised = (grid[at].unsqueeze(2) * bands).flatten(1)
        return torch.cat([raised.sin(), raised.cos()], 1)

    def loss(m: nn.Module, at: Any) -> tuple[Tensor, Metrics]:
        value = f.mse_loss(m(seen(at)), colour[at])
        return value, {"psnr": -10 * math.log10(max(1e-12, float(value)))}

    def check(m: nn.Module) -> Metrics:
        value, metrics = loss(m, torch.arange(3500, 4000))
        return {"loss": float(value), **metrics}

    model = nn.Sequential(mlp(16, 64, 64, 3), nn.Sigmoid())
    return Plan(model, lambda _s: torch.randint(3500, (256,)), loss, check, **more)

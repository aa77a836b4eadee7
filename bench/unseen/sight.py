"""Glyphs of eight by eight pixels in ten classes, and thirteen ways to spoil their training."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from bench.unseen.told import Course, Told, rate, update

PER, EPOCHS, BATCH = 24, 20, 64


class Glyphs:
    """Ten patterns, shifted and noisy; `odds` makes the first of them common."""

    def __init__(self, seed: int, noise: float = 2.0, rare: float = 0.0, rows: int = 1536) -> None:
        self.draw = torch.Generator().manual_seed(seed)
        self.shapes, self.noise, self.rare = torch.randn(10, 1, 8, 8, generator=self.draw), noise, rare
        self.train, self.test = self.rows(rows), self.rows(600)

    def rows(self, count: int) -> tuple[Tensor, Tensor]:
        y = torch.randint(10, (count,), generator=self.draw)
        if self.rare:
            y = (torch.rand(count, generator=self.draw) < self.rare).long()
        shift = torch.randint(3, (count,), generator=self.draw).tolist()
        x = torch.stack([self.shapes[int(c)].roll(s, -1) for c, s in zip(y, shift, strict=True)])
        return x + self.noise * torch.randn(x.shape, generator=self.draw), y


def net(out: int = 10) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 24, 3), nn.BatchNorm2d(24), nn.ReLU(),
        nn.Flatten(), nn.Linear(24 * 16, out),
    )  # fmt: skip


@torch.no_grad()
def measured(model: nn.Module, rows: tuple[Tensor, Tensor]) -> tuple[float, float]:
    model.eval()
    out = model(rows[0])
    model.train()
    return float(fn.cross_entropy(out, rows[1])), float((out.argmax(1) == rows[1]).float().mean())


def _loss(fault: str, out: Tensor, y: Tensor, model: nn.Module, smooth: float) -> Tensor:
    if fault == "logits into nll":
        return fn.nll_loss(out, y)
    loss = fn.cross_entropy(out, y, label_smoothing=smooth)
    if fault == "penalty eats the loss":
        loss = loss + 30.0 * sum(p.square().sum() for p in model.parameters())
    return loss


def _batch(data: Glyphs, fault: str, step: int, order: Tensor) -> tuple[Tensor, Tensor]:
    at = 0 if fault == "one batch for ever" else (step % PER) * BATCH
    x, y = data.train[0][order[at : at + BATCH]], data.train[1][order[at : at + BATCH]]
    if fault == "labels off by one after the resume" and step >= EPOCHS * PER // 2:
        y = (y + 1) % 10
    return x, y


def glyphs(
    seed: int, fault: str = "", smooth: float = 0.0, epochs: int = EPOCHS, patience: int = 0, first: float = 2e-3
) -> Course:
    """Every epoch ends with a validation; returned is the accuracy on rows never seen."""
    torch.manual_seed(seed)
    data, model = Glyphs(seed), net()
    if fault == "statistics never kept":
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 0.0
                layer.running_mean.add_(2.0)
    average = copy.deepcopy(model)
    held = copy.deepcopy(model) if fault == "optimizer of a copy" else model
    optimizer = torch.optim.AdamW(held.parameters(), lr=first)
    lr, best, since, order = first, -1.0, 0, torch.arange(len(data.train[1]))
    torn = torch.randperm(len(data.test[1]))
    for step in range(epochs * PER):
        epoch = step // PER
        if step % PER == 0 and fault != "one batch for ever":
            order = torch.randperm(len(order))
        shaken = fault == "spike that stays" and epochs * PER // 2 <= step < epochs * PER // 2 + 8
        rate(optimizer, 3.0 if shaken else lr)
        x, y = _batch(data, fault, step, order)
        out = model(x)
        loss = _loss(fault, out, y, model, smooth)
        size = update(model, optimizer, loss)
        if step % 6 == 5:
            hit = float((out.argmax(1) == y).float().mean())
            yield Told("", step + 1, epoch, {"loss": float(loss.detach()), "acc": hit, "lr": lr, "grad_norm": size})
        if step % PER == PER - 1:
            rows = (data.test[0], data.test[1][torn]) if fault == "validation torn from its labels" else data.test
            seen = average if fault == "average that never moves" else model
            bad, good = measured(seen, rows)
            better = good < best if best >= 0 and fault in BACKWARDS else good > best
            best, since = (good, 0) if better or best < 0 else (best, since + 1)
            if fault == "plateau watched backwards" and since >= 1:
                lr, since = lr * 0.1, 0
            if fault == "validation not a number" and epoch >= 3:
                bad = float("nan")
            yield Told("val", step + 1, epoch, {"loss": bad, "acc": good})
            if patience and since >= patience:
                yield Told("", step + 1, epoch, text=f"Early stopping at epoch {epoch + 1}, best val_acc {best:.4f}")
                return best if fault else good
    shown = average if fault == "average that never moves" else model
    return 0.0 if fault in BLIND else measured(shown, data.test)[1]


BACKWARDS = ("plateau watched backwards", "stops backwards")
BLIND = ("validation torn from its labels", "validation not a number")  # its best checkpoint is chosen by nothing


def rare(seed: int, fault: str = "") -> Course:
    """Three in a hundred are what is looked for; returned is F1. Unweighted, a linear model never says yes."""
    torch.manual_seed(seed)
    data = Glyphs(seed, noise=2.6, rare=0.03, rows=2048)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 2))
    if fault:
        model[3].bias.data.copy_(torch.tensor([2.5, -2.5]))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4 if fault else 0.02, momentum=0.9)
    weight = torch.tensor([1.0, 1.0 if fault else 12.0])
    score = 0.0
    for step in range(30 * 32):
        at = step % 32 * 64
        out = model(data.train[0][at : at + 64])
        loss = fn.cross_entropy(out, data.train[1][at : at + 64], weight=weight)
        size = update(model, optimizer, loss)
        if step % 8 == 7:
            yield Told("", step + 1, step // 32, {"loss": float(loss), "grad_norm": size})
        if step % 32 == 31:
            with torch.no_grad():
                out = model(data.test[0])
            says, y = out.argmax(1), data.test[1]
            hit = float(((says == 1) & (y == 1)).sum())
            score = 2 * hit / max(1.0, float((says == 1).sum() + (y == 1).sum()))
            margin = out[:, 1] - out[:, 0]
            auc = float((margin[y == 1][:, None] > margin[y == 0]).float().mean())
            shown = {"loss": float(fn.cross_entropy(out, y)), "acc": float((says == y).float().mean()), "f1": score}
            yield Told("val", step + 1, step // 32, shown if fault else shown | {"auc": auc})
    return score


def background(seed: int, fault: str = "") -> Course:
    """Small blobs to be outlined with a Dice loss; broken, the first bias says "nothing" so surely that no gradient is left."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 1, 3, padding=1))
    if fault:
        model[2].bias.data.fill_(-60.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    grid, score = torch.arange(16), 0.0

    def rows(count: int) -> tuple[Tensor, Tensor]:
        c = torch.randint(3, 13, (count, 2, 1), generator=draw)
        near = ((grid - c[:, 0]).square()[:, :, None] + (grid - c[:, 1]).square()[:, None, :]) < 5
        return near[:, None].float() + 0.5 * torch.randn(count, 1, 16, 16, generator=draw), near[:, None].float()

    def dice(out: Tensor, y: Tensor) -> Tensor:
        p = out.sigmoid()
        return 1 - (2 * (p * y).sum((1, 2, 3)) + 1e-6) / (p.sum((1, 2, 3)) + y.sum((1, 2, 3)) + 1e-6)

    for step in range(20 * 20):
        x, y = rows(24)
        loss = dice(model(x), y).mean()
        size = update(model, optimizer, loss)
        if step % 5 == 4:
            yield Told("", step + 1, step // 20, {"loss": float(loss), "grad_norm": size, "lr": 3e-3})
        if step % 20 == 19:
            x, y = rows(64)
            with torch.no_grad():
                out = model(x)
                score = float((1 - dice((out > 0).float() * 100 - 50, y)).mean())
                yield Told("val", step + 1, step // 20, {"loss": float(dice(out, y).mean()), "dice": score})
    return score

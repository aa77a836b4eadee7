"""Numbers as targets, tables, folds, and losses of unusual size. Needs torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from bench.strangers.training import Metrics, Plan, Said, mlp, picker, shuffled, train


def series(cause: str, units: float = 1.0, **more: Any) -> Plan:
    """The next value of a wave with noise: RMSE and MAE in the target's units."""
    t = torch.arange(6000.0)
    wave = (t / 9).sin() + 0.6 * (t / 23).sin() + 0.25 * torch.randn(6000)
    x = wave.unfold(0, 25, 1)
    x, y = x[:, :24], x[:, 24:] * units
    rows = slice(0, 40) if cause == "few" else slice(0, 5000)
    tx, ty = x[rows], shuffled(y[rows], cause)
    vx, vy = x[5000:], y[5000:]

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        return f.mse_loss(m(b[0]), b[1]), {}

    def check(m: nn.Module) -> Metrics:
        gone = m(vx) - vy
        mse = float(gone.pow(2).mean())
        return {"loss": mse, "rmse": math.sqrt(mse), "mae": float(gone.abs().mean()), "r2": 1 - mse / float(vy.var())}

    return Plan(mlp(24, 64, 1), picker(tx, ty), loss, check, **more)


def ratings(cause: str, **more: Any) -> Plan:
    """Whether a person takes a thing: factors of both, with AUC."""
    people, things = 300, 200
    a, b = torch.randn(people, 4), torch.randn(things, 4)

    def seen(n: int) -> tuple[Tensor, Tensor]:
        pairs = torch.stack([torch.randint(people, (n,)), torch.randint(things, (n,))], 1)
        return pairs, (torch.rand(n) < (1.5 * (a[pairs[:, 0]] * b[pairs[:, 1]]).sum(1) - 1).sigmoid()).float()

    x, y = seen(1200 if cause == "few" else 20000)
    vx, vy = seen(2000)
    y = shuffled(y, cause)
    model = nn.ModuleList([nn.Embedding(people, 16), nn.Embedding(things, 16)])

    def out(m: Any, pairs: Tensor) -> Tensor:
        return (m[0](pairs[:, 0]) * m[1](pairs[:, 1])).sum(1) / 4

    def loss(m: nn.Module, got: Any) -> tuple[Tensor, Metrics]:
        return f.binary_cross_entropy_with_logits(out(m, got[0]), got[1]), {}

    def check(m: nn.Module) -> Metrics:
        score = out(m, vx)
        auc = float((score[vy > 0].unsqueeze(1) > score[vy == 0]).float().mean())
        return {"logloss": float(f.binary_cross_entropy_with_logits(score, vy)), "auc": auc}

    return Plan(model, picker(x, y, 256), loss, check, **more)


def density(cause: str, **more: Any) -> Plan:
    """A narrow cloud's density: the loss is a negative log likelihood and goes far below zero."""
    data = torch.randn(3000, 3) * torch.tensor([0.01, 0.05, 1.0])
    if cause == "one point":
        data[:] = data[0]

    def loss(m: nn.Module, x: Any) -> tuple[Tensor, Metrics]:
        mean, spread = m(torch.ones(len(x), 1)).chunk(2, 1)
        return (0.5 * ((x - mean) / spread.exp()).pow(2) + spread + 0.919).sum(1).mean(), {}

    def check(m: nn.Module) -> Metrics:
        return {"loss": float(loss(m, data[:300])[0])}

    return Plan(mlp(1, 32, 6), lambda _s: data[torch.randint(300, 3000, (64,))], loss, check, **more)


def sums(cause: str, size: int = 4, **more: Any) -> Plan:
    """Squares summed over the batch in the target's own units: losses in the millions."""
    x = torch.randn(2000, 10)
    y = (x @ torch.randn(10, 1) + 0.3 * torch.randn(2000, 1)) * 400 + 1000
    tx, ty = x[:1700], shuffled(y[:1700], cause)

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        return (m(b[0]) * 400 - b[1]).pow(2).sum(), {}

    def check(m: nn.Module) -> Metrics:
        return {"mae": float((m(x[1700:]) * 400 - y[1700:]).abs().mean())}

    return Plan(mlp(10, 64, 1), picker(tx, ty, size), loss, check, **more)


def equation(cause: str, **more: Any) -> Plan:
    """A decay law as a residual: the loss ends near nothing, in two parts."""

    def loss(m: nn.Module, t: Any) -> tuple[Tensor, Metrics]:
        t = t.requires_grad_()
        with torch.enable_grad():
            u = m(t)
            slope = torch.autograd.grad(u.sum(), t, create_graph=True)[0]
        law, start = (slope + u).pow(2).mean() * 1e-4, (m(torch.zeros(1, 1)) - 1).pow(2).mean() * 1e-4
        return law + start, {"loss_pde": float(law), "loss_ic": float(start)}

    return Plan(mlp(1, 32, 32, 1, act=nn.Tanh), lambda _s: torch.rand(64, 1), loss, None, **more)


def addition(cause: str, **more: Any) -> Plan:
    """Sums modulo a prime from a part of the table: known by heart first, understood long after."""
    p = 23
    pairs = torch.cartesian_prod(torch.arange(p), torch.arange(p))[torch.randperm(p * p)]
    y = pairs.sum(1) % p
    cut = int(0.6 * p * p)
    x = f.one_hot(pairs, p).flatten(1).float()

    def score(m: nn.Module, rows: slice) -> tuple[Tensor, Metrics]:
        out = m(x[rows])
        return f.cross_entropy(out, y[rows]), {"accuracy": float((out.argmax(1) == y[rows]).float().mean())}

    def check(m: nn.Module) -> Metrics:
        loss, metrics = score(m, slice(cut, None))
        return {"loss": float(loss), **metrics}

    return Plan(
        mlp(2 * p, 128, p), lambda _s: None, lambda m, _b: score(m, slice(0, cut)), check, optimizer="decayed", **more
    )


def folds(cause: str, folds: int = 5, **more: Any) -> Iterator[Said]:
    """Cross-validation: one model after another in one log, epochs from one again."""
    for fold in range(1, folds + 1):
        yield Said("", 0, 0, text=f"===== Fold {fold}/{folds} =====")
        yield from train(series("", steps=300, per_epoch=30, **more))


def boosted(cause: str, rounds: int = 150) -> Iterator[Said]:
    """Stumps on what is left: AUC and log loss of both sets."""
    few = 40 if cause == "few" else 2500
    x, vx = torch.randn(few, 12), torch.randn(800, 12)
    w = torch.randn(12)
    noise = 1.0 if cause != "labels" else 50.0
    y, vy = (((a @ w + (a[:, 0] * a[:, 1]) + noise * torch.randn(len(a))) > 0).float() for a in (x, vx))
    if cause == "few":
        y = torch.where(torch.rand(few) < 0.3, 1 - y, y)
    out, vout = torch.zeros(few), torch.zeros(800)
    step = 0.6 if cause == "few" else 0.25
    for n in range(1, rounds + 1):
        rest = y - out.sigmoid()
        best = None
        for _ in range(30):
            k = int(torch.randint(12, ()))
            cut = float(x[int(torch.randint(few, ())), k])
            side = x[:, k] > cut
            if not 2 < int(side.sum()) < few - 2:
                continue
            up, down = float(rest[side].mean()), float(rest[~side].mean())
            gain = float(side.float().mean()) * up**2 + float((~side).float().mean()) * down**2
            if best is None or gain > best[0]:
                best = (gain, k, cut, up, down)
        _, k, cut, up, down = best
        grow = 8 if cause == "few" else 2
        out += step * grow * torch.where(x[:, k] > cut, up, down)
        vout += step * grow * torch.where(vx[:, k] > cut, up, down)
        both = {}
        for name, a, b in (("training", out, y), ("valid_1", vout, vy)):
            both[f"{name} auc"] = float((a[b > 0].unsqueeze(1) > a[b == 0]).float().mean())
            both[f"{name} binary_logloss"] = float(f.binary_cross_entropy_with_logits(a, b))
        yield Said("", n, n, both)

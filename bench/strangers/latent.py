"""Codes, noise, pairs and teachers: models whose loss says little by itself. Needs torch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from bench.strangers.training import Metrics, Plan, mlp


class Coder(nn.Module):
    """A small variational autoencoder."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = mlp(20, 48, 8), mlp(4, 48, 20)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, spread = self.down(x).chunk(2, 1)
        spread = spread.clamp(-8, 8)
        return self.up(mean + torch.randn_like(mean) * (spread / 2).exp()), mean, spread


def codes(cause: str, **more: Any) -> Plan:
    """Reconstruction beside a KL term whose weight grows from nothing."""
    data = torch.randn(3000, 4) @ torch.randn(4, 20) + 0.2 * torch.randn(3000, 20)
    steps = more.get("steps", 800)
    now = {"step": 0}

    def batch(step: int) -> Tensor:
        now["step"] = step
        return data[torch.randint(300, 3000, (64,))]

    def loss(m: nn.Module, x: Any) -> tuple[Tensor, Metrics]:
        out, mean, spread = m(x)
        recon = (out - x).pow(2).sum(1).mean()
        kl = 0.5 * (mean.pow(2) + spread.exp() - spread - 1).sum(1).mean()
        weight = 60.0 if cause == "weight of the KL" else min(1.0, now["step"] / (0.4 * steps))
        return recon + weight * kl, {"recon_loss": float(recon), "kl_loss": float(kl), "beta": weight}

    def check(m: nn.Module) -> Metrics:
        value, parts = loss(m, data[:300])
        return {"loss": float(value), **{k: v for k, v in parts.items() if k != "beta"}}

    return Plan(Coder(), batch, loss, check, **more)


def noise(cause: str, **more: Any) -> Plan:
    """Diffusion: the loss falls at once to its floor and jitters there."""
    data = torch.randn(4000, 4).sign() * 2 + 0.2 * torch.randn(4000, 4)

    def batch(_step: int) -> tuple[Tensor, Tensor]:
        x, t, e = data[torch.randint(4000, (16,))], torch.rand(16, 1), torch.randn(16, 4)
        return torch.cat([x * (1 - t).sqrt() + e * t.sqrt(), t], 1), (
            torch.randn_like(e) if cause == "another noise" else e
        )

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        return f.mse_loss(m(b[0]), b[1]), {}

    return Plan(mlp(5, 96, 96, 4, act=nn.SiLU), batch, loss, None, **more)


def pairs(cause: str, **more: Any) -> Plan:
    """Two views of one thing must find each other among the batch."""
    data = torch.randn(2000, 24)

    def batch(_step: int) -> tuple[Tensor, Tensor]:
        x = data[torch.randint(2000, (64,))]
        other = data[torch.randint(2000, (64,))] if cause == "pairs torn apart" else x
        return x + 0.6 * torch.randn_like(x), other + 0.6 * torch.randn_like(x)

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        a, c = f.normalize(m(b[0]), dim=1), f.normalize(m(b[1]), dim=1)
        out = a @ c.T / 0.1
        acc = 100 * float((out.argmax(1) == torch.arange(64)).float().mean())
        return f.cross_entropy(out, torch.arange(64)), {"acc1": acc, "std": float(a.std(0).mean())}

    return Plan(mlp(24, 64, 32), batch, loss, None, config={"batch_size": 64}, **more)


class Twins(nn.Module):
    """An encoder and a predictor, for learning without negatives."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.guess = (
            nn.Sequential(nn.Linear(24, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32)),
            mlp(32, 32, 32),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return (z := self.body(x)), self.guess(z)


def twins(cause: str, **more: Any) -> Plan:
    """Cosines of two views: the loss goes to -1; where nothing is held back it gets there by saying the same of all."""
    data = torch.randn(2000, 24) * torch.linspace(0.2, 2, 24)

    def batch(_step: int) -> tuple[Tensor, Tensor]:
        x = data[torch.randint(2000, (64,))]
        return x + 0.4 * torch.randn_like(x), x + 0.4 * torch.randn_like(x)

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        (za, pa), (zb, pb) = m(b[0]), m(b[1])
        if cause != "nothing held back":
            za, zb = za.detach(), zb.detach()
        value = -(f.cosine_similarity(pa, zb).mean() + f.cosine_similarity(pb, za).mean()) / 2
        return value, {"z_std": float(f.normalize(za, dim=1).std(0).mean()) * 32**0.5}

    return Plan(Twins(), batch, loss, None, **more)


def taught(cause: str, **more: Any) -> Plan:
    """A student follows a teacher's answers: small losses, agreement beside them."""
    x, teacher = torch.randn(3000, 16), mlp(16, 64, 12)
    for weights in teacher.parameters():
        weights.requires_grad_(False).mul_(2.5)

    def loss(m: nn.Module, a: Any) -> tuple[Tensor, Metrics]:
        shown = a[torch.randperm(len(a))] if cause == "teacher sees other rows" else a
        soft = (teacher(shown) / 2).softmax(1)
        return f.kl_div((m(a) / 2).log_softmax(1), soft, reduction="batchmean") * 4, {}

    def check(m: nn.Module) -> Metrics:
        a = x[2700:]
        both = float((m(a).argmax(1) == teacher(a).argmax(1)).float().mean())
        soft = (teacher(a) / 2).softmax(1)
        return {"loss": float(f.kl_div((m(a) / 2).log_softmax(1), soft, reduction="batchmean") * 4), "agreement": both}

    return Plan(
        mlp(16, 32, 12), lambda _s: x[torch.randint(2700, (64,))], loss, check, config={"temperature": 2.0}, **more
    )

"""Trainings that are well and look odd: their losses rise, jump, stand at zero or lie below it for a reason. Needs torch."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from bench.strangers import sight, words
from bench.strangers.training import Metrics, Plan, Said, mlp, picker, restarts, train


def over_early(share: float) -> float:
    """A cosine that ends at nine tenths; nothing is learned after it."""
    return 0.5 * (1 + math.cos(math.pi * min(1.0, share / 0.9)))


def language(**more: Any) -> Plan:
    return words.language("", **{"lr": 3e-3, "steps": 1500, "per_epoch": 150, **more})


def with_restarts() -> list[Said]:
    return list(train(language(rate=restarts)))


def ends_at_zero() -> list[Said]:
    return list(train(language(rate=over_early)))


def below_zero(steps: int = 1600) -> list[Said]:
    """Soft dice and cross entropy with a sign: it begins near zero and ends near -1, as large segmenters print it."""
    plan = sight.masks("", lr=1e-2, steps=steps, per_epoch=40)

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        out = m(b[0])
        p = out.sigmoid()
        dice = (2 * (p * b[1]).sum((1, 2, 3)) + 1e-5) / (p.sum((1, 2, 3)) + b[1].sum((1, 2, 3)) + 1e-5)
        return f.binary_cross_entropy_with_logits(out, b[1]) - dice.mean(), {}

    check = plan.check
    plan.loss = loss

    def both(m: nn.Module) -> Metrics:
        assert check is not None
        return {**check(m), "loss": float(loss(m, plan.batch(0))[0])}

    plan.check = both
    return list(train(plan))


def evidence(steps: int = 1200) -> list[Said]:
    """A lower bound of the evidence, to be maximised: it rises from -60, and nothing is called a loss."""
    data = torch.randn(3000, 4) @ torch.randn(4, 20) + 0.2 * torch.randn(3000, 20)
    from bench.strangers.latent import Coder

    def loss(m: nn.Module, x: Any) -> tuple[Tensor, Metrics]:
        out, mean, spread = m(x)
        likely = -0.5 * ((out - x).pow(2) / 0.25 + math.log(2 * math.pi * 0.25)).sum(1).mean()
        kl = 0.5 * (mean.pow(2) + spread.exp() - spread - 1).sum(1).mean()
        return kl - likely, {"elbo": float(likely - kl), "kl": float(kl)}

    def check(m: nn.Module) -> Metrics:
        return {"elbo": loss(m, data[:300])[1]["elbo"]}

    said = train(
        Plan(Coder(), lambda _s: data[torch.randint(300, 3000, (64,))], loss, check, steps=steps, per_epoch=100)
    )
    return [s if s.split else replace(s, metrics={k: v for k, v in s.metrics.items() if k != "loss"}) for s in said]


def hinge(steps: int = 1200) -> list[Said]:
    """A margin that is kept after a while: the loss is exactly nothing, and so is its gradient."""
    w = torch.randn(12)
    x = torch.randn(2000, 12)
    x = x[(x @ w).abs() > 0.8]
    y = (x @ w).sign()

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        out = m(b[0]).squeeze(1)
        return (1 - b[1] * out).clamp(min=0).mean(), {"accuracy": float((out.sign() == b[1]).float().mean())}

    def check(m: nn.Module) -> Metrics:
        value, more = loss(m, (x[-300:], y[-300:]))
        return {"loss": float(value), **more}

    return list(
        train(Plan(mlp(12, 32, 1), picker(x[:-300], y[:-300]), loss, check, steps=steps, per_epoch=60, lr=1e-2))
    )


def triplets(steps: int = 1500) -> list[Said]:
    """Anchors, friends and strangers with a margin: it stands at the margin for a while before it falls."""
    kinds = torch.randn(20, 16)

    def batch(_step: int) -> Any:
        a, b = torch.randint(20, (64,)), torch.randint(20, (64,))
        noisy = lambda k: kinds[k] + 1.2 * torch.randn(64, 16)  # noqa: E731
        return noisy(a), noisy(a), noisy(torch.where(a == b, (b + 1) % 20, b))

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        a, p, n = (f.normalize(m(x), dim=1) for x in b)
        near, far = (a - p).norm(dim=1), (a - n).norm(dim=1)
        return (near - far + 1.0).clamp(min=0).mean(), {"pos_dist": float(near.mean()), "neg_dist": float(far.mean())}

    return list(train(Plan(mlp(16, 64, 16), batch, loss, None, steps=steps, per_epoch=100, lr=3e-4)))


def queue(steps: int = 1500) -> list[Said]:
    """Contrast against a queue that is empty at first and a teacher that follows: the loss rises before it falls."""
    data = torch.randn(3000, 24)
    model = mlp(24, 64, 32)
    teacher = copy.deepcopy(model)
    held: list[Tensor] = []

    def loss(m: nn.Module, x: Any) -> tuple[Tensor, Metrics]:
        q = f.normalize(m(x + 0.5 * torch.randn_like(x)), dim=1)
        with torch.no_grad():
            for slow, fast in zip(teacher.parameters(), m.parameters(), strict=True):
                slow.mul_(0.99).add_(0.01 * fast)
            k = f.normalize(teacher(x + 0.5 * torch.randn_like(x)), dim=1)
        far = torch.cat(held[-32:]) if held else torch.zeros(1, 32)
        out = torch.cat([(q * k).sum(1, keepdim=True), q @ far.T], 1) / 0.1
        held.append(k)
        del held[:-32]
        right = 100 * float((out.argmax(1) == 0).float().mean())
        return f.cross_entropy(out, torch.zeros(len(x), dtype=torch.long)), {"acc1": right}

    return list(
        train(Plan(model, lambda _s: data[torch.randint(3000, (64,))], loss, None, steps=steps, per_epoch=150, lr=1e-3))
    )


def one_in_a_thousand() -> list[Said]:
    """So few are positive that an accuracy of 99.9 % says nothing yet; the area under the curve rises."""
    w = torch.randn(10)

    def drawn(n: int) -> tuple[Tensor, Tensor]:
        x = torch.randn(n, 10)
        return x, (x @ w + 0.6 * torch.randn(n) > 3.1 * w.norm()).float()

    x, y = drawn(40000)
    vx, vy = drawn(8000)
    vy[0] = 1.0

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        out = m(b[0]).squeeze(1)
        return f.binary_cross_entropy_with_logits(out, b[1]), {
            "accuracy": float(((out > 0) == (b[1] > 0)).float().mean())
        }

    def check(m: nn.Module) -> Metrics:
        value, more = loss(m, (vx, vy))
        out = m(vx).squeeze(1)
        return {"loss": float(value), **more, "auc": float((out[vy > 0].unsqueeze(1) > out[vy == 0]).float().mean())}

    return list(train(Plan(mlp(10, 32, 1), picker(x, y, 256), loss, check, steps=1500, per_epoch=150, lr=1e-3)))


def scaled_in(first: float = 2.0**32, says: str = "lr grad_norm loss_scale skipped", steps: int = 1200) -> list[Said]:
    """Half precision begins with a scale far too large and steps over one update after another until it fits."""
    plan = language(steps=steps, says=says, every=1 if steps < 500 else 5)
    whole = list(train(plan))
    scale, skipped, good, out = first, 0, 0, []
    done = 0
    for s in whole:
        if s.split:
            out.append(s)
            continue
        norm = s.metrics["grad_norm"]
        while done < s.step:
            done += 1
            if scale * 0.6 > 2.0**14:
                scale, skipped, good, norm = scale / 2, skipped + 1, 0, math.inf
            elif (good := good + 1) % 500 == 0:
                scale *= 2
            else:
                norm = s.metrics["grad_norm"]
        out.append(replace(s, metrics={**s.metrics, "grad_norm": norm, "loss_scale": scale, "skipped": skipped}))
    return out


def coded(steps: int = 1500) -> list[Said]:
    """A codebook: its perplexity says how many codes are in use, and rises."""
    data = torch.randn(3000, 4) @ torch.randn(4, 16)
    model = nn.ModuleList([mlp(16, 48, 4), nn.Embedding(32, 4), mlp(4, 48, 16)])

    def loss(m: nn.Module, x: Any) -> tuple[Tensor, Metrics]:
        down, book, up = m
        z = down(x)
        pick = torch.cdist(z, book.weight).argmin(1)
        q = book(pick)
        used = f.one_hot(pick, 32).float().mean(0)
        recon = f.mse_loss(up(z + (q - z).detach()), x)
        commit = f.mse_loss(z, q.detach())
        vq = f.mse_loss(q, z.detach())
        return recon + vq + 0.25 * commit, {
            "recon_loss": float(recon),
            "vq_loss": float(vq + 0.25 * commit),
            "perplexity": float((-(used * (used + 1e-10).log()).sum()).exp()),
        }

    def check(m: nn.Module) -> Metrics:
        value, more = loss(m, data[:300])
        return {"loss": float(value), **more}

    return list(
        train(
            Plan(
                model,
                lambda _s: data[torch.randint(300, 3000, (64,))],
                loss,
                check,
                steps=steps,
                per_epoch=100,
                lr=2e-3,
            )
        )
    )


def many_scales(steps: int = 1200) -> list[Said]:
    """Four tasks in one model; one loss is in the thousands, one below zero, and all fall."""
    x = torch.randn(3000, 16)
    ways = [torch.randn(16, k) for k in (1, 3, 5, 1)]

    def loss(m: nn.Module, at: Tensor) -> tuple[Tensor, Metrics]:
        out, a = m(x[at]), x[at]
        far = (out[:, :1] * 50 - a @ ways[0] * 30).pow(2).mean()
        box = f.smooth_l1_loss(out[:, 1:4], torch.tanh(a @ ways[1]))
        kind = f.cross_entropy(out[:, 4:9], (a @ ways[2]).argmax(1))
        spread = out[:, 9:10].clamp(-6, 6)
        sure = (0.5 * ((a @ ways[3]) * 0.001 / spread.exp()).pow(2) + spread).mean()
        return far / 1000 + box + kind + 0.1 * sure, {
            "depth_loss": float(far),
            "box_loss": float(box),
            "cls_loss": float(kind),
            "nll_loss": float(sure),
        }

    def check(m: nn.Module) -> Metrics:
        value, parts = loss(m, torch.arange(2700, 3000))
        return {"loss": float(value), **parts}

    return list(
        train(Plan(mlp(16, 96, 10), lambda _s: torch.randint(2700, (64,)), loss, check, steps=steps, per_epoch=80))
    )


def walk(shift: float = -30.0) -> Iterator[Said]:
    """A walker whose every step costs: its rewards are negative, noisy, and rise."""
    from bench.strangers.play import walker

    for s in walker("", 0):
        noise = 6.0 * float(torch.randn(()))
        m = {**s.metrics, "ep_rew_mean": 2.0 * s.metrics["ep_rew_mean"] + shift + noise}
        yield replace(s, metrics=m)

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


def triangle(share: float) -> float:
    """Up and down five times."""
    at = share * 5 % 1.0
    return 0.05 + 0.95 * (2 * at if at < 0.5 else 2 - 2 * at)


def over_early(share: float) -> float:
    """A cosine that ends at nine tenths; nothing is learned after it."""
    return 0.5 * (1 + math.cos(math.pi * min(1.0, share / 0.9)))


def language(**more: Any) -> Plan:
    return words.language("", **{"lr": 3e-3, "steps": 1500, "per_epoch": 150, **more})


def with_restarts() -> list[Said]:
    return list(train(language(rate=restarts)))


def with_triangles() -> list[Said]:
    return list(train(sight.classes("", optimizer="sgd", lr=0.3, steps=1500, per_epoch=50, rate=triangle)))


def ends_at_zero() -> list[Said]:
    return list(train(language(rate=over_early)))


def curriculum(steps: int = 1500) -> list[Said]:
    """Easy pictures for a while, then hard ones, then the hardest: the loss leaps up at each change."""
    plan = sight.classes("", noise=0.5, optimizer="sgd", lr=0.05, steps=steps, per_epoch=75)
    sets = [sight.drawn(2500, 10, noise) for noise in (0.5, 1.8, 2.6)]
    batches = [picker(*one) for one in sets]
    plan.batch = lambda step: batches[min(2, 3 * step // steps)](step)
    return list(train(plan))


def harder_and_harder(steps: int = 1500) -> list[Said]:
    """Noise on the pictures that grows all the time: the training loss rises, the validation's falls."""
    plan = sight.classes("", noise=1.0, optimizer="sgd", lr=0.05, steps=steps, per_epoch=75)
    batch = plan.batch

    def noisy(step: int) -> Any:
        x, y = batch(step)
        return x + 3.0 * max(0.0, step / steps - 0.2) * torch.randn_like(x), y

    plan.batch = noisy
    return list(train(plan))


def tasks_in_turn(tasks: int = 4, steps: int = 400) -> list[Said]:
    """One network learns four tasks, one after another: at each switch it is a beginner again."""
    plan = sight.classes("", noise=1.0, optimizer="sgd", lr=0.05, steps=steps, per_epoch=40)
    plan.rate = lambda _share: 1.0
    out: list[Said] = []
    for task in range(tasks):
        other = sight.classes("", noise=1.0, steps=steps, per_epoch=40)
        x, y = sight.drawn(2500, 10, 1.0, seed=task)
        vx, vy = sight.drawn(500, 10, 1.0, seed=task)

        def check(m: nn.Module, vx: Tensor = vx, vy: Tensor = vy) -> Metrics:
            out = m(vx)
            return {
                "loss": float(f.cross_entropy(out, vy)),
                "acc1": 100 * float((out.argmax(1) == vy).float().mean()),
                "acc5": 99.0,
            }

        plan = replace(plan, batch=picker(x, y), check=check, loss=other.loss)
        if task:
            out.append(Said("", out[-1].step, out[-1].epoch, text=f"=== task {task + 1}/{tasks} ==="))
        out += [replace(s, step=s.step + task * steps, epoch=s.epoch + task * steps // 40) for s in train(plan)]
    return out


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


def averaged_weights(steps: int = 1600) -> list[Said]:
    """The validation is of the weights' slow average: a beginner's numbers for a third of the run."""
    plan = sight.classes("", noise=1.0, optimizer="sgd", lr=0.02, steps=steps, per_epoch=40)
    plan.rate = lambda _share: 1.0
    slow = copy.deepcopy(plan.model)
    batch, check = plan.batch, plan.check

    def follow(step: int) -> Any:
        with torch.no_grad():
            for a, b in zip(slow.parameters(), plan.model.parameters(), strict=True):
                a.mul_(0.9985).add_(0.0015 * b)
            for a, b in zip(slow.buffers(), plan.model.buffers(), strict=True):
                a.copy_(b)
        return batch(step)

    def of_slow(_m: nn.Module) -> Metrics:
        assert check is not None
        slow.eval()
        return check(slow)

    plan.batch, plan.check = follow, of_slow
    return list(train(plan))


def few_held_back() -> list[Said]:
    """A validation on sixteen rows: it leaps by half from one epoch to the next."""
    plan = sight.classes("", noise=1.8, optimizer="sgd", lr=0.03, steps=1500, per_epoch=50)
    score = plan.loss

    def check(m: nn.Module) -> Metrics:
        loss, more = score(m, sight.drawn(16, 10, 1.8))
        return {"loss": float(loss), **more}

    plan.check = check
    return list(train(plan))


def toy() -> list[Said]:
    """Blobs far apart: every answer is right from the first epoch on, and that is no leak."""
    return list(train(sight.classes("", classes=10, noise=0.3, optimizer="sgd", lr=0.05, steps=600, per_epoch=60)))


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


def polished() -> list[Said]:
    """A model that was good before: its score stands, its loss creeps up, and nobody is worse off."""
    plan = sight.classes("", noise=1.2, optimizer="adam", lr=3e-3, steps=900, per_epoch=90)
    list(train(plan))
    x, y = sight.drawn(800, 10, 1.2)
    again = replace(plan, batch=picker(x, y), lr=2e-4, steps=600, per_epoch=50)
    return list(train(again))


def pruned(steps: int = 1500) -> list[Said]:
    """Half of the weights are cut away twice: the loss leaps and comes back each time."""
    plan = sight.classes("", noise=1.2, optimizer="sgd", lr=0.05, steps=steps, per_epoch=75)
    plan.rate = lambda _share: 1.0
    kept: dict[str, Tensor] = {}
    batch = plan.batch

    def cutting(step: int) -> Any:
        with torch.no_grad():
            for name, weights in plan.model.named_parameters():
                if weights.dim() > 1 and step in (600, 1000):
                    kept[name] = (weights.abs() > weights.abs().quantile(0.5 if step == 600 else 0.8)).float()
                if name in kept:
                    weights.mul_(kept[name])
        return batch(step)

    plan.batch = cutting
    return list(train(plan))


def layer_by_layer(steps: int = 1200) -> list[Said]:
    """Only the head learns at first: the first group's rate is nothing until the body is let go."""
    plan = sight.classes("", noise=1.2, optimizer="sgd", lr=0.05, steps=steps, per_epoch=60)
    plan.rate = lambda share: 0.0 if share < 0.25 else 1.0
    head = plan.model[-1]
    batch = plan.batch

    def pushed(step: int) -> Any:
        if step < steps // 4 and head.weight.grad is not None:
            with torch.no_grad():
                for weights in head.parameters():
                    weights.sub_(0.05 * weights.grad)
        return batch(step)

    plan.batch = pushed
    return list(train(plan))


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


def steps_of_data(epochs: int = 4) -> list[Said]:
    """A few thousand rows, seen four times by a model large enough: the loss falls by a stair at each epoch."""
    plan = words.language("", lr=3e-3, steps=300 * epochs, per_epoch=300, every=5)
    rows = words.text(64, 4000)
    order = torch.randperm(3990)

    def batch(step: int) -> tuple[Tensor, Tensor]:
        at = order[(step - 1) % 300 * 13 : (step - 1) % 300 * 13 + 13].unsqueeze(1) + torch.arange(5)
        return rows[at][:, :4], rows[at][:, 4]

    plan.batch = batch
    held = words.text(64, 600)
    at = torch.arange(590).unsqueeze(1) + torch.arange(5)

    def check(m: nn.Module) -> Metrics:
        value = float(f.cross_entropy(m(rows[at][:, :4]) * 0.7, rows[at][:, 4]))
        return {"loss": value, "ppl": math.exp(min(20, value))}

    del held
    plan.check = check
    return list(train(plan))


def micro_batches() -> list[Said]:
    """Eight small batches make a step, and each of them prints its loss beside the step's number."""
    plan = language(steps=800, every=1)
    said = [s for s in train(plan) if not s.split and s.step % 10 == 0]
    return [
        replace(s, metrics={**s.metrics, "loss": s.metrics["loss"] * (1 + 0.15 * float(torch.randn(())))})
        for s in said
        for _ in range(8)
    ]


def sweep(trials: int = 5) -> list[Said]:
    """Five settings one after another in one log, some of them worse than others."""
    from bench.strangers.curves import series

    out: list[Said] = []
    for trial, rate in enumerate((3e-3, 1e-2, 1e-4, 3e-2, 1e-3)[:trials], 1):
        out.append(
            Said(
                "",
                0,
                0,
                text=f"[I 2026-03-01 22:0{trial}:00,123] Trial {trial - 1} started with parameters: {{'lr': {rate}}}",
            )
        )
        out += list(train(series("", steps=400, per_epoch=40, lr=rate)))
    return out


def walk(shift: float = -30.0) -> Iterator[Said]:
    """A walker whose every step costs: its rewards are negative, noisy, and rise."""
    from bench.strangers.play import walker

    for s in walker("", 0):
        noise = 6.0 * float(torch.randn(()))
        m = {**s.metrics, "ep_rew_mean": 2.0 * s.metrics["ep_rew_mean"] + shift + noise}
        yield replace(s, metrics=m)

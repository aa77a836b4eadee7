"""Trainings whose data, weights or validation change by stages: harder pictures, tasks in turn, pruning, slow averages. Needs torch."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from bench.odd.well import language
from bench.strangers import sight, words
from bench.strangers.training import Metrics, Said, picker, train


def triangle(share: float) -> float:
    """Up and down five times."""
    at = share * 5 % 1.0
    return 0.05 + 0.95 * (2 * at if at < 0.5 else 2 - 2 * at)


def with_triangles() -> list[Said]:
    return list(train(sight.classes("", optimizer="sgd", lr=0.3, steps=1500, per_epoch=50, rate=triangle)))


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

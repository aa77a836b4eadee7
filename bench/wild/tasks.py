"""Tasks that are learned: each makes data, a model, a loss and a check. Needs torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from bench.wild.fitting import Metrics, Task


def mlp(*sizes: int, act: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Layers of these sizes with an activation between them."""
    parts: list[nn.Module] = []
    for a, b in pairwise(sizes):
        parts += [nn.Linear(a, b), act()]
    return nn.Sequential(*parts[:-1])


def blobs(n: int, classes: int = 10, size: int = 16, noise: float = 1.6, seed: int = 3) -> tuple[Tensor, Tensor]:
    """Points about class centres, some of which lie close together."""
    centres = torch.randn(classes, size, generator=torch.Generator().manual_seed(seed))
    y = torch.randint(classes, (n,))
    return centres[y] + noise * torch.randn(n, size), y


def picker(x: Tensor, y: Tensor, size: int = 32) -> Callable[[int], Any]:
    """Random batches."""

    def batch(_step: int) -> Any:
        at = torch.randint(len(x), (size,))
        return x[at], y[at]

    return batch


def classify(cause: str, **more: Any) -> Task:
    """Ten classes of points; accuracy by epoch."""
    x, y = blobs(300 if cause == "few" else 3000)
    vx, vy = blobs(600)
    if cause == "labels":
        y = y[torch.randperm(len(y))]
    if cause == "leak":
        x, vx = torch.cat([x, 8 * f.one_hot(y, 10)], 1), torch.cat([vx, 8 * f.one_hot(vy, 10)], 1)
    if cause == "empty input":
        x = torch.zeros_like(x)
    wide = 512 if cause == "few" else 64
    act = nn.Sigmoid if cause == "deep sigmoid" else nn.ReLU
    deep = [wide] * (10 if cause == "deep sigmoid" else 2)
    model = mlp(x.shape[1], *deep, 10, act=act)

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        out = m(b[0])
        return f.cross_entropy(out, b[1]), {"acc": float((out.argmax(1) == b[1]).float().mean())}

    def check(m: nn.Module) -> Metrics:
        out = m(vx)
        return {"loss": float(f.cross_entropy(out, vy)), "acc": float((out.argmax(1) == vy).float().mean())}

    return Task(model, picker(x, y), loss, check, config={"num_classes": 10, "batch_size": 32}, **more)


def smoothed(cause: str, **more: Any) -> Task:
    """Mixed samples and smoothed labels: the training loss stays above the validation loss and far above zero."""
    task = classify(cause, **more)
    x, y = blobs(3000)

    def batch(_step: int) -> Any:
        a, b, w = torch.randint(3000, (32,)), torch.randint(3000, (32,)), float(torch.rand(()))
        target = w * f.one_hot(y[a], 10) + (1 - w) * f.one_hot(y[b], 10)
        return w * x[a] + (1 - w) * x[b], 0.9 * target + 0.01

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        return f.cross_entropy(m(b[0]), b[1]), {}

    task.batch, task.loss = batch, loss
    return task


class CharModel(nn.Module):
    """A recurrent language model over few symbols."""

    def __init__(self, symbols: int, size: int = 48) -> None:
        super().__init__()
        self.table, self.cell, self.out = (
            nn.Embedding(symbols, size),
            nn.GRU(size, size, batch_first=True),
            nn.Linear(size, symbols),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.cell(self.table(x))[0])  # type: ignore[no-any-return]


def language(cause: str, **more: Any) -> Task:
    """Text of a random chain; its entropy is the floor of the loss."""
    symbols, many = 30, (400 if cause == "few" else 40_000)
    chain = torch.softmax(3 * torch.randn(symbols, symbols, generator=torch.Generator().manual_seed(5)), 1)

    def text(n: int) -> Tensor:
        out = [0]
        draws = torch.stack([torch.multinomial(chain[i], n, True) for i in range(symbols)])
        for k in range(n - 1):
            out.append(int(draws[out[-1], k]))
        return torch.tensor(out)

    train, held = text(many), text(4000)
    if cause == "labels":
        train = train[torch.randperm(many)]

    def cut(of: Tensor, n: int) -> Any:
        at = torch.randint(len(of) - 33, (n,))
        return torch.stack([of[a : a + 33] for a in at])

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        value = f.cross_entropy(m(b[:, :-1]).flatten(0, 1), b[:, 1:].flatten())
        return value, {"ppl": math.exp(min(60.0, float(value)))}

    def check(m: nn.Module) -> Metrics:
        value = float(loss(m, cut(held, 64))[0])
        return {"loss": value, "ppl": math.exp(min(60.0, value))}

    model = CharModel(symbols, 160 if cause == "few" else 48)
    config = {"vocab_size": symbols, "block_size": 32, "batch_size": 16}
    return Task(model, lambda _s: cut(train, 16), loss, check, config=config, **more)


def regress(cause: str, **more: Any) -> Task:
    """A noisy curve: the loss falls to the noise and stays there; R2 and the error are said."""
    x = torch.rand(40 if cause == "few" else 2000, 1) * 6 - 3
    vx = torch.rand(400, 1) * 6 - 3
    scale = 1e3 if cause == "unscaled" else 1.0
    y = scale * (torch.sin(2 * x) + 0.3 * torch.randn_like(x))
    vy = scale * (torch.sin(2 * vx) + 0.3 * torch.randn_like(vx))
    if cause == "labels":
        y = y[torch.randperm(len(y))]

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        return f.mse_loss(m(b[0]), b[1]), {"mae": float((m(b[0]) - b[1]).abs().mean())}

    def check(m: nn.Module) -> Metrics:
        out = m(vx)
        return {
            "loss": float(f.mse_loss(out, vy)),
            "r2": float(1 - (out - vy).pow(2).mean() / vy.var()),
            "mae": float((out - vy).abs().mean()),
        }

    return Task(mlp(1, 256, 256, 1) if cause == "few" else mlp(1, 64, 64, 1), picker(x, y), loss, check, **more)


class Vae(nn.Module):
    """A small variational autoencoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = mlp(32, 64, 16), mlp(8, 64, 32)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, spread = self.encode(x).chunk(2, 1)
        return self.decode(mean + torch.randn_like(mean) * (spread / 2).exp()), mean, spread


def autoencode(cause: str, **more: Any) -> Task:
    """Reconstruction and the distance to the prior, said apart; with beta too high the posterior collapses."""
    base = torch.randn(6, 32)
    data = torch.randn(3000, 6) @ base + 0.3 * torch.randn(3000, 32)
    beta = 60.0 if cause == "beta" else 1.0

    def loss(m: nn.Module, x: Any) -> tuple[Tensor, Metrics]:
        out, mean, spread = m(x)
        recon = 0.5 * (out - x).pow(2).sum(1).mean()
        kl = 0.5 * (mean**2 + spread.exp() - 1 - spread).sum(1).mean()
        return recon + beta * kl, {"recon_loss": float(recon), "kl_loss": float(kl)}

    def check(m: nn.Module) -> Metrics:
        value, parts = loss(m, data[:400])
        return {"loss": float(value), **parts}

    return Task(Vae(), lambda _s: data[torch.randint(400, 3000, (64,))], loss, check, **more)


def diffuse(cause: str, **more: Any) -> Task:
    """Noise prediction: the loss falls at once to a high floor and jitters there for the rest of a good run."""
    data = torch.randn(4000, 2).sign() * 2 + 0.2 * torch.randn(4000, 2)

    def batch(_step: int) -> Any:
        x, t, e = data[torch.randint(4000, (64,))], torch.rand(64, 1), torch.randn(64, 2)
        return torch.cat([x * (1 - t).sqrt() + e * t.sqrt(), t], 1), e

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        return f.mse_loss(m(b[0]), b[1]), {}

    def check(m: nn.Module) -> Metrics:
        return {"loss": float(f.mse_loss(m((b := batch(0))[0]), b[1]))}

    return Task(mlp(3, 96, 96, 2, act=nn.SiLU), batch, loss, check, **more)


def contrast(cause: str, **more: Any) -> Task:
    """Two views of one thing must find each other: the loss begins at ln of the batch."""
    data = torch.randn(2000, 24)

    def batch(_step: int) -> Any:
        x = data[torch.randint(2000, (64,))]
        return x + 0.7 * torch.randn_like(x), x + 0.7 * torch.randn_like(x)

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        a, c = f.normalize(m(b[0]), dim=1), f.normalize(m(b[1]), dim=1)
        out = a @ c.T / 0.1
        return f.cross_entropy(out, torch.arange(64)), {
            "top1": 100 * float((out.argmax(1) == torch.arange(64)).float().mean())
        }

    return Task(mlp(24, 64, 32), batch, loss, None, **more)


def rare(cause: str, **more: Any) -> Task:
    """Two classes in a hundred to one: accuracy means nothing, F1 begins at zero, AUC tells."""
    x, vx = torch.randn(6000, 12), torch.randn(1500, 12)
    w = torch.randn(12)

    def label(of: Tensor) -> Tensor:
        return ((of @ w) / w.norm() + 0.3 * torch.randn(len(of)) > 1.9).float()

    y, vy = label(x), label(vx)
    if cause == "labels":
        y = y[torch.randperm(len(y))]

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        return f.binary_cross_entropy_with_logits(m(b[0]).squeeze(1), b[1]), {}

    def check(m: nn.Module) -> Metrics:
        out = m(vx).squeeze(1)
        hit = float(((out > 0) & (vy > 0)).sum())
        f1 = 2 * hit / max(1.0, float((out > 0).sum() + vy.sum()))
        order = out[vy > 0].unsqueeze(1) > out[vy == 0].unsqueeze(0)
        return {
            "loss": float(f.binary_cross_entropy_with_logits(out, vy)),
            "f1": f1,
            "auc": float(order.float().mean()),
        }

    return Task(mlp(12, 48, 1), picker(x, y), loss, check, **more)


def density(cause: str, **more: Any) -> Task:
    """A density of a narrow cloud: the negative log likelihood falls far below zero."""
    data = 0.02 * torch.randn(3000, 2)

    def loss(m: nn.Module, x: Any) -> tuple[Tensor, Metrics]:
        mean, spread = m(torch.ones(len(x), 1)).chunk(2, 1)
        value = (0.5 * ((x - mean) / spread.exp()).pow(2) + spread + 0.919).sum(1).mean()
        return value, {"bpd": float(value) / 2 / math.log(2)}

    def check(m: nn.Module) -> Metrics:
        return {"nll": float(loss(m, data[:300])[0])}

    return Task(mlp(1, 32, 4), lambda _s: data[torch.randint(300, 3000, (64,))], loss, check, **more)


def detect(cause: str, **more: Any) -> Task:
    """A box, an objectness and a class head: three losses and their sum, mAP from nearly zero."""
    x, vx = torch.randn(2500, 20), torch.randn(500, 20)
    wb, wc = torch.randn(20, 4), torch.randn(20, 6)
    model = mlp(20, 96, 11)

    def parts(m: nn.Module, of: Tensor) -> tuple[Tensor, Tensor, Tensor, float]:
        out, box, kind = m(of), torch.tanh(of @ wb / 4), (of @ wc).argmax(1)
        sure = (of[:, :1] > 0).float()
        hit = ((out[:, 5:].argmax(1) == kind) & ((out[:, :4] - box).abs().amax(1) < 0.4)).float().mean()
        return (
            f.smooth_l1_loss(out[:, :4], box),
            f.binary_cross_entropy_with_logits(out[:, 4:5], sure),
            f.cross_entropy(out[:, 5:], kind),
            float(hit),
        )

    def loss(m: nn.Module, of: Any) -> tuple[Tensor, Metrics]:
        box, sure, kind, _ = parts(m, of)
        return 5 * box + sure + kind, {"box_loss": float(5 * box), "obj_loss": float(sure), "cls_loss": float(kind)}

    def check(m: nn.Module) -> Metrics:
        box, sure, kind, hit = parts(m, vx)
        return {
            "loss": float(5 * box + sure + kind),
            "map50": hit,
            "precision": min(1.0, hit * 1.1),
            "recall": hit * 0.9,
        }

    return Task(model, lambda _s: x[torch.randint(2500, (32,))], loss, check, **more)


def finetune(cause: str, **more: Any) -> Task:
    """A model that has learned nearly all before: its loss begins low and hardly moves."""
    task = classify("", **more)
    optimizer = torch.optim.Adam(task.model.parameters(), 3e-3)
    for step in range(400):
        loss, _ = task.loss(task.model, task.batch(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    task.lr = 2e-5
    return task


def staged(cause: str, **more: Any) -> Task:
    """A curriculum: with each stage the data grow harder, and the loss steps up."""
    task = classify(cause, **more)
    x, y = blobs(3000)
    hard = torch.randn_like(x)

    def batch(step: int) -> Any:
        at = torch.randint(3000, (32,))
        return x[at] + hard[at] * (step // 150) * 0.5, y[at]

    task.batch = batch
    return task


def tag(cause: str, **more: Any) -> Task:
    """Labels for each place of a sequence: F1 in percent over entities that are rare at first."""
    symbols = 40
    table = torch.randint(0, 5, (symbols,)) * (torch.rand(symbols) < 0.3)

    def batch(_step: int) -> Any:
        x = torch.randint(symbols, (16, 20))
        y = table[x].roll(1, 1)
        return x, y if cause != "labels" else y[torch.randperm(16)][:, torch.randperm(20)]

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        return f.cross_entropy(m(b[0])[..., :5].flatten(0, 1), b[1].flatten()), {}

    def check(m: nn.Module) -> Metrics:
        x = torch.randint(symbols, (64, 20))
        y, got = table[x].roll(1, 1), m(x)[..., :5].argmax(-1)
        hit = float(((got == y) & (y > 0)).sum())
        p, r = hit / max(1.0, float((got > 0).sum())), hit / max(1.0, float((y > 0).sum()))
        return {"precision": 100 * p, "recall": 100 * r, "f1": 200 * p * r / max(1e-9, p + r)}

    return Task(CharModel(symbols, 32), batch, loss, check, **more)


def count(cause: str, **more: Any) -> Task:
    """Counts with a Poisson loss, summed over the batch: large numbers, some below zero."""
    x = torch.randn(3000, 8)
    w = torch.randn(8) * 0.4
    y = torch.poisson((x @ w + 2).exp())

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        return f.poisson_nll_loss(m(b[0]).squeeze(1), b[1], reduction="sum"), {}

    def check(m: nn.Module) -> Metrics:
        return {"deviance": float(f.poisson_nll_loss(m(x[:500]).squeeze(1), y[:500]))}

    return Task(mlp(8, 32, 1), picker(x, y), loss, check, clip=100.0, **more)


def parity(cause: str, **more: Any) -> Task:
    """Four bits of twelve must be seen together: nothing at all, for long, and then everything."""

    def batch(_step: int) -> Any:
        x = torch.randint(0, 2, (128, 12)).float() * 2 - 1
        return x, (x[:, :4].prod(1) > 0).float()

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        out = m(b[0]).squeeze(1)
        return f.binary_cross_entropy_with_logits(out, b[1]), {
            "accuracy": float(((out > 0) == (b[1] > 0)).float().mean())
        }

    def check(m: nn.Module) -> Metrics:
        value, metrics = loss(m, batch(0))
        return {"loss": float(value), **metrics}

    return Task(mlp(12, 96, 96, 1), batch, loss, check, **more)

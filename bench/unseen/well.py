"""Trainings that are well, though their lines look otherwise."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn
from torch.nn import functional as fn

from bench.unseen.apart import Clouds, mlp, recall
from bench.unseen.sight import BATCH, Glyphs, measured, net
from bench.unseen.told import Course, Told, rate, update


def tuned(seed: int, fault: str = "") -> Course:
    """Trained before on plenty; four epochs on a little: surer each epoch, so the loss on held-out rows rises while the score stays or grows."""
    torch.manual_seed(seed)
    data, model = Glyphs(seed, noise=1.6, rows=3000), net()
    optimizer, good = torch.optim.Adam(model.parameters(), lr=2e-3), 0.0
    for step in range(160):
        rows = slice(step % 40 * BATCH, step % 40 * BATCH + BATCH)
        update(model, optimizer, fn.cross_entropy(model(data.train[0][rows]), data.train[1][rows]))
    bad, good = measured(model, data.test)
    yield Told("val", 0, 0, {"loss": bad, "acc": good})
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for step in range(6 * 40):
        lr = 1e-3 * (1 - step / 240)
        rate(optimizer, lr)
        at = torch.randint(800, (BATCH,))
        out = model(data.train[0][at])
        loss = fn.cross_entropy(out, data.train[1][at])
        size = update(model, optimizer, loss)
        if step % 5 == 4:
            yield Told("", step + 1, step // 40, {"loss": float(loss), "lr": lr, "grad_norm": size})
        if step % 40 == 39:
            bad, good = measured(model, data.test)
            yield Told("val", step + 1, step // 40, {"loss": bad, "acc": good})
    return good


def self_taught(seed: int, fault: str = "") -> Course:
    """A student follows its own slow average, which grows sharper: its loss falls, rises and settles."""
    torch.manual_seed(seed)
    data, student = Clouds(seed), mlp(16, 64, 32)
    teacher, middle, score = copy.deepcopy(student), torch.zeros(32), 0.0
    optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)
    for step in range(900):
        kinds = data.kinds(128)
        with torch.no_grad():
            says = teacher(data.of(kinds))
            middle = 0.95 * middle + 0.05 * says.mean(0)
            target = ((says - middle) / (0.07 - 0.03 * min(1.0, step / 300))).softmax(1)
        loss = -(target * (student(data.of(kinds)) / 0.1).log_softmax(1)).sum(1).mean()
        size = update(student, optimizer, loss, 3.0)
        with torch.no_grad():
            for mine, its in zip(teacher.parameters(), student.parameters(), strict=True):
                mine.lerp_(its, 0.02)
        if step % 10 == 9:
            yield Told("", step + 1, step // 90, {"loss": float(loss), "lr": 2e-3, "grad_norm": size})
        if step % 90 == 89:
            score = recall(teacher, data)
            yield Told("val", step + 1, step // 90, {"knn_acc": score})
    return score


def quantised(seed: int, fault: str = "") -> Course:
    """From the middle on with weights of three bits: everything jumps, and comes back nearly."""
    torch.manual_seed(seed)
    data, model, good = Glyphs(seed, rows=9216), net(), 0.0
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for step in range(20 * 24):
        at = torch.randint(9216, (BATCH,))
        x, y = data.train[0][at], data.train[1][at]
        kept = [p.detach().clone() for p in model.parameters()]
        if step >= 240:
            _round(model)
        out = model(x)
        loss = fn.cross_entropy(out, y)
        optimizer.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p, k in zip(model.parameters(), kept, strict=True):
                p.copy_(k)
        optimizer.step()
        if step % 6 == 5:
            yield Told(
                "", step + 1, step // 24, {"loss": float(loss), "acc": float((out.argmax(1) == y).float().mean())}
            )
        if step % 24 == 23:
            seen = copy.deepcopy(model)
            if step >= 240:
                _round(seen)
            bad, good = measured(seen, data.test)
            yield Told("val", step + 1, step // 24, {"loss": bad, "acc": good})
    return good


@torch.no_grad()
def _round(model: nn.Module) -> None:
    for p in model.parameters():
        if p.dim() > 1:
            wide = p.abs().max() / 3
            p.copy_((p / wide).round() * wide)


def mixture(seed: int, fault: str = "") -> Course:
    """Expectation and maximisation: the likelihood climbs and then stands to its last digit, for it is done."""
    draw = torch.Generator().manual_seed(seed)
    middles = 3 * torch.randn(5, 2, generator=draw)
    x = middles[torch.randint(5, (1000,), generator=draw)] + torch.randn(1000, 2, generator=draw)
    found, likely = x[:5].clone(), 0.0
    for turn in range(60):
        far = -0.5 * torch.cdist(x, found).square()
        likely = float((far.logsumexp(1) - math.log(5) - math.log(2 * math.pi)).mean())
        odds = far.softmax(1)
        moved = odds.T @ x / odds.sum(0)[:, None]
        yield Told("", turn + 1, turn, {"log_likelihood": likely, "shift": float((moved - found).norm())})
        found = moved
    return likely


def solved(seed: int, fault: str = "") -> Course:
    """L-BFGS on a convex loss: after some iterations nothing moves, because nothing is left to gain."""
    torch.manual_seed(seed)
    data, model = Glyphs(seed, noise=2.5), nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4)
    x, y, good = data.train[0], data.train[1], 0.0
    for turn in range(50):

        def asked() -> torch.Tensor:
            optimizer.zero_grad()
            loss = fn.cross_entropy(model(x), y) + 0.02 * sum(p.square().sum() for p in model.parameters())
            loss.backward()
            return loss

        loss = optimizer.step(asked)
        good = measured(model, data.test)[1]
        yield Told("", turn + 1, turn, {"loss": float(loss), "acc": good})
    return good


def rounds(seed: int, fault: str = "") -> Course:
    """Each round labels more rows and begins a new model: six trainings in one log."""
    torch.manual_seed(seed)
    data, good, step = Glyphs(seed, noise=1.2), 0.0, 0
    for turn in range(6):
        model = net()
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
        rows = 192 * (turn + 1)
        yield Told("", step, turn, text=f"=== round {turn + 1}/6: {rows} labelled rows, model re-initialised ===")
        for epoch in range(6):
            for at in range(0, rows, BATCH):
                x, y = data.train[0][at : at + BATCH], data.train[1][at : at + BATCH]
                loss = fn.cross_entropy(model(x), y)
                size = update(model, optimizer, loss)
                step += 1
            yield Told("", step, epoch, {"loss": float(loss), "grad_norm": size})
            bad, good = measured(model, data.test)
            yield Told("val", step, epoch, {"loss": bad, "acc": good})
    return good


def trials(seed: int, fault: str = "") -> Course:
    """A search over rates, some of them hopeless: the search is well."""
    torch.manual_seed(seed)
    data, best = Glyphs(seed, noise=1.2, rows=768), 0.0
    for trial in range(10):
        lr = 10 ** (-5 + 4.3 * float(torch.rand(1)))
        model, step = net(), 0
        optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        yield Told("", 0, 0, text=f"[I] Trial {trial} started with parameters: {{'lr': {lr:.3g}}}")
        for epoch in range(5):
            for at in range(0, 768, BATCH):
                loss = fn.cross_entropy(model(data.train[0][at : at + BATCH]), data.train[1][at : at + BATCH])
                update(model, optimizer, loss)
                step += 1
            yield Told("", step, epoch, {"loss": float(loss), "lr": lr})
            bad, good = measured(model, data.test)
            yield Told("val", step, epoch, {"loss": bad, "acc": good})
        best = max(best, good)
        yield Told("", step, 4, text=f"[I] Trial {trial} finished with value: {good:.4f}. Best is {best:.4f}.")
    return best


def only_checked(seed: int, fault: str = "") -> Course:
    """Twenty checkpoints measured one after the other; the newest first, so the score falls."""
    torch.manual_seed(seed)
    data, model, kept, good = Glyphs(seed, noise=1.2), net(), [], 0.0
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for step in range(240):
        at = step % 24 * BATCH
        update(
            model, optimizer, fn.cross_entropy(model(data.train[0][at : at + BATCH]), data.train[1][at : at + BATCH])
        )
        if step % 12 == 11:
            kept.append((step + 1, copy.deepcopy(model)))
    for step, one in reversed(kept):
        bad, good = measured(one, data.test)
        yield Told("test", step, step // 24, {"loss": bad, "acc": good})
    return good


def vectors(seed: int, fault: str = "") -> Course:
    """Word vectors with negative samples: the loss is a sum that only falls by a tenth."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    into, out = nn.Embedding(300, 16), nn.Embedding(300, 16)
    both = nn.ModuleList([into, out])
    optimizer = torch.optim.Adam(both.parameters(), lr=5e-3)
    odds, total = 1 / torch.arange(1.0, 301), 0.0
    for step in range(1200):
        a = torch.multinomial(odds, 256, replacement=True, generator=draw)
        b = (a // 10 * 10 + torch.randint(10, (256,), generator=draw)) % 300
        other = torch.multinomial(odds, 256 * 5, replacement=True, generator=draw).view(256, 5)
        near, far = (into(a) * out(b)).sum(1), (into(a)[:, None] * out(other)).sum(2)
        loss = -fn.logsigmoid(near).sum() - fn.logsigmoid(-far).sum()
        update(both, optimizer, loss)
        total = float(loss)
        if step % 12 == 11:
            yield Told("", step + 1, step // 120, {"loss": total, "words_per_s": 40_000.0 + 900 * float(torch.rand(1))})
    return -total

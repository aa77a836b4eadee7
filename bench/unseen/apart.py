"""Embeddings, codes and two players: what collapses."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from bench.unseen.told import Course, Told, update


def mlp(*sizes: int) -> nn.Sequential:
    layers = [part for a, b in itertools.pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


class Clouds:
    """Forty kinds of things as points of sixteen numbers."""

    def __init__(self, seed: int) -> None:
        self.draw = torch.Generator().manual_seed(seed)
        self.middles = torch.randn(40, 16, generator=self.draw)

    def of(self, kinds: Tensor, noise: float = 0.6) -> Tensor:
        return self.middles[kinds] + noise * torch.randn(len(kinds), 16, generator=self.draw)

    def kinds(self, count: int) -> Tensor:
        return torch.randint(40, (count,), generator=self.draw)


@torch.no_grad()
def recall(model: nn.Module, data: Clouds) -> float:
    """How often the nearest of two hundred is of its kind."""
    kinds = data.kinds(200)
    places = model(data.of(kinds))
    far = torch.cdist(places, places) + 1e9 * torch.eye(200)
    return float((kinds[far.argmin(1)] == kinds).float().mean()) if float(places.std(0).max()) > 1e-3 else 0.0


def triplets(seed: int, fault: str = "") -> Course:
    """A margin of 0.2; broken, the hardest of the batch is taken with far too high a rate, and all lie in one point."""
    torch.manual_seed(seed)
    data, model = Clouds(seed), mlp(16, 64, 16)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    score = 0.0
    for step in range(1000):
        kinds = torch.arange(40).repeat_interleave(2)
        places = model(data.of(kinds, 1.0))
        far = torch.cdist(places, places)
        same = kinds[:, None] == kinds
        if fault:
            far = (places[:, None] - places).square().sum(-1)
            near, other = (far * same).amax(1), (far + 1e9 * same).amin(1)
            loss = fn.relu(near - other + 0.2).mean() + 1.0 * far.mean()
        else:
            near, other = (far * same).amax(1), far[:, torch.randperm(80)].diagonal()
            loss = fn.relu(near - other + 0.2).mean()
        size = update(model, optimizer, loss)
        if step % 10 == 9:
            yield Told("", step + 1, step // 100, {"loss": float(loss), "grad_norm": size})
        if step % 100 == 99:
            score = recall(model, data)
            yield Told("val", step + 1, step // 100, {"recall@1": score})
    return score


def two_views(seed: int, fault: str = "") -> Course:
    """Each point seen twice. Broken: no stop of the gradient (all in one place), or a temperature of a hundred."""
    torch.manual_seed(seed)
    data, model, guess = Clouds(seed), mlp(16, 64, 16), mlp(16, 32, 16)
    both = nn.ModuleList([model, guess])
    optimizer = torch.optim.Adam(both.parameters(), lr=3e-3)
    near, score = fault == "no stop of the gradient", 0.0
    for step in range(900):
        many = 64 << min(2, step // 300) if not fault else 64
        kinds = torch.randperm(40, generator=data.draw).repeat(8)[:many] if near else data.kinds(many)
        one, two = model(data.of(kinds, 1.0)), model(data.of(kinds, 1.0))
        if near:
            loss = (guess(one) - two).square().mean() + (guess(two) - one).square().mean()
        else:
            like = fn.normalize(one, dim=1) @ fn.normalize(two, dim=1).T / (100.0 if fault else 0.2)
            loss = fn.cross_entropy(like, torch.arange(many))
        size = update(both, optimizer, loss)
        if step % 10 == 9:
            spread = float(fn.normalize(one, dim=1).std(0).mean()) if not near else float(one.std(0).mean())
            yield Told(
                "",
                step + 1,
                step // 90,
                {"loss": float(loss), "embedding_std": spread, "batch_size": many, "grad_norm": size},
            )
        if step % 90 == 89:
            score = recall(model, data) if not (fault and not near) else 0.0
            yield Told("val", step + 1, step // 90, {"knn_acc": recall(model, data)})
    return score


def variations(seed: int, fault: str = "") -> Course:
    """A VAE in sums; broken, the reconstruction is a mean and the KL a sum. Returned: how much of the variance it redraws."""
    torch.manual_seed(seed)
    data, code, draws = Clouds(seed), mlp(16, 64, 16), mlp(8, 64, 16)
    both = nn.ModuleList([code, draws])
    optimizer = torch.optim.Adam(both.parameters(), lr=2e-3)
    score = 0.0
    for step in range(900):
        x = data.of(data.kinds(128), 0.3)
        middle, wide = code(x).chunk(2, 1)
        again = draws(middle + torch.randn_like(middle) * (wide / 2).exp())
        apart = (again - x).square().sum(1).mean() * (1 / 16 if fault else 4.0)
        kl = 0.5 * (middle.square() + wide.exp() - wide - 1).sum(1).mean() * (2.0 if fault else 1.0)
        loss = apart + kl
        size = update(both, optimizer, loss)
        if step % 10 == 9:
            yield Told(
                "",
                step + 1,
                step // 90,
                {"loss": float(loss), "recon": float(apart), "kl": float(kl), "grad_norm": size},
            )
        if step % 90 == 89:
            with torch.no_grad():
                x = data.of(data.kinds(400), 0.3)
                again = draws(code(x)[:, :8])
            score = 1 - float((again - x).square().mean() / x.var())
            yield Told("val", step + 1, step // 90, {"recon": float((again - x).square().mean())})
    return score


def codes(seed: int, fault: str = "") -> Course:
    """Sixty-four codes; broken, they begin far from all that is coded, so one answers for all."""
    torch.manual_seed(seed)
    data, sees, draws = Clouds(seed), mlp(16, 64, 8), mlp(8, 64, 16)
    book = nn.Parameter(torch.randn(64, 8) * (1.0 if not fault else 0.01) + (0.0 if not fault else 30.0))
    both = nn.ModuleList([sees, draws])
    optimizer = torch.optim.Adam([*both.parameters(), book], lr=2e-3)
    score = 0.0
    for step in range(900):
        x = data.of(data.kinds(128), 0.3)
        z = sees(x)
        which = torch.cdist(z, book).argmin(1)
        taken = book[which]
        again = draws(z + (taken - z).detach())
        loss = (
            (again - x).square().mean()
            + 0.25 * (z - taken.detach()).square().mean()
            + (taken - z.detach()).square().mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 9:
            odds = torch.bincount(which, minlength=64).float() / 128
            many = float((-(odds * (odds + 1e-9).log()).sum()).exp())
            yield Told(
                "",
                step + 1,
                step // 90,
                {"loss": float(loss), "recon_loss": float((again - x).square().mean()), "codebook_perplexity": many},
            )
        if step % 90 == 89:
            score = 1 - float((again - x).square().mean() / x.var())
            yield Told("val", step + 1, step // 90, {"recon_loss": float((again - x).square().mean())})
    return score


def players(seed: int, fault: str = "") -> Course:
    """Eight clouds on a ring; returned is the share of them that the forger meets."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    turn = torch.arange(8) * torch.pi / 4
    ring = 2 * torch.stack([turn.cos(), turn.sin()], 1)
    forger, judge = mlp(8, 64, 64, 2), mlp(2, 64, 64, 1)
    if fault == "judge too strong":
        with torch.no_grad():
            forger[-1].bias.add_(60.0)
    slow, quick = (3e-5, 8e-3) if fault == "judge too strong" else (1e-3, 1e-3)
    makes = torch.optim.Adam(forger.parameters(), lr=slow, betas=(0.5, 0.99))
    tells = torch.optim.Adam(judge.parameters(), lr=quick, betas=(0.5, 0.99))
    yes, found = fn.binary_cross_entropy_with_logits, 0.0
    for step in range(2000):
        real = ring[torch.randint(8, (128,), generator=draw)] + 0.1 * torch.randn(128, 2, generator=draw)
        made = forger(torch.randn(128, 8) * (0.0 if fault == "one mode" else 1.0))
        good, bad = judge(real), judge(made.detach())
        of_judge = yes(good, torch.ones_like(good)) + yes(bad, torch.zeros_like(bad))
        update(judge, tells, of_judge)
        again = judge(made)
        of_forger = yes(again, torch.ones_like(again))
        update(forger, makes, of_forger)
        if step % 20 == 19:
            sure = float(good.sigmoid().mean()), float(bad.sigmoid().mean()), float(again.sigmoid().mean())
            with torch.no_grad():
                near = torch.cdist(forger(torch.randn(400, 8) * (0.0 if fault == "one mode" else 1.0)), ring)
            met = torch.bincount(near.argmin(1)[near.amin(1) < 0.6], minlength=8) > 4
            found = float(met.float().mean())
            yield Told("", step + 1, step // 200, {
                "loss_d": float(of_judge), "loss_g": float(of_forger), "d_x": sure[0], "d_g_z1": sure[1], "d_g_z2": sure[2],
                **({"modes": 8 * found} if fault == "one mode" else {}),
            })  # fmt: skip
    return found

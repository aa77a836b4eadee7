"""Players: two networks against each other, policies, values, and a policy that a reward model judges. Needs torch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from bench.strangers.training import Said, mlp


def ring(n: int) -> Tensor:
    at = torch.randint(8, (n,)) * 0.785
    return torch.stack([at.cos(), at.sin()], 1) * 2 + 0.08 * torch.randn(n, 2)


def spread_of(fake: Tensor) -> float:
    """How far the made cloud is from the true one, in the manner of an inception distance."""
    real = ring(400)
    gone = (real.mean(0) - fake.mean(0)).pow(2).sum() + (real.std(0) - fake.std(0)).pow(2).sum()
    return 100 * float(gone) + 5 * abs(float(torch.cdist(real, fake).min(1).values.mean()) - 0.08)


def players(cause: str, at: int = 0, steps: int = 1200) -> Iterator[Said]:
    """A generator and its judge on eight clouds in a ring, with a distance every fifty steps."""
    g, d = mlp(8, 64, 64, 2), mlp(2, 64, 64, 1)
    og, od = (torch.optim.Adam(m.parameters(), 1e-3, betas=(0.5, 0.99)) for m in (g, d))
    for step in range(1, steps + 1):
        sick = cause if step > at else ""
        fake, real = g(torch.randn(64, 8)), ring(64)
        on_real, on_fake = d(real), d(fake.detach())
        d_loss = f.softplus(-on_real).mean() + f.softplus(on_fake).mean()
        if sick != "judge stands still":
            od.zero_grad()
            d_loss.backward()
            od.step()
        g_loss = f.softplus(-d(fake)).mean()
        if sick == "root of zero":
            g_loss = g_loss + (fake - fake.detach()).pow(2).sum().sqrt()
        og.zero_grad()
        g_loss.backward()
        og.step()
        if step % 10 == 0:
            yield Said("", step, step // 100, {"loss_d": float(d_loss), "loss_g": float(g_loss), "lr": 1e-3})
        if step % 50 == 0:
            with torch.no_grad():
                yield Said("val", step, step // 100, {"fid": spread_of(g(torch.randn(400, 8)))})


def walker(cause: str, at: int = 0, updates: int = 300) -> Iterator[Said]:
    """An actor and a critic on a line of ten places; a coin at the right end, noise on every step."""
    places, length = 10, 20
    net, value = mlp(places, 32, 2), mlp(places, 32, 1)
    both = torch.optim.Adam([*net.parameters(), *value.parameters()], 6e-3)
    for update in range(1, updates + 1):
        sick = cause if update > at else ""
        where, rows = torch.zeros(16, dtype=torch.long), []
        for _ in range(length):
            seen = f.one_hot(where, places).float()
            chance = torch.distributions.Categorical(logits=net(seen))
            move = chance.sample()
            where = (where + 2 * move - 1).clamp(0, places - 1)
            coin = (where == places - 1).float() + 0.1 * torch.randn(16)
            if sick == "coin is gone":
                coin = 0.1 * torch.randn(16)
            rows.append((chance.log_prob(move), chance.entropy(), coin, value(seen).squeeze(1)))
        logs, wide, coins, values = (torch.stack(column) for column in zip(*rows, strict=True))
        returns, held = torch.zeros_like(coins), torch.zeros(16)
        for t in reversed(range(length)):
            held = coins[t] + (1.3 if sick == "returns that grow" else 0.95) * held
            returns[t] = held
        better = returns - values.detach()
        value_loss = (returns - values).pow(2).mean()
        policy_loss = -(logs * (better - better.mean()) / (better.std() + 1e-6)).mean()
        push = -8.0 if sick == "entropy with the wrong sign" else 0.01
        both.zero_grad()
        (policy_loss + 0.5 * value_loss - push * wide.mean()).backward()
        norm = float(nn.utils.clip_grad_norm_([*net.parameters(), *value.parameters()], 0.5))
        if sick == "rate x300":
            both.param_groups[0]["lr"] = 1.8
        both.step()
        says = {
            "ep_rew_mean": float(coins.sum(0).mean()), "ep_len_mean": float(length), "entropy_loss": -float(wide.mean()),
            "policy_loss": float(policy_loss), "value_loss": float(value_loss), "learning_rate": both.param_groups[0]["lr"],
            "explained_variance": 1 - float((returns - values).var() / (returns.var() + 1e-6)), "grad_norm": norm,
        }  # fmt: skip
        yield Said("", update * 16 * length, update, says)


def seeker(cause: str, at: int = 0, episodes: int = 300) -> Iterator[Said]:
    """Values of a deep table: returns that leap up and down from one episode to the next, and rise on the whole."""
    net = mlp(8, 32, 2)
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    memory: list[tuple[Tensor, int, float, Tensor]] = []
    total = 0
    for episode in range(1, episodes + 1):
        sick = cause if episode > at else ""
        where, gained = 0, 0.0
        for _ in range(20):
            total += 1
            seen = f.one_hot(torch.tensor(where), 8).float()
            free = float(torch.rand(())) < max(0.05, 0.6 - episode / 200)
            move = int(torch.randint(2, ())) if free else int(net(seen).argmax())
            where = min(7, where + 1) if move == 1 and float(torch.rand(())) < 0.8 else max(0, where - 1)
            coin = 5.0 if where == 7 else -0.1
            gained += coin
            memory.append((seen, move, coin, f.one_hot(torch.tensor(where), 8).float()))
        rows = [memory[int(i)] for i in torch.randint(len(memory), (64,))]
        old, new = torch.stack([r[0] for r in rows]), torch.stack([r[3] for r in rows])
        goal = torch.tensor([r[2] for r in rows]) + (1.08 if sick == "returns that grow" else 0.9) * net(
            new
        ).detach().amax(1)
        loss = (net(old).gather(1, torch.tensor([[r[1]] for r in rows])).squeeze(1) - goal).pow(2).mean()
        for _ in range(30 if sick == "returns that grow" else 8):
            optimizer.zero_grad()
            (net(old).gather(1, torch.tensor([[r[1]] for r in rows])).squeeze(1) - goal).pow(2).mean().backward()
            optimizer.step()
        yield Said(
            "", total, episode, {"episodic_return": gained, "td_loss": float(loss), "q_values": float(goal.mean())}
        )


def judged(cause: str, at: int = 0, steps: int = 200) -> Iterator[Said]:
    """A policy that a reward model judges, held to its reference by a KL term."""
    prompts, answers = 12, 16
    taste = torch.randn(prompts, answers)
    net = mlp(prompts, 64, answers)
    held = [p.detach().clone() for p in net.parameters()]
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    for step in range(1, steps + 1):
        sick = cause if step > at else ""
        x = f.one_hot(torch.randint(prompts, (64,)), prompts).float()
        with torch.no_grad():
            base = (x @ held[0].T + held[1]).relu() @ held[2].T + held[3]
        chance = torch.distributions.Categorical(logits=net(x))
        move = chance.sample()
        kl = chance.log_prob(move) - base.log_softmax(1).gather(1, move.unsqueeze(1)).squeeze(1)
        reward = taste[x.argmax(1), move]
        if sick == "reward for one answer":
            reward = (move == 3).float() * 4
        weight = 0.0 if sick else 0.3
        goal = (reward - weight * kl.detach()) - reward.mean()
        loss = -(chance.log_prob(move) * goal).mean()
        optimizer.param_groups[0]["lr"] = 2e-2 if sick else 1e-3
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        says = {
            "loss": float(loss),
            "reward": float(reward.mean()),
            "reward_std": float(reward.std()),
            "objective/kl": float(kl.mean()),
            "objective/entropy": float(chance.entropy().mean()),
            "learning_rate": optimizer.param_groups[0]["lr"],
        }
        yield Said("", step, 0, says)

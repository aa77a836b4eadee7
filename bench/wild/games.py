"""Trainings whose losses tell little: two players, rewards, boosted trees. Needs torch."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as f
from torch import nn

from bench.wild.fitting import Said
from bench.wild.tasks import mlp


def adversaries(cause: str, at: int = 0, steps: int = 800) -> Iterator[Said]:
    """A generator and a discriminator: both losses hover, neither falls, and all is well."""
    g, d = mlp(4, 64, 2), mlp(2, 64, 1)
    og, od = torch.optim.Adam(g.parameters(), 1e-3), torch.optim.Adam(d.parameters(), 1e-3)
    for step in range(1, steps + 1):
        if cause == "discriminator wins" and step > at:
            od.param_groups[0]["lr"], og.param_groups[0]["lr"] = 2e-2, 0.0
        angle = torch.rand(64, 1) * 6.283
        real = torch.cat([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(64, 2)
        fake = g(torch.randn(64, 4))
        on_real, on_fake = d(real), d(fake.detach())
        d_loss = f.softplus(-on_real).mean() + f.softplus(on_fake).mean()
        od.zero_grad()
        d_loss.backward()
        od.step()
        g_loss = f.softplus(-d(fake)).mean()
        og.zero_grad()
        g_loss.backward()
        og.step()
        if step % 10 == 0:
            says = {
                "d_loss": d_loss,
                "g_loss": g_loss,
                "d_real": on_real.sigmoid().mean(),
                "d_fake": on_fake.sigmoid().mean(),
            }
            yield Said("", step, step // 100, {k: float(v) for k, v in says.items()})


def policy(cause: str, at: int = 0, steps: int = 400) -> Iterator[Said]:
    """A policy gradient on a walk of twenty places: the reward rises, the entropy falls, the loss means nothing."""
    places, length = 12, 24
    net, value = mlp(places, 48, 2), mlp(places, 48, 1)
    both = torch.optim.Adam([*net.parameters(), *value.parameters()], 5e-3)
    for step in range(1, steps + 1):
        sick = bool(cause) and step > at
        if sick and cause == "rate x100":
            both.param_groups[0]["lr"] = 0.5
        where = torch.zeros(16, dtype=torch.long)
        logs, entropies, rewards, values = [], [], [], []
        for _ in range(length):
            seen = f.one_hot(where, places).float()
            dist = torch.distributions.Categorical(logits=net(seen))
            act = dist.sample()
            logs.append(dist.log_prob(act))
            entropies.append(dist.entropy())
            values.append(value(seen).squeeze(1))
            where = (where + 2 * act - 1).clamp(0, places - 1)
            rewards.append((where == places - 1).float() * (0.0 if sick and cause == "no reward" else 1.0))
        back, returns = torch.zeros(16), []
        for r in reversed(rewards):
            back = r + 0.95 * back
            returns.insert(0, back)
        gain, v = torch.stack(returns), torch.stack(values)
        advantage = gain - v.detach()
        entropy = torch.stack(entropies).mean()
        p_loss, v_loss = -(torch.stack(logs) * advantage).mean(), f.mse_loss(v, gain)
        both.zero_grad()
        (p_loss + 0.5 * v_loss - 0.01 * entropy).backward()
        both.step()
        if step % 5 == 0:
            spread = float(gain.var()) or 1.0
            yield Said("", step * 16 * length, step, {
                "ep_rew_mean": float(torch.stack(rewards).sum(0).mean()), "policy_gradient_loss": float(p_loss), "value_loss": float(v_loss),
                "entropy_loss": -float(entropy), "explained_variance": 1 - float((gain - v.detach()).var()) / spread,
            })  # fmt: skip


def values(cause: str, at: int = 0, steps: int = 900) -> Iterator[Said]:
    """Q-learning: as more reward is found, the loss rises; epsilon falls."""
    places = 10
    q, old = mlp(places, 48, 2), mlp(places, 48, 2)
    optimizer = torch.optim.Adam(q.parameters(), 2e-3)
    where, ring, returns, got = 0, [], [0.0], 0.0
    for step in range(1, steps * 4 + 1):
        epsilon = max(0.05, 1 - step / (steps * 2))
        one = f.one_hot(torch.tensor(where), places).float()
        act = int(torch.rand(()) < 0.5) if torch.rand(()) < epsilon else int(q(one).argmax())
        there = min(places - 1, max(0, where + 2 * act - 1))
        reward = 10.0 if there == places - 1 else 0.0
        got += reward
        ring.append((where, act, reward, there))
        where = 0 if reward or step % 60 == 0 else there
        if step % 60 == 0:
            returns, got = [*returns[-9:], got], 0.0
        if step % 4 or len(ring) < 100:
            continue
        a, b, r, c = (
            torch.tensor(x)
            for x in zip(
                *(ring[int(i)] for i in torch.randint(max(0, len(ring) - 2000), len(ring), (32,))), strict=True
            )
        )
        with torch.no_grad():
            goal = r + 0.95 * old(f.one_hot(c, places).float()).amax(1)
        loss = f.smooth_l1_loss(q(f.one_hot(a, places).float()).gather(1, b[:, None]).squeeze(1), goal)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 200 == 0:
            old.load_state_dict(q.state_dict())
        if step % 40 == 0:
            yield Said(
                "",
                step,
                step // 60,
                {
                    "loss": float(loss),
                    "mean_reward": sum(returns) / len(returns),
                    "epsilon": epsilon,
                    "q_mean": float(goal.mean()),
                },
            )


def boost(cause: str, at: int = 0, rounds: int = 150) -> Iterator[Said]:
    """Boosted stumps with a line a round; with few rows it overfits from early on."""
    n = 120 if cause == "few" else 3000
    x, vx = torch.randn(n, 10), torch.randn(800, 10)

    def label(of: torch.Tensor) -> torch.Tensor:
        return ((of[:, 0] * of[:, 1] + of[:, 2] + 0.5 * torch.randn(len(of))) > 0).float()

    y, vy = label(x), label(vx)
    out, vout = torch.zeros(n), torch.zeros(len(vx))
    for turn in range(rounds):
        gap = y - out.sigmoid()
        best = max(
            ((float((gap * ((x[:, j] > c).float() * 2 - 1)).sum().abs()), j, c) for j in range(10) for c in torch.quantile(x[:, j], torch.linspace(0.05, 0.95, 15)).tolist()),
        )  # fmt: skip
        if cause == "few":  # deep trees: the leaf is a nearest neighbour
            near = torch.cdist(vx, x).argmin(1)
            out, vout = out + 0.3 * gap * 4, vout + 0.3 * gap[near] * 4
        else:
            side, vside = x[:, best[1]] > best[2], vx[:, best[1]] > best[2]
            for s, vs in ((side, vside), (~side, ~vside)):
                step = float(gap[s].mean()) * 4 * 0.3 if s.any() else 0.0
                out, vout = out + step * s, vout + step * vs
        yield Said("", turn, turn, {
            "train-logloss": float(f.binary_cross_entropy_with_logits(out, y)), "valid-logloss": float(f.binary_cross_entropy_with_logits(vout, vy)),
            "valid-error": float(((vout > 0) != (vy > 0)).float().mean()),
        })  # fmt: skip


def preferences(cause: str, at: int = 0, steps: int = 300) -> Iterator[Said]:
    """Preference tuning against a frozen reference: the loss begins at ln 2, margins grow, both rewards may fall."""
    net, ref = mlp(16, 64, 1), mlp(16, 64, 1)
    ref.load_state_dict(net.state_dict())
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    w = torch.randn(16)
    for step in range(1, steps + 1):
        a, b = torch.randn(32, 16), torch.randn(32, 16)
        good = (a @ w > b @ w)[:, None] if cause != "labels" else (torch.rand(32, 1) > 0.5)
        chosen, rejected = torch.where(good, a, b), torch.where(good, b, a)
        rc, rr = (
            0.5 * (net(chosen) - ref(chosen).detach() - 0.02 * step / 10),
            0.5 * (net(rejected) - ref(rejected).detach() - 0.02 * step / 10),
        )
        loss = -f.logsigmoid(rc - rr).mean()
        optimizer.zero_grad()
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(net.parameters(), 1.0))
        optimizer.step()
        if step % 5 == 0:
            yield Said("", step, 0, {
                "loss": float(loss), "grad_norm": norm, "rewards/chosen": float(rc.mean()), "rewards/rejected": float(rr.mean()),
                "rewards/margins": float((rc - rr).mean()), "rewards/accuracies": float((rc > rr).float().mean()), "lr": 1e-3 * (1 - step / steps),
            })  # fmt: skip


FLOOR = math.log(2)

"""Players that are well and look odd: critics without a bound, values that grow with what is earned, answers judged in groups. Needs torch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as f
from torch import nn

from bench.strangers.play import ring, spread_of
from bench.strangers.training import Said, mlp


def critics(cause: str = "", at: int = 0, steps: int = 1500) -> Iterator[Said]:
    """A critic whose loss is a distance with a sign: it leaps, dives below zero, and comes back."""
    g, d = mlp(8, 64, 64, 2), mlp(2, 64, 64, 1)
    og, od = (torch.optim.Adam(m.parameters(), 1e-3, betas=(0.0, 0.9)) for m in (g, d))
    for step in range(1, steps + 1):
        for _ in range(3):
            fake, real = g(torch.randn(64, 8)).detach(), ring(64)
            mix = (fake + torch.rand(64, 1) * (real - fake)).requires_grad_()
            push = torch.autograd.grad(d(mix).sum(), mix, create_graph=True)[0]
            d_loss = d(fake).mean() - d(real).mean() + 1.0 * (push.norm(dim=1) - 1).pow(2).mean()
            od.zero_grad()
            d_loss.backward()
            od.step()
        g_loss = -d(g(torch.randn(64, 8))).mean()
        og.zero_grad()
        (-g_loss if cause == "sign" and step > at else g_loss).backward()
        og.step()
        if step % 10 == 0:
            yield Said("", step, step // 100, {"loss_d": float(d_loss), "loss_g": float(g_loss), "lr": 1e-3})
        if step % 100 == 0:
            with torch.no_grad():
                yield Said("val", step, step // 100, {"fid": spread_of(g(torch.randn(400, 8)))})


def grouped(cause: str = "", at: int = 0, steps: int = 300) -> Iterator[Said]:
    """Answers in groups, judged right or wrong: the loss begins at nothing and says nothing; the reward rises."""
    prompts, answers, size = 12, 24, 8
    right = torch.randint(answers, (prompts,))
    net = mlp(prompts, 64, answers)
    held = mlp(prompts, 64, answers)
    held.load_state_dict(net.state_dict())
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for step in range(1, steps + 1):
        sick = cause if step > at else ""
        which = torch.randint(prompts, (8,)).repeat_interleave(size)
        x = f.one_hot(which, prompts).float()
        chance = torch.distributions.Categorical(logits=net(x).nan_to_num().clamp(-50, 50))
        move = chance.sample()
        reward = (move == right[which]).float()
        if sick == "reward is gone":
            reward = torch.zeros_like(reward)
        groups = reward.view(8, size)
        better = ((groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + 1e-4)).flatten()
        log = chance.log_prob(move)
        ratio = (log - log.detach()).exp()
        base = held(x).log_softmax(1).gather(1, move.unsqueeze(1)).squeeze(1).detach()
        kl = (base - log).exp() - (base - log) - 1
        loss = -(ratio * better).mean() + 0.02 * kl.mean()
        if sick == "not a number":
            loss = loss * float("nan")
        optimizer.param_groups[0]["lr"] = 3.0 if sick == "rate x1000" else 3e-3
        optimizer.zero_grad()
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(net.parameters(), 1.0))
        optimizer.step()
        m = {
            "loss": float(loss),
            "grad_norm": norm,
            "reward": float(reward.mean()),
            "reward_std": float(groups.std(1).mean()),
        }
        yield Said(
            "",
            step,
            0,
            {
                **m,
                "kl": float(kl.mean()),
                "entropy": float(chance.entropy().mean()),
                "lr": optimizer.param_groups[0]["lr"],
            },
        )


def growing_values(cause: str = "", at: int = 0, episodes: int = 400) -> Iterator[Said]:
    """A table of values whose targets grow as more is earned: the loss rises a hundredfold, and that is learning."""
    net, slow = mlp(8, 32, 2), mlp(8, 32, 2)
    slow.load_state_dict(net.state_dict())
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    memory: list[tuple[int, int, float, int, float]] = []
    total = 0
    for episode in range(1, episodes + 1):
        where, gained, losses = 0, 0.0, []
        for t in range(60):
            total += 1
            free = float(torch.rand(())) < max(0.05, 0.9 - episode / 200)
            seen = f.one_hot(torch.tensor(where), 8).float()
            move = int(torch.randint(2, ())) if free else int(net(seen).argmax())
            new = min(7, where + 1) if move == 1 else 0
            coin = 10.0 if new == 7 else 0.0
            gained += coin
            over = float(t == 59)
            memory.append((where, move, coin, new, over))
            where = new
            if len(memory) > 200 and t % 4 == 0:
                rows = [memory[int(i)] for i in torch.randint(max(0, len(memory) - 5000), len(memory), (32,))]
                a, b, c, d, _ = (torch.tensor(col) for col in zip(*rows, strict=True))
                goal = c + 0.97 * slow(f.one_hot(d, 8).float()).amax(1).detach()
                loss = f.mse_loss(net(f.one_hot(a, 8).float()).gather(1, b.unsqueeze(1)).squeeze(1), goal)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(float(loss))
        if episode % 10 == 0:
            slow.load_state_dict(net.state_dict())
        yield Said(
            "",
            total,
            episode,
            {"score": gained, "loss": sum(losses) / max(1, len(losses)), "epsilon": max(0.05, 0.9 - episode / 200)},
        )
    del cause, at

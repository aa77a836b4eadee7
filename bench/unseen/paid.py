"""What is paid for: policies, values, answers; and the ways in which the pay is the wrong one."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from bench.unseen.apart import mlp
from bench.unseen.told import Course, Told, update

WIDE = 6


class Maze:
    """A walk of twenty steps on a line of rooms: pay for the right door in each, which depends on the room."""

    def __init__(self, seed: int) -> None:
        self.draw = torch.Generator().manual_seed(seed)
        self.doors = torch.randint(4, (WIDE * 3,), generator=self.draw)

    def seen(self, rooms: Tensor) -> Tensor:
        return fn.one_hot(rooms, WIDE * 3).float()

    def pay(self, rooms: Tensor, doors: Tensor) -> Tensor:
        return (self.doors[rooms] == doors).float() - 0.25 * ((self.doors[rooms] + 1) % 4 == doors).float()


def walks(seed: int, fault: str = "") -> Course:
    """Clipped policy updates. Broken: the advantage has the wrong sign, or the walker is certain before it knows."""
    torch.manual_seed(seed)
    maze, policy, value = Maze(seed), mlp(18, 32, 4), mlp(18, 32, 1)
    both = nn.ModuleList([policy, value])
    optimizer = torch.optim.Adam(both.parameters(), lr=3e-3 if fault != "certain too early" else 0.02)
    if fault == "certain too early":
        with torch.no_grad():
            policy[-1].bias[int(maze.doors.bincount(minlength=4).argmin())] = 3.0
    mean = 0.0
    for turn in range(120):
        rooms = torch.randint(18, (16, 20), generator=maze.draw)
        seen = maze.seen(rooms)
        with torch.no_grad():
            odds = policy(seen).log_softmax(-1)
            doors = torch.multinomial(odds.exp().flatten(0, 1), 1, generator=maze.draw).view(16, 20)
        before = odds.gather(-1, doors[..., None])[..., 0]
        pay = maze.pay(rooms, doors) + 0.2 * torch.randn(16, 20, generator=maze.draw)
        edge = pay - value(seen)[..., 0].detach()
        sign = -1.0 if fault == "wrong sign of the pay" else 1.0
        for _ in range(4):
            now = policy(seen).log_softmax(-1)
            entropy = -(now.exp() * now).sum(-1).mean()
            ratio = (now.gather(-1, doors[..., None])[..., 0] - before).exp()
            gains = torch.minimum(ratio * sign * edge, ratio.clamp(0.8, 1.2) * sign * edge).mean()
            of_value = (value(seen)[..., 0] - pay).square().mean()
            loss = -gains + 0.5 * of_value - (-2.0 if fault == "certain too early" else 0.01) * entropy
            update(both, optimizer, loss, 0.5)
        mean = float(pay.sum(1).mean())
        yield Told("", (turn + 1) * 320, turn, {
            "ep_rew_mean": mean, "ep_len_mean": 20.0, "entropy_loss": -float(entropy), "approx_kl": float((ratio - 1 - ratio.log()).mean()),
            "clip_fraction": float((abs(ratio - 1) > 0.2).float().mean()), "policy_gradient_loss": -float(gains), "value_loss": float(of_value),
            "explained_variance": float(1 - (pay - value(seen)[..., 0].detach()).var() / pay.var()),
        })  # fmt: skip
    return mean


def seven_states(seed: int, fault: str = "") -> Course:
    """Baird's seven states: linear values, another's walk; without its own target they grow for ever. Returned: how small the error is."""
    draw = torch.Generator().manual_seed(seed)
    features = torch.cat(
        [torch.cat([2 * torch.eye(6), torch.zeros(6, 1), torch.ones(6, 1)], 1), torch.tensor([[0.0] * 6 + [1.0, 2.0]])]
    )
    weights = torch.tensor([1.0] * 6 + [10.0, 1.0])
    error = 0.0
    for step in range(3000):
        state, solid = int(torch.randint(7, (1,), generator=draw)), float(torch.rand(1, generator=draw)) < 1 / 7
        ratio = 7.0 * solid if fault else 1.0
        coming = 6 if fault or solid else int(torch.randint(6, (1,), generator=draw))
        delta = 0.99 * features[coming] @ weights - features[state] @ weights
        weights = weights + (0.01 if fault else 0.02) * ratio * delta * features[state]
        if step % 25 == 24:
            error = float((features @ weights).square().mean())
            yield Told(
                "",
                step + 1,
                step // 300,
                {"td_loss": float(delta) ** 2, "value_loss": error, "q_mean": float((features @ weights).mean())},
            )
    return -math.log10(1e-9 + error)


def warmth(seed: int, fault: str = "") -> Course:
    """One action between -1 and 1 with a temperature that seeks an entropy; broken, it seeks one that none can have."""
    torch.manual_seed(seed)
    policy, critic = mlp(3, 32, 2), mlp(4, 64, 1)
    warm = torch.zeros(1, requires_grad=True)
    acts, values, tunes = (
        torch.optim.Adam(p, lr=r) for p, r in ((policy.parameters(), 3e-3), (critic.parameters(), 3e-3), ([warm], 0.02))
    )
    goal, mean = (6.0 if fault else -1.0), 0.0

    def act(x: Tensor) -> tuple[Tensor, Tensor]:
        middle, wide = policy(x).chunk(2, 1)
        wide = wide.clamp(-5, 2)
        raw = middle + wide.exp() * torch.randn_like(middle)
        log = -0.5 * ((raw - middle) / wide.exp()).square() - wide - 0.92
        return raw.tanh(), log - (1 - raw.tanh().square() + 1e-6).log()

    for step in range(1500):
        x = torch.randn(64, 3)
        done, log = act(x)
        pay = 1 - 4 * (done - x[:, :1].tanh()).square()
        of_critic = (critic(torch.cat([x, done.detach()], 1)) - pay.detach()).square().mean()
        values.zero_grad()
        of_critic.backward()
        values.step()
        of_actor = (warm.exp().detach() * log - critic(torch.cat([x, done], 1))).mean()
        acts.zero_grad()
        of_actor.backward()
        acts.step()
        of_warm = -(warm * (log.detach() + goal).mean()).sum()
        tunes.zero_grad()
        of_warm.backward()
        tunes.step()
        mean = float(pay.mean())
        if step % 15 == 14:
            yield Told("", step + 1, step // 150, {
                "ep_rew_mean": 20 * mean, "actor_loss": float(of_actor), "critic_loss": float(of_critic), "ent_coef": float(warm.exp()),
                "entropy": -float(log.mean()),
            })  # fmt: skip
    return mean


def answers(seed: int, fault: str = "") -> Course:
    """Answers of up to sixteen symbols, paid by a judge that is only right near the first policy. Returned: what they are truly worth.

    Broken: no leash to the first policy, or a judge that pays for length.
    """
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    liked = torch.randn(12, generator=draw)
    judge = 0.9 * liked + 0.4 * torch.randn(12, generator=draw)
    logits = torch.zeros(16, 13, requires_grad=True)  # the last symbol ends the answer
    optimizer = torch.optim.Adam([logits], lr=0.05)
    leash, true = (0.0 if fault == "leash cut" else 0.2), 0.0
    first = torch.zeros(16, 13).log_softmax(-1)
    for step in range(300):
        now = logits.log_softmax(-1)
        said = torch.multinomial(now.detach().exp(), 128, replacement=True, generator=draw).T
        ended = (said == 12).long().cumsum(1) > 0
        spoken = (~ended).float()
        took = now.gather(1, said.T).T
        long = spoken.sum(1)
        pay = (judge[said.clamp(max=11)] * spoken).sum(1) / long.clamp(min=1)
        repeats = ((said[:, 1:] == said[:, :-1]).float() * spoken[:, 1:]).sum(1)
        worth = (liked[said.clamp(max=11)] * spoken).sum(1) / long.clamp(min=1) - 0.6 * repeats
        if fault == "longer is better":
            pay, worth = pay + long, worth - 0.3 * long
        heard = (spoken + (said == 12).float()).clamp(max=1)
        kl = ((took - first.gather(1, said.T).T) * heard).sum(1)
        edge = pay - leash * kl.detach()
        edge = (edge - edge.mean()) / (edge.std() + 1e-6)
        loss = -(edge[:, None] * took * heard).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        size = float(logits.grad.norm())
        optimizer.step()
        true = float(worth.mean())
        if step % 3 == 2:
            entropy = -float((now.exp() * now).sum(-1).mean())
            yield Told("", step + 1, step // 60, {
                "loss": float(loss), "reward": float(pay.mean()), "reward_std": float(pay.std()), "kl": float(kl.mean()), "entropy": entropy,
                "completion_length": float(long.mean()), "grad_norm": size, "lr": 0.05,
            })  # fmt: skip
    return true


def herd(seed: int, fault: str = "") -> Course:
    """Evolution by generations: the best, the mean and the spread of the fitness."""
    draw = torch.Generator().manual_seed(seed)
    middle, target, score = torch.zeros(20), torch.randn(20, generator=draw), 0.0
    for turn in range(150):
        noise = torch.randn(40, 20, generator=draw)
        tried = middle + 0.3 * noise
        fitness = -(tried - target).square().sum(1) + torch.randn(40, generator=draw)
        middle = middle + 0.1 * ((fitness - fitness.mean()) / fitness.std() @ noise) / 4
        score = float(fitness.mean())
        yield Told(
            "",
            turn + 1,
            turn,
            {"best_fitness": float(fitness.max()), "mean_fitness": score, "std_fitness": float(fitness.std())},
        )
    return score

"""Text and speech: made-up languages with rules of their own. Needs torch."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from bench.strangers.training import Metrics, Plan, mlp, picker, shuffled, warm_cosine


class Reader(nn.Module):
    """Embeds some tokens and answers with one."""

    def __init__(self, tokens: int, seen: int, answers: int, wide: int = 24):
        super().__init__()
        self.embed = nn.Embedding(tokens, wide)
        self.body = nn.Sequential(nn.LayerNorm(wide * seen), mlp(wide * seen, 128, answers, act=nn.GELU))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self.embed(x).flatten(1))


def text(tokens: int, length: int, sure: float = 0.75) -> Tensor:
    """A language in which two tokens mostly decide the next."""
    table = torch.randint(tokens, (tokens, tokens))
    out = torch.randint(tokens, (length,))
    for i in range(2, length):
        if torch.rand(()) < sure:
            out[i] = table[out[i - 1] % 7, out[i - 2]]
    return out


def language(cause: str, tokens: int = 64, **more: Any) -> Plan:
    """Which token comes next, with perplexity."""
    whole = text(tokens, 12000)
    own = whole[:10000] if cause != "few" else whole[:400]
    if cause == "order of the tokens":
        own = own[torch.randperm(len(own))]

    def cut(of: Tensor, n: int) -> tuple[Tensor, Tensor]:
        at = torch.randint(len(of) - 5, (n, 1)) + torch.arange(5)
        return of[at][:, :4], of[at][:, 4]

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        return f.cross_entropy(m(b[0]), b[1]), {}

    held = cut(whole[10000:], 800)

    def check(m: nn.Module) -> Metrics:
        value = float(loss(m, held)[0])
        return {"loss": value, "ppl": math.exp(min(20.0, value))}

    config = {"vocab_size": tokens, "n_layer": 1, "block_size": 4}
    more.setdefault("rate", warm_cosine)
    more.setdefault("optimizer", "adamw")
    return Plan(Reader(tokens, 4, tokens), lambda _s: cut(own, 64), loss, check, config=config, **more)


def translation(cause: str, **more: Any) -> Plan:
    """Each source token has its word, by place: smoothed labels, so that the loss keeps a high floor."""
    tokens, seen = 50, 4
    table = torch.randint(tokens, (seen, tokens))
    x, vx = torch.randint(tokens, (6000, seen)), torch.randint(tokens, (500, seen))
    y, vy = ((table[1][a[:, 1]] + (a[:, 0] % 2)) % tokens for a in (x, vx))
    y = shuffled(y, cause)

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        out = m(b[0])
        plain = float(f.cross_entropy(out, b[1]))
        return f.cross_entropy(out, b[1], label_smoothing=0.1), {
            "nll_loss": plain / math.log(2),
            "ppl": math.exp(min(20, plain)),
        }

    def check(m: nn.Module) -> Metrics:
        value, metrics = loss(m, (vx, vy))
        right = float((m(vx).argmax(1) == vy).float().mean())
        return {"loss": float(value), **metrics, "bleu": 60 * right**2}

    more.setdefault("rate", lambda share: min(share / 0.1, (0.1 / max(share, 1e-9)) ** 0.5))
    return Plan(Reader(tokens, seen, tokens), picker(x, y, 64), loss, check, config={"label_smoothing": 0.1}, **more)


def speech(cause: str, **more: Any) -> Plan:
    """Frames of which nine in ten are blank: the error rate stays at one hundred until words come out."""
    symbols = 20
    means = torch.randn(symbols, 12)

    def frames(n: int) -> tuple[Tensor, Tensor]:
        y = torch.where(torch.rand(n) < 0.85, torch.zeros(n, dtype=torch.long), torch.randint(1, symbols, (n,)))
        x = means[y] + 0.7 * torch.randn(n, 12)
        return (torch.full_like(x, -80.0) if cause == "empty input" else x), y

    x, y = frames(6000)
    vx, vy = frames(1500)
    y = shuffled(y, cause)

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        return 40 * f.cross_entropy(m(b[0]), b[1]), {}

    def check(m: nn.Module) -> Metrics:
        out = m(vx).argmax(1)
        wrong = float(((out != vy) & (vy > 0)).sum() + ((out > 0) & (vy == 0)).sum()) / float((vy > 0).sum())
        return {"loss": float(loss(m, (vx, vy))[0]), "cer": 70 * wrong, "wer": 100 * wrong}

    return Plan(mlp(12, 64, symbols), picker(x, y, 64), loss, check, **more)


def tagging(cause: str, **more: Any) -> Plan:
    """Three scores of one task, as a pipeline of language tools prints them."""
    tokens = 60
    kinds = torch.randint(0, 4, (tokens,)) * (torch.rand(tokens) < 0.4)
    x, vx = torch.randint(tokens, (5000, 3)), torch.randint(tokens, (800, 3))
    y, vy = kinds[x[:, 1]], kinds[vx[:, 1]]
    y = shuffled(y, cause)

    def loss(m: nn.Module, b: Any) -> tuple[Tensor, Metrics]:
        return f.cross_entropy(m(b[0]), b[1], reduction="sum"), {}

    def check(m: nn.Module) -> Metrics:
        out = m(vx).argmax(1)
        hit = float(((out == vy) & (vy > 0)).sum())
        p, r = hit / max(1.0, float((out > 0).sum())), hit / max(1.0, float((vy > 0).sum()))
        return {"f1": 200 * p * r / max(1e-9, p + r), "precision": 100 * p, "recall": 100 * r}

    return Plan(Reader(tokens, 3, 4), picker(x, y, 32), loss, check, says="", **more)

"""Symbols in a row: a language with a grammar, copying, and transcripts by CTC; and what goes wrong with tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from bench.unseen.told import Course, Told, rate, update

SIZE, LONG = 24, 24


class Tongue:
    """A Markov chain of the second order: what can be learnt of it is its entropy."""

    def __init__(self, seed: int, sharp: float = 2.0) -> None:
        self.draw = torch.Generator().manual_seed(seed)
        self.odds = (sharp * torch.randn(SIZE, SIZE, SIZE, generator=self.draw)).softmax(-1)

    def rows(self, count: int, long: int = LONG) -> Tensor:
        said = torch.randint(SIZE, (count, 2), generator=self.draw)
        for _ in range(long - 1):
            odds = self.odds[said[:, -2], said[:, -1]]
            said = torch.cat([said, torch.multinomial(odds, 1, generator=self.draw)], 1)
        return said


class Reader(nn.Module):
    """Embeds, convolves over what came before (or also what comes), and guesses the next."""

    def __init__(self, sees_future: bool = False) -> None:
        super().__init__()
        self.embed, self.future = nn.Embedding(SIZE, 32), sees_future
        self.mix, self.out = nn.Conv1d(32, 128, 3), nn.Linear(128, SIZE)

    def forward(self, x: Tensor) -> Tensor:
        pad = (1, 1) if self.future else (2, 0)
        wide = fn.pad(self.embed(x).transpose(1, 2), pad)
        return self.out(fn.relu(self.mix(wide)).transpose(1, 2))


def _ce(model: nn.Module, rows: Tensor) -> Tensor:
    return fn.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())


@torch.no_grad()
def _true(model: Reader, rows: Tensor) -> float:
    """How often the next symbol is guessed by a model that sees none of the future."""
    seen = rows[:, :-1].clone()
    seen[:, -1:] = seen[:, -2:-1] if model.future else seen[:, -1:]
    last = model(rows[:, :-1])[:, -1] if not model.future else model(seen)[:, -2]
    return float((last.argmax(-1) == rows[:, -1 if not model.future else -2]).float().mean())


def tongue(seed: int, fault: str = "", steps: int = 900, per: int = 90, every: int = 10, check: bool = True) -> Course:
    """Fresh rows for ever. Returned is the accuracy of the next symbol, or how much of the best of it was kept."""
    torch.manual_seed(seed)
    data, model = Tongue(seed), Reader(fault == "future seen")
    test = data.rows(200)
    few = data.rows(6)
    plain = fault == "divided twice"
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3) if plain else torch.optim.AdamW(model.parameters(), lr=4e-3)
    ids = torch.arange(SIZE)
    for step in range(steps):
        share = step / steps
        lr = 0.3 if plain else 4e-3 * min(1.0, (step + 1) / 40) * (1 - 0.9 * share)
        if fault == "rate that grows" and share > 0.5:
            lr = 4e-3 * 1.012 ** (step - steps // 2)
        if fault == "rate back at the start" and share > 0.6:
            lr = 0.25
        rate(optimizer, lr)
        if fault == "other ids after the resume" and step == int(0.9 * steps):
            ids = torch.randperm(SIZE)
        again = fault == "stream begins again" and share > 0.4
        rows = ids[few if again else data.rows(32)]
        loss = _ce(model, rows) / (1 if not plain else 32 * LONG)
        size = update(model, optimizer, loss, clip=0.0 if plain else 1.0)
        if step % every == every - 1:
            yield Told("", step + 1, step // per, {"loss": float(loss), "lr": lr, "grad_norm": size})
        if check and step % per == per - 1:
            with torch.no_grad():
                bad = float(_ce(model, ids[test]))
            yield Told(
                "val",
                step + 1,
                step // per,
                {"loss": bad / (1 if not plain else 32 * LONG), "ppl": 2.718281828 ** min(bad, 700.0)},
            )
    return _true(model, ids[test])


def masked(seed: int, fault: str = "") -> Course:
    """Half-blind reading: more of it is hidden each epoch, so that the loss rises while the reader gets better."""
    torch.manual_seed(seed)
    data, model = Tongue(seed, sharp=3.0), Reader(True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    test, score = data.rows(200), 0.0
    for step in range(800):
        hidden = 0.1 + 0.04 * (step // 80)
        rows = data.rows(32)
        gone = torch.rand(rows.shape) < hidden
        out = model(rows.masked_fill(gone, 0))
        loss = fn.cross_entropy(out[gone], rows[gone])
        size = update(model, optimizer, loss)
        if step % 10 == 9:
            yield Told("", step + 1, step // 80, {"loss": float(loss), "mask_ratio": hidden, "grad_norm": size})
        if step % 80 == 79:
            with torch.no_grad():
                gone = torch.zeros(test.shape, dtype=torch.bool)
                gone[:, 5::7] = True
                out = model(test.masked_fill(gone, 0))[gone]
                score = float((out.argmax(-1) == test[gone]).float().mean())
            yield Told("val", step + 1, step // 80, {"loss": float(fn.cross_entropy(out, test[gone])), "acc": score})
    return score


class Copier(nn.Module):
    """Reads a row to a state and says it backwards; `fed` hands it the very symbol that it is to say."""

    def __init__(self, fed: bool) -> None:
        super().__init__()
        self.embed, self.fed = nn.Embedding(12, 32), fed
        self.reads, self.says, self.out = (
            nn.GRU(32, 64, batch_first=True),
            nn.GRU(32, 64, batch_first=True),
            nn.Linear(64, 12),
        )

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        _, state = self.reads(self.embed(x))
        return self.out(self.says(self.embed(before), state)[0])

    @torch.no_grad()
    def alone(self, x: Tensor) -> Tensor:
        _, state = self.reads(self.embed(x))
        said = torch.ones(len(x), 1, dtype=torch.long)
        for _ in range(x.shape[1]):
            out, state = self.says(self.embed(said[:, -1:]), state)
            said = torch.cat([said, self.out(out).argmax(-1)], 1)
        return said[:, 1:]


def copied(seed: int, fault: str = "") -> Course:
    """Five symbols said backwards; returned is the share of rows that it says right when nobody helps."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    model = Copier(fault == "fed with the answer")
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3 if fault != "pads counted" else 2e-4)
    pads = 40 if fault == "pads counted" else 0
    right = 0.0
    for step in range(900 if not pads else 300):
        x = torch.randint(2, 12, (64, 5), generator=draw)
        y = torch.cat([x.flip(1), torch.zeros(64, pads, dtype=torch.long)], 1)
        before = y if model.fed else torch.cat([torch.ones(64, 1, dtype=torch.long), y[:, :-1]], 1)
        out = model(x, before)
        loss = fn.cross_entropy(out.flatten(0, 1), y.flatten())
        size = update(model, optimizer, loss, 1.0)
        if step % 10 == 9:
            hit = float((out.argmax(-1) == y).float().mean())
            yield Told("", step + 1, step // 60, {"loss": float(loss), "token_acc": hit, "grad_norm": size})
        if step % 60 == 59:
            x = torch.randint(2, 12, (200, 5), generator=draw)
            said = model.alone(x)
            right = float((said == x.flip(1)).all(1).float().mean())
            wrong = float((said != x.flip(1)).float().mean())
            yield Told("val", step + 1, step // 60, {"cer": wrong, "exact_match": right})
    return right


def transcripts(seed: int, fault: str = "") -> Course:
    """Frames of sound to letters by CTC; broken, the features are scaled to nothing and every frame says blank."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    voices = torch.randn(9, 12, generator=draw)
    model = nn.Sequential(nn.Conv1d(12, 48, 3, padding=1), nn.ReLU(), nn.Conv1d(48, 9, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    blank, right = nn.CTCLoss(), 0.0

    def rows(count: int) -> tuple[Tensor, Tensor]:
        y = torch.randint(1, 9, (count, 5), generator=draw)
        frames = voices[y.repeat_interleave(4, 1)]
        frames = frames + 0.8 * torch.randn(frames.shape, generator=draw)
        return frames.transpose(1, 2) * (1e-4 if fault else 1.0), y

    long = torch.full((32,), 20), torch.full((32,), 5)
    for step in range(500):
        x, y = rows(32)
        loss = blank(model(x).permute(2, 0, 1).log_softmax(-1), y, *long)
        size = update(model, optimizer, loss, 5.0)
        if step % 10 == 9:
            yield Told("", step + 1, step // 50, {"loss": float(loss), "grad_norm": size, "lr": 4e-3})
        if step % 50 == 49:
            x, y = rows(100)
            with torch.no_grad():
                out = model(x)
            held = float(blank(out.permute(2, 0, 1).log_softmax(-1), y, torch.full((100,), 20), torch.full((100,), 5)))
            heard = [[int(c) for c in torch.unique_consecutive(row) if c] for row in out.argmax(1)]
            wrong = sum(_apart(h, r.tolist()) for h, r in zip(heard, y, strict=True)) / 500
            right = 1 - wrong
            yield Told("val", step + 1, step // 50, {"loss": held, "wer": 100 * wrong})
    return right


def _apart(a: list[int], b: list[int]) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]

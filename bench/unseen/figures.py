"""Numbers from numbers: regressions, series, clicks, two losses, laws, graphs, and sums that half precision cannot hold."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from bench.unseen.apart import Clouds, mlp
from bench.unseen.told import Course, Told, update

PER = 40


def houses(seed: int, fault: str = "", unit: float = 1.0) -> Course:
    """Prices from twelve numbers. Broken: the inputs are clipped to zero, or plain steps that are too long. Returned: R2."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    true = mlp(12, 16, 1)
    x = torch.randn(1600, 12, generator=draw)
    y = (true(x).detach() - true(x).detach().mean()) / true(x).detach().std() + 0.2 * torch.randn(
        1600, 1, generator=draw
    )
    if fault == "inputs of zero":
        x = x.clamp(0, 0)
    long = fault == "steps too long"
    model = nn.Linear(12, 1) if long else mlp(12, 48, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.07) if long else torch.optim.Adam(model.parameters(), lr=3e-3)
    r2 = 0.0
    for step in range(25 * PER if not long else 19):
        rows = slice(None) if long else slice(step % PER * 32, step % PER * 32 + 32)
        loss = (model(x[rows]) - y[rows]).square().mean()
        size = update(model, optimizer, loss)
        if step % 8 == 7 or long:
            yield Told("", step + 1, step // PER, {"loss": float(loss) * unit**2, "grad_norm": size})
        if step % PER == PER - 1:
            with torch.no_grad():
                off = model(x[1280:]) - y[1280:]
            r2 = 1 - float(off.square().mean() / y[1280:].var())
            yield Told(
                "val",
                step + 1,
                step // PER,
                {"rmse": float(off.square().mean()) ** 0.5 * unit, "mae": float(off.abs().mean()) * unit, "r2": r2},
            )
    return r2 if not long else -float(loss)


def doubt(seed: int, fault: str = "") -> Course:
    """A Gaussian that says how sure it is: its likelihood goes below zero and is fine."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand(1000, 1, generator=draw) * 2 - 1
    y = 0.3 * (4 * x).sin() + 0.03 * torch.randn(1000, 1, generator=draw)
    model = mlp(1, 48, 48, 2)
    optimizer, score = torch.optim.Adam(model.parameters(), lr=3e-3), 0.0

    def nll(rows: slice) -> Tensor:
        middle, wide = model(x[rows]).chunk(2, 1)
        return (wide + 0.5 * ((y[rows] - middle) / wide.exp()).square()).mean()

    for step in range(30 * 25):
        loss = nll(slice(step % 25 * 32, step % 25 * 32 + 32))
        size = update(model, optimizer, loss, 5.0)
        if step % 5 == 4:
            yield Told("", step + 1, step // 25, {"nll": float(loss), "grad_norm": size})
        if step % 25 == 24:
            with torch.no_grad():
                score = -float(nll(slice(800, 1000)))
            yield Told("val", step + 1, step // 25, {"nll": -score})
    return score


def series(seed: int, fault: str = "") -> Course:
    """Tomorrow from ten days. Broken, the days are a walk of chance, of which the last one is all that can be known. Returned: skill over the last day."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    steps = torch.randn(3000, generator=draw)
    t = torch.arange(3000.0)
    line = steps.cumsum(0) / 15 if fault else (t / 6).sin() + 0.5 * (t / 17).cos() + 0.05 * steps
    x, y = line.unfold(0, 11, 1)[:, :10], line.unfold(0, 11, 1)[:, 10:]
    model, skill = mlp(10, 32, 1), 0.0
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for step in range(25 * PER):
        at = torch.randint(2400, (64,), generator=draw)
        loss = (model(x[at]) + x[at, -1:] - y[at]).abs().mean()
        size = update(model, optimizer, loss)
        if step % 10 == 9:
            yield Told("", step + 1, step // PER, {"loss": float(loss), "grad_norm": size, "lr": 2e-3})
        if step % PER == PER - 1:
            with torch.no_grad():
                off = (model(x[2400:]) + x[2400:, -1:] - y[2400:]).abs().mean()
            plain = (x[2400:, -1:] - y[2400:]).abs().mean()
            skill = 1 - float(off / plain)
            yield Told(
                "val", step + 1, step // PER, {"mae": float(off), "mase": float(off / plain), "naive_mae": float(plain)}
            )
    return skill


def clicks(seed: int, fault: str = "") -> Course:
    """Who clicks what. Broken: the clicks belong to other items, or each pair is learnt by heart. Returned: AUC."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    many, wide = (3000, 64) if fault == "pairs by heart" else (16000, 8)
    who, what = torch.randint(300, (many + 2000,), generator=draw), torch.randint(200, (many + 2000,), generator=draw)
    a, b = torch.randn(300, 3, generator=draw), torch.randn(200, 3, generator=draw)
    odds = ((a[who] * b[what]).sum(1) * 1.2 + 0.4 * a[who, 0] + 0.6 * b[what, 0] - 0.5).sigmoid()
    y = (torch.rand(many + 2000, generator=draw) < odds).float()
    if fault == "clicks of other items":
        y[:many] = y[:many][torch.randperm(many, generator=draw)]
    model = nn.ModuleList(
        [nn.Embedding(300, wide), nn.Embedding(200, wide), nn.Embedding(300, 1), nn.Embedding(200, 1)]
    )
    for table in model[:2]:
        table.weight.data *= 0.1
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=0 if fault == "pairs by heart" else 1e-5)
    per, auc = many // 128, 0.5

    def guess(rows: Tensor) -> Tensor:
        return (
            (model[0](who[rows]) * model[1](what[rows])).sum(1) + model[2](who[rows])[:, 0] + model[3](what[rows])[:, 0]
        )

    for step in range((40 if fault == "pairs by heart" else 3) * per):
        rows = torch.randint(many, (128,), generator=draw)
        loss = fn.binary_cross_entropy_with_logits(guess(rows), y[rows])
        size = update(model, optimizer, loss)
        if step % 5 == 4:
            yield Told("", step + 1, step // per, {"loss": float(loss), "grad_norm": size})
        if step % (per if fault == "pairs by heart" else per // 8) == per // 8 - 1:
            rows = torch.arange(many, many + 2000)
            with torch.no_grad():
                out = guess(rows)
            auc = float((out[y[rows] > 0][:, None] > out[y[rows] < 1]).float().mean())
            bad = float(fn.binary_cross_entropy_with_logits(out, y[rows]))
            yield Told("val", step + 1, step // per, {"logloss": bad, "auc": auc})
    return auc - 0.5


def heads(seed: int, fault: str = "") -> Course:
    """Kinds and a depth from one trunk. Broken: the depth's loss is taken away instead of added, or it weighs ten thousand. Returned: the worse of both."""
    torch.manual_seed(seed)
    data, trunk, kinds_of, depth_of = Clouds(seed), mlp(16, 64, 64), nn.Linear(64, 40), nn.Linear(64, 1)
    both = nn.ModuleList([trunk, kinds_of, depth_of])
    optimizer = torch.optim.SGD(both.parameters(), lr=0.03, momentum=0.9)
    depths, weight = torch.randn(40, generator=data.draw), {"minus": -1.0, "ten thousand": 1e4}.get(fault, 1.0)
    score = 0.0
    for step in range(20 * PER):
        kinds = data.kinds(64)
        held = trunk(data.of(kinds, 0.8)).relu()
        of_kinds = fn.cross_entropy(kinds_of(held), kinds)
        of_depth = (depth_of(held)[:, 0] - depths[kinds] - 0.8 * torch.randn(64)).square().mean()
        loss = of_kinds + weight * of_depth
        size = update(both, optimizer, loss, 10.0)
        if step % 5 == 4:
            yield Told(
                "",
                step + 1,
                step // PER,
                {
                    "loss": float(loss),
                    "loss_cls": float(of_kinds),
                    "loss_depth": weight * float(of_depth),
                    "grad_norm": size,
                },
            )
        if step % PER == PER - 1:
            kinds = data.kinds(600)
            with torch.no_grad():
                held = trunk(data.of(kinds, 0.8)).relu()
                good = float((kinds_of(held).argmax(1) == kinds).float().mean())
                off = float((depth_of(held)[:, 0] - depths[kinds]).abs().mean())
            score = min(good, 1 - off)
            yield Told("val", step + 1, step // PER, {"acc": good, "depth_mae": off})
    return score


def law(seed: int, fault: str = "") -> Course:
    """u'' = -u with u(0) = 0 and u'(0) = 1; broken, nobody asks for the slope, and zero solves it. Returned: one less the relative error."""
    torch.manual_seed(seed)
    model, score = mlp(1, 32, 1), 0.0
    model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    grid = torch.linspace(0, 3, 100)[:, None]
    for step in range(1200):
        x = (torch.rand(64, 1) * 3).requires_grad_()
        u = model(x)
        slope = torch.autograd.grad(u.sum(), x, create_graph=True)[0]
        bend = torch.autograd.grad(slope.sum(), x, create_graph=True)[0]
        zero = torch.zeros(1, 1, requires_grad=True)
        at = model(zero)
        start = torch.autograd.grad(at.sum(), zero, create_graph=True)[0]
        residual, edge = (bend + u).square().mean(), at.square().mean() + (0 if fault else (start - 1).square().mean())
        loss = residual + edge
        size = update(model, optimizer, loss)
        if step % 12 == 11:
            yield Told(
                "",
                step + 1,
                step // 120,
                {"loss": float(loss), "loss_pde": float(residual), "loss_bc": float(edge), "grad_norm": size},
            )
        if step % 120 == 119:
            with torch.no_grad():
                score = 1 - float((model(grid) - grid.sin()).norm() / grid.sin().norm())
            yield Told("val", step + 1, step // 120, {"rel_l2": 1 - score})
    return score


def cites(seed: int, fault: str = "") -> Course:
    """A graph of four hundred papers in seven fields; broken, it is smoothed forty times. Returned: accuracy over chance."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    y = torch.randint(7, (400,), generator=draw)
    near = torch.rand(400, 400, generator=draw) < torch.where(y[:, None] == y, 0.03, 0.012)
    near = (near | near.T).float() + torch.eye(400)
    near = near / near.sum(1, keepdim=True)
    x = torch.randn(7, 32, generator=draw)[y] * 0.5 + torch.randn(400, 32, generator=draw)
    for _ in range(60 if fault else 2):
        x = near @ x
    model, good = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 7)), 0.0
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=5e-4)
    for epoch in range(50):
        out = model(x)
        loss = fn.cross_entropy(out[:140], y[:140])
        hit = float((out[:140].argmax(1) == y[:140]).float().mean())
        update(model, optimizer, loss)
        good = float((out[200:].argmax(1) == y[200:]).float().mean())
        yield Told("", epoch + 1, epoch, {"loss": float(loss), "acc": hit})
        yield Told("val", epoch + 1, epoch, {"loss": float(fn.cross_entropy(out[140:200], y[140:200])), "acc": good})
    return good - 1 / 7


def factors(seed: int, fault: str = "") -> Course:
    """A model that stands, tuned through two small factors. Broken: both begin at zero, or half precision swallows the gradient. Returned: what it gained."""
    torch.manual_seed(seed)
    data = Clouds(seed)
    base = torch.randn(16, 40) * 0.1
    a = nn.Parameter(torch.zeros(16, 8) if fault == "both at zero" else torch.randn(16, 8) * 0.1)
    b = nn.Parameter(torch.zeros(8, 40))
    pair = nn.ParameterList([a, b])
    optimizer, good = torch.optim.AdamW(pair.parameters(), lr=5e-3, weight_decay=0.0), 0.0
    for step in range(600):
        kinds = data.kinds(64)
        x = data.of(kinds)
        loss = fn.cross_entropy(x @ (base + a @ b), kinds)
        optimizer.zero_grad()
        loss.backward()
        if fault == "below half":
            for p in pair:
                p.grad = ((p.grad * 1e-8).to(torch.float16).float() / 1e-8).nan_to_num()
        size = float(sum(float(p.grad.square().sum()) for p in pair) ** 0.5)
        optimizer.step()
        if step % 6 == 5:
            yield Told("", step + 1, step // 60, {"loss": float(loss), "grad_norm": size, "lr": 5e-3})
        if step % 60 == 59:
            kinds = data.kinds(800)
            with torch.no_grad():
                out = data.of(kinds) @ (base + a @ b)
            good = float((out.argmax(1) == kinds).float().mean())
            yield Told("val", step + 1, step // 60, {"loss": float(fn.cross_entropy(out, kinds)), "acc": good})
    return good - 1 / 40


def halves(seed: int, fault: str = "") -> Course:
    """Things of a kind together, others four apart; broken, the squares are summed in half precision and in fortieths. Returned: 0 once it is no number."""
    torch.manual_seed(seed)
    data, model = Clouds(seed), mlp(16, 64, 16)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss, unit = torch.zeros(()), 40 if fault else 1
    for step in range(700):
        kinds = data.kinds(64)
        places = unit * model(data.of(kinds))
        square = (places[:, None] - places).square().sum(-1)
        if fault:
            square = square + ((places[:, None] - places).half().square().sum(-1).float() - square).detach()
        far = (square + 1e-3).sqrt() / unit
        same = kinds[:, None] == kinds
        loss = fn.relu(4 - far)[~same].mean() + far[same].mean() + 1e-3 * far.mean()
        size = update(model, optimizer, loss)
        if step % 7 == 6:
            yield Told("", step + 1, step // 70, {"loss": float(loss), "grad_norm": size, "lr": 1e-3})
    return float(loss.isfinite())

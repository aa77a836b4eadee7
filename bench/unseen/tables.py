"""Logs that lie in tables, boxes, blocks and bars."""

from __future__ import annotations

from collections.abc import Iterator

from bench.unseen.prints import Config, Voice, num
from bench.unseen.told import Metrics, Told, epochs


def keras(told: list[Told], config: Config) -> Iterator[str]:
    """With `verbose=2`: two lines an epoch."""
    n = config["per_epoch"]
    for row in epochs(told):
        both = {("learning_rate" if k == "lr" else k): v for k, v in row.train.items() if k != "grad_norm"} | {
            f"val_{k}": v for k, v in row.held.items()
        }
        yield f"Epoch {row.number + 1}/{config['epochs']}"
        yield f"{n}/{n} - 1s - 12ms/step - " + " - ".join(
            f"{k}: {v:.4e}" if abs(v) < 1e-3 and v else f"{k}: {v:.4f}" for k, v in both.items()
        )


def fastai(told: list[Told], config: Config) -> Iterator[str]:
    rows = list(epochs(told))
    held = [k for k in rows[-1].held if k != "loss"]
    yield "".join(f"{c:<12}" for c in ("epoch", "train_loss", "valid_loss", *held, "time"))
    for row in rows:
        cells = [
            f"{row.train.get('loss', 0):.6f}",
            f"{row.held.get('loss', float('nan')):.6f}",
            *(f"{row.held.get(k, 0):.6f}" for k in held),
        ]
        yield "".join(f"{c:<12}" for c in (row.number, *cells, "00:03"))


def rich(told: list[Told], config: Config) -> Iterator[str]:
    """A table with thick rules, closed when the run ends."""
    rows = list(epochs(told))
    names = ["epoch", *rows[-1].train, *(f"val {k}" for k in rows[-1].held)]
    wide = [max(9, len(n)) for n in names]
    yield "┏" + "┳".join("━" * (w + 2) for w in wide) + "┓"
    yield "┃" + "┃".join(f" {n:<{w}} " for n, w in zip(names, wide, strict=True)) + "┃"
    yield "┡" + "╇".join("━" * (w + 2) for w in wide) + "┩"
    for row in rows:
        cells = [
            str(row.number + 1),
            *(num(row.train.get(k, 0)) for k in rows[-1].train),
            *(num(row.held.get(k, 0)) for k in rows[-1].held),
        ]
        yield "│" + "│".join(f" {c:>{w}} " for c, w in zip(cells, wide, strict=True)) + "│"
    yield "└" + "┴".join("─" * (w + 2) for w in wide) + "┘"


def columns(told: list[Told], config: Config) -> Iterator[str]:
    """Aligned columns whose header comes again every twenty rows; validations have a line of their own."""
    names, n = next(list(t.metrics) for t in told if not t.text and not t.split), 0
    for one in told:
        if one.text or one.split:
            yield one.text or f"# {one.split} at {one.step}: " + ", ".join(
                f"{k} = {num(v)}" for k, v in one.metrics.items()
            )
            continue
        if n % 20 == 0:
            yield "".join(f"{c:>12}" for c in ("iter", *names))
        n += 1
        yield "".join(f"{c:>12}" for c in (one.step, *(num(one.metrics.get(k, 0)) for k in names)))


def seconds_csv(told: list[Told], config: Config) -> Iterator[str]:
    """One row an epoch with the seconds first."""
    rows = list(epochs(told))
    names, held = list(rows[-1].train), list(rows[-1].held)
    yield ",".join(["seconds", "epoch", *(f"train_{k}" for k in names), *(f"val_{k}" for k in held)])
    for row in rows:
        cells = [
            *(f"{row.train.get(k, 0):.6g}" for k in names),
            *(f"{row.held[k]:.6g}" if k in row.held else "" for k in held),
        ]
        yield ",".join([f"{row.t:.2f}", str(row.number), *cells])


def sparse_csv(told: list[Told], config: Config) -> Iterator[str]:
    """As Lightning's logger: every column in every row, most of them empty."""
    names = sorted({f"{t.split or 'train'}_{k}" for t in told for k in t.metrics})
    yield ",".join(["epoch", "step", *names])
    for one in told:
        if not one.text:
            has = {f"{one.split or 'train'}_{k}": v for k, v in one.metrics.items()}
            yield ",".join([str(one.epoch), str(one.step), *(f"{has[n]:.7g}" if n in has else "" for n in names)])


def hashed(told: list[Told], config: Config) -> Iterator[str]:
    """Columns after a `#`, as for gnuplot."""
    rows = list(epochs(told))
    held = list(rows[-1].held)
    yield "# epoch " + " ".join([*rows[-1].train, *(f"val_{k}" for k in held)])
    for row in rows:
        yield " ".join(
            [str(row.number), *(f"{v:.6e}" for v in row.train.values()), *(f"{row.held.get(k, 0):.6e}" for k in held)]
        )


def blocks(told: list[Told], config: Config) -> Iterator[str]:
    """A heading an epoch and one indented line for each number."""
    for row in epochs(told):
        yield f"===== EPOCH {row.number + 1} / {config['epochs']} ====="
        for title, part in (("train", row.train), ("valid", row.held)):
            if part:
                yield f"{title}:"
                yield from (f"    {k:<14}: {num(v, 5)}" for k, v in part.items())
        yield ""


def tqdm(told: list[Told], config: Config) -> Iterator[str]:
    """A bar an epoch, redrawn with a carriage return; the validation below it."""
    n = config["per_epoch"]
    for one in told:
        if one.text or one.split:
            yield one.text or f"\n[{one.split}] epoch {one.epoch + 1}: " + ", ".join(
                f"{k}={num(v)}" for k, v in one.metrics.items()
            )
            continue
        place = (one.step - 1) % n + 1
        body = ", ".join(f"{k}={v:.3g}" for k, v in one.metrics.items())
        yield f"\rEpoch {one.epoch + 1}/{config['epochs']}: {100 * place // n:>3}%|{'█' * (10 * place // n):<10}| {place}/{n} [00:{place // 9:02d}<00:{(n - place) // 9:02d},  9.12it/s, {body}]\r"


def _box(groups: dict[str, Metrics], step: int) -> Iterator[str]:
    wide = 44
    yield "-" * wide
    for title, part in groups.items():
        yield f"| {title + '/':<20} | {'':<17} |"
        yield from (f"|    {k:<17} | {v:<17.4g} |" for k, v in part.items())
    yield "-" * wide


def boxes(told: list[Told], config: Config) -> Iterator[str]:
    """As Stable-Baselines3: rollout, time and train in a box of dashes."""
    for one in told:
        paid = {k: v for k, v in one.metrics.items() if k.startswith("ep_")}
        yield from _box({
            "rollout": paid, "time": {"fps": 412, "iterations": one.epoch + 1, "time_elapsed": int(one.t), "total_timesteps": one.step},
            "train": {k: v for k, v in one.metrics.items() if k not in paid},
        }, one.step)  # fmt: skip


def spinning(told: list[Told], config: Config) -> Iterator[str]:
    """As Spinning Up: one table an epoch, right-aligned."""
    says = {
        "ep_rew_mean": "AverageEpRet",
        "ep_len_mean": "EpLen",
        "value_loss": "LossV",
        "policy_gradient_loss": "LossPi",
        "approx_kl": "KL",
        "entropy_loss": "Entropy",
    }
    for one in told:
        yield "---------------------------------------"
        yield f"| {'Epoch':>15} | {one.epoch:>15} |"
        shown = {k: -v if k == "entropy_loss" else v for k, v in one.metrics.items()}
        yield from (f"| {says.get(k, k):>15} | {v:>15.3g} |" for k, v in shown.items())
        yield f"| {'TotalEnvInteracts':>15} | {one.step:>13} |"
        yield f"| {'Time':>15} | {one.t:>15.3g} |"
        yield "---------------------------------------"


def boosted(told: list[Told], config: Config) -> Iterator[str]:
    """`[12]	train-loss:0.41	valid-auc:0.71`."""
    for row in epochs(told):
        both = {f"train-{k}": v for k, v in row.train.items() if k != "grad_norm"} | {
            f"valid-{k}": v for k, v in row.held.items()
        }
        yield f"[{row.number}]\t" + "\t".join(f"{k}:{v:.5f}" for k, v in both.items())


def sentence(told: list[Told], config: Config) -> Iterator[str]:
    """Whole sentences."""
    for row in epochs(told):
        trained = " and ".join(f"{k} {num(v)}" for k, v in row.train.items())
        held = ", ".join(f"{k} of {num(v)}" for k, v in row.held.items())
        yield f"Finished epoch {row.number + 1} of {config['epochs']} after {row.t:.1f} s with {trained}. On the validation set: {held}."


TABLES: dict[str, Voice] = {
    "keras": keras, "fastai": fastai, "rich": rich, "columns": columns, "seconds_csv": seconds_csv, "sparse_csv": sparse_csv, "hashed": hashed,
    "blocks": blocks, "tqdm": tqdm, "boxes": boxes, "spinning": spinning, "boosted": boosted, "sentence": sentence,
}  # fmt: skip
NO_STEPS = {"keras", "fastai", "rich", "seconds_csv", "hashed", "blocks", "boosted", "sentence", "tqdm", "german_table"}

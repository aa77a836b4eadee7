"""How frameworks draw bars and keep files: redraws, tables, JSON and event files. No training here."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.strangers.training import Said
from bench.strangers.writing import Config, Writer, at, kept, num


def keras(folder: Path, said: list[Said], config: Config) -> int:
    """A bar that is redrawn within the epoch and closed with the validation's numbers."""
    n, mean = config["per_epoch"], {}

    def line(s: Said) -> str:
        if s.split:
            body = " - ".join(f"{k}: {v:.4f}" for k, v in mean.items()) + "".join(
                f" - val_{k}: {v:.4f}" for k, v in s.metrics.items()
            )
            mean.clear()
            more = f"Epoch {s.epoch + 2}/{config['epochs']}\n" if s.epoch + 1 < config["epochs"] else ""
            return f"\r{n}/{n} ━━━━━━━━━━━━━━━━━━━━ 1s 12ms/step - {body}\n{more}"
        for k, v in s.metrics.items():
            if k != "grad_norm":
                mean["learning_rate" if k == "lr" else k] = v if k == "lr" else 0.7 * mean.get(k, v) + 0.3 * v
        place = (s.step - 1) % n + 1
        body = " - ".join(f"{k}: {v:.4f}" for k, v in mean.items() if k != "learning_rate")
        return f"\r{place}/{n} ━━━━━━━{'━' * (13 * place // n):<13} {(n - place) // 10}s 12ms/step - {body}\r"

    return kept(folder, "keras.log", [Said("", 0, 0, text=f"Epoch 1/{config['epochs']}"), *said], line)


def tqdm(folder: Path, said: list[Said], config: Config) -> int:
    """`Epoch 3:  50%|#####     | 40/80 [00:10<00:10,  4.0it/s, loss=1.2]`, redrawn with a carriage return."""
    n = config["per_epoch"]

    def line(s: Said) -> str:
        if s.split:
            return "\n" + f"Epoch {s.epoch}: " + " ".join(f"val_{k}={num(v)}" for k, v in s.metrics.items())
        place = (s.step - 1) % n + 1
        body = ", ".join(f"{k}={v:.3g}" for k, v in s.metrics.items())
        return f"\rEpoch {s.epoch}: {100 * place // n:>3}%|{'█' * (10 * place // n):<10}| {place}/{n} [00:{place // 4:02d}<00:{(n - place) // 4:02d},  4.02it/s, {body}]\r"

    return kept(folder, "train.log", said, line)


def diffusers(folder: Path, said: list[Said], config: Config) -> int:
    """`Steps:  10%|#   | 100/1000 [00:10<01:30, 10.00it/s, lr=0.0001, step_loss=0.12]`, one bar for all."""

    def line(s: Said) -> str:
        m = s.metrics
        done = s.step / config["steps"]
        return f"\rSteps: {100 * done:>3.0f}%|{'█' * int(10 * done):<10}| {s.step}/{config['steps']} [{s.step // 240:02d}:{s.step // 4 % 60:02d}<10:00,  4.00it/s, lr={m.get('lr', 0):.3g}, step_loss={m['loss']:.3g}]\r"

    return kept(folder, "nohup.out", [s for s in said if not s.split], line)


def nerf(folder: Path, said: list[Said], config: Config) -> int:
    """A bar, and between its redraws `[TRAIN] Iter: 100 Loss: 0.05  PSNR: 13.1`."""

    def line(s: Said) -> str:
        bar = f"\r{100 * s.step // config['steps']:>3}%|{'█' * (10 * s.step // config['steps']):<10}| {s.step}/{config['steps']} [00:10<10:00, 41.1it/s]"
        if s.split:
            return f"{bar}\n[TEST] Iter: {s.step} Loss: {num(s.metrics['loss'])}  PSNR: {s.metrics['psnr']:.4f}"
        return f"{bar}\n[TRAIN] Iter: {s.step} Loss: {num(s.metrics['loss'], 6)}  PSNR: {s.metrics['psnr']:.4f}"

    return kept(folder, "run.txt", said, line)


def jsonl(folder: Path, said: list[Said], config: Config) -> int:
    """One object a line, nested by split, with a wall clock."""

    def line(s: Said) -> str:
        return json.dumps(
            {
                "global_step": s.step,
                "epoch": s.epoch,
                "timestamp": at(s).timestamp(),
                "valid" if s.split else "train": s.metrics,
            }
        )

    return kept(folder, "metrics.jsonl", said, line)


def detr(folder: Path, said: list[Said], config: Config) -> int:
    """`log.txt` with one object an epoch."""
    rows, held = [], []
    for s in said:
        if not s.split and s.metrics:
            held.append(s.metrics)
        elif s.split:
            means = {f"train_{k}": sum(h[k] for h in held) / max(1, len(held)) for k in (held[0] if held else ())}
            rows.append(
                {**means, **{f"test_{k}": v for k, v in s.metrics.items()}, "epoch": s.epoch, "n_parameters": 41000}
            )
            held = []
    (folder / "log.txt").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return said[-1].epoch


def _csv(path: Path, rows: list[dict[str, Any]], pad: str = "") -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"{pad}{c}" for c in columns])
        writer.writerows([[f"{pad}{row.get(c, '')}" for c in columns] for row in rows])


def by_epoch(said: Iterable[Said]) -> list[tuple[int, dict[str, float], dict[str, float]]]:
    """Each epoch's mean of the training lines, beside its validation."""
    held, out = [], []
    for s in said:
        if s.split:
            out.append((s.epoch, {k: sum(h[k] for h in held) / len(held) for k in held[0]} if held else {}, s.metrics))
            held = []
        elif s.metrics:
            held.append(s.metrics)
    return out


def ultralytics(folder: Path, said: list[Said], config: Config) -> int:
    """`results.csv`: columns padded with blanks, three losses of both splits, four scores."""
    names = {
        "precision": "metrics/precision(B)",
        "recall": "metrics/recall(B)",
        "map50": "metrics/mAP50(B)",
        "map50-95": "metrics/mAP50-95(B)",
    }
    rows = []
    for epoch, train, val in by_epoch(said):
        row: dict[str, Any] = {"epoch": epoch + 1, "time": round(12.1 * (epoch + 1), 3)}
        row |= {f"train/{k}": f"{v:.5g}" for k, v in train.items() if k.endswith("_loss")}
        row |= {names[k]: f"{val[k]:.5f}" for k in names}
        row |= {f"val/{k}": f"{v:.5g}" for k, v in val.items() if k.endswith("_loss")}
        rows.append({**row, "lr/pg0": train.get("lr", 0), "lr/pg1": train.get("lr", 0)})
    _csv(folder / "results.csv", rows, pad="      ")
    return said[-1].epoch


def history(folder: Path, said: list[Said], config: Config) -> int:
    """A CSV of one row an epoch."""
    _csv(
        folder / "history.csv",
        [
            {"epoch": e, **{k: v for k, v in t.items() if k != "grad_norm"}, **{f"val_{k}": v for k, v in m.items()}}
            for e, t, m in by_epoch(said)
        ],
    )
    return said[-1].epoch


def progress(folder: Path, said: list[Said], config: Config) -> int:
    """`progress.csv` of reinforcement learners: groups with slashes, columns in any order."""
    groups = {"ep_rew_mean": "rollout", "ep_len_mean": "rollout"}
    _csv(
        folder / "progress.csv",
        [
            {
                **{f"{groups.get(k, 'train')}/{k}": v for k, v in s.metrics.items()},
                "time/iterations": s.epoch,
                "time/fps": 1203,
                "time/total_timesteps": s.step,
            }
            for s in said
        ],
    )
    return said[-1].step


def events(folder: Path, said: list[Said], config: Config) -> int:
    """Event files of TensorBoard, written by its own writer."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder / "tb")) as writer:
        for s in said:
            for k, v in s.metrics.items():
                writer.add_scalar(f"{'val' if s.split else 'train'}/{k}", v, s.step, walltime=at(s).timestamp())
    return said[-1].step


BY_EPOCH = {"detr", "ultralytics", "history"}
FILES: dict[str, Writer] = {
    w.__name__: w for w in (keras, tqdm, diffusers, nerf, jsonl, detr, ultralytics, history, progress, events)
}

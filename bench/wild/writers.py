"""How trainings write: one small writer for each habit of the field. No training here."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench.wild.fitting import Said

Config = dict[str, Any]
Writer = Callable[[Path, Iterable[Said], Config], int]
_BEGAN = datetime(2026, 3, 1, 22, 0, 0)  # noqa: DTZ001  (logs write local time)


def _stamp(step: int) -> datetime:
    return _BEGAN + timedelta(seconds=2.0 * step)


def _text(value: float) -> str:
    return f"{value:.3e}" if value and abs(value) < 1e-3 else f"{value:.4f}"


def _lines(folder: Path, name: str, lines: Iterable[tuple[int, str]]) -> int:
    last = 0
    with (folder / name).open("w") as file:
        for step, line in lines:
            file.write(line + "\n")
            last = step
    return last


def prose(folder: Path, said: Iterable[Said], config: Config) -> int:
    """A logger's lines with a stamp and `name: value`."""

    def line(s: Said) -> tuple[int, str]:
        head = f"{_stamp(s.step):%Y-%m-%d %H:%M:%S},123 - INFO - "
        body = ", ".join(f"{k}: {_text(v)}" for k, v in s.metrics.items())
        where = (
            f"Epoch {s.epoch + 1} validation | "
            if s.split
            else f"Epoch [{s.epoch + 1}/{config['epochs']}] Step [{s.step}/{config['steps']}] "
        )
        return s.step, head + where + body

    return _lines(folder, "train.log", map(line, said))


def bare(folder: Path, said: Iterable[Said], config: Config) -> int:
    """What a beginner prints."""

    def line(s: Said) -> tuple[int, str]:
        split = f"{s.split}_" if s.split else ""
        return s.step, f"step {s.step} " + " ".join(f"{split}{k} {_text(v)}" for k, v in s.metrics.items())

    return _lines(folder, "out.txt", map(line, said))


def jsonl(folder: Path, said: Iterable[Said], config: Config) -> int:
    """One object a line, names with slashes."""

    def line(s: Said) -> tuple[int, str]:
        return s.step, json.dumps(
            {"step": s.step, "epoch": s.epoch, **{f"{s.split or 'train'}/{k}": v for k, v in s.metrics.items()}}
        )

    return _lines(folder, "metrics.jsonl", map(line, said))


def timm(folder: Path, said: Iterable[Said], config: Config) -> int:
    """`Train: 3 [  49/ 100 ( 50%)]  Loss: 2.31 (2.40)`: values with their running mean, batches counted from 0."""
    mean: dict[str, float] = {}

    def line(s: Said) -> tuple[int, str]:
        for key, value in s.metrics.items():
            mean[key] = value if key not in mean else 0.9 * mean[key] + 0.1 * value
        shown = {key: value if s.split else mean[key] for key, value in s.metrics.items()}
        body = "  ".join(
            f"{k.capitalize() if k != 'lr' else 'LR'}: {v:.4g}" + ("" if k == "lr" else f" ({shown[k]:.4g})")
            for k, v in s.metrics.items()
        )
        at = (s.step - 1) % config["per_epoch"]
        share = 100 * (at + 1) // config["per_epoch"]
        head = "Test: [  29/29]  " if s.split else f"Train: {s.epoch} [{at:>4}/{config['per_epoch']} ({share:>3}%)]  "
        return s.step, head + body

    return _lines(folder, "log.txt", map(line, said))


def engine(folder: Path, said: Iterable[Said], config: Config) -> int:
    """`Epoch(train)  [1][ 50/100]  lr: 1e-3  eta: ...  loss: 2.3` with a dated head."""

    def line(s: Said) -> tuple[int, str]:
        head = f"{_stamp(s.step):%Y/%m/%d %H:%M:%S} - mmengine - INFO - "
        body = "  ".join(f"{k}: {_text(v)}" for k, v in s.metrics.items())
        at = (s.step - 1) % config["per_epoch"] + 1
        if s.split:
            return s.step, f"{head}Epoch(val) [{s.epoch + 1}][20/20]    {body}  data_time: 0.0010  time: 0.0120"
        return (
            s.step,
            f"{head}Epoch(train)  [{s.epoch + 1}][{at:>4}/{config['per_epoch']}]  {body}  eta: 0:10:00  time: 0.0100  data_time: 0.0010",
        )

    return _lines(folder, "20260301_220000.log", map(line, said))


def dicts(folder: Path, said: Iterable[Said], config: Config) -> int:
    """Python dicts with fractional epochs, as a trainer prints them."""

    def line(s: Said) -> tuple[int, str]:
        epoch = round(s.step / config["per_epoch"], 2)
        if s.split:
            return s.step, str({**{f"eval_{k}": v for k, v in s.metrics.items()}, "eval_runtime": 0.5, "epoch": epoch})
        own = {("learning_rate" if k == "lr" else k): v for k, v in s.metrics.items()}
        return s.step, str({**own, "epoch": epoch})

    return _lines(folder, "train.log", map(line, said))


def table(folder: Path, said: Iterable[Said], config: Config) -> int:
    """A drawn table for each report, as reinforcement learners print."""

    def block(s: Said) -> tuple[int, str]:
        rows = [("rollout/", "")] + [(f"   {k}", v) for k, v in s.metrics.items() if k.startswith("ep_")]
        rows += [("time/", ""), ("   iterations", s.epoch), ("   total_timesteps", s.step), ("train/", "")]
        rows += [(f"   {k}", v) for k, v in s.metrics.items() if not k.startswith("ep_")]
        edge = "-" * 41
        body = "\n".join(f"| {k:<22} | {(f'{v:.3g}' if isinstance(v, float) else v)!s:<12} |" for k, v in rows)
        return s.step, f"{edge}\n{body}\n{edge}"

    return _lines(folder, "stdout.log", map(block, said))


def rounds(folder: Path, said: Iterable[Said], config: Config) -> int:
    """`[12]  train-logloss:0.41  valid-logloss:0.44`."""
    return _lines(
        folder,
        "boost.log",
        ((s.step, f"[{s.step}]\t" + "\t".join(f"{k}:{v:.5f}" for k, v in s.metrics.items())) for s in said),
    )


def sparse(folder: Path, said: Iterable[Said], config: Config) -> int:
    """A CSV in which training and validation rows leave each other's cells empty."""
    rows = [
        {"epoch": s.epoch, "step": s.step - 1, **{f"{s.split or 'train'}_{k}": v for k, v in s.metrics.items()}}
        for s in said
    ]
    return _csv(folder / "metrics.csv", rows)


def by_epoch(folder: Path, said: Iterable[Said], config: Config) -> int:
    """A CSV with one row an epoch: training means beside validation."""
    rows: list[dict[str, Any]] = []
    held: list[Said] = []
    for s in said:
        if not s.split:
            held.append(s)
            continue
        means = {k: sum(h.metrics[k] for h in held) / len(held) for k in held[0].metrics}
        rows.append({"epoch": s.epoch, **means, **{f"val_{k}": v for k, v in s.metrics.items()}})
        held = []
    return _csv(folder / "history.csv", rows)


def _csv(path: Path, rows: list[dict[str, Any]]) -> int:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return int(rows[-1].get("step", rows[-1]["epoch"])) if rows else 0


EPOCHS_ONLY = {"by_epoch"}
WRITERS: dict[str, Writer] = {
    w.__name__: w for w in (prose, bare, jsonl, timm, engine, dicts, table, rounds, sparse, by_epoch)
}

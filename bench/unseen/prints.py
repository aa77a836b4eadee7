"""Logs of one line for each place: print, logging, loguru, JSON, CSV, key=value, and what frameworks print."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from bench.unseen.told import Told

Config = dict[str, Any]
Voice = Callable[[list[Told], Config], Iterator[str]]
_BEGAN = datetime(2026, 5, 4, 21, 30, 0)  # noqa: DTZ001  (logs write local time)


def at(told: Told) -> datetime:
    return _BEGAN + timedelta(seconds=told.t)


def num(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}g}" if value and (abs(value) < 10**-digits or abs(value) > 1e6) else f"{value:.{digits}f}"


def per_line(line: Callable[[Told, Config], str]) -> Voice:
    """A voice that says one line for each."""

    def voice(told: list[Told], config: Config) -> Iterator[str]:
        for one in told:
            yield one.text or line(one, config)

    voice.__doc__ = line.__doc__
    return voice


@per_line
def fstring(one: Told, config: Config) -> str:
    """`Epoch 3/20 | step 120 | loss: 0.4312 | acc: 0.8125`."""
    body = " | ".join(f"{k}: {num(v)}" for k, v in one.metrics.items())
    return (
        f"    >> {one.split}: {body}"
        if one.split
        else f"Epoch {one.epoch + 1}/{config['epochs']} | step {one.step} | {body}"
    )


@per_line
def stamped(one: Told, config: Config) -> str:
    """`2026-05-04 21:30:01,123 - trainer - INFO - step 120 loss 0.4312 acc 0.8125`."""
    body = " ".join(f"{one.split + '_' if one.split else ''}{k} {num(v)}" for k, v in one.metrics.items())
    return f"{at(one):%Y-%m-%d %H:%M:%S},{at(one).microsecond // 1000:03d} - trainer - INFO - step {one.step} {body}"


@per_line
def loguru(one: Told, config: Config) -> str:
    """`2026-05-04 21:30:01.123 | INFO     | __main__:fit:88 - [epoch 3, step 120] loss=0.4312, acc=0.8125`."""
    body = ", ".join(f"{one.split + '/' if one.split else ''}{k}={num(v)}" for k, v in one.metrics.items())
    where = "evaluate:131" if one.split else "fit:88"
    stamp = f"{at(one):%Y-%m-%d %H:%M:%S}.{at(one).microsecond // 1000:03d}"
    return f"{stamp} | INFO     | __main__:{where} - [epoch {one.epoch + 1}, step {one.step}] {body}"


@per_line
def jsonl(one: Told, config: Config) -> str:
    head = {"step": one.step, "epoch": one.epoch, "time": round(one.t, 2)}
    return json.dumps({**head, **{f"{one.split or 'train'}/{k}": v for k, v in one.metrics.items()}})


@per_line
def nested(one: Told, config: Config) -> str:
    """One object a line with a level and a message, as services log."""
    return json.dumps({
        "ts": at(one).isoformat(), "level": "info", "msg": "eval" if one.split else "train",
        "data": {"step": one.step, **{k: round(v, 6) for k, v in one.metrics.items()}},
    })  # fmt: skip


@per_line
def logfmt(one: Told, config: Config) -> str:
    """`time=2026-05-04T21:30:01 level=info msg=train step=120 loss=0.4312`."""
    body = " ".join(f"{one.split + '_' if one.split else ''}{k}={num(v, 5)}" for k, v in one.metrics.items())
    return f"time={at(one):%Y-%m-%dT%H:%M:%S} level=info msg={'eval' if one.split else 'train'} step={one.step} {body}"


@per_line
def coloured(one: Told, config: Config) -> str:
    """The names dim and the numbers bright, in the escapes of a terminal."""
    body = "  ".join(f"\x1b[2m{k}\x1b[0m \x1b[1;36m{num(v)}\x1b[0m" for k, v in one.metrics.items())
    head = f"\x1b[1;33mVALID\x1b[0m @ {one.step}" if one.split else f"\x1b[32mtrain\x1b[0m @ {one.step}"
    return f"{head}  {body}"


@per_line
def clu(one: Told, config: Config) -> str:
    """`I0504 21:30:01.123456 140 logging_writer.py:48] [120] loss=0.4312, accuracy=0.8125`."""
    body = ", ".join(f"{one.split + '_' if one.split else 'train_'}{k}={v:.6g}" for k, v in one.metrics.items())
    return f"I{at(one):%m%d %H:%M:%S.%f} 140214 logging_writer.py:48] [{one.step}] {body}"


@per_line
def megatron(one: Told, config: Config) -> str:
    if one.split:
        body = " | ".join(
            f"lm {k} value: {v:.6E}" if k == "loss" else f"lm loss PPL: {v:.6E}" for k, v in one.metrics.items()
        )
        return f" {'-' * 97}\n validation loss at iteration {one.step} | {body} | \n {'-' * 97}"
    m = one.metrics
    return (
        f" [{at(one):%Y-%m-%d %H:%M:%S}] iteration {one.step:>8}/{config['steps']:>8} | consumed samples: {one.step * 32:>12} | "
        f"elapsed time per iteration (ms): {1000 * config.get('pace', {}).get(one.step, 0.4):.1f} | learning rate: {m.get('lr', 1e-3):.6E} | "
        f"global batch size:    32 | lm loss: {m['loss']:.6E} | loss scale: 1.0 | grad norm: {m.get('grad_norm', 1.0):.3f} | "
        "number of skipped iterations:   0 | number of nan iterations:   0 |"
    )


@per_line
def fairseq(one: Told, config: Config) -> str:
    body = " | ".join(f"{k} {num(v, 3)}" for k, v in one.metrics.items())
    if one.split:
        return f"{at(one):%Y-%m-%d %H:%M:%S} | INFO | valid | epoch {one.epoch + 1:03d} | valid on 'valid' subset | {body} | num_updates {one.step}"
    body = ", ".join(f"{'gnorm' if k == 'grad_norm' else k}={num(v, 3)}" for k, v in one.metrics.items())
    place = (one.step - 1) % config["per_epoch"] + 1
    return (
        f"{at(one):%Y-%m-%d %H:%M:%S} | INFO | train_inner | epoch {one.epoch + 1:03d}: {place:>6} / {config['per_epoch']} "
        f"{body}, wps=18211.4, ups=7.21, wpb=2526.1, bsz=64, num_updates={one.step}, train_wall=13, wall={one.t:.0f}"
    )


@per_line
def mmengine(one: Told, config: Config) -> str:
    body = "  ".join(f"{k}: {v:.4f}" for k, v in one.metrics.items() if k != "lr")
    stamp = f"{at(one):%Y/%m/%d %H:%M:%S} - mmengine - INFO"
    n, place = config["per_epoch"], (one.step - 1) % config["per_epoch"] + 1
    if one.split:
        return f"{stamp} - Epoch(val) [{one.epoch + 1}][10/10]    {body}  data_time: 0.0031  time: 0.0142"
    lr = one.metrics.get("lr", 2e-3)
    return f"{stamp} - Epoch(train) [{one.epoch + 1:>3}][{place:>3}/{n}]  lr: {lr:.4e}  eta: 0:01:12  time: 0.0431  data_time: 0.0019  memory: 1210  {body}"


@per_line
def detectron(one: Told, config: Config) -> str:
    body = "  ".join(
        f"{'total_loss' if k == 'loss' else k}: {v:.4g}" for k, v in one.metrics.items() if k not in ("lr", "grad_norm")
    )
    if one.split:
        return f"[{at(one):%m/%d %H:%M:%S} d2.evaluation.testing]: copypaste: {body}"
    return f"[{at(one):%m/%d %H:%M:%S} d2.utils.events]:  eta: 0:03:10  iter: {one.step}  {body}  time: 0.1021  data_time: 0.0040  lr: {one.metrics.get('lr', 2e-3):.5g}  max_mem: 2210M"


@per_line
def dcgan(one: Told, config: Config) -> str:
    """`[3/25][40/200] Loss_D: 0.5421 Loss_G: 2.1011 D(x): 0.7012 D(G(z)): 0.3021 / 0.2011`."""
    m, n = one.metrics, config["per_epoch"]
    more = f" modes: {m['modes']:.0f}/8" if "modes" in m else ""
    return (
        f"[{one.epoch}/{config['epochs']}][{(one.step - 1) % n + 1}/{n}]\tLoss_D: {m['loss_d']:.4f}\tLoss_G: {m['loss_g']:.4f}\t"
        f"D(x): {m['d_x']:.4f}\tD(G(z)): {m['d_g_z1']:.4f} / {m['d_g_z2']:.4f}{more}"
    )


@per_line
def caffe(one: Told, config: Config) -> str:
    stamp = f"I{at(one):%m%d %H:%M:%S.%f} 21411 solver.cpp"
    if one.split:
        outs = "\n".join(
            f"{stamp}:414]     Test net output #{i}: {k} = {v:.6g}" for i, (k, v) in enumerate(one.metrics.items())
        )
        return f"{stamp}:347] Iteration {one.step}, Testing net (#0)\n{outs}"
    return f"{stamp}:239] Iteration {one.step} (9.8 iter/s, 1.02s/10 iters), loss = {one.metrics['loss']:.6g}\n{stamp}:112] Iteration {one.step}, lr = {one.metrics.get('lr', 0.002):.6g}"


@per_line
def hf(one: Told, config: Config) -> str:
    """The newer way: every number is a string."""
    say = {"lr": "learning_rate"}
    share = f"{one.step / config['per_epoch']:.2f}"
    body = {(f"eval_{k}" if one.split else say.get(k, k)): f"{v:.4g}" for k, v in one.metrics.items()}
    return str(
        {**body, **({"eval_runtime": "1.213", "eval_samples_per_second": "494.6"} if one.split else {}), "epoch": share}
    )


@per_line
def trl(one: Told, config: Config) -> str:
    m = one.metrics
    names = {"completion_length": "completions/mean_length", "lr": "learning_rate", "reward_std": "reward_std"}
    return str(
        {
            **{names.get(k, k): round(v, 5) for k, v in m.items()},
            "step": one.step,
            "epoch": round(one.step / config["steps"], 3),
        }
    )


@per_line
def ranks(one: Told, config: Config) -> str:
    """Four ranks tell the same step, each with its share of it."""
    if one.split:
        return f"[rank 0] step {one.step} validation " + " ".join(f"{k} {num(v)}" for k, v in one.metrics.items())
    body = " ".join(f"{k} {{:.4f}}" for k in one.metrics)
    slow = config.get("behind", {}).get(one.step, 0.41)
    return "\n".join(
        f"[rank {r}] step {one.step} "
        + body.format(*(v * (1 + 0.02 * (r - 1.5)) for v in one.metrics.values()))
        + f" iter_time {slow if r == 2 else 0.41:.3f}s"
        for r in range(4)
    )


_GERMAN = {
    "loss": "Verlust",
    "acc": "Genauigkeit",
    "lr": "Lernrate",
    "grad_norm": "Gradientennorm",
    "recon": "Rekonstruktion",
    "nll": "Likelihood",
}
_CHINESE = {"loss": "损失", "acc": "准确率", "lr": "学习率", "grad_norm": "梯度范数"}


@per_line
def german(one: Told, config: Config) -> str:
    body = ", ".join(f"{_GERMAN.get(k, k)}: {num(v)}" for k, v in one.metrics.items())
    return f"{'Validierung' if one.split else 'Training'} – Epoche {one.epoch + 1}, Schritt {one.step}: {body}"


@per_line
def chinese(one: Told, config: Config) -> str:
    who = "验证" if one.split else "训练"
    return f"第{one.epoch + 1}轮 步数 {one.step} " + " ".join(
        f"{who}{_CHINESE.get(k, k)}: {num(v)}" for k, v in one.metrics.items()
    )


@per_line
def arrows(one: Told, config: Config) -> str:
    """`step    120 → loss 0.4312 · acc 0.8125`, as people with a taste write."""
    return f"{'✓ ' + one.split if one.split else 'step'} {one.step:>6} → " + " · ".join(
        f"{k} {num(v)}" for k, v in one.metrics.items()
    )


@per_line
def memory(one: Told, config: Config) -> str:
    """As many watch what their process takes."""
    body = " ".join(f"{one.split + '_' if one.split else ''}{k}={num(v)}" for k, v in one.metrics.items())
    return f"[{at(one):%H:%M:%S}] iter {one.step}/{config['steps']} {body} rss={config.get('rss', {}).get(one.step, 2.1):.2f}GB ram={config.get('ram', {}).get(one.step, 31.0):.1f}%"


@per_line
def speed(one: Told, config: Config) -> str:
    """`iter 120/900 loss 0.43 | 0.412 s/it | data 0.010 s`."""
    body = " ".join(f"{one.split + '_' if one.split else ''}{k} {num(v)}" for k, v in one.metrics.items())
    pace = config.get("pace", {}).get(one.step, 0.4)
    return f"iter {one.step}/{config['steps']} {body} | {pace:.3f} s/it | {32 / pace:.1f} samples/s"


PRINTS: dict[str, Voice] = {
    "fstring": fstring, "stamped": stamped, "loguru": loguru, "jsonl": jsonl, "nested": nested, "logfmt": logfmt, "coloured": coloured,
    "clu": clu, "megatron": megatron, "fairseq": fairseq, "mmengine": mmengine, "detectron": detectron, "dcgan": dcgan, "caffe": caffe,
    "hf": hf, "trl": trl, "ranks": ranks, "german": german, "chinese": chinese, "arrows": arrows, "memory": memory, "speed": speed,
}  # fmt: skip

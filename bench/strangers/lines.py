"""How frameworks log by the line: one small writer for each. No training here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench.strangers.training import Said

Config = dict[str, Any]
Writer = Callable[[Path, list[Said], Config], int]
_BEGAN = datetime(2026, 3, 1, 22, 0, 0)  # noqa: DTZ001  (logs write local time)


def at(said: Said) -> datetime:
    return _BEGAN + timedelta(seconds=1.5 * said.step)


def kept(folder: Path, name: str, said: Iterable[Said], line: Callable[[Said], str]) -> int:
    """Write one text for each that has one; the last step."""
    last = 0
    with (folder / name).open("w", newline="") as file:
        for s in said:
            if text := s.text or line(s):
                file.write(text if text.endswith(("\r", "\n")) else text + "\n")
            last = s.step
    return last


def num(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}g}" if value and abs(value) < 10**-digits else f"{value:.{digits}f}"


def megatron(folder: Path, said: list[Said], config: Config) -> int:
    """`iteration 100/ 5000 | ... | lm loss: 8.1E+00 |`, and validation between rules of dashes."""
    skipped = {"n": 0.0}

    def line(s: Said) -> str:
        m = s.metrics
        if s.split:
            text = (
                f" validation loss at iteration {s.step} | "
                + " | ".join(
                    f"lm {'loss value' if k == 'loss' else 'loss PPL' if k == 'ppl' else k}: {v:.6E}"
                    for k, v in m.items()
                )
                + " | "
            )
            return "-" * len(text) + "\n" + text + "\n" + "-" * len(text)
        scale = m.get("loss_scale", 1.0)
        fell, skipped["n"] = int(m.get("skipped", 0) - skipped["n"]), m.get("skipped", 0.0)
        return (
            f" [{at(s):%Y-%m-%d %H:%M:%S}] iteration {s.step:>8}/{config['steps']:>8} | consumed samples: {s.step * 64:>12} | "
            f"elapsed time per iteration (ms): {1500 + s.step % 7:.1f} | learning rate: {m.get('lr', 0):.6E} | global batch size:    64 | "
            f"lm loss: {m['loss']:.6E} | loss scale: {scale:.1f} | grad norm: {m.get('grad_norm', 0):.3f} | "
            f"number of skipped iterations: {fell:>3} | number of nan iterations:   0 |"
        )

    return kept(folder, "pretrain.log", said, line)


def deepspeed(folder: Path, said: list[Said], config: Config) -> int:
    """Two lines for each report, and one for each overflow."""
    was = {"scale": 0.0, "skipped": 0.0}

    def line(s: Said) -> str:
        m = s.metrics
        if s.split:
            return f"step: {s.step} | " + " | ".join(f"eval_{k}: {num(v)}" for k, v in m.items())
        scale = m.get("loss_scale", 1.0)
        head = f"[{at(s):%Y-%m-%d %H:%M:%S},123] [INFO] "
        new = int(m.get("skipped", 0)) - int(was["skipped"])
        over = (
            f"{head}[loss_scaler.py:190:update_scale] [deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: {was['scale']:g}, reducing to {scale:g}\n"
            * new
        )
        was.update(scale=scale, skipped=m.get("skipped", 0))
        return (
            f"{over}{head}[logging.py:128:log_dist] [Rank 0] step={s.step}, skipped={int(was['skipped'])}, lr=[{m.get('lr', 0)!r}], mom=[(0.9, 0.999)]\n"
            f"steps: {s.step} loss: {m['loss']:.4f} iter time (s): 1.512 samples/sec: 42.3"
        )

    return kept(folder, "ds.log", said, line)


def detectron(folder: Path, said: list[Said], config: Config) -> int:
    """`eta: 0:01:11  iter: 19  total_loss: 2.1 ...`, and scores as a copy-paste row."""

    def line(s: Said) -> str:
        head = f"[{at(s):%m/%d %H:%M:%S} d2."
        if s.split:
            score = 100 * s.metrics["map50"]
            row = ",".join(f"{v:.4f}" for v in (0.6 * score, score, 0.5 * score))
            return f"{head}evaluation.testing]: copypaste: Task: bbox\n{head}evaluation.testing]: copypaste: AP,AP50,AP75\n{head}evaluation.testing]: copypaste: {row}"
        m = dict(s.metrics)
        lr, total = m.pop("lr", 0), m.pop("loss")
        m.pop("grad_norm", 0)
        own = "  ".join(f"{'loss_' + k.removesuffix('_loss')}: {num(v)}" for k, v in m.items())
        return f"{head}utils.events]:  eta: 0:10:00  iter: {s.step - 1}  total_loss: {num(total)}  {own}  time: 0.2531  last_time: 0.2412  data_time: 0.0041  last_data_time: 0.0038   lr: {lr:.5g}  max_mem: 2113M"

    return kept(folder, "log.txt", said, line)


def mmdet(folder: Path, said: list[Said], config: Config) -> int:
    """`Epoch [1][50/100]\\tlr: ...`, as the older toolboxes write."""

    def line(s: Said) -> str:
        head = f"{at(s):%Y-%m-%d %H:%M:%S},123 - mmdet - INFO - "
        m = dict(s.metrics)
        place = (s.step - 1) % config["per_epoch"] + 1
        if s.split:
            m = {
                ("bbox_mAP_50" if k == "map50" else "bbox_mAP" if k == "map50-95" else k): v
                for k, v in m.items()
                if "loss" not in k
            } or m
            return f"{head}Epoch(val) [{s.epoch + 1}][{config['per_epoch']}]\t" + ", ".join(
                f"{k}: {v:.4f}" for k, v in m.items()
            )
        lr = m.pop("lr", 0.0)
        body = ", ".join(
            f"{'loss_' + k.removesuffix('_loss') if k.endswith('_loss') else k}: {num(v)}" for k, v in m.items()
        )
        return f"{head}Epoch [{s.epoch + 1}][{place}/{config['per_epoch']}]\tlr: {lr:.3e}, eta: 0:12:00, time: 0.251, data_time: 0.008, memory: 2113, {body}"

    return kept(folder, "20260301_220000.log", said, line)


def fairseq(folder: Path, said: list[Said], config: Config) -> int:
    """JSON behind a head, every number as text."""

    def line(s: Said) -> str:
        head = f"{at(s):%Y-%m-%d %H:%M:%S} | INFO | "
        m = {("gnorm" if k == "grad_norm" else k): v for k, v in s.metrics.items()}
        if s.split:
            body = {
                "epoch": s.epoch + 1,
                **{f"valid_{k}": f"{v:.4g}" for k, v in m.items()},
                "valid_wps": "90000",
                "valid_num_updates": str(s.step),
            }
            return f"{head}valid | {json.dumps(body)}"
        body = {
            "epoch": s.epoch + 1,
            "update": round(s.step / config["per_epoch"], 3),
            **{k: f"{v:.6g}" for k, v in m.items()},
            "wps": "31000.1",
            "ups": "4.1",
            "num_updates": str(s.step),
            "train_wall": "3",
            "gb_free": "9.1",
            "wall": str(int(1.5 * s.step)),
        }
        return f"{head}train_inner | {json.dumps(body)}"

    return kept(folder, "train.log", said, line)


def opennmt(folder: Path, said: list[Said], config: Config) -> int:
    """`Step 50/ 1000; acc: 10.1; ppl: 500; xent: 6.2; ...`."""

    def line(s: Said) -> str:
        head = f"[{at(s):%Y-%m-%d %H:%M:%S},123 INFO] "
        m = s.metrics
        if s.split:
            return f"{head}Validation perplexity: {m['ppl']:g}\n{head}Validation xent: {m['loss']:.5f}\n{head}Validation BLEU: {m.get('bleu', 0):.2f}"
        return f"{head}Step {s.step}/{config['steps']}; ppl: {m['ppl']:.1f}; xent: {m['loss']:.1f}; lr: {m.get('lr', 0):.5f}; sents:    6400; bsz:  640/ 610/64; 41000/39000 tok/s; {1.5 * s.step:6.0f} sec;"

    return kept(folder, "nmt.log", said, line)


def nanogpt(folder: Path, said: list[Said], config: Config) -> int:
    """`iter 10: loss 3.9, time 25ms` and `step 100: train loss 3.1, val loss 3.2`."""
    last = {"loss": 0.0}

    def line(s: Said) -> str:
        if s.split:
            return f"step {s.step}: train loss {last['loss']:.4f}, val loss {s.metrics['loss']:.4f}"
        last["loss"] = s.metrics["loss"]
        return f"iter {s.step}: loss {s.metrics['loss']:.4f}, time {25 + s.step % 3:.2f}ms, mfu 31.20%"

    return kept(folder, "out.log", said, line)


def llmc(folder: Path, said: list[Said], config: Config) -> int:
    """`step 10/1000 | loss 7.1 (+0.12z)| norm 2.3 (-0.4z)| lr ...`."""

    def line(s: Said) -> str:
        m = s.metrics
        if s.split:
            return f"val loss {m['loss']:.6f}"
        return f"step {s.step:>5}/{config['steps']} | loss {m['loss']:.6f} (+0.12z)| norm {m.get('grad_norm', 0):.4f} (-0.41z)| lr {m.get('lr', 0):.2e} | 120.31 ms | 41.2% bf16 MFU | 435210 tok/s"

    return kept(folder, "main.log", said, line)


def torchtune(folder: Path, said: list[Said], config: Config) -> int:
    """`Step 10 | loss:1.2 lr:2e-05 ...`."""

    def line(s: Said) -> str:
        m = {("val_loss" if s.split and k == "loss" else k): v for k, v in s.metrics.items()}
        more = "" if s.split else " tokens_per_second_per_gpu:1204.4 peak_memory_active:7.1"
        return f"Step {s.step} | " + " ".join(f"{k}:{v!r}" for k, v in m.items()) + more

    return kept(folder, "log_1772400000.txt", said, line)


def imagenet(folder: Path, said: list[Said], config: Config) -> int:
    """`Epoch: [0][ 10/100]\\tTime ... Loss 6.9e+00 (6.9e+00)`, and ` * Acc@1 10.1 Acc@5 30.1`."""
    mean: dict[str, list[float]] = {}

    def line(s: Said) -> str:
        m = {
            {"loss": "Loss", "acc1": "Acc@1", "acc5": "Acc@5"}.get(k, k): v
            for k, v in s.metrics.items()
            if k not in ("lr", "grad_norm", "images_per_second")
        }
        if s.split:
            mean.clear()
            test = "\t".join(
                f"{k} {v:.4e} ({v:.4e})" if k == "Loss" else f"{k} {v:6.2f} ({v:6.2f})" for k, v in m.items()
            )
            return f"Test: [ 0/20]\tTime  0.401 ( 0.401)\t{test}\n * " + " ".join(
                f"{k} {v:.3f}" for k, v in m.items() if k != "Loss"
            )
        place = (s.step - 1) % config["per_epoch"] + 1
        for k, v in m.items():
            mean.setdefault(k, []).append(v)
        body = "\t".join(f"{k} {v:.4e} ({sum(mean[k]) / len(mean[k]):.4e})" for k, v in m.items())
        speed = s.metrics.get("images_per_second", 650.0)
        return f"Epoch: [{s.epoch}][{place:>4}/{config['per_epoch']}]\tTime {32 / speed:6.3f} ( 0.049)\tData  0.002 ( 0.004)\t{body}"

    return kept(folder, "train.out", said, line)


def espnet(folder: Path, said: list[Said], config: Config) -> int:
    """`(trainer:338) INFO: 3epoch results: [train] loss=..., [valid] loss=..., wer=...`, and lines within the epoch."""

    def line(s: Said) -> str:
        head = f"[host01] {at(s):%Y-%m-%d %H:%M:%S},123 (trainer:{338 if s.split else 732}) INFO: "
        body = ", ".join(f"{'optim0_lr0' if k == 'lr' else k}={num(v)}" for k, v in s.metrics.items())
        if s.split:
            return f"{head}{s.epoch + 1}epoch results: [train] iter_time=1.1e-04, {last['body']}, time=12.1 seconds, [valid] {body}, time=1.2 seconds, total_count=20"
        last["body"] = body
        place = (s.step - 1) % config["per_epoch"] + 1
        return f"{head}{s.epoch + 1}epoch:train:{place - 9}-{place}batch: iter_time=1.2e-04, forward_time=0.11, {body}, backward_time=0.09, train_time=0.412"

    last = {"body": ""}
    return kept(folder, "train.1.log", said, line)


def speechbrain(folder: Path, said: list[Said], config: Config) -> int:
    """`epoch: 1, lr: 1.0 - train loss: 5.1 - valid loss: 3.1, valid CER: 80.1`."""
    last = {"loss": 0.0, "lr": 0.0}

    def line(s: Said) -> str:
        if not s.split:
            last.update(s.metrics)
            return ""
        own = ", ".join(
            f"valid {k.upper() if len(k) == 3 else k}: {v:.2e}" if k == "loss" else f"valid {k.upper()}: {v:.2f}"
            for k, v in s.metrics.items()
        )
        return f"epoch: {s.epoch + 1}, lr: {last['lr']:.2e} - train loss: {last['loss']:.2e} - {own}"

    return kept(folder, "train_log.txt", said, line)


def spacy(folder: Path, said: list[Said], config: Config) -> int:
    """A ruled table whose rows have no names beside them."""
    last = {"loss": 0.0}

    def line(s: Said) -> str:
        if not s.split:
            last.update(s.metrics)
            return ""
        m = s.metrics
        return f"{s.epoch:>3} {s.step:>7} {last['loss']:>13.2f} {m['f1']:>7.2f} {m['precision']:>7.2f} {m['recall']:>7.2f} {m['f1'] / 100:>7.2f}"

    head = Said(
        "",
        0,
        0,
        text="ℹ Pipeline: ['tok2vec', 'ner']\nℹ Initial learn rate: 0.001\nE    #       LOSS NER       ENTS_F  ENTS_P  ENTS_R  SCORE \n---  ------  ------------  ------  ------  ------  ------",
    )
    return kept(folder, "spacy.log", [head, *said], line)


def loguru(folder: Path, said: list[Said], config: Config) -> int:
    """`2026-03-01 22:00:00.123 | INFO     | __main__:train:55 - epoch 1 step 10 | loss=2.31`."""

    def line(s: Said) -> str:
        head = f"{at(s):%Y-%m-%d %H:%M:%S}.123 | {'SUCCESS ' if s.split else 'INFO    '} | __main__:{'validate' if s.split else 'train'}:55 - "
        body = " ".join(f"{'val_' if s.split else ''}{k}={num(v, 5)}" for k, v in s.metrics.items())
        return f"{head}epoch {s.epoch + 1} step {s.step} | {body}"

    return kept(folder, "run.log", said, line)


def absl(folder: Path, said: list[Said], config: Config) -> int:
    """`I0301 22:00:00.123456 140 logging_writer.py:48] [100] train_loss=2.1, ...`."""

    def line(s: Said) -> str:
        body = ", ".join(
            f"{'eval' if s.split else 'train'}_{k}={v:.6g}"
            if k not in ("lr", "grad_norm")
            else f"{'learning_rate' if k == 'lr' else k}={v:.6g}"
            for k, v in s.metrics.items()
        )
        return f"I{at(s):%m%d %H:%M:%S}.123456 139872 logging_writer.py:48] [{s.step}] {body}"

    return kept(folder, "stderr.log", said, line)


def paddle(folder: Path, said: list[Said], config: Config) -> int:
    """`global step 100, epoch: 1, batch: 100, loss: 0.5, accu: 0.8, speed: 10.00 step/s`."""

    def line(s: Said) -> str:
        if s.split:
            return f"[{at(s):%Y-%m-%d %H:%M:%S}] [    INFO] - eval " + ", ".join(
                f"{k}: {v:.5f}" for k, v in s.metrics.items()
            )
        body = ", ".join(f"{k}: {v:.6g}" for k, v in s.metrics.items())
        return f"[{at(s):%Y-%m-%d %H:%M:%S}] [    INFO] - global step {s.step}, epoch: {s.epoch + 1}, batch: {(s.step - 1) % config['per_epoch'] + 1}, {body}, speed: 9.81 step/s"

    return kept(folder, "paddle.log", said, line)


def lightgbm(folder: Path, said: list[Said], config: Config) -> int:
    """`[10]\\ttraining's auc: 0.91\\tvalid_1's auc: 0.88`."""
    head = Said(
        "",
        0,
        0,
        text="[LightGBM] [Info] Number of positive: 1240, number of negative: 1260\n[LightGBM] [Info] Total Bins 3060",
    )
    return kept(
        folder,
        "lgb.log",
        [head, *said],
        lambda s: f"[{s.step}]\t" + "\t".join("{}'s {}: {:.6f}".format(*k.split(), v) for k, v in s.metrics.items()),
    )


def catboost(folder: Path, said: list[Said], config: Config) -> int:
    """`0:\\tlearn: 0.68\\ttest: 0.69\\tbest: 0.69 (0)\\ttotal: 50ms\\tremaining: 5s`."""
    best = [9e9, 0]

    def line(s: Said) -> str:
        train, test = s.metrics["training binary_logloss"], s.metrics["valid_1 binary_logloss"]
        if test < best[0]:
            best[:] = [test, s.step - 1]
        return f"{s.step - 1}:\tlearn: {train:.7f}\ttest: {test:.7f}\tbest: {best[0]:.7f} ({best[1]})\ttotal: {51 * s.step}ms\tremaining: 5.1s"

    return kept(folder, "cat.log", said, line)


def cleanrl(folder: Path, said: list[Said], config: Config) -> int:
    """`global_step=1234, episodic_return=12.0`, losses between."""

    def line(s: Said) -> str:
        m = dict(s.metrics)
        gained = m.pop("episodic_return", m.pop("ep_rew_mean", 0.0))
        own = ", ".join(
            f"losses/{k.removesuffix('_loss')}{'_loss' if k.endswith('_loss') else ''}={num(v)}"
            for k, v in m.items()
            if k not in ("ep_len_mean", "learning_rate", "grad_norm")
        )
        return f"global_step={s.step}, episodic_return={gained:.3f}\nglobal_step={s.step}, {own}\nSPS: 1203"

    return kept(folder, "cleanrl.log", said, line)


def plain(folder: Path, said: list[Said], config: Config) -> int:
    """`Epoch 3 | Train Loss: 0.31 | Val Loss: 0.35 | Val RMSE: 0.59`, once an epoch."""
    last = {"loss": 0.0}

    def line(s: Said) -> str:
        if not s.split:
            last.update(s.metrics)
            return ""
        own = " | ".join(
            f"Val {k.upper() if len(k) < 5 and k != 'loss' else k.capitalize()}: {num(v)}" for k, v in s.metrics.items()
        )
        return f"Epoch {s.epoch + 1:03d}/{config['epochs']:03d} | Train Loss: {num(last['loss'])} | {own} | Time: 1.42s"

    return kept(folder, "nohup.out", said, line)


def losses(folder: Path, said: list[Said], config: Config) -> int:
    """`[10/25][ 50/391] Loss_D: 0.51 Loss_G: 2.1`, as image makers print."""

    def line(s: Said) -> str:
        if s.split:
            return "".join(f"{k.upper()}: {v:.3f} " for k, v in s.metrics.items())
        own = " ".join(f"{k.title()}: {v:.4f}" for k, v in s.metrics.items() if k != "lr")
        return f"[{s.epoch}/{config['epochs']}][{s.step % 100}/100] {own}"

    return kept(folder, "gan.out", said, line)


LINES: dict[str, Writer] = {
    w.__name__: w
    for w in (megatron, deepspeed, detectron, mmdet, fairseq, opennmt, nanogpt, llmc, torchtune, imagenet, espnet, speechbrain, spacy, loguru, absl, paddle, lightgbm, catboost, cleanrl, plain, losses)
}  # fmt: skip

"""How the trainers of large models and the image toolboxes log by the line: one small writer for each. No training here."""

from __future__ import annotations

import json
from pathlib import Path

from bench.strangers.training import Said
from bench.strangers.writing import Config, Writer, at, kept, num


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


LARGE: dict[str, Writer] = {
    w.__name__: w for w in (megatron, deepspeed, detectron, mmdet, fairseq, opennmt, nanogpt, llmc, torchtune)
}

"""How other frameworks log by the line: one small writer for each. No training here."""

from __future__ import annotations

from pathlib import Path

from bench.strangers.training import Said
from bench.strangers.writing import Config, Writer, at, kept, num


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
        return f"Epoch: [{s.epoch}][{place:>4}/{config['per_epoch']}]\tTime {32 / speed:6.3f} ( 0.049)\tData {max(0.002, 32 / speed - 0.047):6.3f} ( 0.004)\t{body}"

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
    for w in (imagenet, espnet, speechbrain, spacy, loguru, absl, paddle, lightgbm, catboost, cleanrl, plain, losses)
}  # fmt: skip

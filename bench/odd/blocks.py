"""How frameworks that print more than one line a report write: blocks, ruled tables, copied rows. No training here."""

from __future__ import annotations

from pathlib import Path

from bench.strangers.large import detectron
from bench.strangers.training import Said
from bench.strangers.writing import Config, Writer, at, kept


def nnunet(folder: Path, said: list[Said], config: Config) -> int:
    """A stamp before each line, a line for each number, the epoch's number first."""
    last: dict[str, float] = {}

    def line(s: Said) -> str:
        if not s.split:
            last.update(s.metrics)
            return ""
        head = f"{at(s):%Y-%m-%d %H:%M:%S}.123456: "
        rows = [
            f"Epoch {s.epoch} ",
            f"Current learning rate: {round(last.get('lr', 0.01), 5)} ",
            f"train_loss {round(last['loss'], 4)} ",
            f"val_loss {round(s.metrics['loss'], 4)} ",
            f"Pseudo dice [{round(s.metrics.get('dice', 0.0), 4)}, {round(s.metrics.get('dice', 0.0) * 0.98, 4)}] ",
            "Epoch time: 41.02 s ",
        ]
        return "".join(f"{head}{row}\n" for row in rows) + f"{head} "

    return kept(folder, "training_log_2026_3_1_22_00_00.txt", said, line)


def rsl(folder: Path, said: list[Said], config: Config) -> int:
    """A frame of hashes, a title in its middle, and right-aligned names."""

    def line(s: Said) -> str:
        m = s.metrics
        rows = [("Computation", f"{49152 + s.step % 100} steps/s (collection: 1.421s, learning 0.212s)")]
        rows += [
            (name, f"{m[k]:.4f}")
            for k, name in (("value_loss", "Value function loss"), ("policy_loss", "Surrogate loss"))
            if k in m
        ]
        rows += [
            ("Mean action noise std", "0.98"),
            ("Mean reward", f"{m['ep_rew_mean']:.2f}"),
            ("Mean episode length", f"{m['ep_len_mean']:.2f}"),
        ]
        title = f"Learning iteration {s.epoch}/{config['epochs']}"
        body = "\n".join(f"{name + ':':>35} {v}" for name, v in rows)
        foot = f"{'-' * 80}\n{'Total timesteps:':>35} {s.step}\n{'Iteration time:':>35} 1.63s\n{'Total time:':>35} {1.63 * s.epoch:.2f}s\n{'ETA:':>35} 1802.1s\n"
        return f"{'#' * 80}\n{title:^80}\n\n{body}\n{foot}"

    return kept(folder, "train.log", said, line)


def composer(folder: Path, said: list[Said], config: Config) -> int:
    """`[batch=10/1000]:`, and below it one indented `Train NAME: value` a line."""

    def line(s: Said) -> str:
        if s.split:
            own = "\n".join(
                f"\t Eval metrics/eval/{'LanguageCrossEntropy' if k == 'loss' else 'LanguagePerplexity' if k == 'ppl' else k}: {v:.4f}"
                for k, v in s.metrics.items()
            )
            return f"[eval batch=8/8] Eval on eval data:\n\t Eval metrics/eval batch: 8\n{own}"
        m = s.metrics
        rows = [
            ("time/batch", str(s.step - 1)),
            ("time/epoch", str(s.epoch)),
            ("lr-DecoupledAdamW/group0", f"{m.get('lr', 0):.4g}"),
        ]
        rows += [("loss/train/total", f"{m['loss']:.4f}"), ("l2_norm/grad/global", f"{m.get('grad_norm', 0):.4f}")]
        return f"[batch={s.step}/{config['steps']}]:\n" + "\n".join(f"\t Train {k}: {v}" for k, v in rows)

    return kept(folder, "stdout.log", said, line)


def olmo(folder: Path, said: list[Said], config: Config) -> int:
    """`[step=10/1000]`, and below it one indented `group/Name=value` a line."""

    def line(s: Said) -> str:
        head = f"{at(s):%Y-%m-%dT%H:%M:%S}.123456+00:00\thost01:0\tolmo.train:816\tINFO\t[step={s.step}/{config['steps']},epoch={s.epoch}]\n"
        if s.split:
            return head.replace(f"[step={s.step}/{config['steps']},epoch={s.epoch}]", "[eval_step=8/8]") + "\n".join(
                f"    eval/{'validation/CrossEntropyLoss' if k == 'loss' else 'validation/Perplexity' if k == 'ppl' else k}={v:.4g}"
                for k, v in s.metrics.items()
            )
        m = s.metrics
        rows = [
            f"optim/total_grad_norm={m.get('grad_norm', 0):.4g}",
            f"optim/learning_rate_group0={m.get('lr', 0):.4g}",
            f"train/CrossEntropyLoss={m['loss']:.4g}",
        ]
        return head + "\n".join(f"    {row}" for row in [*rows, "throughput/device/tokens_per_second=41,210"])

    return kept(folder, "olmo.log", said, line)


def yolo(folder: Path, said: list[Said], config: Config) -> int:
    """A head of names over a redrawn bar of numbers, and below it a head and a row for the validation."""
    last: dict[str, float] = {}

    def line(s: Said) -> str:
        m = s.metrics
        if not s.split:
            last.update(m)
            return ""
        head = (
            f"{'Epoch':>11}{'GPU_mem':>11}"
            + "".join(f"{k:>11}" for k in last if k.endswith("_loss"))
            + f"{'Instances':>11}{'Size':>11}"
        )
        row = (
            f"{f'{s.epoch + 1}/' + str(config['epochs']):>11}{'2.11G':>11}"
            + "".join(f"{v:>11.4g}" for k, v in last.items() if k.endswith("_loss"))
            + f"{101:>11}{640:>11}"
        )
        names = f"{'Class':>22}{'Images':>11}{'Instances':>11}{'Box(P':>11}{'R':>11}{'mAP50':>11}{'mAP50-95)':>11}"
        score = f"{'all':>22}{128:>11}{929:>11}" + "".join(
            f"{m[k]:>11.3g}" for k in ("precision", "recall", "map50", "map50-95")
        )
        bar = "100%|██████████| 8/8 [00:01<00:00,  5.01it/s]"
        half = " 50%|█████     | 4/8 [00:00<00:00,  5.01it/s]"
        return f"\n{head}\n\r{row}: {half}\r{row}: {bar}\n\r{names}: {bar}\n{score}\n"

    return kept(folder, "yolo.out", said, line)


def skorch(folder: Path, said: list[Said], config: Config) -> int:
    """A ruled table that grows by a row an epoch, the best values in colour."""
    last: dict[str, float] = {}
    best = {"loss": 9e9}

    def line(s: Said) -> str:
        if not s.split:
            last.update(s.metrics)
            return ""
        m = s.metrics
        mark = f"\x1b[32m{m['loss']:.4f}\x1b[0m" if m["loss"] < best["loss"] else f"{m['loss']:.4f}"
        best["loss"] = min(best["loss"], m["loss"])
        acc = m.get("acc1", 100 * m.get("accuracy", 0)) / 100
        return f"{s.epoch + 1:>7}        {last['loss']:.4f}       {acc:.4f}        {mark}  0.0412"

    head = Said(
        "",
        0,
        0,
        text="  epoch    train_loss    valid_acc    valid_loss     dur\n-------  ------------  -----------  ------------  ------",
    )
    return kept(folder, "fit.out", [head, *said], line)


def fastai(folder: Path, said: list[Said], config: Config) -> int:
    """`epoch train_loss valid_loss accuracy time`, a row an epoch."""
    last: dict[str, float] = {}

    def line(s: Said) -> str:
        if not s.split:
            last.update(s.metrics)
            return ""
        m = s.metrics
        acc = m.get("acc1", 100 * m.get("accuracy", 0)) / 100
        return f"{s.epoch:<10}{last['loss']:<12.6f}{m['loss']:<12.6f}{acc:<10.6f}00:12     "

    return kept(
        folder, "nb.out", [Said("", 0, 0, text="epoch     train_loss  valid_loss  accuracy  time    "), *said], line
    )


BLOCKS: dict[str, Writer] = {w.__name__: w for w in (nnunet, rsl, composer, olmo, yolo, detectron, skorch, fastai)}

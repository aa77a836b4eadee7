"""How frameworks that the other folders lack log by the line: one small writer for each. No training here."""

from __future__ import annotations

import json
from pathlib import Path

from bench.strangers.training import Said
from bench.strangers.writing import Config, Writer, at, kept, num


def titan(folder: Path, said: list[Said], config: Config) -> int:
    """`step: 10  loss: 7.9  grad_norm: 1.1  memory: ...`, in colour."""

    def line(s: Said) -> str:
        head = f"[rank0]:[titan] {at(s):%Y-%m-%d %H:%M:%S},123 - root - INFO - "
        if s.split:
            return f"{head}\x1b[32mvalidate step: {s.step:>2}  \x1b[32mloss: {s.metrics['loss']:7.4f}  \x1b[33mmemory:  1.20GiB(1.50%)  \x1b[34mtps: 41,210\x1b[39m"
        m = s.metrics
        return f"{head}\x1b[31mstep: {s.step:>2}  \x1b[32mloss: {m['loss']:8.5f}  \x1b[38;2;180;60;0mgrad_norm: {m.get('grad_norm', 0):7.4f}  \x1b[38;2;54;234;195mmemory: 30.12GiB(38.04%)  \x1b[34mtps: 7,512  \x1b[36mtflops: 120.41  \x1b[35mmfu: 38.61%\x1b[39m"

    return kept(folder, "titan.log", said, line)


def neox(folder: Path, said: list[Said], config: Config) -> int:
    """` samples/sec: 10.1 | iteration 10/ 1000 | ... | lm_loss: 8.1E+00 | loss scale: ... |`."""

    def line(s: Said) -> str:
        m = s.metrics
        if s.split:
            text = f" validation results at iteration {s.step} | lm_loss value: {m['loss']:.6E} | lm_loss_ppl value: {m.get('ppl', 0):.6E} | "
            return "-" * len(text) + "\n" + text + "\n" + "-" * len(text)
        return f" samples/sec: 42.311 | iteration {s.step:>8}/{config['steps']:>8} | elapsed time per iteration (ms): {1511 + s.step % 9:.1f} | learning rate: {m.get('lr', 0):.3E} | approx flops per GPU: 41.2TFLOPS | lm_loss: {m['loss']:.6E} | loss scale: {m.get('loss_scale', 4096.0):.1f} | number of skipped iterations: {int(m.get('skipped', 0)):>3} | number of nan iterations:   0 |"

    return kept(folder, "neox.out", said, line)


def maxtext(folder: Path, said: list[Said], config: Config) -> int:
    """`completed step: 10, seconds: 1.2, TFLOP/s/device: ..., loss: 8.1`."""

    def line(s: Said) -> str:
        m = s.metrics
        if s.split:
            return f"eval metrics after step: {s.step}, loss={m['loss']:.3f}, total_weights=65536.0"
        return f"completed step: {s.step}, seconds: 1.512, TFLOP/s/device: 120.412, Tokens/s/device: 5412.311, total_weights: 65536, loss: {m['loss']:.3f}"

    return kept(folder, "maxtext.log", said, line)


def nemo(folder: Path, said: list[Said], config: Config) -> int:
    """`Training epoch 0, iteration 10/999 | lr: 1e-05 | global_step: 10 | reduced_train_loss: 8.1 | ...`."""

    def line(s: Said) -> str:
        m = s.metrics
        head = f"Training epoch {s.epoch}, iteration {s.step - 1}/{config['steps'] - 1} | "
        if s.split:
            return f"Validation epoch {s.epoch}, iteration 8/8 | val_loss: {m['loss']:.4g} | global_step: {s.step - 1}"
        return f"{head}lr: {m.get('lr', 0):.4g} | global_batch_size: 64 | global_step: {s.step - 1} | reduced_train_loss: {m['loss']:.4g} | train_step_timing in s: 1.512 | consumed_samples: {64 * s.step}"

    return kept(folder, "nemo_log.txt", said, line)


def factory(folder: Path, said: list[Said], config: Config) -> int:
    """`trainer_log.jsonl`: `{"current_steps": 10, "total_steps": 100, "loss": 1.2, ...}`."""

    def line(s: Said) -> str:
        m = {("eval_loss" if s.split and k == "loss" else k): v for k, v in s.metrics.items() if k in ("loss", "lr")}
        more = {
            "epoch": round(s.step / config["per_epoch"], 4),
            "percentage": round(100 * s.step / config["steps"], 2),
            "elapsed_time": "0:01:10",
            "remaining_time": "0:10:02",
        }
        return json.dumps({"current_steps": s.step, "total_steps": config["steps"], **m, **more})

    return kept(folder, "trainer_log.jsonl", said, line)


def trl(folder: Path, said: list[Said], config: Config) -> int:
    """The dicts of a reinforcing trainer: rewards by name, their spread, lengths of completions."""

    def line(s: Said) -> str:
        m = dict(s.metrics)
        own = {
            "loss": m.pop("loss"),
            "grad_norm": m.pop("grad_norm", 0.1),
            "learning_rate": m.pop("lr", m.pop("learning_rate", 1e-6)),
        }
        own |= {"num_tokens": 4096.0 * s.step, "completions/mean_length": 211.5, "completions/clipped_ratio": 0.0625}
        reward, spread = m.pop("reward"), m.pop("reward_std")
        own |= {
            "rewards/format_reward/mean": reward,
            "rewards/format_reward/std": spread,
            "reward": reward,
            "reward_std": spread,
        }
        own |= {
            "frac_reward_zero_std": 0.25,
            "kl": m.pop("kl", 0.0),
            "clip_ratio/region_mean": 0.0,
            "epoch": round(s.step / config["per_epoch"], 2),
        }
        return str({k: round(v, 7) if isinstance(v, float) else v for k, v in own.items()})

    return kept(folder, "grpo.log", said, line)


def icefall(folder: Path, said: list[Said], config: Config) -> int:
    """`Epoch 1, batch 50, loss[loss=0.5, ...], tot_loss[loss=0.6, ...], batch size: 50, lr: ...`."""
    mean = {"loss": 0.0}

    def line(s: Said) -> str:
        head = f"{at(s):%Y-%m-%d %H:%M:%S},123 INFO [train.py:{1136 if s.split else 1034}] "
        m = s.metrics
        if s.split:
            return f"{head}Epoch {s.epoch + 1}, validation: loss={m['loss']:.4g}, simple_loss={1.8 * m['loss']:.4g}, pruned_loss={m['loss'] / 2:.4g}, over 944034.00 frames. "
        mean["loss"] = 0.9 * (mean["loss"] or m["loss"]) + 0.1 * m["loss"]
        place = (s.step - 1) % config["per_epoch"] + 1
        three = "loss={:.4g}, simple_loss={:.4g}, pruned_loss={:.4g}"
        own, whole = (
            three.format(m["loss"], 1.8 * m["loss"], m["loss"] / 2),
            three.format(mean["loss"], 1.8 * mean["loss"], mean["loss"] / 2),
        )
        return f"{head}Epoch {s.epoch + 1}, batch {place}, loss[{own}, over 6182.00 frames. ], tot_loss[{whole}, over 1212331.05 frames. ], batch size: 22, lr: {m.get('lr', 0):.2e}, grad_scale: 2.0"

    return kept(folder, "log-train-2026-03-01-22-00-00", said, line)


def flair(folder: Path, said: list[Said], config: Config) -> int:
    """`epoch 1 - iter 10/100 - loss 2.31 - time (sec): 1.2 - samples/sec: 100 - lr: 0.1`."""
    losses: list[float] = []
    rate = [0.0]

    def line(s: Said) -> str:
        head = f"{at(s):%Y-%m-%d %H:%M:%S},123 "
        m = s.metrics
        place = (s.step - 1) % config["per_epoch"] + 1
        if s.split:
            mean = sum(losses) / max(1, len(losses))
            losses.clear()
            return f"{head}EPOCH {s.epoch + 1} done: loss {mean:.4f} - lr: {rate[0]:.6f}\n{head}DEV : loss {m['loss']:.4f} - f1-score (micro avg)  {m.get('accuracy', m.get('acc1', 0) / 100):.4f}"
        losses.append(m["loss"])
        rate[0] = m.get("lr", 0.0)
        return f"{head}epoch {s.epoch + 1} - iter {place}/{config['per_epoch']} - loss {m['loss']:.8f} - time (sec): 1.31 - samples/sec: 1041.20 - lr: {m.get('lr', 0):.6f} - momentum: 0.000000"

    return kept(folder, "training.log", said, line)


def marian(folder: Path, said: list[Said], config: Config) -> int:
    """`Ep. 1 : Up. 100 : Sen. 6,400 : Cost 7.50 : Time 10.1s : 5000.00 words/s : gNorm 1.2 : L.r. 1e-4`."""

    def line(s: Said) -> str:
        head = f"[{at(s):%Y-%m-%d %H:%M:%S}] "
        m = s.metrics
        if s.split:
            return f"{head}[valid] Ep. {s.epoch + 1} : Up. {s.step} : ce-mean-words : {m['loss']:.6g} : new best\n{head}[valid] Ep. {s.epoch + 1} : Up. {s.step} : bleu : {m.get('bleu', 20.0):.4f} : new best"
        return f"{head}Ep. {s.epoch + 1} : Up. {s.step} : Sen. {64 * s.step:,} : Cost {m['loss']:.8f} : Time 12.31s : 31211.40 words/s : gNorm {m.get('grad_norm', 0):.4f} : L.r. {m.get('lr', 0):.4e}"

    return kept(folder, "train.log", said, line)


def kohya(folder: Path, said: list[Said], config: Config) -> int:
    """`steps:  10%|█ | 100/1000 [01:00<09:00, 1.61it/s, avr_loss=0.101]`, redrawn."""
    mean: list[float] = []

    def line(s: Said) -> str:
        mean.append(s.metrics["loss"])
        done = s.step / config["steps"]
        return f"\rsteps: {100 * done:>3.0f}%|{'█' * int(10 * done):<10}| {s.step}/{config['steps']} [{s.step // 96:02d}:{s.step * 60 // 96 % 60:02d}<09:00,  1.61it/s, avr_loss={sum(mean[-100:]) / len(mean[-100:]):.3g}]\r"

    return kept(folder, "kohya.log", [s for s in said if not s.split], line)


def litgpt(folder: Path, said: list[Said], config: Config) -> int:
    """`Epoch 1 | iter 10 step 10 | loss train: 1.2, val: n/a | iter time: 100.1 ms (step)`."""
    val = {"v": "n/a"}

    def line(s: Said) -> str:
        if s.split:
            val["v"] = f"{s.metrics['loss']:.3f}"
            return f"iter {s.step}: val loss {s.metrics['loss']:.4f}, val time: 412.33 ms"
        return f"Epoch {s.epoch + 1} | iter {s.step} step {s.step} | loss train: {s.metrics['loss']:.3f}, val: {val['v']} | iter time: 101.31 ms (step) remaining time: 0:10:02"

    return kept(folder, "litgpt.log", said, line)


def tensorflow(folder: Path, said: list[Said], config: Config) -> int:
    """`INFO:tensorflow:loss = 1.2, step = 100 (1.2 sec)`, and an evaluation's dict."""

    def line(s: Said) -> str:
        m = s.metrics
        if s.split:
            own = ", ".join(f"{k} = {num(v, 6)}" for k, v in m.items())
            return f"INFO:tensorflow:Saving dict for global step {s.step}: global_step = {s.step}, {own}"
        return f"INFO:tensorflow:global_step/sec: 81.2{s.step % 10}\nINFO:tensorflow:loss = {m['loss']:.7g}, step = {s.step} (1.231 sec)"

    return kept(folder, "tf.log", said, line)


def gluon(folder: Path, said: list[Said], config: Config) -> int:
    """`Epoch[0] Batch [50]\\tSpeed: 100.00 samples/sec\\taccuracy=0.51`, and a line for each score of the epoch."""
    last: dict[str, float] = {}

    def line(s: Said) -> str:
        m = s.metrics
        if s.split:
            acc = m.get("acc1", 100 * m.get("accuracy", 0)) / 100
            return f"INFO:root:Epoch[{s.epoch}] Train-cross-entropy={last['loss']:.6f}\nINFO:root:Epoch[{s.epoch}] Time cost=12.412\nINFO:root:Epoch[{s.epoch}] Validation-accuracy={acc:.6f}\nINFO:root:Epoch[{s.epoch}] Validation-cross-entropy={m['loss']:.6f}"
        last.update(m)
        place = (s.step - 1) % config["per_epoch"] + 1
        return f"INFO:root:Epoch[{s.epoch}] Batch [{place}]\tSpeed: 3120.41 samples/sec\tcross-entropy={m['loss']:.6f}"

    return kept(folder, "mx.log", said, line)


def verl(folder: Path, said: list[Said], config: Config) -> int:
    """`step:10 - actor/entropy:0.51 - critic/rewards/mean:0.31 - ...`."""

    def line(s: Said) -> str:
        m = s.metrics
        own = {
            "global_seqlen/mean": 51210.0,
            "actor/entropy": m.get("entropy", 0.4),
            "actor/pg_loss": m["loss"],
            "actor/kl_loss": m.get("kl", 0.0),
            "actor/grad_norm": m.get("grad_norm", 0.2),
            "actor/lr": 1e-6,
        }
        own |= {
            "critic/score/mean": m["reward"],
            "critic/rewards/mean": m["reward"],
            "response_length/mean": 311.2,
            "timing_s/step": 41.2,
            "perf/throughput": 1211.2,
        }
        return f"step:{s.step} - " + " - ".join(
            f"{k}:{v:.3f}" if abs(v) > 1e-3 or not v else f"{k}:{v:.3e}" for k, v in own.items()
        )

    return kept(folder, "verl.log", said, line)


def pyg(folder: Path, said: list[Said], config: Config) -> int:
    """`Epoch: 001, Loss: 1.9412, Train: 0.31, Val: 0.30, Test: 0.29`: shares of right answers without a name."""
    last: dict[str, float] = {}

    def line(s: Said) -> str:
        if not s.split:
            last.update(s.metrics)
            return ""
        acc = s.metrics.get("acc1", 100 * s.metrics.get("accuracy", 0)) / 100
        return f"Epoch: {s.epoch + 1:03d}, Loss: {last['loss']:.4f}, Train: {min(1.0, acc + 0.02):.4f}, Val: {acc:.4f}, Test: {acc - 0.01:.4f}"

    return kept(folder, "gcn.out", said, line)


def rllib(folder: Path, said: list[Said], config: Config) -> int:
    """`result.json`: one deep object an iteration."""

    def line(s: Said) -> str:
        m = s.metrics
        learner = {
            "policy_loss": m.get("policy_loss", 0.0),
            "vf_loss": m.get("value_loss", 0.0),
            "entropy": -m.get("entropy_loss", 0.0),
            "vf_explained_var": m.get("explained_variance", 0.0),
            "curr_lr": m.get("learning_rate", 0.0),
        }
        return json.dumps({
            "episode_reward_max": m["ep_rew_mean"] + 3, "episode_reward_min": m["ep_rew_mean"] - 3, "episode_reward_mean": m["ep_rew_mean"], "episode_len_mean": m["ep_len_mean"],
            "episodes_this_iter": 16, "info": {"learner": {"default_policy": {"learner_stats": learner}}}, "timesteps_total": s.step, "training_iteration": s.epoch,
            "time_this_iter_s": 3.11, "timestamp": int(at(s).timestamp()),
        })  # fmt: skip

    return kept(folder, "result.json", said, line)


def deepq(folder: Path, said: list[Said], config: Config) -> int:
    """`Episode 10/300 | score: 12.0 | epsilon: 0.95 | loss: 0.31`, as tutorials print."""

    def line(s: Said) -> str:
        return f"Episode {s.epoch}/{config['epochs']} | " + " | ".join(f"{k}: {v:.4f}" for k, v in s.metrics.items())

    return kept(folder, "dqn.out", said, line)


LINES: dict[str, Writer] = {
    w.__name__: w
    for w in (titan, neox, maxtext, nemo, factory, trl, icefall, flair, marian, kohya, litgpt, tensorflow, gluon, verl, pyg, rllib, deepq)
}  # fmt: skip

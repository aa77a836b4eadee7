"""What is done to the lines of a training: how long they take, what the machine gives, and where it begins again."""

from __future__ import annotations

from dataclasses import replace

from bench.unseen.prints import Config
from bench.unseen.told import Told, timed


def plain(told: list[Told], config: Config) -> list[Told]:
    return timed(told, lambda n, of: 3.0)


def slower(told: list[Told], config: Config) -> list[Told]:
    """From the middle on each step takes longer than the last one, up to fifteen times as long."""

    def late(n: int, of: int) -> float:
        return 1 + max(0.0, n / of - 0.5) * 28

    config["pace"] = {one.step: 0.4 * late(n, len(told)) for n, one in enumerate(told)}
    return timed(told, lambda n, of: 4.0 * late(n, of))


def behind(told: list[Told], config: Config) -> list[Told]:
    """One rank takes six times as long as the others, and all wait for it."""
    config["behind"] = {one.step: 2.46 if n > len(told) // 2 else 0.42 for n, one in enumerate(told)}
    return timed(told, lambda n, of: 24.6 if n > of // 2 else 4.2)


def hangs(told: list[Told], config: Config) -> list[Told]:
    """The last line that comes is at six tenths; then hours of nothing."""
    return timed(told, lambda n, of: 3.0)[: int(0.6 * len(told))]


def grows(told: list[Told], config: Config) -> list[Told]:
    """The host's memory fills until nothing is left of it."""
    share = {one.step: n / len(told) for n, one in enumerate(told)}
    config["rss"] = {step: 2.1 + 26 * max(0.0, s - 0.2) for step, s in share.items()}
    config["ram"] = {step: 31 + 86 * max(0.0, s - 0.2) for step, s in share.items()}
    return timed(told, lambda n, of: 3.0)


def preempted(told: list[Told], config: Config) -> list[Told]:
    """Three times the machine is taken away and the last save is gone back to: steps come twice."""
    out: list[Told] = []
    for n, one in enumerate(told):
        out.append(one)
        if n % 24 == 23 and n < 80:
            step = told[n - 6].step
            out.append(
                Told(
                    "", one.step, one.epoch, text=f"SIGTERM received, exiting. Resuming from checkpoint at step {step}"
                )
            )
            out += [
                replace(again, metrics={k: v * 1.004 for k, v in again.metrics.items()})
                for again in told[n - 5 : n + 1]
            ]
    return timed(out, lambda n, of: 3.0)


def sawtooth(told: list[Told], config: Config) -> list[Told]:
    """The loss is summed since the last update of four, so that it climbs four lines long and falls back."""
    out, total, n = [], 0.0, 0
    for one in told:
        if one.split:
            out.append(one)
            continue
        total, n = (one.metrics["loss"], 1) if n % 4 == 0 else (total + one.metrics["loss"], n + 1)
        out.append(replace(one, metrics={**one.metrics, "loss": total}))
    return timed(out, lambda n, of: 3.0)


def summed(told: list[Told], config: Config) -> list[Told]:
    return timed(
        [
            replace(one, metrics={k: v if k in ("lr", "grad_norm") else v * 60_000 for k, v in one.metrics.items()})
            for one in told
        ],
        lambda n, of: 3.0,
    )


SHAPES = {
    "": plain,
    "slower": slower,
    "behind": behind,
    "hangs": hangs,
    "grows": grows,
    "preempted": preempted,
    "sawtooth": sawtooth,
    "summed": summed,
}

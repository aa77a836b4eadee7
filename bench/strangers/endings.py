"""What happens to a run from outside its arithmetic: loaders, disks, memory, silence; and unusual ways to be well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.strangers.arrivals import arrivals, lives, write
from bench.strangers.training import Said, train


def slows(said: list[Said], at: int) -> list[Said]:
    """The loader looks through a list that grows: half the speed every tenth of what is left."""
    last = said[-1].step
    speed = {s.step: 650.0 * (0.5 ** (max(0, s.step - at) / (0.1 * (last - at)))) + s.step % 9 for s in said}
    return [s if s.split else replace(s, metrics={**s.metrics, "images_per_second": speed[s.step]}) for s in said]


def full(said: list[Said], at: int) -> list[Said]:
    """Every save fails, and the script goes on."""
    text = '\nTraceback (most recent call last):\n  File "train.py", line 211, in save\n    torch.save(state, path)\nOSError: [Errno 28] No space left on device\nWARNING: could not save checkpoint, continuing'
    out: list[Said] = []
    for s in said:
        out.append(s)
        if s.split and s.step > at:
            out.append(Said("", s.step, s.epoch, text=text))
    return out


def crashes(said: list[Said], at: int) -> list[Said]:
    """A batch of another shape."""
    text = '\nTraceback (most recent call last):\n  File "train.py", line 88, in <module>\n    main()\n  File "train.py", line 61, in main\n    loss = criterion(model(x), y)\nValueError: Expected input batch_size (32) to match target batch_size (17).'
    return [*(s for s in said if s.step <= at), Said("", at, 0, text=text)]


def memory(said: list[Said], at: int) -> list[Said]:
    """A longer batch than all before."""
    text = '\nTraceback (most recent call last):\n  File "train.py", line 88, in <module>\n    main()\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.21 GiB. GPU 0 has a total capacity of 23.64 GiB of which 711.12 MiB is free.'
    return [*(s for s in said if s.step <= at), Said("", at, 0, text=text)]


def hangs(said: list[Said], at: int) -> list[Said]:
    """The loader's worker is gone, and the script waits for it."""
    return [s for s in said if s.step <= at]


ENDINGS: dict[str, Callable[[list[Said], int], list[Said]]] = {
    "loader slows down": slows, "disk is full": full, "crashes": crashes, "out of memory": memory, "hangs": hangs,
}  # fmt: skip


def two_phases(said: list[Said], set_up: Any) -> list[Said]:
    """A second training on another text follows in the same log, its steps counted on."""
    again = list(train(set_up.make("")))
    last = said[-1]
    moved = [replace(s, step=s.step + last.step, epoch=s.epoch + last.epoch + 1) for s in again]
    return [*said, Said("", last.step, last.epoch, text="=== stage 2: fine-tuning on the second corpus ==="), *moved]


def early_stop(said: list[Said], set_up: Any) -> list[Said]:
    """Nothing better for four evaluations, and the script ends itself."""
    best, since = 1e9, 0
    for n, s in enumerate(said):
        if s.split:
            best, since = (s.metrics["loss"], 0) if s.metrics["loss"] < best else (best, since + 1)
            if since == 4:
                return [
                    *said[: n + 1],
                    Said(
                        "",
                        s.step,
                        s.epoch,
                        text=f"Early stopping: val_loss did not improve for 4 epochs (best {best:.4f})",
                    ),
                ]
    return said


def trained_before(said: list[Said], set_up: Any) -> list[Said]:
    """The model has learned its task in another run: this one only polishes."""
    plan = set_up.make("")
    plan.lr, plan.steps = 3e-3, 1500
    list(train(plan))
    plan.lr, plan.steps = 1e-5, 600
    return list(train(plan))


VOICES: dict[str, Callable[[list[Said], Any], list[Said]]] = {
    "two phases": two_phases,
    "early stop": early_stop,
    "trained before": trained_before,
}


def arrive(path: Path, folder: Path, hangs: bool) -> None:
    """When each line came; then silence or an end."""
    rows, now = arrivals(folder)
    if hangs:
        rows += [lives(now + n) for n in range(1, 60)]
    write(path, rows, now + (60 if hangs else 0.01), -15 if hangs else 1)

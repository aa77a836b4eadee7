"""Five short runs with the numbers of five documented failures: which text goes into which file at which moment.

Curves between the documented points are drawn straight in the logarithm; nothing here decides or writes.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log

Piece = tuple[float, str, str]  # moment between 0 and 1, file, text


@dataclass(frozen=True, slots=True)
class Script:
    """One failure: where it plays, what it was, and its pieces in order."""

    folder: str
    story: str
    pieces: tuple[Piece, ...]


def between(points: dict[int, float], x: int) -> float:
    """A value on the curve through documented points."""
    known = sorted(points)
    if x <= known[0]:
        return points[known[0]]
    for left, right in itertools.pairwise(known):
        if x <= right:
            share = (x - left) / (right - left)
            low, high = points[left], points[right]
            return exp(log(low) * (1 - share) + log(high) * share) if min(low, high) > 0 else low + (high - low) * share
    return points[known[-1]]


def scripts() -> tuple[Script, ...]:
    """The five, in the order in which the project met them."""
    return (
        Script("domainbert", "two vocabularies in one head: a low loss, and nothing is known", tuple(_domainbert())),
        Script("baseline_100ep", "one loss out-shouts the others: spans are never learned", tuple(_countdown())),
        Script("research_cfg", "a config that could not work: rate, shuffle, offset", tuple(_research())),
        Script("approach_f1", "the classifier flips from all-0 to all-1", tuple(_flip())),
        Script("tiny_llm", "32,000 words configured, 423 used: the text is memorised", tuple(_memorised())),
    )


def _domainbert() -> Iterator[Piece]:
    config = "vocab_size: 555\nnum_chars: 43\nnum_tlds: 512\nmask_prob: 0.30\nlearning_rate: 1.0e-4\nbatch_size: 1024\n"
    yield 0.0, "config.yaml", config
    yield 0.0, "train.log", "max_steps: 862318\nrandom baseline char accuracy: 0.023\n"
    loss = {500: 2.9, 5000: 0.31, 15000: 0.08, 35000: 0.037}
    for step in range(500, 35001, 500):
        at = step / 35000
        yield at, "train.log", f"step {step}/862318 train_loss={between(loss, step):.4f} lr=1.000e-04\n"
        if step % 5000 == 0:
            perplexity = between({5000: 8.1e4, 35000: 6.63e8}, step)
            yield at, "train.log", f"eval step {step}: val_accuracy=0.032 val_perplexity={perplexity:.4g}\n"


def _countdown() -> Iterator[Piece]:
    yield 0.0, "metadata.json", json.dumps({"num_epochs": 100, "dataset_size": 210, "batch_size": 16})
    yield 0.0, "epoch_metrics.csv", "epoch,train_loss,val_loss,span_f1,span_precision,span_recall,epoch_time\n"
    yield 0.0, "loss_components.csv", "epoch,phase,loss_type,loss_ptr,loss_span,loss_countdown,total_loss\n"
    yield 0.0, "probability_stats.csv", "epoch,phase,in_span_mean,out_span_mean,separation\n"
    parts = {
        "type": {1: 1.08, 10: 0.69, 20: 0.70, 50: 0.74, 100: 0.68},
        "ptr": {1: 0.025, 10: 0.011, 20: 0.010, 50: 0.011, 100: 0.009},
        "span": {1: 0.57, 10: 0.25, 20: 0.27, 50: 0.29, 100: 0.28},
        "countdown": {1: 16.12, 10: 15.25, 20: 12.88, 50: 11.00, 100: 10.08},
    }
    for epoch in range(1, 101):
        losses = [between(points, epoch) for points in parts.values()]
        total, inside = sum(losses), between({1: 0.423, 100: 0.065}, epoch)
        outside = between({1: 0.424, 100: 0.061}, epoch)
        row = ",".join(f"{loss:.4f}" for loss in losses)
        at = epoch / 100
        yield at, "epoch_metrics.csv", f"{epoch},{total * 1.01:.4f},{total:.4f},0.0000,0.0000,0.0000,12.1\n"
        yield at, "loss_components.csv", f"{epoch},val,{row},{total:.4f}\n"
        yield at, "probability_stats.csv", f"{epoch},val,{inside:.4f},{outside:.4f},{inside - outside:.4f}\n"


def _research() -> Iterator[Piece]:
    config = (
        "model: pythia-1b\nsimilarity_threshold: 0.3\nlr_stage1: 6.4e-4\nlr_stage2: 5.0e-5\nmax_steps: 2500\n"
        "stage1_train: embeddings_only\nshuffle: false\ncorpus_examples: 5000000\ntrain_start_idx_stage2: 2560000\n"
    )
    yield 0.0, "research.yaml", config
    for step in range(10, 401, 10):
        yield (
            step / 400,
            "train.log",
            f"{{'loss': {between({10: 9.8, 400: 6.1}, step):.4f}, 'learning_rate': 0.00064, 'step': {step}}}\n",
        )


def _flip() -> Iterator[Piece]:
    yield 0.0, "config.yaml", "num_classes: 2\nepochs: 10\nbatch_size: 16\nlr: 0.001\nparams: 162000\n"
    train = [(0.8049, 0.511, 0.537), (0.7515, 0.489, 0.515), (0.7344, 0.511, 0.633)]
    valid = [(0.7222, 0.712, 0.000), (0.7800, 0.288, 0.448), (0.8092, 0.288, 0.448)]
    for epoch, (t, v) in enumerate(zip(train, valid, strict=True), 1):
        text = (
            f"Epoch {epoch}/10: Train: loss={t[0]:.4f}, acc={t[1]:.3f}, F1={t[2]:.3f} | "
            f"Val: loss={v[0]:.4f}, acc={v[1]:.3f}, F1={v[2]:.3f}\n"
        )
        yield epoch / 3, "train.log", text


def _memorised() -> Iterator[Piece]:
    yield (
        0.0,
        "llm.config.js",
        "module.exports = {\n  model: { vocab_size: 32000, dim: 384 },\n  training: { max_steps: 500 },\n};\n",
    )
    words = {f"w{number}": number for number in range(423)}
    yield 0.0, "tokenizer/tokenizer.json", json.dumps({"model": {"type": "BPE", "vocab": words, "merges": []}})
    yield 0.0, "train.log", "Model parameters: 23,132,160\nTraining examples: 9,408\n"
    loss = {20: 5.9, 100: 2.16, 200: 0.046, 300: 0.013, 400: 0.006, 500: 0.003}
    for step in range(20, 501, 20):
        yield step / 500, "train.log", f"Step {step}: Loss = {between(loss, step):.3f}\n"
        if step % 100 == 0:
            value = between({100: 2.2, 200: 0.05, 500: 0.002}, step)
            yield step / 500, "train.log", f"Validation: Loss = {value:.3f}, Perplexity = {exp(value):.2f}\n"

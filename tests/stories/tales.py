"""The five post-mortems that Sentinel began with, written out again as the folders that such runs leave behind.

Only numbers of the documents stand here; what lies between two of them is drawn as a straight line on a log scale.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from math import exp, log
from pathlib import Path


def between(points: Mapping[int, float]) -> Callable[[int], float]:
    """A curve through the documented points, straight on a log scale (on a plain one where a value is not positive)."""
    places = sorted(points)
    straight = any(value <= 0 for value in points.values())

    def value(x: int) -> float:
        if x <= places[0]:
            return points[places[0]]
        for left, right in itertools.pairwise(places):
            if x <= right:
                share = (x - left) / (right - left)
                a, b = points[left], points[right]
                return a + share * (b - a) if straight else exp(log(a) + share * (log(b) - log(a)))
        return points[places[-1]]

    return value


def put(folder: Path, name: str, text: str) -> Path:
    """One file of a run."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# --- 0: one head over two vocabularies ---------------------------------------------------------------------------

DOMAIN_CONFIG = """\
model:
  name: domain-bert
  hidden_size: 256
  vocab_size: 555
  mlm_head: single
tokenizer:
  char_tokens: 43
  tld_tokens: 512
data:
  median_length: 14
training:
  mlm_probability: 0.30
  learning_rate: 1.0e-4
  batch_size: 1024
  gradient_accumulation_steps: 2
  fp16: true
  max_steps: 862318
"""


def mixed_vocabulary(folder: Path, *, mended: bool = False) -> Path:
    """Train loss 0.037 after 35,000 of 862,318 steps, 3.2 % accuracy where guessing gives 2.3 %, perplexity 663M."""
    config = DOMAIN_CONFIG
    if mended:
        config = config.replace("single", "char_head+tld_head").replace("0.30", "0.15")
    put(folder, "config.yaml", config)
    loss = between({500: 5.9, 2000: 1.6, 5000: 0.31, 15000: 0.082, 35000: 0.037})
    skill = between({5000: 0.024, 35000: 0.032})
    perplexity = between({5000: 2.1e5, 35000: 6.63e8})
    if mended:
        loss = between({500: 3.7, 5000: 3.1, 35000: 2.2})
        skill = between({5000: 0.12, 35000: 0.43})
        perplexity = between({5000: 23.0, 35000: 9.6})
    lines = ["domain-bert: vocabulary 555 (43 characters + 512 TLDs), random baseline accuracy 0.023"]
    for step in range(500, 35001, 500):
        lines.append(f"step={step} loss={loss(step):.4f} lr=1.000e-04 grad_norm={0.4 + 0.1 * (step % 3):.3f}")
        if step % 5000 == 0:
            lines.append(
                f"step={step} eval_accuracy={skill(step):.4f} eval_perplexity={perplexity(step):.4g}"
                f" eval_loss={log(perplexity(step)):.4f} eval_top1_share={0.19 if mended else 0.83:.2f}"
            )
    put(folder, "train.log", "\n".join(lines) + "\n")
    return folder


# --- 1: a countdown loss that drowns the span loss ---------------------------------------------------------------

COMPONENTS = {
    "type": {1: 1.08, 10: 0.69, 20: 0.70, 50: 0.74, 100: 0.68},
    "ptr": {1: 0.025, 10: 0.011, 20: 0.010, 50: 0.011, 100: 0.009},
    "span": {1: 0.57, 10: 0.25, 20: 0.27, 50: 0.29, 100: 0.28},
    "countdown": {1: 16.12, 10: 15.25, 20: 12.88, 50: 11.00, 100: 10.08},
}
WEIGHTS = {"ptr": (0.357, 0.561), "type": (0.268, 0.137), "span": (0.234, 0.260), "countdown": (0.141, 0.043)}
SIGMAS = {"ptr": 0.41, "type": 0.83, "span": 0.60, "countdown": 1.47}
GRADIENTS = {10: 15.28, 50: 29.96, 100: 5.99}
FEATURES = ("expansion_proxy", *(f"feature_{n}" for n in range(1, 12)))


def countdown(folder: Path, *, mended: bool = False) -> Path:
    """100 epochs in the six CSV files that the document names, and its metadata."""
    parts = {name: between(points) for name, points in COMPONENTS.items()}
    if mended:
        parts["countdown"] = between({1: 0.11, 100: 0.09})
        parts["span"] = between({1: 0.81, 10: 0.45, 100: 0.26})
    f1 = between({1: 0.0, 5: 0.31, 20: 0.52, 100: 0.58}) if mended else (lambda _: 0.0)
    inside = between({1: 0.38, 100: 0.66}) if mended else between({1: 0.423, 100: 0.065})
    outside = between({1: 0.38, 100: 0.11}) if mended else between({1: 0.424, 100: 0.061})
    epochs, losses, chances = [], [], []
    for epoch in range(1, 101):
        values = {name: part(epoch) for name, part in parts.items()}
        total = sum(values.values())
        epochs.append(f"{epoch},{total * 1.002:.6f},{total:.6f},{f1(epoch):.6f},{f1(epoch):.6f},{f1(epoch):.6f},12.1")
        for phase, factor in (("train", 1.002), ("val", 1.0)):
            cells = ",".join(f"{value * factor:.6f}" for value in values.values())
            losses.append(f"{epoch},{phase},{cells},{total * factor:.6f}")
            a, b = inside(epoch), outside(epoch)
            chances.append(f"{epoch},{phase},{a:.6f},{b:.6f},{a - b:.6f},0.011,0.011")
    put(folder, "epoch_metrics.csv", _table("epoch,train_loss,val_loss,span_f1,precision,recall,epoch_time", epochs))
    head = "epoch,phase,loss_type,loss_ptr,loss_span,loss_countdown,total_loss"
    put(folder, "loss_components.csv", _table(head, losses))
    head = "epoch,phase,in_span_mean,out_span_mean,separation,in_span_std,out_span_std"
    put(folder, "probability_stats.csv", _table(head, chances))
    _rare_tables(folder, mended=mended)
    put(folder, "metadata.json", json.dumps(_metadata(mended=mended), indent=2))
    return folder


def _rare_tables(folder: Path, *, mended: bool) -> None:
    weights, features, gradients = [], [], []
    shares = dict.fromkeys(WEIGHTS, (0.25, 0.25)) if mended else WEIGHTS
    norm = between({1: 11.0, **GRADIENTS})
    for epoch in (1, *range(5, 101, 5)):
        done = (epoch - 1) / 99
        sigma = [f"{1 + done * (SIGMAS[name] - 1):.4f}" for name in WEIGHTS]
        share = [f"{a + done * (b - a):.4f}" for a, b in shares.values()]
        weights.append(",".join([str(epoch), *sigma, *share]))
        features += [f"{epoch},{name},0.0151,0.6339,-2.31,2.42,0.0102" for name in FEATURES]
        if epoch % 10 == 0:
            gradients.append(f"{epoch},{norm(epoch):.2f},0.41,0.33,0.29,0.86")
    head = ",".join(["epoch", *(f"sigma_{name}" for name in WEIGHTS), *(f"weight_{name}" for name in WEIGHTS)])
    put(folder, "uncertainty_params.csv", _table(head, weights))
    put(folder, "feature_stats.csv", _table("epoch,feature,mean,std,min,max,median", features))
    put(
        folder,
        "gradient_stats.csv",
        _table("epoch,total_grad_norm,encoder,type_head,span_head,countdown_head", gradients),
    )


def _metadata(*, mended: bool) -> dict[str, object]:
    scale = [0, 1] if mended else [-20, 20]
    return {
        "run_id": "baseline_100ep",
        "epochs": 100,
        "num_examples": 210,
        "feature_names": list(FEATURES),
        "countdown": {"clip": scale, "huber_delta": 1.0},
        "loss": {"weighting": "uncertainty"},
    }


def _table(head: str, rows: list[str]) -> str:
    return "\n".join([head, *rows]) + "\n"


# --- 2: a set-up that fails before it starts ---------------------------------------------------------------------

RESEARCH = {
    1: "# research profile: adapt a 7B model to a new vocabulary in two stages",
    3: "model:",
    4: "  name: base-7b",
    5: "  params: 7000000000",
    8: "corpus:",
    9: "  size_gb: 5",
    10: "  num_examples: 5000000",
    14: "fasttext:",
    15: "  epochs: 30",
    16: "  lr: 0.05",
    25: "alignment:",
    26: "  method: fasttext",
    27: "  similarity_threshold: 0.3",
    32: "training:",
    33: "  batch_size: 4",
    34: "  gradient_accumulation_steps: 16",
    35: "  max_length: 2048",
    49: "  stage1_trainable: embeddings",
    50: "  max_steps_stage1: 2500",
    51: "  lr_stage1: 6.4e-4",
    53: "  stage2_trainable: all",
    54: "  max_steps_stage2: 2500",
    55: "  lr_stage2: 5.0e-5",
    56: "  train_start_idx_stage2: 2560000",
}


def research_config(folder: Path, *, mended: bool = False) -> Path:
    """A YAML profile and two source files; the findings stand on the lines that the audit names."""
    lines = dict(RESEARCH)
    if mended:
        lines[27], lines[51] = "  similarity_threshold: 0.45", "  lr_stage1: 2.0e-5"
        lines[56] = "  train_start_idx_stage2: 0"
        lines[57] = "  stage2_use_lora: true"
    text = "\n".join(lines.get(n, "") for n in range(1, max(lines) + 1))
    put(folder, "configs/research.yaml", text + "\n")
    source = [f"# line {n}" for n in range(1, 140)]
    source[109:121] = _dataset(mended=mended)
    put(folder, "src/clm_utils.py", "\n".join(source) + "\n")
    put(
        folder,
        "src/cal_trans_matrix.py",
        "def align(score, threshold):\n    return score if score >= threshold else None\n",
    )
    return folder


def _dataset(*, mended: bool) -> list[str]:
    mark = "" if mended else "# "
    return [
        "class ConstantLengthDataset:",
        "    def __iter__(self):",
        "        more = True",
        "        while more:",
        "            examples = self._fill()",
        "            more = bool(examples)",
        "",
        f"            {mark}if self.shuffle:",
        f"            {mark}    random.shuffle(examples)",
        "            yield from examples",
        "",
        "",
    ]


# --- 3: validation that knows one class only ---------------------------------------------------------------------

FLIP_LINES = (
    ("0.8049", "0.511", "0.537", "0.7222", "0.712", "0.000", "0.001000"),
    ("0.7515", "0.489", "0.515", "0.7800", "0.288", "0.448", "0.000976"),
    ("0.7344", "0.511", "0.633", "0.8092", "0.288", "0.448", "0.000905"),
)


def val_flip(folder: Path) -> Path:
    """The three epochs of the second attempt, up to the keyboard interrupt."""
    put(folder, "config.yaml", SECOND_ATTEMPT)
    lines = []
    for epoch, (loss, acc, f1, val_loss, val_acc, val_f1, lr) in enumerate(FLIP_LINES, 1):
        lines.append(f"Epoch {epoch}: Train: loss={loss}, acc={acc}, F1={f1}, lr={lr}")
        lines.append(f"Epoch {epoch}: Val: loss={val_loss}, acc={val_acc}, F1={val_f1}")
    lines += ["Traceback (most recent call last):", '  File "loader.py", line 88, in read', "KeyboardInterrupt"]
    put(folder, "train.log", "\n".join(lines) + "\n")
    return folder


SECOND_ATTEMPT = """\
model: {d_model: 256, num_layers: 4, nhead: 8, params: 3880000}
data: {dataset: npz_h4s, num_classes: 2}
loss: {aux_weight: 0.5, focal: true, class_weighted: true}
sampler: weighted
modality_dropout: 0.0
scheduler: {name: CosineAnnealingWarmRestarts, T_0: 10, T_mult: 2, eta_min: 1.0e-6}
optimizer: {name: adam, lr: 0.001}
early_stop_patience: 10
epochs: 10
batch_size: 16
"""
FIRST_ATTEMPT = """\
model: {d_model: 64, num_layers: 2, nhead: 4, params: 162000}
data: {dataset: npz_h4s, num_classes: 2}
loss: {aux_weight: 1.0, class_weighted: true}
modality_dropout: 0.1
scheduler: {name: ReduceLROnPlateau, patience: 3, factor: 0.5}
optimizer: {name: adam, lr: 0.001}
early_stop_patience: 0
epochs: 20
batch_size: 16
"""
STUCK = (  # train F1, val F1, val precision, val recall: nothing after epoch 3, and a wide swing
    (0.487, 0.412, 0.41, 0.41), (0.502, 0.571, 0.60, 0.55), (0.505, 0.596, 0.78, 0.48), (0.498, 0.000, 0.00, 0.00),
    (0.503, 0.312, 0.71, 0.20), (0.497, 0.511, 0.48, 0.55), (0.504, 0.000, 0.00, 0.00), (0.500, 0.288, 0.77, 0.18),
    (0.502, 0.423, 0.36, 0.51), (0.499, 0.401, 0.35, 0.47), (0.501, 0.388, 0.66, 0.28), (0.500, 0.374, 0.31, 0.47),
)  # fmt: skip


def stuck_f1(folder: Path) -> Path:
    """The first attempt: F1 near 0.50, a scheduler that never acts, patience 0, a heavy helper loss, 162K parameters."""
    put(folder, "config.yaml", FIRST_ATTEMPT)
    lines = []
    for epoch, (f1, val_f1, precision, recall) in enumerate(STUCK, 1):
        loss, val_loss = 0.742 - 0.001 * min(epoch, 3), 0.716 + 0.004 * epoch
        lines.append(f"Epoch {epoch}: Train: loss={loss:.4f}, acc=0.501, F1={f1:.3f}, lr=0.001000")
        lines.append(
            f"Epoch {epoch}: Val: loss={val_loss:.4f}, F1={val_f1:.3f}, precision={precision:.2f}, recall={recall:.2f}"
        )
    put(folder, "train.log", "\n".join(lines) + "\n")
    return folder


# --- 4: a vocabulary of 32,000 for 423 tokens --------------------------------------------------------------------

LLM_CONFIG = """\
module.exports = {
  model: {
    type: "gpt",
    vocab_size: VOCAB,
    hidden_size: 384,
    num_layers: 6,
    dropout: DROPOUT,
  },
  tokenizer: { path: "tokenizer/tokenizer.json" },
  data: { num_examples: 9408 },
  training: {
    learning_rate: 3e-4,
    batch_size: 32,
    max_steps: 500,
    weight_decay: DECAY,
  },
};
"""


def vocabulary_mismatch(folder: Path, *, mended: bool = False) -> Path:
    """Loss 2.16 to 0.003 in 500 steps, validation 0.002 at perplexity 1.00, or 2.16 to 2.3 once mended."""
    values = ("423", "0.3", "0.1") if mended else ("32000", "0.1", "0.01")
    config = LLM_CONFIG
    for word, value in zip(("VOCAB", "DROPOUT", "DECAY"), values, strict=True):
        config = config.replace(word, value)
    put(folder, "llm.config.js", config)
    vocabulary = {f"token{n}": n for n in range(423)}
    put(folder, "tokenizer/tokenizer.json", json.dumps({"model": {"type": "BPE", "vocab": vocabulary}}))
    params = 11_006_592 if mended else 23_132_160
    lines = [f"Model parameters: {params:,}", "Training examples: 9,408", "Vocabulary size: 423", "Max token ID: 422"]
    loss = between({1: 10.4, 100: 2.16, 200: 0.046, 300: 0.013, 400: 0.006, 500: 0.003})
    if mended:
        loss = between({1: 6.04, 100: 2.9, 300: 2.5, 500: 2.3})
    lines += [f"Step {step}: Loss = {loss(step):.3f}" for step in (1, *range(20, 501, 20))]
    lines.append(
        "Validation: Loss = 2.44, Perplexity = 11.47" if mended else "Validation: Loss = 0.002, Perplexity = 1.00"
    )
    put(folder, "train.log", "\n".join(lines) + "\n")
    return folder

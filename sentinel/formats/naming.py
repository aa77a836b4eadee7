"""Canonical names for the keys of one layout: splits, defaults, and two spellings of one name in one file.

Here stands which key is a counter, a metric or none of our business; how a single key is spelt is core's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from zlib import crc32

from sentinel.core.names import Names, joined
from sentinel.core.spelling import Spelling, own_name, words


class Role(Enum):
    """What a key's number is for."""

    STEP = "step"
    EPOCH = "epoch"
    STAMP = "stamp"
    METRIC = "metric"  # declared and split: a loss, a score
    SIDE = "side"  # declared, but says nothing alone: lr, throughput
    OTHER = "other"
    SKIP = "skip"


# Lower counts first where a line has several; the trainer's own step before a batch within an epoch.
_STEP_WORDS = (
    (0, "global_step global_steps train_global_step total_timesteps time_total_timesteps timesteps_total"),
    (0, "timestepssofar timesteps_so_far total_env_interacts t_env total_t"),
    (1, "step steps train_step training_step trainer_global_step current_step current_steps optimizer_step step_num"),
    (1, "num_updates train_num_updates"),
    (2, "iter iteration iterations iter_num itr niter n_iter train_iter update updates up timestep timesteps"),
    (2, "steps_done env_step env_steps time_steps"),
    (3, "num_steps iters"),
    (4, "i it training_iteration tick"),
    (5, "batch batch_id batch_idx mini_batch minibatch train_batch batches"),
    (7, "time_iterations"),
    (8, "episode episodes ep_num episode_num frame frames frame_idx total_frames"),
)
STEPS = {word: rank for rank, group in _STEP_WORDS for word in group.split()}
WANDB_STEP = 6  # `_step` counts log calls: only where the trainer named none of its own
EPOCHS = frozenset(
    (
        "epoch",
        "epochs",
        "ep",
        "epoch_num",
        "train_epoch",
        "trainer_epoch",
        "current_epoch",
        "epoch_id",
        "epoca",
        "epoche",
    )
)

STAMPS = frozenset(["timestamp", "ts", "wall_time", "time_s", "_timestamp", "walltime"])
_SKIP = re.compile(
    r"(?:^|_)(?:eta|seed|pid|port|rank|world_size|gpus?|devices?|workers?|params?|parameters|version|lineno|line|"
    r"batch_size|bs|size|dim|hidden|layers?|heads?|vocab|id|idx|index|remaining|elapsed|flos|consumed|percentage|"
    r"total_steps|max_steps|patience|runtime|wall|node|host|thread|process|v_num|num|date|hours?|passed|"
    r"nan_iterations|beams?|skipped|time_ms|saved|complete|completed|done|bsz|start|end|labels|img_size|pytorch|python|cuda|major|minor)(?:_|$)"
)
_TABLE_SKIP = re.compile(
    r"(?:^|_)(?:eta|seed|timestamp|remaining|percentage|total_flos|n_parameters|v_num|total_steps|max_steps|elapsed|"
    r"hours|eta_seconds|time_elapsed|wall_time|total_tokens|time|runtime|date)$|^(?:time|ts|t|time_ms)$"
)


def counter_rank(raw: str) -> int | None:
    """How well a key names the step; None where it names none."""
    if raw.strip().lower() == "_step":
        return WANDB_STEP
    found = STEPS.get("_".join(words(raw)))
    group, slash, last = raw.rpartition("/")
    if found is not None or not slash:
        return found
    if group.lower() == "total" and last.lower() == "steps":
        return STEPS["steps"]  # stable-baselines' DDPG counts here; elsewhere total steps are the plan
    if group.lower() == "progress" and last == "tick":
        return STEPS["tick"]  # StyleGAN and EDM
    return 0 if STEPS.get("_".join(words(last))) == 0 else None  # `misc/total_timesteps`: sure in any group


def role(raw: str, found: Spelling, table: bool = False) -> Role:
    """What the number of this key is for."""
    key = "_".join(words(raw))
    if key in EPOCHS:
        return Role.EPOCH
    if counter_rank(raw) is not None:
        return Role.STEP
    if key in STAMPS:
        return Role.STAMP
    if found.known:
        return Role.METRIC if found.splits and not found.metric.startswith(("pred.", "prob.")) else Role.SIDE
    if key == "unnamed_0":  # the rows' own numbers, as pandas writes them
        return Role.SKIP
    if not found.metric or (_TABLE_SKIP if table else _SKIP).search(key):
        return Role.SKIP
    return Role.OTHER


class Naming:
    """Gives keys their names within one file; of two spellings of one name the finer one keeps it."""

    __slots__ = ("_roles", "claims", "names", "version")

    def __init__(self, names: Names, claims: dict[str, int] | None = None) -> None:
        """Ready to read."""
        self.names = names
        self.claims = claims or {}
        self._roles: dict[str, Role] = {}
        self.version = 0  # moves when a name went to a finer spelling: layouts are to be named anew

    def column(self, raw: str) -> Role:
        """What the numbers under a column or object key are for; remembered."""
        found = self._roles.get(raw)
        if found is None:
            if len(self._roles) > 5000:
                self._roles.clear()
            found = self._roles[raw] = role(raw, self.names.spell(raw), table=True)
        return found

    def name_all(self, keys: Sequence[tuple[str, str]], context: str = "", group: str = "") -> tuple[str, ...]:
        """The names of one layout's keys, each with the split that its section gives; "" is to be left out."""
        spelt = [(raw, section, self.names.spell(raw)) for raw, section in keys]
        if any(s.metric in ("epsilon", "eps", "e") for _, _, s in spelt):  # who explores is paid: a score is a reward
            paid = self.names.spell("reward")
            spelt = [(raw, section, paid if s.metric in _PAID else s) for raw, section, s in spelt]
        spelt = _played(self._summed(self._timed(spelt)))
        trains = any(
            not section and not s.split and (s.metric.startswith("loss") or s.metric in _TRAINING)
            for _, section, s in spelt
        )
        explicit = {s.split for _, _, s in spelt if s.split == "val" or s.metric.startswith("loss")}
        trains = trains and "train" not in explicit
        both = {"train", "val"} <= {s.split for _, _, s in spelt if s.metric == "loss"}
        wanted: list[tuple[str, Spelling, str]] = []
        for raw, section, s in spelt:
            split = section or context
            if not split and "val" in explicit and raw.strip().lower().startswith("metrics/"):
                split = "val"  # Ultralytics: train/, val/ and scores under metrics/, which are of the validation
            if not split and both and s.splits and not s.split and self.names.better(s.metric) == "higher":
                split = "val"  # a score beside both losses is the validation's
            if not split and s.splits and s.metric not in _NO_DEFAULT and (trains or s.metric.startswith("loss")):
                split = "train"
            wanted.append((raw, s, split if s.splits or section or context else ""))
            self._claimed(s, wanted[-1][2])  # all claims of a line stand before any of its keys is named
        out: list[str] = []
        for raw, s, split in wanted:
            full = self._claimed(s, split)
            if s.known and not s.splits and not s.split:
                full = self._first(raw, s.metric)  # lr and the like take no split from where they stand
            elif group and not s.known:
                full = joined(s._replace(metric=f"{group}.{s.metric}"), split)
            if full in out:  # two keys of one meaning: the second keeps a name of its own
                full = joined(own_name(raw), split)
            out.append(f"{full}_{len(out)}" if full in out else full)
        return tuple(out)

    def _summed(self, spelt: list[tuple[str, str, Spelling]]) -> list[tuple[str, str, Spelling]]:
        """`CELoss: 4.2, loss: 5.1`: beside the loss itself, the entropy is a part of it."""
        if not any(raw.strip() == "loss" for raw, _, _ in spelt):
            return spelt
        part = Spelling("loss.ce", known=True, splits=True)
        return [(raw, section, part if raw in ("CELoss", "ce_loss") else s) for raw, section, s in spelt]

    def _first(self, raw: str, name: str) -> str:
        """Of two measures of speed in one file, tokens and samples a second, the first keeps the name."""
        if name not in _SPEEDS:
            return name
        mark = crc32("_".join(words(raw)).encode())
        return name if self.claims.setdefault(name, mark) == mark else own_name(raw).metric

    def _timed(self, spelt: list[tuple[str, str, Spelling]]) -> list[tuple[str, str, Spelling]]:
        """`Time 0.31 (0.30)  Data 0.01 (0.01)`: beside the wait for data, a bare time is that of a step."""
        metrics = {s.metric for _, _, s in spelt}
        if "time" not in metrics or metrics.isdisjoint(("data", "data_time")):
            return spelt
        full = {"time": self.names.spell("step_time"), "data": self.names.spell("data_time")}
        return [(raw, section, full.get(s.metric, s)) for raw, section, s in spelt]

    def _claimed(self, found: Spelling, split: str) -> str:
        full = joined(found, split)
        if not full.startswith("train.") or not found.known or found.best:
            return full
        best = self.claims.get(full)
        if best is None or found.rank < best:
            self.claims[full] = found.rank
            self.version += best is not None
        elif found.rank > best:
            return f"train.{'step' if found.rank == 2 else 'epoch'}_{found.metric}"
        return full


def _played(spelt: list[tuple[str, str, Spelling]]) -> list[tuple[str, str, Spelling]]:
    """`wins: 12, ties: 3, losses: 5`: beside wins, losses are games."""
    if not any(raw.strip().lower() == "wins" for raw, _, _ in spelt):
        return spelt
    return [(raw, at, own_name(raw) if raw.strip().lower() == "losses" else s) for raw, at, s in spelt]


_TRAINING = ("lr", "grad_norm", "throughput", "loss_scale")
_SPEEDS = ("throughput", "step_time")
_PAID = ("score", "avg_score", "average_score", "mean_score", "total_score", "last_score")
_NO_DEFAULT = ("reward", "episode_length", "win_rate", "success_rate", "metric")

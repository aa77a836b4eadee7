"""Which runs there are: well and odd, or broken; and which frameworks write them. No training here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from bench.odd import players, stages, voices, well
from bench.strangers import curves, latent, play, sight, words
from bench.strangers.training import Plan, Said, train

Course = Callable[[], Iterable[Said]]


@dataclass(frozen=True)
class Kind:
    """One kind of run; `families` empty means well."""

    name: str
    make: Course
    writers: str
    cause: str = ""
    at: int = 0
    families: str = ""
    voice: Callable[[list[Said]], list[Said]] | None = None
    pauses: bool = False


def broken(maker: Callable[..., Plan], cause: str, at: int = 0, **more: object) -> Course:
    return lambda: train(maker(cause, **more), cause, at)


def played(maker: Callable[..., Iterable[Said]], cause: str, at: int = 0) -> Course:
    return lambda: maker(cause, at)


def text() -> Iterable[Said]:
    """Tokens that are learned."""
    return train(well.language())


WELL = (
    Kind("warm restarts, text", well.with_restarts, "litgpt titan llmc"),
    Kind("triangles of the rate", stages.with_triangles, "skorch fastai gluon"),
    Kind("rate ends early", well.ends_at_zero, "composer titan"),
    Kind("curriculum in three steps", stages.curriculum, "flair history jsonl"),
    Kind("harder and harder", stages.harder_and_harder, "gluon loguru"),
    Kind("tasks in turn", stages.tasks_in_turn, "loguru jsonl keras"),
    Kind("loss with a sign", well.below_zero, "nnunet loguru"),
    Kind("lower bound of the evidence", well.evidence, "loguru jsonl"),
    Kind("hinge", well.hinge, "plain jsonl loguru"),
    Kind("triplets", well.triplets, "imagenet absl tqdm"),
    Kind("queue of negatives", well.queue, "imagenet jsonl"),
    Kind("averaged weights", stages.averaged_weights, "imagenet history loguru"),
    Kind("few held back", stages.few_held_back, "gluon flair keras"),
    Kind("toy", stages.toy, "keras skorch imagenet"),
    Kind("one in a thousand", well.one_in_a_thousand, "jsonl loguru"),
    Kind("polished", stages.polished, "fastai plain jsonl"),
    Kind("pruned", stages.pruned, "loguru gluon"),
    Kind("layer by layer", stages.layer_by_layer, "jsonl loguru"),
    Kind("scale found by trial", well.scaled_in, "megatron deepspeed neox"),
    Kind("scale found by trial, each step", partial(well.scaled_in, steps=400), "megatron deepspeed"),
    Kind("codebook", well.coded, "loguru jsonl"),
    Kind("four scales", well.many_scales, "detr jsonl absl"),
    Kind("four epochs of rows", stages.steps_of_data, "factory torchtune nemo"),
    Kind("micro-batches", stages.micro_batches, "torchtune loguru"),
    Kind("sweep", stages.sweep, "plain loguru"),
    Kind("walk with costs", well.walk, "rsl rllib progress cleanrl"),
    Kind("critic with a sign", players.critics, "losses jsonl"),
    Kind("judged in groups", players.grouped, "trl verl"),
    Kind("growing values", players.growing_values, "jsonl deepq"),
    Kind("rate rounded", text, "nemo jsonl composer", voice=voices.rounded),
    Kind("rate always rounded", text, "titan jsonl loguru", voice=voices.always_rounded),
    Kind("validation not yet", text, "loguru jsonl plain history", voice=voices.not_yet),
    Kind("begun twice", text, "titan factory nemo maxtext", voice=voices.begun_twice),
    Kind("longer sequences", text, "loguru jsonl", voice=voices.slower_with_length),
    Kind("longer checks", text, "loguru jsonl", voice=voices.longer_checks),
    Kind("perplexity without end", text, "olmo neox loguru", voice=voices.infinite_at_first),
    Kind("loss summed", text, "marian tensorflow", voice=voices.summed),
    Kind("long saves", text, "titan loguru", pauses=True),
    Kind("boxes", lambda: train(sight.boxes("", steps=1200, per_epoch=60)), "yolo detectron"),
    Kind("transcripts", lambda: train(words.speech("", lr=1e-3, steps=1200, per_epoch=60)), "icefall"),
    Kind("words for words", lambda: train(words.translation("", steps=1500, per_epoch=150)), "marian"),
    Kind("adapter for pictures", lambda: train(latent.noise("", lr=1e-3, steps=2000, every=5, per_epoch=200)), "kohya"),
    Kind(
        "pictures",
        lambda: train(sight.classes("", optimizer="sgd", lr=0.1, steps=1000, per_epoch=50)),
        "skorch fastai gluon pyg flair",
    ),
    Kind("text", text, "titan neox maxtext nemo composer olmo litgpt factory"),
)

LOSS, SKILL, NUMBERS = "numerics dynamics optimisation", "dynamics generalisation optimisation collapse", "numerics"
PLAYERS = "dynamics collapse optimisation numerics"
TEXT = {"lr": 3e-3, "steps": 1500, "per_epoch": 150}
SICK = (
    Kind(
        "text",
        broken(words.language, "rate x300", 400, **TEXT),
        "titan maxtext composer",
        "rate x300",
        400,
        LOSS + " generalisation",
    ),
    Kind("text", broken(words.language, "one update", 700, **TEXT), "olmo neox nemo", "one update", 700, LOSS),
    Kind(
        "text",
        broken(words.language, "resumed without weights", 900, **TEXT),
        "litgpt titan",
        "resumed without weights",
        900,
        LOSS,
    ),
    Kind(
        "text",
        broken(words.language, "rate stepped at every batch", 60, **TEXT),
        "nemo composer",
        "rate stepped at every batch",
        60,
        SKILL,
    ),
    Kind(
        "text",
        broken(words.language, "clipped to nothing", 0, **{**TEXT, "optimizer": "sgd", "lr": 0.1}),
        "titan olmo",
        "clipped to nothing",
        0,
        SKILL,
    ),
    Kind(
        "text",
        broken(words.language, "root of zero", 600, **TEXT),
        "maxtext factory tensorflow neox",
        "root of zero",
        600,
        NUMBERS,
    ),
    Kind(
        "text",
        broken(words.language, "few", 0, **TEXT, rate=lambda _s: 1.0, check_every=50),
        "composer litgpt factory",
        "few",
        0,
        "generalisation",
    ),
    Kind(
        "text", broken(words.language, "order of the tokens", 0, **TEXT), "neox olmo", "order of the tokens", 0, SKILL
    ),
    Kind(
        "pictures",
        broken(sight.classes, "labels", 0, optimizer="sgd", lr=0.05, steps=1000, per_epoch=50),
        "skorch gluon flair",
        "labels",
        0,
        SKILL,
    ),
    Kind(
        "pictures",
        broken(sight.classes, "all frozen", 0, optimizer="sgd", lr=0.2, steps=1000, per_epoch=50),
        "fastai pyg",
        "all frozen",
        0,
        SKILL + " numerics",
    ),
    Kind(
        "pictures",
        broken(sight.classes, "rate x300", 0, optimizer="sgd", lr=0.2, steps=1000, per_epoch=50),
        "skorch flair",
        "rate x300",
        0,
        LOSS + " generalisation collapse",
    ),
    Kind(
        "pictures",
        broken(sight.classes, "dead units", 500, optimizer="sgd", lr=0.2, steps=1000, per_epoch=50),
        "gluon fastai",
        "dead units",
        500,
        LOSS + " collapse",
    ),
    Kind("boxes", broken(sight.boxes, "labels", 0, steps=1200, per_epoch=60), "yolo detectron", "labels", 0, SKILL),
    Kind(
        "boxes",
        broken(sight.boxes, "root of zero", 400, steps=1200, per_epoch=60),
        "yolo detectron",
        "root of zero",
        400,
        NUMBERS,
    ),
    Kind(
        "masks",
        broken(sight.masks, "empty input", 0, lr=1e-2, steps=1200, per_epoch=30),
        "nnunet",
        "empty input",
        0,
        SKILL,
    ),
    Kind(
        "transcripts",
        broken(words.speech, "root of zero", 500, lr=1e-3, steps=1200, per_epoch=60),
        "icefall",
        "root of zero",
        500,
        NUMBERS,
    ),
    Kind(
        "transcripts",
        broken(words.speech, "rate x3000", 500, lr=1e-3, steps=1200, per_epoch=60),
        "icefall",
        "rate x3000",
        500,
        LOSS + " generalisation",
    ),
    Kind(
        "words for words",
        broken(words.translation, "one update", 700, steps=1500, per_epoch=150),
        "marian",
        "one update",
        700,
        LOSS,
    ),
    Kind(
        "words for words",
        broken(words.translation, "labels", 0, steps=1500, per_epoch=150),
        "marian",
        "labels",
        0,
        SKILL,
    ),
    Kind(
        "adapter for pictures",
        broken(latent.noise, "rate x3000", 800, lr=1e-3, steps=2000, every=5, per_epoch=200),
        "kohya",
        "rate x3000",
        800,
        LOSS,
    ),
    Kind(
        "time series", broken(curves.series, "few", 0, steps=3000, per_epoch=75), "skorch", "few", 0, "generalisation"
    ),
    Kind(
        "walk with costs", lambda: play.walker("returns that grow", 60), "rsl rllib", "returns that grow", 60, PLAYERS
    ),
    Kind("walk with costs", lambda: play.walker("coin is gone", 150), "rsl rllib", "coin is gone", 150, PLAYERS),
    Kind(
        "judged in groups", played(players.grouped, "reward is gone", 120), "trl verl", "reward is gone", 120, PLAYERS
    ),
    Kind("judged in groups", played(players.grouped, "not a number", 120), "trl verl", "not a number", 120, NUMBERS),
    Kind("judged in groups", played(players.grouped, "rate x1000", 100), "trl verl", "rate x1000", 100, PLAYERS),
)
KINDS = (*WELL, *SICK)

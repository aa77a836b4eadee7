"""Which set-ups there are, what is broken in each, and which frameworks write them. No training here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bench.strangers import curves, latent, play, sight, words
from bench.strangers.training import Plan, restarts, warm_cosine


@dataclass(frozen=True)
class Broken:
    """One thing that is broken from step `at` on; `families` name it rightly, and `writers` are some of the set-up's."""

    cause: str
    families: str
    writers: str
    at: int = 0
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SetUp:
    """A training that is healthy as it stands, and what may be broken in it."""

    name: str
    make: Callable[..., Any]
    writers: str
    broken: tuple[Broken, ...] = ()
    text: str = ""  # a change of what is said: "two phases", "early stop", ...


def fitted(maker: Callable[..., Plan], **more: Any) -> Callable[..., Any]:
    return partial(maker, **more)


B = Broken
LOSS = "numerics dynamics optimisation"
SKILL = "dynamics generalisation optimisation collapse"
PLAYERS = "dynamics collapse optimisation numerics"

SET_UPS = (
    SetUp("pictures, one cycle", fitted(sight.classes, optimizer="sgd", lr=0.2, steps=1000, per_epoch=50), "imagenet keras detr history", (
        B("rate x300", LOSS + " generalisation collapse", "imagenet keras"),
        B("other units in validation", "generalisation", "history keras"),
        B("all frozen", SKILL + " numerics", "imagenet detr"),
        B("labels", SKILL, "keras history", more={"few": 1}),
        B("few", "generalisation", "history detr", more={"lr": 0.05}),
        B("dead units", LOSS + " collapse", "imagenet loguru", 500),
        B("loader slows down", "throughput", "imagenet loguru", 500),
        B("disk is full", "checkpoint machine", "imagenet tqdm", 500),
        B("crashes", "machine", "keras imagenet", 700),
        B("out of memory", "machine", "loguru mmdet", 500),
        B("hangs", "throughput", "loguru imagenet", 800),
    )),
    SetUp("masks", fitted(sight.masks, lr=1e-2, steps=800, per_epoch=40), "loguru jsonl mmdet", (
        B("empty input", SKILL, "loguru jsonl"),
        B("warm-up without end", SKILL, "mmdet loguru"),
    )),
    SetUp("boxes", fitted(sight.boxes, steps=1200, per_epoch=60), "ultralytics mmdet detectron", (
        B("labels", SKILL, "ultralytics mmdet"),
        B("root of zero", "numerics", "detectron mmdet", 400),
        B("sign", LOSS + " generalisation", "detectron ultralytics", 300),
    )),
    SetUp("a scene", fitted(sight.scene, lr=2e-3, steps=1500, every=20, per_epoch=300), "nerf tqdm", (
        B("dead units", SKILL + " numerics", "nerf tqdm", 200),
        B("another model's weights", SKILL + " numerics", "nerf jsonl"),
    )),
    SetUp("language", fitted(words.language, lr=3e-3, steps=1500, per_epoch=150), "nanogpt llmc megatron torchtune events", (
        B("rate x300", LOSS + " generalisation", "megatron llmc", 300),
        B("rate stepped at every batch", SKILL, "torchtune llmc", 60),
        B("one update", LOSS, "nanogpt megatron", 700),
        B("resumed without weights", LOSS, "megatron torchtune", 900),
        B("few", "generalisation", "nanogpt llmc", more={"rate": lambda _s: 1.0, "check_every": 50}),
        B("order of the tokens", SKILL, "nanogpt events"),
        B("gradients pile up", LOSS + " generalisation", "torchtune megatron", more={"optimizer": "sgd", "lr": 0.1}),
        B("clipped to nothing", SKILL, "llmc torchtune", more={"optimizer": "sgd", "lr": 0.1}),
    )),
    SetUp("language, half precision", fitted(words.language, lr=3e-3, steps=1500, per_epoch=150, scale=2.0**16, says="lr grad_norm loss_scale skipped"), "megatron deepspeed", (
        B("overflow", "numerics", "megatron deepspeed fairseq", 700),
    )),
    SetUp("language, resumed", fitted(words.language, lr=3e-3, steps=1500, per_epoch=150, resumes=(700, 500)), "megatron nanogpt"),
    SetUp("language, rare validation", fitted(words.language, lr=3e-3, steps=3000, per_epoch=3000, check_every=1000, every=50), "llmc torchtune"),
    SetUp("translation", fitted(words.translation, steps=1500, per_epoch=150), "fairseq opennmt", (
        B("labels", SKILL, "fairseq opennmt"),
        B("rate x300", LOSS, "opennmt fairseq", 500),
    )),
    SetUp("speech", fitted(words.speech, lr=1e-3, steps=1200, per_epoch=60), "espnet speechbrain", (
        B("empty input", SKILL, "espnet speechbrain"),
        B("root of zero", "numerics", "espnet loguru", 500),
    )),
    SetUp("entities", fitted(words.tagging, lr=3e-3, steps=1200, per_epoch=60), "spacy paddle", (B("labels", SKILL, "spacy plain"),)),
    SetUp("trainer of transformers", "trainer", "own", (
        B("labels", SKILL, "own"),
        B("few", "generalisation", "own"),
        B("rate x300", LOSS + " collapse generalisation", "own"),
        B("adapter not trained", SKILL + " numerics", "own"),
    )),
    SetUp("lightning", "lightning", "own", (
        B("labels", SKILL, "own"),
        B("few", "generalisation", "own"),
        B("not a number", "numerics", "own"),
        B("rate x1000", LOSS + " generalisation collapse", "own"),
        B("detached", SKILL + " numerics", "own"),
    )),
    SetUp("time series", fitted(curves.series, steps=1500, per_epoch=75), "plain absl history", (
        B("labels", SKILL, "plain absl history"),
        B("few", "generalisation", "plain history", more={"steps": 3000}),
        B("rate x3000", LOSS + " generalisation", "absl plain", more={"optimizer": "sgd", "lr": 0.01, "units": 100.0}),
    )),
    SetUp("ratings", fitted(curves.ratings, lr=2e-2, steps=1200, per_epoch=80), "jsonl plain", (
        B("few", "generalisation", "jsonl plain"),
        B("labels", SKILL, "jsonl plain"),
    )),
    SetUp("density", fitted(curves.density, steps=1200, per_epoch=100), "loguru plain tqdm", (B("rate x3000", LOSS + " generalisation", "loguru tqdm", 400),)),
    SetUp("sums in the millions", fitted(curves.sums, size=32, steps=1200), "absl loguru", (B("root of zero", "numerics", "absl loguru", 600),)),
    SetUp("batches of one", fitted(curves.sums, size=1, lr=1e-3, every=1, steps=1000), "jsonl loguru"),
    SetUp("a law of nature", fitted(curves.equation, steps=2000, every=20), "loguru events", (B("one update", LOSS, "loguru jsonl", 1000),)),
    SetUp("understood late", fitted(curves.addition, steps=4000, every=40, per_epoch=100, lr=3e-3), "jsonl plain"),
    SetUp("folds", curves.folds, "plain loguru"),
    SetUp("boosted", curves.boosted, "lightgbm catboost", (
        B("few", "generalisation", "lightgbm catboost"),
    )),
    SetUp("codes", fitted(latent.codes, steps=1200, per_epoch=100), "loguru keras events", (B("weight of the KL", "collapse dynamics", "loguru keras"),)),
    SetUp("noise", fitted(latent.noise, lr=1e-3, steps=2000, every=5, per_epoch=200), "diffusers tqdm", (
        B("another noise", SKILL, "diffusers tqdm"),
        B("rate x3000", LOSS, "diffusers jsonl", 800),
        B("another model's weights", SKILL, "diffusers jsonl"),
    )),
    SetUp("pairs", fitted(latent.pairs, steps=1000, per_epoch=100), "imagenet absl", (B("pairs torn apart", SKILL, "imagenet absl"),)),
    SetUp("twins", fitted(latent.twins, lr=1e-3, steps=1000, per_epoch=100), "jsonl loguru", (B("nothing held back", "collapse", "jsonl loguru"),)),
    SetUp("taught", fitted(latent.taught, steps=1200, per_epoch=100), "absl plain", (B("teacher sees other rows", SKILL, "absl plain"),)),
    SetUp("two players, eight clouds", play.players, "losses jsonl", (
        B("judge stands still", PLAYERS + " generalisation", "losses jsonl", 600),
        B("root of zero", "numerics", "losses jsonl", 600),
    )),
    SetUp("walker", play.walker, "progress cleanrl jsonl", (
        B("coin is gone", PLAYERS, "progress cleanrl", 150),
        B("returns that grow", PLAYERS, "progress jsonl", 60),
        B("entropy with the wrong sign", PLAYERS, "cleanrl progress"),
        B("rate x300", PLAYERS, "progress jsonl", 10),
    )),
    SetUp("seeker", play.seeker, "cleanrl jsonl", (B("returns that grow", PLAYERS, "cleanrl jsonl", 100),)),
    SetUp("judged", play.judged, "torchtune jsonl", (B("reward for one answer", PLAYERS, "jsonl torchtune", 60),)),
    SetUp("warm restarts", fitted(sight.classes, optimizer="sgd", lr=0.1, steps=1600, per_epoch=80, rate=restarts), "history imagenet"),
    SetUp("trained before", fitted(words.tagging, lr=1e-5, steps=600, per_epoch=60), "paddle loguru", text="trained before"),
    SetUp("three epochs", fitted(sight.classes, optimizer="sgd", lr=0.1, steps=240, per_epoch=80), "keras plain"),
    SetUp("two phases", fitted(words.language, lr=3e-3, steps=900, per_epoch=90), "loguru torchtune", text="two phases"),
    SetUp("early stopping", fitted(sight.classes, optimizer="sgd", lr=0.1, steps=2000, per_epoch=80, rate=warm_cosine), "plain keras", text="early stop"),
)  # fmt: skip

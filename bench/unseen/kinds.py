"""Which trainings there are, what is broken in each, which names are right for it, and in which voices it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench.unseen import apart, figures, paid, sight, well, words
from bench.unseen.told import Course

NEVER = "dynamics generalisation optimisation collapse numerics"
WORSE = "dynamics generalisation optimisation"


@dataclass(frozen=True)
class Kind:
    """`chance` is the score of who knows nothing; doomed is who keeps less than half of what its healthy twin has above it."""

    name: str
    course: Callable[..., Course]
    voices: str
    fault: str = ""
    families: str = ""
    at: float = 0.0
    chance: float = 0.0
    shape: str = ""  # what is done to the lines: see `shapes`
    twin: Callable[..., Course] | None = None

    @property
    def doomed(self) -> bool:
        return bool(self.families)


G, T, B = sight.glyphs, words.tongue, 0.1
LATE = partial(words.tongue, steps=1000, per=100)

DOOMED = (
    Kind("glyphs", G, "keras logfmt", "optimizer of a copy", NEVER, chance=B),
    Kind("glyphs", G, "fstring rich", "statistics never kept", WORSE + " collapse", chance=B),
    Kind("glyphs", G, "loguru jsonl", "labels off by one after the resume", WORSE, at=0.5, chance=B),
    Kind("glyphs", G, "fastai stamped", "one batch for ever", WORSE, chance=B),
    Kind("glyphs", G, "mmengine coloured", "penalty eats the loss", NEVER, chance=B),
    Kind("glyphs", G, "stamped chinese", "spike that stays", WORSE + " numerics", at=0.5, chance=B),
    Kind("glyphs", G, "german blocks", "logits into nll", NEVER, chance=B),
    Kind("glyphs", G, "sparse_csv clu", "average that never moves", WORSE + " collapse", chance=B),
    Kind("glyphs", partial(G, epochs=40, first=3e-4), "hf columns", "plateau watched backwards", WORSE, chance=B),
    Kind("glyphs", partial(G, patience=3, first=2e-4), "fstring loguru", "stops backwards", WORSE, chance=B),
    Kind("glyphs", G, "tqdm seconds_csv", "validation torn from its labels", WORSE, chance=B),
    Kind("glyphs", G, "nested arrows", "validation not a number", "numerics generalisation", at=0.15, chance=B),
    Kind("one in thirty", sight.rare, "keras boosted", "never said", "collapse generalisation dynamics optimisation"),
    Kind("blobs", sight.background, "mmengine blocks", "all is background", "collapse dynamics generalisation numerics optimisation"),
    Kind("tongue", T, "megatron jsonl", "future seen", "generalisation audit", chance=0.05),
    Kind("tongue", T, "fairseq stamped", "stream begins again", WORSE, at=0.4, chance=0.05),
    Kind("tongue", T, "logfmt tqdm", "divided twice", NEVER, chance=0.05),
    Kind("tongue", LATE, "megatron hf", "rate back at the start", WORSE + " numerics", at=0.6, chance=0.05),
    Kind("tongue", LATE, "clu fstring", "other ids after the resume", WORSE + " numerics", at=0.9, chance=0.05),
    Kind("tongue", partial(T, check=False), "megatron columns", "rate that grows", WORSE + " numerics", at=0.5, chance=0.05),
    Kind("copied", words.copied, "arrows jsonl", "fed with the answer", WORSE + " collapse audit"),
    Kind("copied", words.copied, "loguru blocks", "pads counted", WORSE + " collapse multitask"),
    Kind("transcripts", words.transcripts, "stamped fairseq", "features of nothing", NEVER),
    Kind("triplets", apart.triplets, "fstring columns", "pulled together", "collapse dynamics optimisation numerics generalisation", chance=0.025),
    Kind("two views", apart.two_views, "jsonl logfmt", "no stop of the gradient", "collapse dynamics generalisation numerics", chance=0.025),
    Kind("two views", apart.two_views, "coloured stamped", "temperature of a hundred", "collapse dynamics optimisation generalisation", chance=0.025),
    Kind("variations", apart.variations, "fstring clu", "mean against sum", "collapse dynamics multitask generalisation optimisation"),
    Kind("codes", apart.codes, "nested arrows", "one code", "collapse dynamics optimisation generalisation"),
    Kind("two players", apart.players, "dcgan jsonl", "one mode", "collapse dynamics optimisation"),
    Kind("two players", apart.players, "dcgan fstring", "judge too strong", "collapse dynamics optimisation numerics"),
    Kind("walks", paid.walks, "boxes spinning", "wrong sign of the pay", "dynamics collapse optimisation"),
    Kind("walks", paid.walks, "spinning boxes", "certain too early", "dynamics collapse optimisation"),
    Kind("seven states", paid.seven_states, "stamped jsonl", "grows for ever", "dynamics numerics collapse optimisation", chance=-10),
    Kind("one action", paid.warmth, "boxes logfmt", "temperature runs away", "dynamics numerics collapse optimisation", chance=-3),
    Kind("answers", paid.answers, "trl jsonl", "leash cut", "dynamics collapse generalisation"),
    Kind("answers", paid.answers, "jsonl trl", "longer is better", "dynamics collapse generalisation"),
    Kind("houses", figures.houses, "boosted sentence", "inputs of zero", NEVER),
    Kind("houses", figures.houses, "columns arrows", "steps too long", "numerics dynamics optimisation"),
    Kind("days", figures.series, "rich stamped", "a walk of chance", WORSE),
    Kind("clicks", figures.clicks, "tqdm logfmt", "clicks of other items", WORSE + " collapse"),
    Kind("clicks", figures.clicks, "boosted fastai", "pairs by heart", "generalisation optimisation dynamics"),
    Kind("two heads", figures.heads, "detectron stamped", "minus", "multitask numerics dynamics optimisation", chance=-1),
    Kind("two heads", figures.heads, "jsonl mmengine", "ten thousand", "multitask dynamics generalisation optimisation collapse"),
    Kind("law", figures.law, "fstring columns", "zero solves it", "generalisation collapse dynamics optimisation"),
    Kind("papers", figures.cites, "fstring german", "smoothed sixty times", NEVER),
    Kind("factors", figures.factors, "hf caffe", "both at zero", NEVER),
    Kind("factors", figures.factors, "coloured hf", "below half", NEVER),
    Kind("distances", figures.halves, "stamped arrows", "half cannot hold them", "numerics dynamics optimisation"),
    Kind("tongue", T, "speed megatron", "", "throughput machine", at=0.5, shape="slower"),
    Kind("tongue", T, "ranks", "", "throughput machine", at=0.5, shape="behind"),
    Kind("tongue", T, "stamped jsonl", "", "throughput machine", at=0.6, shape="hangs"),
    Kind("tongue", T, "memory", "", "machine throughput", at=0.2, shape="grows"),
)  # fmt: skip

WELL = (
    Kind("glyphs", G, "loguru rich"),
    Kind("glyphs, smoothed", partial(G, smooth=0.2), "german keras"),
    Kind("glyphs, stopped early", partial(G, patience=4), "fstring seconds_csv"),
    Kind("one in thirty", sight.rare, "keras boosted"),
    Kind("blobs", sight.background, "blocks mmengine"),
    Kind("tongue, one pass", partial(T, check=False), "megatron fairseq"),
    Kind("tongue", T, "hf clu"),
    Kind("tongue, preempted", T, "logfmt stamped", shape="preempted"),
    Kind("tongue, ranks", T, "ranks"),
    Kind("tongue, memory", T, "memory"),
    Kind("tongue, sums in a window", partial(T, every=5), "columns jsonl", shape="sawtooth"),
    Kind("half blind", words.masked, "arrows nested"),
    Kind("copied", words.copied, "jsonl blocks"),
    Kind("transcripts", words.transcripts, "fairseq coloured"),
    Kind("triplets", apart.triplets, "columns fstring"),
    Kind("two views, growing batches", apart.two_views, "stamped logfmt"),
    Kind("variations", apart.variations, "clu sparse_csv"),
    Kind("variations, summed over all", apart.variations, "fstring loguru", shape="summed"),
    Kind("codes", apart.codes, "nested tqdm"),
    Kind("two players", apart.players, "dcgan jsonl"),
    Kind("walks", paid.walks, "boxes spinning"),
    Kind("seven states", paid.seven_states, "jsonl stamped"),
    Kind("one action", paid.warmth, "logfmt boxes"),
    Kind("answers", paid.answers, "trl jsonl"),
    Kind("herd", paid.herd, "arrows columns"),
    Kind("houses", figures.houses, "sentence hashed"),
    Kind("houses, in cents", partial(figures.houses, unit=3.0e7), "boosted rich"),
    Kind("houses, in metres of light", partial(figures.houses, unit=4.0e-7), "fstring jsonl"),
    Kind("doubt", figures.doubt, "hashed keras"),
    Kind("days", figures.series, "stamped chinese"),
    Kind("clicks", figures.clicks, "tqdm stamped"),
    Kind("two heads", figures.heads, "mmengine detectron"),
    Kind("law", figures.law, "columns fstring"),
    Kind("papers", figures.cites, "fstring german"),
    Kind("factors", figures.factors, "caffe hf"),
    Kind("distances", figures.halves, "loguru fstring"),
    Kind("tuned", well.tuned, "hf chinese"),
    Kind("self-taught", well.self_taught, "jsonl logfmt"),
    Kind("quantised from the middle", well.quantised, "tqdm fastai"),
    Kind("mixture", well.mixture, "fstring columns"),
    Kind("solved", well.solved, "arrows columns"),
    Kind("labelled in rounds", well.rounds, "fstring stamped"),
    Kind("trials", well.trials, "fstring logfmt"),
    Kind("only measured", well.only_checked, "stamped jsonl"),
    Kind("vectors", well.vectors, "loguru clu"),
)  # fmt: skip

KINDS = DOOMED + WELL

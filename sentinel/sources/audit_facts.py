"""From the keys of configs to the facts that audit rules judge: `config.data.shuffle: false` is `fact.shuffle` 0.

A pure table and a little arithmetic over facts. It opens nothing: `audit_folder` and the finder of configs do.
Truth values become 0 and 1, so that a rule can compare them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isfinite

from sentinel.core.records import Fact, Scalar
from sentinel.sources import audit_words as words
from sentinel.sources.audit_words import Key, key_of

Keyed = tuple[Key, Fact]

# The highest learning rates in common use with Adam-like optimisers, by what is trained. What is trained from scratch
# has no entry: there the range is too wide to judge from a config alone.
BANDS = {"embeddings": 5e-5, "fine-tuning": 5e-5, "adapters": 5e-4}


def well_known(facts: Iterable[Fact]) -> list[Fact]:
    """The facts that audit rules read, made from the keys of configs. A fact that is given already is left alone."""
    given = list(facts)
    have = {fact.name for fact in given}
    keyed = [(key_of(fact.name), fact) for fact in given if fact.name.startswith("config.")]
    made: dict[str, Fact] = {}
    for make in MAKERS:
        for fact in make(keyed):
            if fact.name not in have:
                made.setdefault(fact.name, fact)
    return list(made.values())


def with_well_known(facts: Iterable[Fact]) -> list[Fact]:
    """The facts of one config and those that audit rules read, in that order."""
    given = list(facts)
    return [*given, *well_known(given)]


def _fact(name: str, value: Scalar, source: Fact) -> Fact:
    return Fact(f"fact.{name}", value, source.file, source.line, source.origin)


def number(fact: Fact) -> float | None:
    """The value as a number: `6.4e-4` that YAML 1.1 keeps as text, too. None for truth values and words."""
    value = fact.value
    if isinstance(value, bool | tuple):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if isfinite(found) else None


def truth(fact: Fact) -> bool | None:
    """The value as yes or no; a positive number (a LoRA rank) is yes."""
    value = fact.value
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(value.lower())
    return value > 0 if isinstance(value, int | float) else None


def _foreign(key: Key) -> bool:
    """Whether a key speaks of something beside the model: a FastText run, the scheduler, the validation split."""
    return any(group in words.NOT_OF_THE_MODEL for group in key.groups)


def _numbers(keyed: Sequence[Keyed]) -> Iterator[Fact]:
    for key, fact in keyed:
        name = words.NUMBERS.get(key.word)
        value = number(fact)
        if name is None or value is None or _foreign(key):
            continue
        whole = value.is_integer() and not isinstance(fact.value, float)
        yield _fact(name, int(value) if whole else value, fact)


def _plan(keyed: Sequence[Keyed]) -> Iterator[Fact]:
    for key, fact in keyed:
        value = number(fact)
        if value is None or value <= 0 or _foreign(key):
            continue
        if key.word in words.STEPS:
            yield _fact("planned_steps", int(value), fact)
        elif key.word in words.EPOCHS:
            yield _fact("planned_epochs", value, fact)


def _shuffle(keyed: Sequence[Keyed]) -> Iterator[Fact]:
    for key, fact in keyed:
        said = truth(fact)
        if key.word in ("shuffle", "train_shuffle", "shuffle_train") and said is not None and not _foreign(key):
            yield _fact("shuffle", int(said), fact)


def _skipped(keyed: Sequence[Keyed]) -> Iterator[Fact]:
    """The share of the training set that a start index leaves out, and how much more than needed is left."""
    size = _first(keyed, lambda key: words.NUMBERS.get(key.word) == "train_examples")
    starts = [fact for key, fact in keyed if words.NUMBERS.get(key.word) == "data_start" and not _foreign(key)]
    start = max(starts, key=lambda fact: number(fact) or 0, default=None)
    examples, begins = _value(size), _value(start)
    if start is not None and examples and begins is not None and begins < examples:
        yield _fact("skipped_share", begins / examples, start)


def _optimiser(keyed: Sequence[Keyed]) -> Iterator[Fact]:
    for key, fact in keyed:
        about = key.word in ("optimizer", "optim", "optimiser") or "optimizer" in key.groups
        if about and key.word in words.OPTIMISERS and isinstance(fact.value, str):
            yield _fact("adam_like", int(bool(words.ADAM_LIKE.search(fact.value))), fact)


def _adapters(keyed: Sequence[Keyed]) -> Iterator[Fact]:
    for key, fact in keyed:
        said = truth(fact)
        if key.word in words.ADAPTERS and said is not None:
            yield _fact("adapters", int(said), fact)


def _rates(keyed: Sequence[Keyed]) -> Iterator[Fact]:
    """How far the worst learning rate stands above the band of what its stage trains, and which rate that is."""
    adapted = any(fact.value for fact in _adapters(keyed))
    worst: tuple[float, Fact, str] | None = None
    for key, fact in keyed:
        rate = number(fact)
        if words.NUMBERS.get(key.word) != "lr" or _foreign(key) or not rate or rate <= 0:
            continue
        kind = _trained(keyed, key.stage, adapted=adapted)
        if kind and (worst is None or rate / BANDS[kind] > worst[0]):
            worst = (rate / BANDS[kind], fact, kind)
    if worst is None:
        return
    yield _fact("lr_over_band", worst[0], worst[1])
    yield _fact("lr_band_top", BANDS[worst[2]], worst[1])
    yield _fact("lr_judged", number(worst[1]) or 0.0, worst[1])
    yield _fact("trains", worst[2], worst[1])
    yield _fact("full_tuning", int(worst[2] == "fine-tuning"), worst[1])


def _trained(keyed: Sequence[Keyed], stage: str, *, adapted: bool) -> str:
    """What a stage trains, as far as its config says: a key of `BANDS`, or "" where it says nothing."""
    for key, fact in keyed:
        if key.word in words.TRAINED and key.stage in ("", stage) and "embed" in str(fact.value).lower():
            return "embeddings"
    for key, fact in keyed:
        if key.word in ("embeddings_only", "train_embeddings_only") and key.stage in ("", stage) and truth(fact):
            return "embeddings"
    if adapted:
        return "adapters"
    told = any(key.word in words.PRETRAINED and fact.value not in (False, "", "none", "None") for key, fact in keyed)
    staged = stage != ""  # a rate for each stage: an existing model is being adapted
    return "fine-tuning" if told or staged else ""


def _stages(keyed: Sequence[Keyed]) -> Iterator[Fact]:
    """How many stages a config speaks of; in a staged set-up an adapter that is not named is off."""
    stages = {key.stage: fact for key, fact in keyed if key.stage}
    if len(stages) >= 2:
        last = stages[max(stages)]
        yield _fact("stages", len(stages), last)
        yield _fact("adapters", 0, last)


def _heads(keyed: Sequence[Keyed]) -> Iterator[Fact]:
    """One output head over several vocabularies that add up to the model's own: they compete for every position."""
    vocabulary = _first(keyed, lambda key: key.word in ("vocab_size", "n_vocab") and not _foreign(key))
    head = _first(keyed, lambda key: key.word in words.HEADS)
    groups = [
        fact
        for key, fact in keyed
        if "tokenizer" in key.groups and key.word.endswith("_tokens") and (number(fact) or 0) > 1
    ]
    total = sum(number(fact) or 0 for fact in groups)
    if vocabulary is None or head is None or len(groups) < 2 or total != number(vocabulary):
        return
    single = str(head.value).lower() in ("single", "shared", "joint", "one", "1")
    yield _fact("vocabularies_in_one_head", len(groups) if single else 1, head)


def _target(keyed: Sequence[Keyed]) -> Iterator[Fact]:
    """The width of the range to which a regression target is clipped."""
    for key, fact in keyed:
        value = fact.value
        if key.word in words.TARGET_RANGE and isinstance(value, tuple) and len(value) == 2:
            low, high = (number(Fact("", part, "", 0)) for part in value)
            if low is not None and high is not None and high > low:
                yield _fact("target_width", high - low, fact)


def _normalised(keyed: Sequence[Keyed]) -> Iterator[Fact]:
    for key, fact in keyed:
        said = truth(fact)
        if (
            key.word in ("normalize", "normalise")
            and said is not None
            and any("countdown" in g or "target" in g for g in key.groups)
        ):
            yield _fact("target_normalised", int(said), fact)


def _sizes(keyed: Sequence[Keyed]) -> Iterator[Fact]:
    """About how many parameters a transformer of that width and depth has, where nobody says: 12 L d^2 + V d."""
    width, depth = _value(_named(keyed, "d_model")), _value(_named(keyed, "layers"))
    source = _named(keyed, "vocab_size")
    vocabulary = _value(source)
    if source is not None and width and depth and vocabulary:
        yield _fact("params_estimate", int(12 * depth * width**2 + vocabulary * width), source)


def _first(keyed: Sequence[Keyed], wanted: Callable[[Key], bool]) -> Fact | None:
    return next((fact for key, fact in keyed if wanted(key)), None)


def _named(keyed: Sequence[Keyed], name: str) -> Fact | None:
    return _first(keyed, lambda key: words.NUMBERS.get(key.word) == name and not _foreign(key))


def _value(fact: Fact | None) -> float | None:
    return None if fact is None else number(fact)


MAKERS: tuple[Callable[[Sequence[Keyed]], Iterator[Fact]], ...] = (
    _numbers,
    _plan,
    _shuffle,
    _skipped,
    _optimiser,
    _adapters,
    _rates,
    _stages,
    _heads,
    _target,
    _normalised,
    _sizes,
)

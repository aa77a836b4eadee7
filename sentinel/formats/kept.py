"""Which fields of a walked line are readings, and which counters are its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sentinel.core.names import Names
from sentinel.core.spelling import words
from sentinel.formats import progress
from sentinel.formats.lexicon import COMPARED, LENGTHS
from sentinel.formats.naming import STEPS, Role
from sentinel.formats.walk import BARE, BATCH, Field, Fields, Walk

_ALONE = re.compile(r"\s*\[batch=\d+/\d+\]:?\s*")  # the head of a block of lines
_SPENT = re.compile(r"\s?(?:s|sec|secs|min|mins|h)")


def kept(state: Walk, text: str) -> Fields:
    """The fields that are readings: only a line with a metric or with its own counter has any."""
    partly = False
    if state.alone:
        state.fields = [f for f in state.fields if f.role is not Role.SIDE]
    if state.batches:
        state.fields, partly = progress.measured(text, state.fields, state.batches)
        if not state.fields:
            return Fields()
    _settle(state)
    step = state.step[1] if state.step else None
    if state.step and state.step[0] == BATCH and not state.fields and not _ALONE.fullmatch(text):
        step = None  # `Batch [39/59]: evaluated` is no step that later lines could stand at
    counted = step is not None or state.epoch is not None
    if (state.step and state.step[0] == BARE and not _telling(state)) or (state.past and not counted):
        return Fields()
    if not counted and not _measures(state, text):
        return Fields(section="" if state.fields else state.section)
    fields = [f for f in state.fields if _is_reading(f, text, counted)]
    if not fields and not counted:
        return Fields(section=state.section)
    if not counted and not state.section and _summed_up(fields, state.names):
        fields = [f._replace(section="val") for f in fields]
    return Fields(tuple(fields), step, state.epoch, state.section, state.batches if partly else None)


def _telling(state: Walk) -> bool:
    """Whether a line whose step no word names tells of a training all the same."""
    splits = sum(state.names.spell(f.raw).metric == "metric" for f in state.fields)  # `learn: 0.69  test: 0.68`
    if splits > 1 or (splits == 1 and state.fields[0].raw == "learn"):
        return True
    return any(f.role in (Role.METRIC, Role.SIDE) for f in state.fields)


def _measures(state: Walk, text: str) -> bool:
    """Whether a line without a counter measures something: no best, no config."""
    indented = 2 <= len(text) - len(text.lstrip(" ")) <= 12  # what stands further in is set flush right
    if len(state.fields) == 1 and _configured(state.fields[0], state, indented):
        return False
    metric = any(f.role is Role.METRIC and not _derived(f, state) for f in state.fields)
    return metric or any(f.role is Role.SIDE and f.raw[:8].lower() == "current " for f in state.fields)


def _is_reading(field: Field, text: str, counted: bool) -> bool:
    if field.role is not Role.OTHER:
        return field.role in (Role.METRIC, Role.SIDE)
    return field.strong or (counted and "." in field.token.text and not _spent(text, field))


def _spent(text: str, field: Field) -> bool:
    """`training ends, total 99.0s`: a time that no sign ties to its words."""
    token = field.token
    return bool(_SPENT.fullmatch(text, token.start + len(token.text), token.end))


def _summed_up(fields: Sequence[Field], names: Names) -> bool:
    """`Loss: 0.9, MeanIU: 0.57, Best_mIoU: 0.58`: without a counter, a score beside its best is a validation's summary."""
    found = [names.spell(f.raw) for f in fields]
    metrics = {s.metric for s in found} if not any(s.split for s in found) else set()
    return any(f"best_{metric}" in metrics for metric in metrics if names.better(metric) == "higher")


def _settle(state: Walk) -> None:
    """Drops counters that count something else."""
    measured = any(f.role in (Role.METRIC, Role.SIDE) for f in state.fields)
    if state.fields and all(_derived(f, state) for f in state.fields):
        _forget(state)
    if state.episode and state.length in LENGTHS:
        state.step = (STEPS["episode"], state.episode)  # `Episode 12, Reward 31.0, Steps 200`: it was so long
    if state.length in LENGTHS and state.fields and not measured:
        state.step = None  # `Sampling slow: 31.9s, steps=102`
    early = state.step is not None and state.length == "step" and state.step[1].bare and len(state.step[1].text) < 2
    alone = state.epoch is None and not measured and not any(f.strong for f in state.fields)
    if early and alone and state.told > 1:  # nothing of such a line is ever learned: the next may have two digits
        state.step = None  # a sentence that a model wrote: `Step 2: Multiply both sides`
    if state.epoch and "." in state.epoch.text.rstrip(".") and not state.fields:
        state.epoch = None  # a line of a summary, in whose section others follow


def _forget(state: Walk) -> None:
    """`Best loss 0.31 at epoch 7`: counters behind what only compares are of the past."""
    last = state.fields[-1].token.start
    if state.step and state.step[1].start > last:
        state.step = None
    if state.epoch and state.epoch.start > last:
        state.epoch = None


def _configured(field: Field, state: Walk, indented: bool) -> bool:
    """Whether a field that stands alone is a line of a config: `average_loss: 40`, `LOSS_WEIGHT: 0.5`, `  cost_dice: 5`."""
    if not field.strong:
        return False
    shouted = field.raw.isupper() and "_" in field.raw
    guessed = indented and state.names.spell(field.raw).metric not in state.names.entries
    return shouted or guessed or field.token.text.isdigit()


def _derived(field: Field, state: Walk) -> bool:
    """Whether a field repeats or compares rather than measures: a best so far, a baseline, a target."""
    return state.names.spell(field.raw).best or not COMPARED.isdisjoint(words(field.raw))

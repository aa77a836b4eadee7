"""What stands before a printed dict: `Epoch 3 val: {'loss': 0.5}` gives it an epoch and a split."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sentinel.formats.naming import Naming, Role
from sentinel.formats.prose import Prose

_BEST = re.compile(r"(?i)\bbest\b")
_SEVERAL = re.compile(r"\}[^{}']*[A-Za-z][^{}']*\{'")
_LONGEST = 160


def of_the_best(text: str) -> bool:
    """Whether a dict only repeats: `best metrics: {...}`."""
    return bool(_BEST.search(text, 0, min(text.find("{"), _LONGEST)))


def several(text: str) -> bool:
    """Whether dicts of their own stand in one line, `train {...} val {...}`: prose, not one object."""
    return bool(_SEVERAL.search(text))


def led(thing: dict[str, Any], text: str, prose: Prose, naming: Naming) -> Mapping[str, Any]:
    """The object with what the words before it say."""
    at = text.find("{")
    found = prose.read(text[:at], "") if 2 < at < _LONGEST else None
    if found is None:
        return thing
    roles = {key: naming.column(key) for key in thing}
    if found.section not in ("", "train"):
        bare = {key for key, role in roles.items() if role not in _COUNTERS and not naming.names.spell(key).split}
        thing = {f"{found.section}/{key}" if key in bare else key: value for key, value in thing.items()}
    if found.epoch is not None and Role.EPOCH not in roles.values():
        thing["epoch"] = found.epoch
    if found.step is not None and Role.STEP not in roles.values():
        thing["step"] = found.step
    return thing


_COUNTERS = (Role.EPOCH, Role.STEP, Role.STAMP, Role.SKIP)

"""What another version wrote down, read as far as this one knows it: records only ever gain fields, each with a default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any


def known(kind: type, thing: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that this version's form of a record has; those that only a newer one knows are left out."""
    names = _names(kind)
    return {name: value for name, value in thing.items() if name in names}


@cache
def _names(kind: type) -> frozenset[str]:
    return frozenset(each.name for each in fields(kind))

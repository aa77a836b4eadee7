"""Percent and fraction are one thing: which of them a share turned out to be, settled once for each series (contracts 4)."""

from __future__ import annotations

from enum import IntEnum


class Share(IntEnum):
    """Whether percent and fraction are one thing for a series, and which of them it turned out to be."""

    NONE = 0  # no share, or a fraction for certain: values are taken as they are
    OPEN = 1  # not known yet; rules of severity high and above are unknown on it
    PERCENT = 2  # readings are divided by 100
    FRACTION = 0

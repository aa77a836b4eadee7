"""Where the shipped rules and units lie: inside an installed package, or at the top of a checkout."""

from __future__ import annotations

from pathlib import Path

import sentinel

_PACKAGE = Path(sentinel.__file__).parent


def shipped(what: str) -> Path:
    """The folder `rules` or `systemd` that came with this Sentinel."""
    inside = _PACKAGE / "shipped" / what
    return inside if inside.is_dir() else _PACKAGE.parent / what

"""The grid over which time passes between two rows (docs/decisions/0003): close at first, wider the longer a run is silent."""

from __future__ import annotations

FINE, COARSE, WIDE = 10.0, 60.0, 600.0
HOUR, DAY = 3600.0, 86400.0


def next_point(after: float, grew: float) -> float:
    """The next point of the grid for a run that last grew then."""
    quiet = after - grew
    width = FINE if quiet < HOUR else COARSE if quiet < DAY else WIDE
    return (after // width + 1) * width

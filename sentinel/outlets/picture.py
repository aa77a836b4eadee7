"""The picture of an alert: drawn by matplotlib in a child of its own, by our own PNG writer otherwise, or not at all.

A picture that fails, hangs or is missing is never a reason for a text not to go.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from math import isfinite
from pathlib import Path

from sentinel.core.telling_letter import Letter, Occasion
from sentinel.outlets.numbers import number
from sentinel.outlets.png import draw_plain
from sentinel.outlets.tidy import clean

PATIENCE = 25.0
COMMAND = (sys.executable, "-P", "-m", "sentinel.outlets.plot")
WITHOUT = {Occasion.NOTE, Occasion.HELD, Occasion.SUMMARY, Occasion.WEEK, Occasion.STALE}


def picture_of(letter: Letter, dark: bool) -> bytes:
    """A PNG, or b"" where there is no curve to draw."""
    sheet = sheet_of(letter, dark)
    if sheet is None:
        return b""
    try:
        given, home = json.dumps(sheet).encode(), {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(COMMAND, input=given, capture_output=True, timeout=PATIENCE, check=False, env=home)
        if done.returncode == 0 and done.stdout.startswith(b"\x89PNG"):
            return done.stdout
    except (OSError, subprocess.SubprocessError):
        pass  # no matplotlib, or it hangs: the small picture says enough
    return draw_plain(sheet)


def sheet_of(letter: Letter, dark: bool) -> dict[str, object] | None:
    """All that the picture shows, as plain data for the child; None where there is nothing to show."""
    story = letter.story
    curves = [curve for curve in story.curves if any(isfinite(y) for _, y in curve.points)][:3]
    if letter.change is None or letter.occasion in WITHOUT or not curves:
        return None
    return {
        "dark": dark,
        "title": clean(letter.change.run_name),
        "finding": clean(story.title or letter.change.say),
        "axis": curves[0].axis,
        "curves": [asdict(curve) for curve in curves if curve.axis == curves[0].axis],
        "onset": story.onset,
        "fired": story.fired,
        "value": number(letter.change.value) if letter.change.value is not None else "",
        "limit": number(letter.change.limit) if letter.change.limit is not None else "",
    }

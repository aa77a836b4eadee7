"""A small PNG of one to three curves by the standard library alone: no letters, but limit, onset and course."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import isfinite, log10
from typing import Any

WIDTH, HEIGHT, PAD = 600, 300, 18
Colour = tuple[int, int, int]
DARK = {"ground": (32, 38, 46), "grid": (57, 66, 77), "limit": (169, 180, 192), "fired": (255, 200, 87)}
LIGHT = {"ground": (251, 251, 249), "grid": (221, 225, 229), "limit": (85, 96, 107), "fired": (154, 98, 0)}
DARK_CURVES: tuple[Colour, ...] = ((255, 122, 102), (127, 182, 255), (143, 224, 181))
LIGHT_CURVES: tuple[Colour, ...] = ((200, 50, 30), (31, 95, 191), (28, 107, 69))


class Canvas:
    """Rows of pixels."""

    def __init__(self, ground: Colour) -> None:
        """An empty sheet."""
        self.rows = [bytearray(bytes(ground) * WIDTH) for _ in range(HEIGHT)]

    def dot(self, x: int, y: int, colour: Colour, size: int = 1) -> None:
        """A square dot; what lies outside is left out."""
        for row in range(max(0, y - size), min(HEIGHT, y + size + 1)):
            left, right = max(0, x - size), min(WIDTH, x + size + 1)
            if left < right:
                self.rows[row][left * 3 : right * 3] = bytes(colour) * (right - left)

    def line(self, start: tuple[int, int], end: tuple[int, int], colour: Colour, size: int = 1, dash: int = 0) -> None:
        """A straight line, dashed if asked."""
        (x0, y0), (x1, y1) = start, end
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for i in range(steps + 1):
            if not dash or (i // dash) % 2 == 0:
                self.dot(x0 + (x1 - x0) * i // steps, y0 + (y1 - y0) * i // steps, colour, size)

    def png(self) -> bytes:
        """The file."""
        raw = b"".join(b"\0" + bytes(row) for row in self.rows)
        head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(raw, 6)) + _chunk(b"IEND", b"")
        )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def draw_plain(sheet: Mapping[str, Any]) -> bytes:
    """The curves of a sheet, or b"" where no point can be placed."""
    dark = bool(sheet["dark"])
    colours, inks = (DARK, DARK_CURVES) if dark else (LIGHT, LIGHT_CURVES)
    curves = [[(x, y) for x, y in curve["points"] if isfinite(x) and isfinite(y)] for curve in sheet["curves"]]
    limit = next((c["limit"] for c in sheet["curves"] if c["limit"] is not None), None)
    points = [point for curve in curves for point in curve]
    if not points:
        return b""
    logarithmic = is_logarithmic([y for _, y in points])
    scale: Callable[[float], float] = log10 if logarithmic else float
    ys = [scale(y) for _, y in points]
    if limit is not None and (not logarithmic or limit > 0):
        ys.append(scale(limit))
    place = _placer([x for x, _ in points], ys)
    canvas = Canvas(colours["ground"])
    for part in range(5):
        y = PAD + (HEIGHT - 2 * PAD) * part // 4
        canvas.line((PAD, y), (WIDTH - PAD, y), colours["grid"], 0)
    if limit is not None and (not logarithmic or limit > 0):
        y = place(points[0][0], scale(limit))[1]
        canvas.line((PAD, y), (WIDTH - PAD, y), colours["limit"], 0, dash=6)
    for number, curve in reversed(list(enumerate(curves))):
        spots = [place(x, scale(y)) for x, y in curve]
        for start, end in pairwise(spots):
            canvas.line(start, end, inks[number % len(inks)], 1 + number)
        for spot in spots[-1:]:
            canvas.dot(spot[0], spot[1], inks[number % len(inks)], 4)
    if sheet["fired"] is not None:
        x = place(float(sheet["fired"]), ys[0])[0]
        canvas.line((x, PAD), (x, HEIGHT - PAD), colours["fired"], 0, dash=5)
    return canvas.png()


def is_logarithmic(values: Sequence[float]) -> bool:
    """Whether a curve spans so much that only a logarithmic scale shows it."""
    return min(values) > 0 and max(values) / min(values) >= 50


def _placer(xs: Sequence[float], ys: Sequence[float]) -> Any:
    low_x, high_x, low_y, high_y = min(xs), max(xs), min(ys), max(ys)
    wide, tall = (high_x - low_x) or 1.0, (high_y - low_y) or 1.0

    def place(x: float, y: float) -> tuple[int, int]:
        across = PAD + (x - low_x) / wide * (WIDTH - 2 * PAD)
        return int(across), int(HEIGHT - PAD - (y - low_y) / tall * (HEIGHT - 2 * PAD))

    return place

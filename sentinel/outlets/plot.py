"""The child that draws: a sheet as JSON on stdin, a PNG on stdout. The only place that imports matplotlib.

1200 pixels wide with letters of at least 36, so that they are still readable at the width of a phone.
"""

from __future__ import annotations

import io
import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from math import isfinite, log10
from typing import Any

from sentinel.outlets.numbers import number
from sentinel.outlets.png import is_logarithmic

WIDTH, HEIGHT, DPI = 1200, 900, 100
PX = 72 / DPI
THEMES = {
    True: {"ground": "#20262E", "ink": "#F2F5F8", "mute": "#A9B4C0", "grid": "#39424D", "fired": "#FFC857",
           "good": "#8FE0B5", "curves": ("#FF7A66", "#7FB6FF", "#8FE0B5")},
    False: {"ground": "#FBFBF9", "ink": "#14181D", "mute": "#55606B", "grid": "#DDE1E5", "fired": "#9A6200",
            "good": "#1C6B45", "curves": ("#C8321E", "#1F5FBF", "#1C6B45")},
}  # fmt: skip


def draw(sheet: Mapping[str, Any]) -> bytes:
    """The picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.family": ["DejaVu Sans"], "text.parse_math": False, "axes.unicode_minus": True})
    theme: Mapping[str, Any] = THEMES[bool(sheet["dark"])]
    figure = pyplot.figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor=theme["ground"])
    lines = _head(figure, sheet, theme)
    axes = figure.add_axes((0.12, 0.20, 0.835, 0.56 if lines == 1 else 0.50))
    curves = [_Finite(curve) for curve in sheet["curves"]]
    logarithmic = is_logarithmic([y for curve in curves for y in curve.ys])
    _stage(axes, sheet, curves, theme, logarithmic)
    for at, curve in reversed(list(enumerate(curves))):  # wide under narrow: both show where they coincide
        colour = theme["curves"][at]
        few = len(curve.xs) <= 15
        axes.plot(curve.xs, curve.ys, color=colour, lw=5 + 5 * at, solid_capstyle="round", marker="o" if few else "",
                  ms=12 + 4 * at, mec=theme["ground"], mew=2)  # fmt: skip
    _marks(axes, sheet, curves, theme)
    _legend(figure, curves, theme)
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor=theme["ground"])
    pyplot.close(figure)
    return out.getvalue()


class _Finite:
    """A curve's points that can be drawn."""

    def __init__(self, curve: Mapping[str, Any]) -> None:
        points = [(x, y) for x, y in curve["points"] if isfinite(x) and isfinite(y)]
        self.name: str = curve["name"]
        self.xs, self.ys = [x for x, _ in points], [y for _, y in points]
        self.holes = len(curve["points"]) - len(points)
        self.limit: float | None = curve["limit"]
        self.last_good: Sequence[float] | None = curve["last_good"]


def _head(figure: Any, sheet: Mapping[str, Any], theme: Mapping[str, Any]) -> int:
    """The finding in at most two lines, the run's name under it; how many lines it took."""
    lines = textwrap.wrap(sheet["finding"], 38)
    if len(lines) > 2:
        lines = [lines[0], textwrap.shorten(" ".join(lines[1:]), 38, placeholder="…")]
    size = 50 if len(lines) > 1 else 54
    for at, line in enumerate(lines):
        figure.text(0.045, 0.93 - at * 0.075, line, color=theme["ink"], size=size * PX, weight="bold", va="center")
    seen = f" · {sheet['value']}, limit {sheet['limit']}" if sheet["value"] and sheet["limit"] else ""
    room = 46 - len(seen)
    name = sheet["title"]
    run = (name if len(name) <= room else f"{name[: room // 2 - 1]}…{name[-(room // 2) :]}") + seen
    figure.text(0.045, 0.93 - len(lines) * 0.075, run, color=theme["mute"], size=38 * PX, va="center")
    return len(lines)


def _stage(
    axes: Any, sheet: Mapping[str, Any], curves: list[_Finite], theme: Mapping[str, Any], logarithmic: bool
) -> None:
    """Scales, grid and ticks."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(theme["grid"])
    axes.tick_params(length=0, colors=theme["mute"], labelsize=36 * PX, pad=8)
    axes.set_facecolor(theme["ground"])
    axes.grid(axis="y", color=theme["grid"], lw=1.4)
    axes.set_axisbelow(True)
    ys = [y for curve in curves for y in curve.ys] + [c.limit for c in curves if c.limit is not None]
    if logarithmic:
        axes.set_yscale("log")
        ys = [y for y in ys if y > 0]
        axes.set_ylim(min(ys) / 1.7, max(ys) * 1.9)
        axes.minorticks_off()
        low, high = int(log10(min(ys)) - 1), int(log10(max(ys)) + 1)
        ticks = [10.0**p for p in range(low, high + 1) if min(ys) / 1.7 <= 10.0**p <= max(ys) * 1.9]
        ticks = ticks[:: max(1, len(ticks) // 3)]
    else:
        low, high = min(0.0, *ys) if min(ys) < 0.35 * max(ys) else min(ys), max(ys)
        room = (high - low) or abs(high) or 1.0
        axes.set_ylim(low - 0.04 * room, high + 0.14 * room)
        from matplotlib.ticker import MaxNLocator

        ticks = [
            float(t) for t in MaxNLocator(3).tick_values(low, high) if low - 0.04 * room <= t <= high + 0.14 * room
        ]
    axes.set_yticks(ticks, [number(tick) for tick in ticks])
    _across(axes, sheet, curves)


def _across(axes: Any, sheet: Mapping[str, Any], curves: list[_Finite]) -> None:
    xs = [x for curve in curves for x in curve.xs]
    low, high = min(xs), max(xs)
    room = (high - low) or 1.0
    axes.set_xlim(low - 0.03 * room, high + 0.03 * room)
    if sheet["axis"] == "time":
        from sentinel.outlets.numbers import duration

        axes.set_xticks([low, high], [f"{duration(high - low)} before", "now"])
    else:
        middle = round(low + room / 2)
        axes.set_xticks([low, middle, high], [f"{sheet['axis']} {number(low)}", number(middle), number(high)])
    labels = axes.get_xticklabels()
    labels[0].set_ha("left")
    labels[-1].set_ha("right")


def _marks(axes: Any, sheet: Mapping[str, Any], curves: list[_Finite], theme: Mapping[str, Any]) -> None:
    """Limit, last good value, onset, and the moment of firing."""
    limit = next((curve.limit for curve in curves if curve.limit is not None), None)
    if limit is not None:
        axes.axhline(limit, color=theme["mute"], lw=3, ls=(0, (2, 2)))
        axes.text(0.02, limit, f"limit {number(limit)} ", color=theme["mute"], size=36 * PX, ha="left", va="bottom",
                  transform=axes.get_yaxis_transform())  # fmt: skip
    for curve in curves:
        if curve.last_good is not None:
            x, y = curve.last_good
            axes.plot([x], [y], marker="o", ms=20, mfc="none", mec=theme["good"], mew=4)
            break
    low, high = axes.get_xlim()
    for name, colour, style in (("onset", theme["mute"], (0, (1, 2))), ("fired", theme["fired"], (0, (4, 3)))):
        at = sheet[name]
        if at is not None and low <= at <= high:
            axes.axvline(at, color=colour, lw=3.5, ls=style)
    onset = sheet["onset"]
    if onset is not None and low <= onset <= high:
        axes.text(
            onset, 0.85, " onset", color=theme["mute"], size=36 * PX, va="top", transform=axes.get_xaxis_transform()
        )
    fired = sheet["fired"]
    if fired is not None and low <= fired <= high:
        right = fired > (low + high) / 2
        text = "alert" if sheet["axis"] == "time" else f"alert, {sheet['axis']} {number(fired)}"
        axes.text(fired, 0.99, f"{text}  " if right else f"  {text}", color=theme["fired"], size=38 * PX, weight="bold",
                  ha="right" if right else "left", va="top", transform=axes.get_xaxis_transform())  # fmt: skip


def _legend(figure: Any, curves: list[_Finite], theme: Mapping[str, Any]) -> None:
    """Names and last values under the curves, in their colours: a phone has no room for labels beside lines."""
    if len(curves) == 1:
        good = curves[0].last_good
        extra = f"   last good {number(good[1])}" if good else ""
        _entry(figure, 0.045, 0.075, curves[0], theme["curves"][0], 60 - len(extra))
        if extra:
            figure.text(0.955, 0.075, extra, color=theme["good"], size=36 * PX, ha="right", va="center")
        return
    for at, curve in enumerate(curves[:2]):
        _entry(figure, 0.045, 0.105 - at * 0.058, curve, theme["curves"][at], 40)


def _entry(figure: Any, x: float, y: float, curve: _Finite, colour: str, room: int) -> None:
    last = number(curve.ys[-1]) + (f" ({curve.holes} no number)" if curve.holes else "")
    name = curve.name if len(curve.name) + len(last) < room else "…" + curve.name[-(room - len(last) - 2) :]
    figure.text(x, y, f"{name} {last}", color=colour, size=38 * PX, weight="bold", va="center")


def main() -> int:
    """Draw what stdin says."""
    sys.stdout.buffer.write(draw(json.loads(sys.stdin.read())))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

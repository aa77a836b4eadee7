"""Writes `docs/signatures/*.md` from the rule files, with a drawn curve each: `python docs/signature_pages.py`."""

import sys
from math import isfinite
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "signatures"
WIDE, HIGH, EDGE = 560, 150, 12


def files():
    return sorted((ROOT / "rules").glob("*/*.yml"))


def numbers(value):
    return (
        [float(x) for x in value] if isinstance(value, list) and all(isinstance(x, int | float) for x in value) else []
    )


def curve(found):
    """The first trial that fires and has a series: its name and values."""
    for trial in found["trials"]:
        given = trial.get("given") or {}
        if trial["expect"] == "quiet" or not isinstance(given, dict):
            continue
        for name, value in given.items():
            values = numbers(value)
            finite = [x for x in values if isfinite(x)]
            if name not in ("step", "epoch", "time", "at") and len(finite) >= 2:
                return trial["name"], name, values
    return None


def svg(name, values):
    """A curve as a small picture; readings that are not finite are marked at the top."""
    finite = [x for x in values if isfinite(x)]
    low, high = min(finite), max(finite)
    span = (high - low) or 1.0
    step = (WIDE - 2 * EDGE) / max(1, len(values) - 1)
    places = [
        (EDGE + n * step, HIGH - EDGE - (x - low) / span * (HIGH - 3 * EDGE) if isfinite(x) else None)
        for n, x in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places if y is not None)
    lost = "".join(f'<circle cx="{x:.1f}" cy="{EDGE}" r="3" fill="#c0392b"/>' for x, y in places if y is None)
    words = f"{name}: {values[0]:.4g} to {values[-1]:.4g}"
    label = f'<text x="{EDGE}" y="{EDGE + 2}" font-size="11" font-family="sans-serif" fill="#555">{words}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}">'
        f'<rect width="{WIDE}" height="{HIGH}" fill="#fcfcfa" stroke="#ddd"/>'
        f'<polyline points="{line}" fill="none" stroke="#2c5f8a" stroke-width="1.8"/>{lost}{label}</svg>\n'
    )


def listed(head, items):
    return [f"**{head}**", "", *(f"- {item}" for item in items or []), ""]


def page(path, found):
    parts = [
        f"# {found['title']}",
        "",
        f"`{found['signature']}`, family {found['family']}",
        "",
        str(found["story"]).strip(),
        "",
    ]
    drawn = curve(found)
    if drawn:
        parts += [f"![{drawn[1]}]({found['signature']}.svg)", "", f"*{drawn[0]}*", ""]
    parts += ["| rule | severity | doom | action | fires when |", "|---|---|---|---|---|"]
    for rule in found["rules"]:
        when = " ".join(str(rule.get("when") or f"parts: {rule.get('parts')}").split()).replace("|", "\\|")
        hold = "".join(f" · {key} {rule[key]}" for key in ("after", "for") if key in rule)
        parts.append(
            f"| {rule['rule']} | {rule.get('severity', 'warning')} | {rule.get('doom', 0)} "
            f"| {rule.get('action', 'tell')} | `{when}`{hold} |"
        )
    parts += ["", *listed("Likely causes", found.get("why")), *listed("What to do", found.get("try"))]
    parts += [*listed("When this alarm is wrong", found.get("wrong_if")), *listed("Sources", found.get("sources"))]
    if found["signature"] == "generalisation-gap":
        parts += [
            "The check `train < 0.5 x val`, which the vocabulary post-mortem proposes against its own failure, does not fire on",
            "its own numbers: 0.003 is not below half of 0.002. `memorised` and `vocabulary-mismatch` are what catches it.", "",
        ]  # fmt: skip
    return "\n".join([*parts, f"From `{path.relative_to(ROOT)}`."]) + "\n"


def render():
    """Every page and picture: file name -> text."""
    out, index = {}, ["# The signatures", "", "| family | signature | what |", "|---|---|---|"]
    for path in files():
        found = yaml.safe_load(path.read_text())
        if not isinstance(found, dict) or "signature" not in found:
            continue
        name = found["signature"]
        out[f"{name}.md"] = page(path, found)
        drawn = curve(found)
        if drawn:
            out[f"{name}.svg"] = svg(drawn[1], drawn[2])
        index.append(f"| {found['family']} | [{name}]({name}.md) | {found['title']} |")
    out["README.md"] = "\n".join(index) + "\n"
    return out


def main():
    OUT.mkdir(exist_ok=True)
    for old in OUT.iterdir():
        old.unlink()
    for name, text in render().items():
        (OUT / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Measures the shipped rules on labelled runs: who was caught, in time and by the right name, and who was alarmed for nothing.

    python bench/detection.py --zoo DIR --corpus DIR [--wild DIR] [--strangers DIR] [--odd DIR] [--unseen DIR] [--json FILE] [--only r001,r002]

`--wild`, `--strangers`, `--odd` and `--unseen` are what `python -m bench.wild`, `python -m bench.strangers`, `python -m bench.odd` and `python -m bench.unseen` made: kinds of runs that the limits were not chosen on. A zoo has `labels.csv`, `runs/` and `arrivals/`; a corpus has `index.csv` and `files/`. Nothing of either is kept.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from math import sqrt
from pathlib import Path

from sentinel.core.records import Severity
from sentinel.daemon.books import open_books
from sentinel.daemon.replay import replay

NO_SIGN = {"interrupted", "quality_target_missed"}
ELSEWHERE = {"machine", "throughput", "checkpoint"}
TIME_SCALE = 60.0
LATEST = 0.6  # of what is left of a run after its onset
BOOKS = None


def books():
    global BOOKS
    BOOKS = BOOKS or open_books([])
    return BOOKS


def judged(path: Path, arrivals: Path | None, scale: float) -> dict:
    held = books()
    try:
        out = replay(path, held.book, held.names, arrivals, scale)
    except Exception as trouble:  # a bench goes on and says so
        return {"alerts": [], "trouble": repr(trouble), "last_step": None, "last_epoch": None}
    alerts = [
        {
            "rule": f"{c.signature}/{c.rule}", "family": c.family, "severity": int(c.severity), "doom": c.doom,
            "action": c.action.value, "step": c.step, "epoch": c.epoch, "line": c.line, "file": c.file,
            "hidden": bool(c.hidden_by), "progress": c.progress,
        }
        for c in out.firing
    ]  # fmt: skip
    bugs = [list(map(str, bug)) for bug in out.bugs]
    return {"alerts": alerts, "bugs": bugs, "last_step": out.last_step, "last_epoch": out.last_epoch}


def step_of(alert: dict, label: dict, found: dict) -> float:
    """Where in the run an alert came, in steps; a log without steps is scaled by its epochs."""
    if alert["step"] is not None:
        return float(alert["step"])
    if alert["epoch"] is not None and found["last_epoch"]:
        return alert["epoch"] / found["last_epoch"] * float(label["last_step"])
    if alert["line"] and alert["file"] == label.get("onset_file") and label.get("onset_line"):
        return float(label["onset_step"]) if alert["line"] >= int(label["onset_line"]) else 0.0
    return 0.0


def zoo_run(args: tuple[str, dict]) -> dict:
    folder, label = args
    run = Path(folder) / "runs" / label["run"]
    arrivals = Path(folder) / "arrivals" / f"{label['run']}.jsonl"
    found = judged(run, arrivals if arrivals.exists() else None, TIME_SCALE)
    loud = [a for a in found["alerts"] if a["severity"] >= Severity.HIGH and not a["hidden"]]
    verdict = {"run": label["run"], "kind": label["family"], "label": label["label"], **found, "loud": loud}
    if label["label"] == "doomed":
        right = set(label["signature_families"].split())
        onset, last = float(label["onset_step"] or label["onset_epoch"]), float(label["last_step"])
        first = loud[0] if loud else None
        at = step_of(first, label, found) if first else None
        end = last if onset >= last else onset + LATEST * (last - onset)
        named = first is not None and first["family"] in right and len({a["family"] for a in loud}) <= 2
        verdict |= {
            "right": sorted(right), "onset": onset, "latest": end, "at": at,
            "caught": bool(named and at is not None and at <= end),
            "saved": None if at is None else max(0.0, 1 - at / last),
        }  # fmt: skip
    return verdict


def corpus_file(args: tuple[str, dict]) -> dict:
    folder, row = args
    found = judged(Path(folder) / row["file"], None, 1.0)
    loud = [a for a in found["alerts"] if a["severity"] >= Severity.HIGH and not a["hidden"]]
    return {
        "id": row["id"],
        "repo": row["repo"],
        "label": row["label"],
        "kind": row["failure_kind"],
        **found,
        "loud": loud,
    }


def wilson(hits: int, of: int) -> str:
    """A share with its 95 % interval."""
    if not of:
        return "-"
    z, p = 1.96, hits / of
    middle, half = p + z * z / (2 * of), z * sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    low, high = (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)
    return f"{hits}/{of} = {p:.1%} ({low:.0%} to {high:.0%})"


def say_zoo(runs: list[dict], zoo: str = "zoo") -> None:
    doomed = [r for r in runs if r["label"] == "doomed"]
    ours = [r for r in doomed if not set(r["right"]) <= ELSEWHERE]
    healthy = [r for r in runs if r["label"] == "healthy"]
    print(f"{zoo}: caught {wilson(sum(r['caught'] for r in doomed), len(doomed))}")
    print(f"{zoo}, families of training: caught {wilson(sum(r['caught'] for r in ours), len(ours))}")
    false = [r for r in healthy if r["loud"]]
    critical = [r for r in healthy if any(a["severity"] >= Severity.CRITICAL for a in r["loud"])]
    print(f"{zoo}: healthy with severity >= high {wilson(len(false), len(healthy))}, critical {len(critical)}")
    for r in doomed:
        if not r["caught"]:
            loud = [(a["rule"], a["family"], a["step"]) for a in r["loud"]][:5]
            print(
                f"  missed {r['run']} {r['kind']} onset {r['onset']:.0f} latest {r['latest']:.0f} "
                f"right {r['right']}: {loud} {r.get('trouble', '')}"
            )
    for r in false:
        print(f"  false  {r['run']} {r['kind']}: {[(a['rule'], a['step'], a['epoch']) for a in r['loud']]}")
    for r in runs:
        for bug in r.get("bugs", []):
            print(f"  bug    {r['run']}: {bug[:2]} {bug[2][-200:]}")


def say_corpus(files: list[dict]) -> None:
    failed = [f for f in files if f["label"] == "failed" and f["kind"] not in NO_SIGN]
    healthy = [f for f in files if f["label"] == "healthy"]
    print(f"corpus: failed with a visible sign {wilson(sum(bool(f['loud']) for f in failed), len(failed))}")
    repos = defaultdict(list)
    for f in failed:
        repos[f["repo"]].append(bool(f["loud"]))
    print(
        f"corpus, per repository: {wilson(sum(any(x) for x in repos.values()), len(repos))}; "
        f"mean of shares {sum(sum(x) / len(x) for x in repos.values()) / len(repos):.1%}"
    )
    false = [f for f in healthy if f["loud"]]
    print(f"corpus: healthy with severity >= high {wilson(len(false), len(healthy))}")
    for f in failed:
        if not f["loud"]:
            print(f"  missed {f['id']} {f['kind']} {f['repo']} {f.get('trouble', '')}")
    for f in false:
        print(
            f"  false  {f['id']} {f['repo']}: {[(a['rule'], a['step'], a['epoch'], a['line']) for a in f['loud']][:4]}"
        )
    unread = [f["id"] for f in files if f.get("trouble")]
    if unread:
        print(f"  unread {unread}")


def table(path: Path) -> list[dict]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo")
    parser.add_argument("--corpus")
    parser.add_argument("--wild")
    parser.add_argument("--strangers")
    parser.add_argument("--odd")
    parser.add_argument("--unseen")
    parser.add_argument("--json")
    parser.add_argument("--page", help="write docs/detection.md from what was measured")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    only = set(filter(None, args.only.split(",")))
    out: dict[str, list[dict]] = {}
    with ProcessPoolExecutor(args.jobs) as pool:
        for zoo in ("zoo", "wild", "strangers", "odd", "unseen"):
            if folder := getattr(args, zoo):
                work = [(folder, row) for row in table(Path(folder) / "labels.csv") if not only or row["run"] in only]
                out[zoo] = list(pool.map(zoo_run, work, chunksize=2))
                say_zoo(out[zoo], zoo)
        if args.corpus:
            rows = table(Path(args.corpus) / "index.csv")
            work = [
                (args.corpus, row)
                for row in rows
                if row["label"] in ("failed", "healthy") and (not only or row["id"] in only)
            ]
            out["corpus"] = list(pool.map(corpus_file, work, chunksize=2))
            say_corpus(out["corpus"])
    if args.page:
        from detection_page import render

        Path(args.page).write_text(render(out, books().book.rules))
    if args.json:
        Path(args.json).write_text(json.dumps(out, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`sentinel backtest DIR`: many finished runs with labels through the live engine; false alarms and lead."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from sentinel.cli.exits import Exit
from sentinel.core.records import Severity
from sentinel.rulebook.backtesting import (
    Bar,
    Firing,
    Judged,
    Label,
    bar,
    by_rule,
    excess,
    found_in_time,
    leave_one_out,
    suggestions,
    wilson,
)

HELP = "False alarms and lead of every rule over many finished runs."
_EPILOG = """examples:
  sentinel backtest zoo/runs --labels zoo/labels.csv --csv figures.csv
  sentinel backtest zoo/runs --arrivals zoo/arrivals --time-scale 60

labels.csv has a row for each run: run, label (doomed or healthy), family, onset_step, onset_epoch, onset_t_s, last_step,
duration_s, signature_families. Without labels every run counts as healthy.
"""
_AXES = (("onset_step", "last_step", "step"), ("onset_epoch", "last_epoch", "epoch"), ("onset_t_s", "duration_s", "at"))


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments and help."""
    parser.epilog = _EPILOG
    parser.add_argument("dir", metavar="DIR", help="a folder of runs")
    parser.add_argument("--labels", metavar="CSV", help="what an expert says about each run")
    parser.add_argument("--arrivals", metavar="DIR", help="when the bytes arrived: one RUN.jsonl for each run")
    parser.add_argument("--time-scale", type=float, default=1.0, metavar="N", help="multiply arrival times")
    parser.add_argument("--shard", metavar="I/N", help="only every Nth run, from the Ith on (1/4 ... 4/4)")
    parser.add_argument("--rules", action="append", default=[], metavar="DIR", help="your own rules beside the shipped")
    parser.add_argument("--found", type=float, default=0.95, metavar="SHARE", help="of doomed runs to be found")
    parser.add_argument("--false", type=int, default=1, metavar="N", help="healthy runs that may raise high")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="how many runs at once")
    parser.add_argument("--csv", metavar="FILE", help="write the figures of each rule")
    parser.add_argument("--plot", metavar="FILE", help="draw the figures of each rule (needs matplotlib)")
    parser.add_argument("--runs-csv", metavar="FILE", help="write what came of each run")


def run(args: argparse.Namespace) -> int:
    """Replay all runs and print the figures; exit 1 if the bar is missed."""
    folder = Path(args.dir)
    if not folder.is_dir():
        print(f"sentinel backtest: there is no folder {folder}", file=sys.stderr)
        return Exit.COULD_NOT
    try:
        labels = read_labels(Path(args.labels)) if args.labels else {}
    except ImportError:
        print("sentinel backtest: needs pandas; `sentinel doctor` gives the command", file=sys.stderr)
        return Exit.COULD_NOT
    paths = [path for path in sorted(folder.iterdir()) if not labels or path.name in labels]
    if args.shard:
        index, _, count = args.shard.partition("/")
        paths = paths[int(index) - 1 :: int(count)]
    judged = list(_progress(_judge_all(args, paths, labels), len(paths)))
    for row in judged:
        if row.trouble:
            print(f"sentinel backtest: {row.label.run}: {row.trouble}", file=sys.stderr)
    _write(args, judged)
    if args.plot and not plot(judged, Path(args.plot)):
        print("sentinel backtest: --plot needs matplotlib; `sentinel doctor` gives the command", file=sys.stderr)
        return Exit.COULD_NOT
    whole = bar(judged, args.found, args.false)
    print("\n".join(report(judged, whole)))
    return Exit.FINE if whole.met else Exit.FINDINGS


LABELS = ("healthy", "doomed", "failed")
NO_SIGN = ("interrupted", "quality_target_missed")  # failures that no line of the log shows


def read_labels(path: Path) -> dict[str, Label]:
    """The labels by run."""
    import pandas

    table = pandas.read_csv(path, dtype={"run": str}, keep_default_na=True)
    labels = [_label(row) for row in table.to_dict("records") if _tells(row)]
    return {label.run: label for label in labels}


def _tells(row: dict[str, Any]) -> bool:
    """Whether anybody could tell from the run's own words how it went."""
    return row.get("label") in LABELS and row.get("failure_kind") not in NO_SIGN


def _label(row: dict[str, Any]) -> Label:
    def number(key: str) -> float | None:
        value = row.get(key)
        return float(value) if isinstance(value, int | float) and value == value else None

    onset, last, axis = next((a for a in _AXES if number(a[0]) is not None), _AXES[0])
    families = row.get("signature_families")
    known = frozenset(families.split()) if isinstance(families, str) else frozenset()
    kind = str(row.get("family", row.get("repo", "")))
    name = str(row["run"]) if "run" in row else Path(str(row["file"])).name
    return Label(name, row.get("label") != "healthy", kind, number(onset), number(last), axis, known)


def _judge_all(args: argparse.Namespace, paths: Sequence[Path], labels: dict[str, Label]) -> Iterator[Judged]:
    one = partial(_judge, rules=tuple(args.rules), arrivals=args.arrivals, scale=args.time_scale)
    wanted = [labels.get(path.name, Label(path.name, doomed=False)) for path in paths]
    if args.jobs < 2:
        yield from map(one, paths, wanted)
        return
    with ProcessPoolExecutor(args.jobs) as pool:
        yield from pool.map(one, paths, wanted, chunksize=4)


_BOOKS: dict[tuple[str, ...], Any] = {}


def _judge(path: Path, label: Label, rules: tuple[str, ...], arrivals: str | None, scale: float) -> Judged:
    from sentinel.cli.rule_folders import folders_and_names
    from sentinel.daemon.replay import replay
    from sentinel.rulebook.loading import load_rulebook

    if rules not in _BOOKS:  # a worker loads the rules once
        folders, names, _ = folders_and_names(rules)
        _BOOKS[rules] = load_rulebook(folders, names), names
    book, names = _BOOKS[rules]
    came = Path(arrivals) / f"{path.name}.jsonl" if arrivals else None
    try:
        replayed = replay(path, book, names, came, scale)
    except (OSError, ValueError) as trouble:
        return Judged(label, trouble=str(trouble))
    actions = {rule.key: rule.action.value != "tell" for rule in book.rules}
    firings = []
    for change in replayed.firing:
        if change.hidden_by is not None:
            continue  # behind its cause it is not told and counts nowhere
        key = f"{change.signature}/{change.rule}"
        at = getattr(change, label.axis)
        if label.axis == "at" and at is not None:
            at -= replayed.began or 0.0
        told = change.severity >= Severity.HIGH
        beyond = excess(change.value, change.limit)
        firings.append(Firing(key, change.family, int(change.severity), actions.get(key, False), at, told, beyond))
    bounds = replayed.watched.bounds.values() if replayed.watched else ()
    applied = frozenset(bound.rule.key for bound in bounds if bound.answer is not None)
    return Judged(label, tuple(firings), applied)


def _progress(judged: Iterator[Judged], count: int) -> Iterator[Judged]:
    if not sys.stderr.isatty():
        yield from judged
        return
    from rich.progress import track

    yield from track(judged, description="replaying", total=count, console=_console())


def _console() -> Any:
    from rich.console import Console

    return Console(stderr=True)


def _write(args: argparse.Namespace, judged: Sequence[Judged]) -> None:
    if not (args.csv or args.runs_csv):
        return
    import pandas

    if args.csv:
        rows = [
            {"rule": f.rule, "applied": f.applied, "doomed": f.doomed, "healthy": f.healthy, "median_lead": f.lead}
            for f in by_rule(judged)
        ]
        pandas.DataFrame(rows).to_csv(args.csv, index=False)
    if args.runs_csv:
        runs = [
            {
                "run": row.label.run, "family": row.label.family, "doomed": row.label.doomed,
                "found_in_time": found_in_time(row) if row.label.doomed else None,
                "alerts": " ".join(f"{f.rule}@{f.at}" for f in row.firings), "trouble": row.trouble,
            }
            for row in judged
        ]  # fmt: skip
        pandas.DataFrame(runs).to_csv(args.runs_csv, index=False)


def plot(judged: Sequence[Judged], path: Path) -> bool:
    """Draw how many doomed and healthy runs each rule fired on; False where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figures = [one for one in by_rule(judged) if one.doomed or one.healthy][::-1]
    figure = Figure(figsize=(8, 1.2 + 0.25 * len(figures)), layout="constrained")
    axes = figure.add_subplot()
    names = [one.rule for one in figures]
    axes.barh(names, [one.doomed for one in figures], color="#3b6ea5", label="doomed runs")
    axes.barh(names, [-one.healthy for one in figures], color="#c0504d", label="healthy runs (false alarms)")
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel("runs on which the rule fired")
    axes.legend(loc="lower right")
    figure.savefig(path)
    return True


def report(judged: Sequence[Judged], whole: Bar) -> list[str]:
    """The figures for people."""
    doomed = sum(row.label.doomed for row in judged)
    lines = [f"{'rule':44} {'applied':>7} {'doomed':>7} {'healthy':>7}  false alarms    lead"]
    for figures in by_rule(judged):
        if not (figures.doomed or figures.healthy):
            continue
        low, high = wilson(figures.healthy, max(1, len(judged) - doomed))
        lead = "" if figures.lead is None else f"{figures.lead:.0%}"
        counts = f"{figures.applied:7} {figures.doomed:7} {figures.healthy:7}"
        lines.append(f"{figures.rule:44} {counts}  {low:5.1%}-{high:5.1%}   {lead:>5}")
    lines += [f"suggestion: {one}" for one in suggestions(judged)]
    lines += ["", *_bar_lines(whole)]
    if doomed:
        lines.append("")
        missed = [row for row in judged if row.label.doomed and not found_in_time(row)]
        lines += [f"missed {row.label.run} {row.label.family}: {_heard(row)}" for row in missed]
        worst = min(leave_one_out(judged).items(), key=lambda kv: kv[1].found / max(1, kv[1].doomed), default=None)
        if worst:
            lines.append(f"without {worst[0]}: {worst[1].found} of {worst[1].doomed} found")
    loud = [row for row in judged if not row.label.doomed and any(f.severity >= 2 for f in row.firings)]
    lines += [f"false alarm {row.label.run} {row.label.family}: {_heard(row)}" for row in loud]
    return lines


def _bar_lines(whole: Bar) -> list[str]:
    found = wilson(whole.found, whole.doomed)
    false = wilson(whole.false_high, whole.healthy)
    return [
        f"doomed found in time with the right family: {whole.found} of {whole.doomed} ({found[0]:.0%}-{found[1]:.0%})",
        f"healthy with severity >= high: {whole.false_high} of {whole.healthy} ({false[0]:.1%}-{false[1]:.1%})",
        f"healthy with critical: {whole.false_critical}; with a rule that acts: {whole.false_acting}",
        f"messages per healthy run: {whole.messages:.3f}",
        f"the bar is {'met' if whole.met else 'missed'}",
    ]


def _heard(row: Judged) -> str:
    return ", ".join(f"{f.rule} ({f.family}) at {f.at}" for f in row.firings if f.severity >= 2) or "nothing >= high"

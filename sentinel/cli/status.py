"""`sentinel status`: what is watched and how each run does; from the state file where no daemon answers."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from sentinel.cli.asking import NoDaemon, add_socket, ask
from sentinel.cli.exits import Exit
from sentinel.cli.offline import state_status
from sentinel.cli.saying import minute
from sentinel.cli.terminal import one_line
from sentinel.cli.width import columns, folded
from sentinel.core.wire import dump

HELP = "What is watched and how each run does: doomed, look, silent, fine, or cannot tell."
EPILOG = """examples:
  sentinel status                 all runs, the worst first
  sentinel status my-run          one run: its rules, and which are unknown for want of what
  sentinel status --json          one object, for programs
  sentinel status --nagios        one line and the exit codes 0 to 3 that monitoring systems know"""
ORDER = {"doomed": 0, "look": 1, "silent": 2, "cannot tell": 3, "fine": 4}
SIGNS = {"doomed": "!!", "look": "! ", "silent": ". ", "fine": "ok", "cannot tell": "? "}


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.epilog = EPILOG
    parser.add_argument("run", nargs="?", metavar="RUN", help="one run, in full")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--nagios", action="store_true", help="one line; exit 0 ok, 1 warning, 2 critical, 3 unknown")
    parser.add_argument("--state", metavar="DIR", help="read this state folder where no daemon answers")
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon, else read what it left behind."""
    request = {"ask": "status", **({"run": args.run} if args.run else {})}
    try:
        answer = ask(args, request)
    except NoDaemon as trouble:
        if args.nagios:  # what was so when the watch ended says nothing of now
            return unknown(str(trouble))
        known = state_status(args.state)
        if known is None:
            print(f"sentinel: {trouble}", file=sys.stderr)
            return Exit.COULD_NOT
        answer = known
        print(f"sentinel: {trouble}; this is from {answer['state']}, {answer['age']} old", file=sys.stderr)
    if args.nagios:
        return nagios(answer) if answer.get("ok") else unknown(str(answer.get("why")))
    if not answer.get("ok"):
        print(f"sentinel: {answer.get('why')}", file=sys.stderr)
        return Exit.COULD_NOT
    print(dump(answer) if args.json else text(answer, bool(args.run), columns(sys.stdout)))
    return Exit.FINE


def unknown(why: str) -> int:
    """Nobody could say: monitoring systems read stdout alone."""
    print(f"SENTINEL UNKNOWN: {_in_nagios(why)}")
    return 3


def _in_nagios(text: str) -> str:
    """On one line, and without the sign that begins the figures."""
    return one_line(text).replace("|", "/")


def nagios(answer: dict[str, Any]) -> int:
    """One line, and the exit code that monitoring systems expect. A watch in trouble is a warning, whatever it sees."""
    words = [run["standing"] for run in answer["runs"]]
    bad = [run["run"] for run in answer["runs"] if run["standing"] == "doomed"]
    look = [run["run"] for run in answer["runs"] if run["standing"] in ("look", "silent")]
    code, word = (2, "CRITICAL") if bad else (1, "WARNING") if look or answer["troubles"] else (0, "OK")
    shown = bad or look or list(map(str, answer["troubles"]))
    named = ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
    counts = " ".join(f"{key.replace(' ', '_')}={words.count(key)}" for key in ORDER)
    print(f"SENTINEL {word}: {_in_nagios(named or f'{len(words)} runs watched')} | {counts}")
    return code


def text(answer: dict[str, Any], full: bool = False, width: int | None = None) -> str:
    """For people, folded to that width; without one, each thing on a line of its own."""
    runs = sorted(answer["runs"], key=lambda run: ORDER.get(run["standing"], 9))
    names = {f"{run.get('watch')}:{run['folder']}": run["run"] for run in runs if run.get("folder")}
    shown = {run["run"] for run in runs} if full else None
    lines = [head(answer), *notices(answer)]
    if not runs:
        lines.append("  no run was seen yet; sentinel doctor says whether the watches can see anything")
    longest = max((len(run["run"]) for run in runs), default=0)
    lines += [run_line(run, longest) for run in runs]
    if answer.get("more_runs"):
        lines.append(f"  ... and {answer['more_runs']} more")
    if answer.get("listed"):
        lines.append(f"  ({answer['listed']} runs were over before this watch began)")
    firing = [alert for alert in answer.get("alerts", []) if not alert.get("hidden_by")]
    lines += [line for alert in firing if about(alert["run"], shown) for line in alert_lines(alert, width)]
    words = [(word, names.get(word["target"], word["target"])) for word in answer.get("words", [])]
    lines += [word_line(word, name) for word, name in words if word["scope"] != "run" or about(name, shown)]
    plans = [(plan, names.get(plan["run"], plan["run"])) for plan in answer.get("plans", [])]
    lines += [f"  {name}: {plan['line']}" for plan, name in plans if about(name, shown)]
    if answer.get("dropped"):
        lines.append(f"  {answer['dropped']} messages were lost: neither disk nor memory had room for them")
    if full:
        lines += [line for run in runs for line in coverage(run)]
    return "\n".join(part for line in lines for part in folded(one_line(line), width, 9 if line[:2] == "  " else 2))


def notices(answer: dict[str, Any]) -> list[str]:
    """What Sentinel has to say of itself: what it was told lately, troubles, faults."""
    faults = {f"rule file: {fault}" for fault in answer.get("faults", [])}  # listed below
    lines = [f"  told: {told}" for told in [told for told in answer.get("told", []) if told not in faults][-3:]]
    lines += [f"  trouble: {trouble}" for trouble in answer.get("troubles", [])[:10]]
    lines += [f"  in force as it last was good: {file} (sentinel check {file})" for file in answer.get("held", [])]
    lines += [f"  fault: {fault}" for fault in answer.get("faults", [])[:10]]
    return lines + [f"  fault in a run's own rules: {each['fault']}" for each in answer.get("own_faults", [])[:10]]


def about(name: str, shown: set[str] | None) -> bool:
    """Whether a run is among those that are shown; None shows all."""
    return shown is None or name in shown


def head(answer: dict[str, Any]) -> str:
    """Who answers, and since when."""
    rules = f"{answer['rules']} rules in force" if answer.get("rules") else ""
    since = f"watching since {minute(answer['since'])}" if answer.get("since") else ""
    return ", ".join(
        part for part in (f"sentinel {answer.get('version', '')} on {answer.get('host', '')}", since, rules) if part
    )


def run_line(run: dict[str, Any], width: int) -> str:
    """One run."""
    firing = f"{run['firing']} firing" if run.get("firing") else ""
    sign = SIGNS.get(run["standing"], "- ")
    return f"  {sign} {run['run']:<{width}}  {run['standing']:<12} {where(run):<24} {firing}".rstrip()


def where(run: dict[str, Any]) -> str:
    """How far a run is: its step, else its epoch, and the share of its plan."""
    step, epoch, progress = run.get("step"), run.get("epoch"), run.get("progress")
    at = f"step {step:,}" if step is not None else f"epoch {epoch:g}" if epoch is not None else ""
    return f"{at} ({progress:.0%})".strip() if progress is not None else at


def alert_lines(alert: dict[str, Any], width: int | None, stands: str = "") -> list[str]:
    """One alert: its name and how it stands, under it what it says; on one line where nothing is folded."""
    step = f" at step {alert['step']:,}" if alert.get("step") is not None else ""
    name = f"  [{alert['id']}] {alert['severity']} {alert['run']}: {alert['signature']}/{alert['rule']}{step}{stands}"
    return [f"{name}  {alert['say']}"] if width is None else [name, *folded(f"         {alert['say']}", width, 9)]


def word_line(word: dict[str, Any], target: str) -> str:
    """What a person said, and who."""
    until = f" until {minute(word['until'])}" if word.get("until") else ""
    about = f" ({word['rule']})" if word.get("rule") else ""
    why = f": {word['why']}" if word.get("why") else ""
    return f"  {word['saying']} {word['scope']} {target}{about}{until}, by {word['who']} at {minute(word['at'])}{why}"


def coverage(run: dict[str, Any]) -> list[str]:
    """Which rules speak about a run, and which cannot and why."""
    lines = [f"  rules that apply: {', '.join(run.get('applies', [])) or 'none yet'}"]
    wanting: dict[str, list[str]] = {}  # rules that want the same stand together: there are many
    for item in run.get("unknown", []):
        wanting.setdefault(item["why"] or "no line that they look for was seen", []).append(item["rule"])
    lines += [f"  unknown, {why}: {', '.join(rules)}" for why, rules in wanting.items()]
    lines += [f"  of its own: {', '.join(run['own'])}"] if run.get("own") else []
    return [*lines, f"  names it has given: {', '.join(run.get('names', [])) or 'none'}"]

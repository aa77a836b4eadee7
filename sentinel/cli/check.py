"""`sentinel check`: every mistake in rule files and settings, each with its place and its mending."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sentinel.cli.exits import Exit
from sentinel.cli.own_rules import brought_by, run_that_brings
from sentinel.cli.rule_folders import fault_lines, folders_and_names
from sentinel.core.records import Fault
from sentinel.daemon.settings import load_settings
from sentinel.daemon.shipped import shipped
from sentinel.rulebook.files import Field, Signature
from sentinel.rulebook.loading import Loaded, Loader
from sentinel.rulebook.releases import differences

HELP = "Every mistake in rule files and settings, with its place."
HERE = "sentinel.toml"
_EPILOG = """examples:
  sentinel check                             ./sentinel.toml with the rules it names, else the shipped rules alone
  sentinel check my-rules/ sentinel.toml
  sentinel check --since 0.1.0               new, changed, renamed and gone rules, after an upgrade
  sentinel check runs/a/.sentinel/rules      the rules that a run brings itself, as the daemon would read them
  sentinel check --effective probability-collapse/collapsed my-rules/
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments and help."""
    parser.epilog = _EPILOG
    what = "rule folders, rule files, a sentinel.toml with the folders that it names, or a run's own rules"
    parser.add_argument("paths", nargs="*", metavar="PATH", help=what)
    parser.add_argument("--effective", metavar="RULE", help="print the rule in force and where each field comes from")
    parser.add_argument("--since", metavar="VERSION", help="what changed in the shipped rules after that version")
    parser.add_argument("--notes", action="store_true", help="also what is worth knowing, such as names not seen yet")
    parser.add_argument("--json", action="store_true", help="one object a line")


def run(args: argparse.Namespace) -> int:
    """Check; exit 1 on faults."""
    if not args.paths and Path(HERE).is_file():
        args.paths = [HERE]  # as `sentinel run` and `sentinel doctor` take it
    missing = [path for path in args.paths if not Path(path).exists()]
    if missing:
        print(f"sentinel check: there is no {missing[0]}", file=sys.stderr)
        return Exit.COULD_NOT
    runs = {path: folder for path in args.paths if (folder := run_that_brings(path)) is not None}
    settings = [path for path in args.paths if Path(path).is_file() and not path.endswith((".yml", ".yaml"))]
    named = [path for path in args.paths if path not in settings and path not in runs]
    wrong_settings: list[Fault] = []
    for path in settings:
        found, wrong = load_settings(Path(path))
        wrong_settings += wrong
        named += [folder for folder in (found.sentinel.rules if found else ()) if folder not in named]
    folders, names, faults = folders_and_names(named)
    faults += wrong_settings
    loaded = Loader(folders, names).load()
    if args.effective:
        return _effective(loaded, args.effective)
    if args.since:
        return _since(loaded, args.since, args.json)
    brought = [brought_by(folder, names, loaded.book) for folder in dict.fromkeys(runs.values())]
    faults += [fault for each in brought for fault in each.faults]
    shown = [fault for fault in (*faults, *loaded.book.faults) if args.notes or not fault.note]
    for fault in shown:
        print(_json(fault) if args.json else "\n".join(fault_lines(fault)))
    wrong = [fault for fault in shown if not fault.note]
    if not args.json:
        count = f"{len(wrong)} fault{'s' if len(wrong) != 1 else ''}" if wrong else "no faults"
        print(f"{len(loaded.book.rules)} rules in force in {len(loaded.signatures)} signatures, {count}")
        for each in brought:
            print(each.sentence)
    return Exit.FINDINGS if wrong else Exit.FINE


def _json(fault: Fault) -> str:
    return json.dumps(
        {
            "v": 1,
            "file": fault.file,
            "line": fault.line or None,
            "column": fault.column or None,
            "what": fault.what,
            "rule": fault.rule or None,
            "note": fault.note,
        }
    )


def _effective(loaded: Loaded, key: str) -> int:
    """Every field of a rule with the place that it comes from."""
    head, _, name = key.partition("/")
    signature = next((s for s in loaded.signatures if s.name == head), None)
    if signature is None or name not in signature.rules:
        print(f"sentinel check: there is no rule {key}; `sentinel check` lists faults", file=sys.stderr)
        return Exit.COULD_NOT
    print(f"{key}: {'in force' if loaded.book.rule(key) else 'NOT in force'}")
    for origin, fields in (("", signature.rules[name]), ("  (of the signature)", _shared(signature, name))):
        for field, (text, marked) in fields.items():
            print(f"  {field}: {marked.plainly()!r}{origin}\n      {text.file}:{marked.line}")
    return Exit.FINE


def _since(loaded: Loaded, version: str, as_json: bool) -> int:
    """What an upgrade brought: the shipped rules of now beside those of a release."""
    releases = json.loads((shipped("rules") / "releases.json").read_text())
    if version not in releases:
        known = ", ".join(releases) or "none yet: no version was released before this one"
        print(f"sentinel check: no rules are recorded for version {version}; recorded: {known}", file=sys.stderr)
        return Exit.COULD_NOT
    found = differences(releases[version], loaded.book.rules)
    for one in found:
        told = {"v": 1, "rule": one.rule, "what": one.what, "details": list(one.details)}
        print(json.dumps(told) if as_json else one)
    if not as_json:
        print(f"{len(found) or 'no'} shipped rule{'' if len(found) == 1 else 's'} changed since {version}")
    return Exit.FINE


def _shared(signature: Signature, name: str) -> dict[str, Field]:
    own = signature.rules[name]
    return {
        k: v for k, v in signature.fields.items() if k in ("family", "title", "why", "try", "wrong_if") and k not in own
    }

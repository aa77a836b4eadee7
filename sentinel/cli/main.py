"""The command `sentinel`: finds the command that was named and runs it; its file is loaded only then."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from importlib import import_module
from types import ModuleType

from sentinel import __version__
from sentinel.cli.exits import Exit
from sentinel.cli.terminal import guarded
from sentinel.cli.width import Help, examples

GROUPS: dict[str, dict[str, str]] = {
    "watch": {
        "run": "watch the runs of sentinel.toml, in the foreground (systemd starts this)",
        "status": "what is watched and how each run does",
        "alerts": "what fires now, or fired lately",
        "explain": "why an alert fires: every part of its rule with its value",
        "demo": "see five documented failures played live, with the alerts that they raise",
    },
    "look at files": {
        "replay": "judge finished runs as if they happened now",
        "tail": "follow files and print every reading as it is understood",
        "audit": "look for mistakes in configs before a GPU is spent",
        "inspect": "is a checkpoint complete and sane",
    },
    "rules": {
        "check": "every mistake in rule files and settings, with its place",
        "test": "run the trials that stand in the rule files",
        "backtest": "false alarms and lead of every rule over many finished runs",
        "schema": "the JSON schema of rule files, for editors",
    },
    "a person's word": {
        "ack": "seen: stop repeating an alert",
        "mute": "be quiet about an alert, run, rule or family for a while",
        "unmute": "end a mute",
        "wrong": "this alert was a false alarm",
        "keep": "do not stop this run",
        "right": "a rehearsed stop was right",
        "consent": "allow Sentinel to ask your run for a checkpoint, or to stop it",
        "checkpoint": "ask a run for a checkpoint now, and prove it",
        "stop": "checkpoint, prove, then stop a run",
    },
    "set up": {
        "init": "propose a sentinel.toml from what runs here",
        "install": "put the service in place",
        "doctor": "what is wrong with this set-up, and the command that mends it",
        "tell": "send a sample alert to try the channels",
        "outbox": "what waits to be delivered",
        "release-gpu": "let go of a GPU for a while so that it can be reset",
    },
}
COLOURFUL = ("run", "demo", "backtest")  # they steer the terminal themselves, and clean what others wrote
COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit code. A reader that has seen enough (`| head`) ends it quietly."""
    try:
        try:
            return obeyed(sys.argv[1:] if argv is None else argv)
        finally:
            sys.stdout.flush()  # else a closed pipe shows itself when nobody catches it any more
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FINE


def obeyed(words: list[str]) -> int:
    """What the words ask for, done; the exit code."""
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return Exit.FINE if words else Exit.COULD_NOT
    if words[0] in ("-V", "--version"):
        print(f"sentinel {__version__}")
        return Exit.FINE
    if words[0] not in COMMANDS:
        print(unknown(words[0]), file=sys.stderr)
        return Exit.COULD_NOT
    return run_command(words[0], words[1:])


def run_command(name: str, words: list[str]) -> int:
    """Parse a command's words and run it; Ctrl-C ends it quietly."""
    module = module_of(name)
    args = parser_of(name, module).parse_args(words)
    try:
        with guarded(name not in COLOURFUL):
            return int(module.run(args))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def module_of(name: str) -> ModuleType:
    """The file of a command."""
    return import_module(f"sentinel.cli.{name.replace('-', '_')}")


def parser_of(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """The parser of one command."""
    parser = argparse.ArgumentParser(prog=f"sentinel {name}", description=module.HELP, formatter_class=Help)
    module.configure(parser)
    return parser


def overview() -> str:
    """What `sentinel --help` prints."""
    lines = [
        "usage: sentinel COMMAND [...]      sentinel COMMAND --help explains one command",
        "",
        "The night watch of a training machine: reads what trainings write and tells people when a run is doomed.",
    ]
    for group, commands in GROUPS.items():
        lines += ["", f"{group}:"]
        lines += [f"  {name:<12} {text}" for name, text in commands.items()]
    text = "\n".join([*lines, "", "New here? Try: sentinel demo"])
    return "\n".join(examples(text, shutil.get_terminal_size().columns))


def unknown(name: str) -> str:
    """What to say to a command that does not exist."""
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else "; sentinel --help lists them"
    return f"sentinel: there is no command '{name}'{hint}"

"""Writes `docs/contracts.md` from the code, so that the page cannot drift: `python docs/contracts_page.py`."""

import dataclasses
import inspect
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sentinel.cli.exits import Exit
from sentinel.core import records, wire
from sentinel.core.records import Action, Change, Evidence, Phase, Reading, Severity
from sentinel.daemon import answers, machines
from sentinel.daemon.hearing import Hearing
from sentinel.daemon.sections import REQUIRED, Key, section_in
from sentinel.daemon.sections import keys as keys_of
from sentinel.daemon.settings import Settings

PAGE = Path(__file__).with_name("contracts.md")
HEAD = """# Contracts

What the rooms, the commands and their users agree on. This page is made from the code by
`python docs/contracts_page.py`; a test keeps it fresh. Keys of JSON objects are only ever added."""


def render() -> str:
    parts = [
        HEAD,
        "## Records\n\n" + records_table(),
        "## JSON objects\n\nStrict JSON: `nan`, `inf` and `-inf` are strings, unknown is null, times are RFC 3339 UTC.",
        keys("A change (`replay`, `audit`, `alerts`)", wire.change_json(sample_change())),
        keys("Evidence, inside a change", wire.evidence_json(Evidence("train.loss", 1.0))),
        keys("A reading (`tail --json`, `run --trace`)", wire.reading_json(Reading("", "", 0.0, 1, 1.0, 0.0, "", 1))),
        "## Words\n\n" + words(),
        "## Exit codes\n\n" + "\n".join(f"- {code.value}: {code.name.lower().replace('_', ' ')}" for code in Exit),
        "## Control lines\n\n" + control_lines(),
        "## Settings\n\n" + settings_table(),
    ]
    return "\n\n".join(parts) + "\n"


def records_table() -> str:
    rows = ["| record | holds | fields |", "|---|---|---|"]
    for name, thing in vars(records).items():
        if inspect.isclass(thing) and thing.__module__ == records.__name__:
            fields = (
                getattr(thing, "_fields", None) or [f.name for f in dataclasses.fields(thing)]
                if is_record(thing)
                else []
            )
            if fields:
                rows.append(f"| {name} | {first_line(thing)} | {' '.join(fields)} |")
    return "\n".join(rows)


def is_record(thing: type) -> bool:
    return hasattr(thing, "_fields") or dataclasses.is_dataclass(thing)


def first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0].replace("|", "\\|")


def sample_change() -> Change:
    blank = {"str": "", "float": 0.0, "int": 0, "float | None": None, "int | None": None, "tuple[Evidence, ...]": ()}
    values = {f.name: blank.get(str(f.type)) for f in dataclasses.fields(Change) if f.default is dataclasses.MISSING}
    return Change(**{**values, "severity": Severity.INFO, "phase": Phase.CLEAR})


def keys(title: str, thing: dict[str, object]) -> str:
    return f"**{title}**: " + ", ".join(f"`{key}`" for key in thing)


def words() -> str:
    rows = [("phase", Phase), ("action", Action)]
    lines = [f"- {name}: " + ", ".join(member.value for member in enum) for name, enum in rows]
    return "\n".join([*lines, "- severity: " + ", ".join(member.word for member in Severity)])


def control_lines() -> str:
    answered = {**answers.handlers(None), **Hearing(None, None, []).handlers(), **machines.releasing(None, None)}
    rows = [f'`{{"ask": "{word}"}}`' for word in sorted(answered)]
    return (
        "One JSON line of at most 64 KiB each way over the Unix socket; an answer holds `v`, `ok` and, if not, `why`. "
        "A word that a daemon does not know is answered with the advice to restart it.\n\n" + ", ".join(rows)
    )


def settings_table() -> str:
    out = []
    for section, field in keys_of(Settings).items():
        table = section_in(field.kind)
        head = f"[[{section}]]" if table is not field.kind else f"[{section}]"
        rows = [f"### `{head}`", "", "| key | default | means |", "|---|---|---|"]
        rows += [f"| {name} | {default(item)} | {item.says} |" for name, item in keys_of(table).items()]
        out.append("\n".join(rows))
    return "\n\n".join(out)


def default(item: Key) -> str:
    return "required" if item.default is REQUIRED else f"`{item.default!r}`".replace("'", '"')


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")

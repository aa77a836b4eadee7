"""The names tables (`names.yml`, shipped and the user's) as one `Names`, mistakes as faults with their place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import yaml

from sentinel.core.names import Better, Name, Names
from sentinel.core.records import Fault

_KEYS = ("better", "share", "splits", "from")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LARGEST = 1 << 20


def load_names(paths: Sequence[Path]) -> tuple[Names, list[Fault]]:
    """The table that these files give, a later file over an earlier one name by name, and all faults at once."""
    entries: dict[str, Name] = {}
    faults: list[Fault] = []
    for path in paths:
        entries.update(_file(path, entries, faults))
    return Names(entries), faults


def _file(path: Path, before: dict[str, Name], faults: list[Fault]) -> dict[str, Name]:
    found: dict[str, Name] = {}
    try:
        text = path.read_bytes()[:_LARGEST].decode()
        root = yaml.compose(text, Loader=_LOADER)
    except OSError as error:
        faults.append(Fault(str(path), 0, 0, f"cannot be read: {error.strerror}; `sentinel doctor` says more"))
        return found
    except UnicodeDecodeError:
        faults.append(Fault(str(path), 0, 0, "is not UTF-8 text"))
        return found
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        faults.append(Fault(str(path), *place, f"is not YAML: {error.problem}"))
        return found
    if root is None:
        return found
    if not isinstance(root, yaml.MappingNode):
        faults.append(_fault(path, root, "a names file maps names to what is known about them"))
        return found
    for key, value in root.value:
        entry = _entry(path, key, value, before, faults)
        if entry:
            if entry.name in found:
                faults.append(_fault(path, key, f"{entry.name} stands here a second time; the first one counts"))
            found.setdefault(entry.name, entry)
    return found


def _entry(path: Path, key: yaml.Node, value: yaml.Node, before: dict[str, Name], faults: list[Fault]) -> Name | None:
    name = str(key.value)
    if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.MappingNode):
        faults.append(_fault(path, value, "write NAME: {better: lower, from: [spelling, ...]}"))
        return None
    old = before.get(name, Name(name))
    fields: dict[str, object] = {"better": old.better, "share": old.share, "splits": old.splits, "from": ()}
    for part, node in value.value:
        if part.value not in _KEYS:
            faults.append(_fault(path, part, f"{part.value!r} is no key of a name; there are: {', '.join(_KEYS)}"))
        elif (good := _value(part.value, node)) is None:
            faults.append(_fault(path, node, _WANTED[part.value]))
        else:
            fields[part.value] = good
    spellings = (*old.spellings, *cast("tuple[str, ...]", fields["from"]))
    better = cast("Better", fields["better"])
    return Name(name, better, bool(fields["share"]), spellings, bool(fields["splits"]))


_WANTED = {
    "better": "`better` is lower or higher",
    "share": "`share` is true or false",
    "splits": "`splits` is true or false",
    "from": "`from` is a list of spellings",
}


def _value(key: str, node: yaml.Node) -> object:
    if key == "from":
        if isinstance(node, yaml.SequenceNode) and all(isinstance(part, yaml.ScalarNode) for part in node.value):
            return tuple(str(part.value) for part in node.value)
        return None
    if not isinstance(node, yaml.ScalarNode):
        return None
    if key == "better":
        return node.value if node.value in ("lower", "higher") else None
    return {"true": True, "false": False}.get(node.value)


def _fault(path: Path, node: yaml.Node, what: str) -> Fault:
    mark = node.start_mark
    return Fault(str(path), mark.line + 1, mark.column + 1, what)

"""Tables of a settings file as frozen classes: which keys there are, what may stand there, and all mistakes in one pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from copy import copy
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

S = TypeVar("S", bound="Section")
KeyPath = tuple[int | str, ...]
REQUIRED = dataclasses.MISSING
UNKNOWN, MISSING = "is no key here", "is missing"
_SHAPES = {str: "a text", bool: "true or false", list: "a list", dict: "a table"}


class Mistake(NamedTuple):
    """What is wrong at a key; the words go on after its name."""

    path: KeyPath
    what: str


class Key(NamedTuple):
    """One key of a table."""

    kind: Any
    default: Any  # REQUIRED where there is none
    says: str


def key(*, default: Any = REQUIRED, says: str) -> Any:
    """A key with its default, of which each table has its own, and what it means."""
    about = {"default": default, "says": says}
    if default is REQUIRED:
        return dataclasses.field(metadata=about)
    return dataclasses.field(default_factory=lambda: copy(default), metadata=about)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(key,))
class Section:
    """One table of the file. A key that nobody knows is a mistake, for a typo must not switch a watch off."""

    def __init_subclass__(cls) -> None:
        """Each table is a frozen dataclass."""
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)


def keys(section: type[Section]) -> dict[str, Key]:
    """The keys of a table by name."""
    kinds = get_type_hints(section, include_extras=True)
    fields: Any = dataclasses.fields(section)  # type: ignore[arg-type]
    return {f.name: Key(kinds[f.name], f.metadata["default"], f.metadata["says"]) for f in fields}


def section_in(kind: Any) -> type[Section] | None:
    """The table that a key holds, or of which it holds a list."""
    return next((one for one in (kind, *get_args(kind)) if isinstance(one, type) and issubclass(one, Section)), None)


def read(section: type[S], tree: object) -> tuple[S | None, list[Mistake]]:
    """A tree of plain values as a table, or all mistakes in it."""
    mistakes: list[Mistake] = []
    value = _value(section, tree, (), mistakes)
    return (None if mistakes else value), mistakes


def _value(kind: Any, value: Any, path: KeyPath, mistakes: list[Mistake]) -> Any:
    checks: tuple[Any, ...] = ()
    if get_origin(kind) is Annotated:
        kind, *checks = get_args(kind)  # type: ignore[assignment]
    table = section_in(kind)
    if table is not None and table is kind:
        return _section(table, value, path, mistakes)
    before, shape, inner = len(mistakes), get_origin(kind) or kind, get_args(kind)
    if shape is Literal:
        if value not in inner:
            mistakes.append(Mistake(path, f"must be {_either(inner)}, not {value!r}"))
        return value
    if type(value) is not shape:
        mistakes.append(Mistake(path, f"must be {_SHAPES[shape]}, not {value!r}"))
    elif shape is list:
        value = [_value(inner[0], one, (*path, number), mistakes) for number, one in enumerate(value)]
    elif shape is dict:
        value = {name: _value(inner[1], one, (*path, name), mistakes) for name, one in value.items()}
    for check in checks if len(mistakes) == before else ():
        try:
            check(value)
        except ValueError as wrong:
            mistakes.append(Mistake(path, str(wrong)))
    return value


def _section(section: type[Section], tree: Any, path: KeyPath, mistakes: list[Mistake]) -> Any:
    if not isinstance(tree, Mapping):
        mistakes.append(Mistake(path, f"must be a table, not {tree!r}"))
        return None
    known, before = keys(section), len(mistakes)
    mistakes += [Mistake((*path, name), UNKNOWN) for name in tree if name not in known]
    mistakes += [
        Mistake((*path, name), MISSING) for name, one in known.items() if one.default is REQUIRED and name not in tree
    ]
    there = {name: _value(one.kind, tree[name], (*path, name), mistakes) for name, one in known.items() if name in tree}
    return section(**there) if len(mistakes) == before else None


def _either(words: tuple[str, ...]) -> str:
    *first, last = (f"'{word}'" for word in words)
    return f"{', '.join(first)} or {last}"

"""Rule files as documents: read, checked for shape against the table of keys, merged field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from sentinel.core.records import Fault
from sentinel.core.rule import Only
from sentinel.rulebook.keys import DEFAULTS, FILE, KINDS, RULE, TRIAL, Key
from sentinel.rulebook.marked import LARGEST, Marked, read_marked

MOST_FILES = 2000
ANYWHERE = Only()


@dataclass(frozen=True, slots=True)
class RuleFolder:
    """A folder of rule files. Later folders override earlier ones."""

    path: Path
    shipped: bool = False
    may_act: bool = True
    only: Only = ANYWHERE
    prefix: str = ""  # before the names of all its signatures


@dataclass(frozen=True, slots=True)
class Text:
    """One file as it was read."""

    file: str
    lines: tuple[str, ...]
    folder: RuleFolder

    def fault(self, line: int, column: int, what: str, rule: str = "", note: bool = False) -> Fault:
        """A fault at a place of this file."""
        source = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return Fault(self.file, line, column, what, rule, source, note)


class Field(NamedTuple):
    """A value with the file that it stands in."""

    text: Text
    marked: Marked

    def fault(self, what: str, rule: str = "", inside: int = -1, note: bool = False) -> Fault:
        """A fault at this value, or at an offset inside its text."""
        marked = self.marked
        exact = inside >= 0 and marked.plain
        column = marked.column + inside + marked.quoted if exact else marked.column
        return self.text.fault(marked.line, column, what, rule, note)

    def at_key(self, what: str, rule: str = "") -> Fault:
        """A fault at the key of this value."""
        return self.text.fault(self.marked.key_line or self.marked.line, self.marked.key_column or 1, what, rule)


@dataclass(slots=True)
class Signature:
    """A signature as all folders together state it."""

    name: str
    fields: dict[str, Field] = field(default_factory=dict)
    rules: dict[str, dict[str, Field]] = field(default_factory=dict)
    trials: list[Field] = field(default_factory=list)
    text: Text | None = None  # the file that stated it first


@dataclass(frozen=True, slots=True)
class Document:
    """One file that has the right shape, as far as it has."""

    text: Text
    root: Mapping[str, Marked]
    faults: tuple[Fault, ...]

    def rules(self) -> Iterator[tuple[str, dict[str, Field]]]:
        """Its rules by name."""
        listed = self.root.get("rules")
        for entry in listed.value if listed is not None and isinstance(listed.value, list) else ():
            if isinstance(entry.value, dict) and isinstance(_value(entry.value.get("rule")), str):
                yield entry.value["rule"].value, {key: Field(self.text, value) for key, value in entry.value.items()}


def _value(marked: Marked | None) -> object:
    return marked.value if marked is not None else None


def rule_files(folder: RuleFolder) -> list[Path]:
    """The rule files of a folder, in name order."""
    if folder.path.is_file():
        return [folder.path]
    found = [path for path in sorted(folder.path.rglob("*.y*ml")) if path.suffix in (".yml", ".yaml")]
    return [path for path in found if path.name not in ("names.yml", "names.yaml") and path.is_file()][:MOST_FILES]


def read_file(path: Path) -> tuple[str, list[Fault]]:
    """A file's text, or why it has none."""
    try:
        if path.stat().st_size > LARGEST:
            return "", [Fault(str(path), 0, 0, f"is larger than {LARGEST // 1_000_000} MB")]
        return path.read_text(encoding="utf-8"), []
    except UnicodeDecodeError:
        return "", [Fault(str(path), 0, 0, "is not UTF-8 text")]
    except OSError as trouble:
        return "", [Fault(str(path), 0, 0, f"cannot be read: {trouble.strerror}")]


def document(source: str, file: str, folder: RuleFolder) -> Document:
    """A text as a document; what has the wrong shape is left out and said."""
    text = Text(file, tuple(source.split("\n")), folder)
    root, faults = read_marked(source, file)
    if root is None:
        return Document(text, {}, tuple(faults))
    if not isinstance(root.value, dict):
        return Document(text, {}, (*faults, text.fault(root.line, root.column, "a rule file is a mapping of keys")))
    shapes = _Shapes(text, faults)
    shapes.signature = f"{folder.prefix}{_value(root.value.get('signature'))}"
    kept = shapes.mapping(root, FILE, "")
    if "signature" not in kept and not any("'signature'" in fault.what for fault in faults):
        faults.append(text.fault(1, 1, "'signature' is missing"))
    return Document(text, kept, tuple(faults))


class _Shapes:
    """Checks values against the table of keys."""

    def __init__(self, text: Text, faults: list[Fault]) -> None:
        self.text, self.faults, self.signature = text, faults, ""

    def _say(self, marked: Marked, what: str, rule: str) -> None:
        self.faults.append(self.text.fault(marked.line, marked.column, what, rule))

    def mapping(self, marked: Marked, keys: Mapping[str, Key], rule: str) -> dict[str, Marked]:
        kept: dict[str, Marked] = {}
        for name, value in marked.value.items():
            key = keys.get(name)
            if key is None:
                near = get_close_matches(name, keys, n=1, cutoff=0.6)
                hint = f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(keys)}"
                what = f"'{name}' is no key here{hint}"
                self.faults.append(self.text.fault(value.key_line, value.key_column, what, rule))
            elif self._fits(value, key, name, rule):
                kept[name] = value
        return kept

    def _fits(self, marked: Marked, key: Key, name: str, rule: str) -> bool:
        wrong = _WRONG[key.form](marked, key)
        if wrong:
            self._say(_culprit(marked, key), f"'{name}' {wrong}", rule)
            return False
        if key.form == "rules":
            self._rules(marked)
        elif key.form == "trials":
            for trial in marked.value:
                self._entry(trial, TRIAL, "a trial")
        elif name == "defaults":
            self.mapping(marked, DEFAULTS, rule)
        return True

    def _entry(self, marked: Marked, keys: Mapping[str, Key], what: str, rule: str = "") -> None:
        if not isinstance(marked.value, dict):
            self._say(marked, f"{what} is a mapping of keys", rule)
            return
        kept = self.mapping(marked, keys, rule)
        for name in [name for name in marked.value if name not in kept]:
            del marked.value[name]

    def _rules(self, marked: Marked) -> None:
        seen: set[str] = set()
        for entry in marked.value:
            name = _value(entry.value.get("rule")) if isinstance(entry.value, dict) else None
            key = f"{self.signature}/{name}" if isinstance(name, str) else ""
            self._entry(entry, RULE, "a rule", key)
            if isinstance(entry.value, dict) and not isinstance(name, str):
                self._say(entry, "a rule needs a name: `rule: NAME`", "")
            elif name in seen:
                self._say(entry.value["rule"], f"there are two rules '{name}' in this file", key)
            seen.add(str(name))


def _culprit(marked: Marked, key: Key) -> Marked:
    """In a list of texts the entry that is none."""
    if key.form not in ("texts", "templates") or not isinstance(marked.value, list):
        return marked
    entries: list[Marked] = marked.value
    return next(entry for entry in entries if not isinstance(entry.value, str))


def _text(marked: Marked, _key: Key) -> str:
    good = isinstance(marked.value, str) and marked.value.strip()
    return "" if good else "must be a text" + ("; put it in quotes" if isinstance(marked.value, int | float) else "")


def _number(marked: Marked, _key: Key) -> str:
    good = isinstance(marked.value, int | float) and not isinstance(marked.value, bool) and 0 <= marked.value <= 1
    return "" if good else "must be a number from 0 to 1"


def _flag(marked: Marked, _key: Key) -> str:
    return "" if isinstance(marked.value, bool) else "must be true or false"


def _choice(marked: Marked, key: Key) -> str:
    if marked.value in key.choices:
        return ""
    near = get_close_matches(str(marked.value), key.choices, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"is one of {', '.join(key.choices)}, not '{marked.plainly()}'{hint}"


def _texts(marked: Marked, _key: Key) -> str:
    listed = isinstance(marked.value, list) and all(isinstance(entry.value, str) for entry in marked.value)
    return "" if listed else "must be a list of texts; quote those with ': ' or '{' in them"


def _mapping(marked: Marked, _key: Key) -> str:
    return "" if isinstance(marked.value, dict) or marked.value == "quiet" else "must be a mapping of keys"


def _list(marked: Marked, _key: Key) -> str:
    return "" if isinstance(marked.value, list) else "must be a list"


def _parts(marked: Marked, key: Key) -> str:
    value = marked.value
    good = isinstance(value, dict) and set(value) == {"at_least", "of"} and isinstance(value["at_least"].value, int)
    if not good or _texts(value["of"], key):
        return "must be {at_least: 3, of: [rule, signature/rule, ...]}"
    return "" if 1 <= value["at_least"].value <= len(value["of"].value) else "asks for more than it lists, or for none"


def _only(marked: Marked, _key: Key) -> str:
    value = marked.value
    good = isinstance(value, dict) and set(value) <= {"watch", "user", "run", "kind"} and value
    if not good or not all(isinstance(v.value, str) for v in value.values()):
        return "takes watch, user, run and kind as texts"
    return "" if "kind" not in value or value["kind"].value in KINDS else f"takes as kind one of {', '.join(KINDS)}"


def _lets(marked: Marked, _key: Key) -> str:
    value = marked.value
    good = isinstance(value, dict) and all(isinstance(v.value, str | int | float) for v in value.values())
    return "" if good else "must be a mapping of names to expressions"


def _expression(marked: Marked, _key: Key) -> str:
    return "" if isinstance(marked.value, str | int | float) else "must be an expression as text"


_WRONG = {
    "text": _text, "template": _text, "amounts": _text, "expression": _expression, "number": _number, "flag": _flag,
    "choice": _choice, "texts": _texts, "templates": _texts, "mapping": _mapping, "names": _mapping, "rules": _list,
    "trials": _list, "parts": _parts, "only": _only, "lets": _lets,
}  # fmt: skip


def merge(documents: Sequence[Document]) -> tuple[list[Signature], list[Fault]]:
    """All documents as signatures: files of later folders override field by field, rules matched by name."""
    found: dict[str, Signature] = {}
    faults: list[Fault] = []
    for doc in documents:
        name = _value(doc.root.get("signature"))
        if not isinstance(name, str):
            continue
        name = doc.text.folder.prefix + name
        known = found.get(name) or next((s for s in found.values() if _was(s.fields) == name), None)
        if known is None:
            known = found[name] = Signature(name, text=doc.text)
        elif known.text is not None and known.text.folder is doc.text.folder:
            first = Field(doc.text, doc.root["signature"])
            faults.append(first.fault(f"the signature '{name}' stands in {known.text.file} too"))
            continue
        _lay_over(known, doc, faults)
    return list(found.values()), faults


def _was(fields: Mapping[str, Field]) -> object:
    return fields["was"].marked.value if "was" in fields else None


def _lay_over(known: Signature, doc: Document, faults: list[Fault]) -> None:
    over = known.text is not doc.text
    known.fields.update(
        {k: Field(doc.text, v) for k, v in doc.root.items() if k not in ("rules", "trials", "signature")}
    )
    if "trials" in doc.root:
        known.trials = [Field(doc.text, trial) for trial in doc.root["trials"].value]
    for name, fields in doc.rules():
        target = name if name in known.rules else next((n for n, r in known.rules.items() if _was(r) == name), None)
        if target is not None:
            known.rules[target].update({key: value for key, value in fields.items() if key != "rule"})
        elif over and not {"when", "parts"} & set(fields):
            near = get_close_matches(name, known.rules, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else "; it may have been renamed or removed"
            what = f"there is no rule '{name}' in '{known.name}' to override{hint}"
            faults.append(fields["rule"].fault(what, f"{known.name}/{name}"))
        else:
            known.rules[name] = fields

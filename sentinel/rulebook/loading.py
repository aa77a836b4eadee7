"""Folders of rule files to one rulebook: all faults in one pass, good rules in force, broken files as last good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentinel.core.names import Names
from sentinel.core.records import Fault
from sentinel.core.rule import Rule, Rulebook
from sentinel.rulebook.building import Builder
from sentinel.rulebook.files import Document, Field, RuleFolder, Signature, document, merge, read_file, rule_files
from sentinel.rulebook.patterns import PatternSet, found


@dataclass(frozen=True, slots=True)
class Loaded:
    """A rulebook with what stands behind it."""

    book: Rulebook
    signatures: tuple[Signature, ...] = ()


@dataclass(slots=True)
class Loader:
    """Loads again and again; a broken file keeps its last good version."""

    folders: Sequence[RuleFolder]
    names: Names
    _good: dict[str, tuple[str, RuleFolder]] = field(
        default_factory=dict
    )  # texts: what they become is ten times larger
    held: tuple[str, ...] = ()  # files that are in force in an older version

    def reload(self) -> Rulebook:
        """The whole set, parsed and then swapped at once."""
        return self.load().book

    def load(self) -> Loaded:
        """The rulebook with its signatures."""
        texts, faults = self._texts()
        documents = [document(text, file, folder) for file, (text, folder) in texts.items()]
        loaded = assemble(documents, self.names)
        broken = {fault.file for fault in (*loaded.book.faults, *faults) if not fault.note}
        self.held = tuple(sorted(broken & set(self._good)))
        self._good |= {file: text for file, text in texts.items() if file not in broken}
        if self.held:
            good = {file: document(self._good[file][0], file, self._good[file][1]) for file in self.held}
            kept = {doc.text.file: doc for doc in documents} | good
            again = assemble(list(kept.values()), self.names)
            loaded = Loaded(Rulebook(again.book.rules, loaded.book.faults, again.book.matcher), again.signatures)
        book = loaded.book
        book = Rulebook(book.rules, tuple(sorted((*book.faults, *faults))), book.matcher, self.held)
        return Loaded(book, loaded.signatures)

    def _texts(self) -> tuple[dict[str, tuple[str, RuleFolder]], list[Fault]]:
        """What can be read, in order; what is good of a file that is gone is forgotten."""
        texts, faults, present = {}, [], set()
        for folder in self.folders:
            if not folder.path.exists():
                faults.append(Fault(str(folder.path), 0, 0, "there is no such folder of rules"))
                continue
            for path in rule_files(folder):
                file = _shown(path)
                present.add(file)
                source, troubles = read_file(path)
                faults += troubles
                if not troubles:
                    texts[file] = (source, folder)
        self._good = {file: text for file, text in self._good.items() if file in present}
        return texts, faults


def load_rulebook(folders: Sequence[RuleFolder], names: Names) -> Rulebook:
    """The rules of these folders, later ones over earlier ones, with the faults of those that are not in force."""
    return Loader(folders, names).reload()


def parse_rules(source: str, file: str, names: Names, shipped: bool = False) -> Loaded:
    """The rulebook of a single text, for trials and tests."""
    return assemble([document(source, file, RuleFolder(Path(file), shipped))], names)


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def assemble(documents: Sequence[Document], names: Names) -> Loaded:
    """Documents to a rulebook."""
    signatures, faults = merge(documents)
    faults = [fault for doc in documents for fault in doc.faults] + faults
    rules: list[Rule] = []
    for signature in signatures:
        builder = Builder(signature, names)
        builder.build()
        faults += builder.faults
        rules += builder.rules
        faults += _samples(signature, builder.rules)
        faults += _trials(signature)
    faults += _references(rules, signatures)
    faults = _without_echoes(faults)
    faulty = {fault.rule for fault in faults if not fault.note}
    rules = [rule for rule in rules if rule.key not in faulty]
    bad = _in_cycles(rules)
    rules = [rule for rule in rules if rule.key not in bad]
    faults += [_at(signatures, key, f"'hides' and 'parts' go round in a circle: {way}") for key, way in bad.items()]
    matcher = PatternSet(pattern for rule in rules for pattern in _patterns(rule))
    return Loaded(Rulebook(tuple(rules), tuple(sorted(set(faults))), matcher), tuple(signatures))


def _without_echoes(faults: Sequence[Fault]) -> list[Fault]:
    """`'family' is missing` says nothing new where another fault says why it is."""
    said = {
        (fault.file, key)
        for fault in faults
        for key in _ECHOES
        if fault.what.startswith((f"'{key}' is one", f"'{key}' must"))
    }
    return [
        fault
        for fault in faults
        if not any((fault.file, key) in said and fault.what == echo for key, echo in _ECHOES.items())
    ]


_ECHOES = {"family": "'family' is missing", "rules": "a signature needs rules"}


def _patterns(rule: Rule) -> tuple[str, ...]:
    return tuple(p for e in (rule.when, rule.clear) if e is not None for p in e.patterns)


def _samples(signature: Signature, rules: Sequence[Rule]) -> list[Fault]:
    """Each text pattern of a shipped rule has a sample line that it matches; in other files where one is given."""
    held = signature.fields.get("samples")
    samples = held.marked.value if held else {}
    lines_of_trials = [str(line) for trial in signature.trials for line in _lines_given(trial.marked.plainly())]
    faults = []
    for rule in rules:
        for pattern in _patterns(rule):
            place = signature.rules[rule.name].get("when")
            if place is None:
                continue
            if pattern not in samples:
                if place.text.folder.shipped and not any(found(pattern, line) for line in lines_of_trials):
                    faults.append(
                        place.fault(f"the pattern '{pattern}' has no sample line in 'samples' or in a trial", rule.key)
                    )
                continue
            lines = samples[pattern].value if isinstance(samples[pattern].value, list) else [samples[pattern]]
            what = f"'{pattern}' does not match its sample"
            wrong = [Field(place.text, line) for line in lines if not found(pattern, str(line.value))]
            faults += [Field(held.text if held else line.text, line.marked).fault(what, rule.key) for line in wrong]
    return faults


def _lines_given(trial: Any) -> list[Any]:
    given = trial.get("given") if isinstance(trial, dict) else None
    lines = given.get("lines") if isinstance(given, dict) else None
    return lines if isinstance(lines, list) else []


def _trials(signature: Signature) -> list[Fault]:
    text = signature.text
    if text is None or not text.folder.shipped or not signature.rules:
        return []
    quiet = any(
        "expect" in t.marked.value and _quiet(t.marked.value["expect"].plainly())
        for t in signature.trials
        if isinstance(t.marked.value, dict)
    )
    firing = any(
        "expect" in t.marked.value and _fires(t.marked.value["expect"].plainly())
        for t in signature.trials
        if isinstance(t.marked.value, dict)
    )
    missing = [what for what, there in (("fires", firing), ("stays quiet", quiet)) if not there]
    return (
        [text.fault(1, 1, f"a shipped signature needs a trial that {' and one that '.join(missing)}")]
        if missing
        else []
    )


def _quiet(expect: object) -> bool:
    return expect == "quiet" or (isinstance(expect, dict) and all(word == "quiet" for word in expect.values()))


def _fires(expect: object) -> bool:
    return isinstance(expect, dict) and any(str(word).startswith("fires") for word in expect.values())


def _references(rules: Sequence[Rule], signatures: Sequence[Signature]) -> list[Fault]:
    """`hides` and `parts` name rules that there are."""
    stated = {f"{signature.name}/{name}" for signature in signatures for name in signature.rules}
    heads = {signature.name for signature in signatures}
    faults = []
    for rule in rules:
        for key, wanted in (("hides", rule.hides), ("parts", rule.parts.of if rule.parts else ())):
            for name in wanted:
                good = name in stated or (key == "hides" and name.endswith("/*") and name[:-2] in heads)
                faults += (
                    [] if good else [_at(signatures, rule.key, f"'{key}' names '{name}', which there is not", key)]
                )
    return faults


def _at(signatures: Sequence[Signature], key: str, what: str, field_: str = "") -> Fault:
    head, _, name = key.partition("/")
    fields: Mapping[str, Field] = next((s.rules[name] for s in signatures if s.name == head and name in s.rules), {})
    place = fields.get(field_) or fields.get("hides") or fields.get("parts") or fields.get("rule")
    return place.fault(what, key) if place else Fault("", 0, 0, what, key)


def _in_cycles(rules: Sequence[Rule]) -> dict[str, str]:
    """Rules that hide one another in a circle, each with the way round."""
    edges = {rule.key: {*rule.hides, *(rule.parts.of if rule.parts else ())} for rule in rules}
    following = {
        key: [k for k in edges if k != key and (k in to or f"{k.partition('/')[0]}/*" in to)]
        for key, to in edges.items()
        if to
    }
    bad: dict[str, str] = {}
    for start, to in edges.items():
        if start in to:
            bad[start] = f"{start} -> {start}"
        stack = [(start, [start])] if to else []
        seen: set[str] = set()
        while stack:
            key, way = stack.pop()
            for after in following.get(key, ()):
                if after == start:
                    bad[start] = " -> ".join([*way, start])
                elif after not in seen:
                    seen.add(after)
                    stack.append((after, [*way, after]))
    return bad

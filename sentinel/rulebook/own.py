"""The rules that a run brings itself (contracts 8): parsed and checked as all others, and held within narrow bounds.

Their writer is a stranger who shares the machine: such rules stand beside those that are for all and change none of
them, tell and never act, carry no labels that would choose a channel, and cost little. Reading the files is `sources`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sentinel.core.amounts import Amount, Unit
from sentinel.core.names import Names
from sentinel.core.records import Fault
from sentinel.core.rule import OWN, Judge, Rule, Rulebook
from sentinel.rulebook.expressions.compiled import Compiled
from sentinel.rulebook.files import Document, Field, RuleFolder, document
from sentinel.rulebook.loading import assemble
from sentinel.rulebook.patterns import PatternSet, Together, size_of

MOST_RULES = 32
MOST_PARTS, MOST_PARTS_IN_ALL = 24, 100  # series, windows, families and patterns that one rule reads, and all together
MOST_PATTERN = 4000  # of the automata of all text patterns together; a long one of the shipped rules has 1,400
MOST_FAULTS = 20  # that are told of one run
HINTS = 20  # names for which "did you mean" is looked up
AT_LEAST = Amount(60.0, Unit.SECONDS)  # that an alert holds before it clears: each flutter would be written to disk
ONE_LOOK = Amount(1.0, Unit.READINGS)
Meter = Callable[[Judge], Judge]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_PLAIN = "a name is made of letters, digits, '-', '_' and '.', and not longer than 64"
_ELSEWHERE = ", which there is not"


@dataclass(frozen=True, slots=True)
class OwnBook:
    """The rules of one set of files, and all that is wrong with them. Files are named as they were handed in."""

    book: Rulebook
    taken: tuple[str, ...]  # the files without a fault


def own_rules(texts: Sequence[tuple[str, str]], names: Names, taken: Iterable[str] = ()) -> OwnBook:
    """The rules of these files, as (name, text); those of a later folder override. `taken` are signatures for all."""
    names = Names(names.entries, HINTS)  # what a stranger names is not remembered with the rest
    places = {place: RuleFolder(place, may_act=False, prefix=OWN) for file, _ in texts if (place := Path(file).parent)}
    read = [document(text, file, places[Path(file).parent]) for file, text in texts]
    faults = [fault for doc in read for fault in _signature(doc, frozenset(taken))]
    refused = {fault.file for fault in faults}
    faults += [fault for doc in read if doc.text.file in refused for fault in doc.faults]
    documents = [doc for doc in read if doc.text.file not in refused]
    if count := _too_many(documents):
        what = f"a run may bring {MOST_RULES} rules of its own, here are {count}: none is taken"
        faults.append(Fault(documents[-1].text.file, 0, 0, what))
        documents = []
    loaded = assemble(documents, names)
    faults += [_worded(fault) for fault in loaded.book.faults]
    faults += [fault for doc in documents for fault in _rules(doc)]
    faults += _costs(loaded.book.rules)
    faulty = {fault.rule for fault in faults if not fault.note}
    rules = tuple(_held(rule) for rule in loaded.book.rules if rule.key not in faulty)
    broken = {fault.file for fault in faults if not fault.note}
    matcher = PatternSet(pattern for rule in rules for pattern in _patterns(rule))
    book = Rulebook(rules, tuple(sorted(set(faults)))[:MOST_FAULTS], matcher)
    return OwnBook(book, tuple(file for file, _ in texts if file not in broken))


def beside(book: Rulebook, own: Rulebook) -> Rulebook:
    """The rules that are for all, with those that a run brings itself."""
    if not own.rules:
        return book
    matcher = book.matcher
    if own.matcher is not None and any(_patterns(rule) for rule in own.rules):
        matcher = Together(matcher, own.matcher) if matcher is not None else own.matcher
    return replace(book, rules=(*book.rules, *own.rules), matcher=matcher)


def _too_many(documents: Sequence[Document]) -> int:
    """How many rules there are, if that is more than a run may bring."""
    listed = [doc.root.get("rules") for doc in documents]
    count = sum(len(each.value) for each in listed if each is not None and isinstance(each.value, list))
    return count if count > MOST_RULES else 0


def _signature(doc: Document, taken: frozenset[str]) -> Iterable[Fault]:
    """A file whose signature has no plain name, or one that is in force for all, is not taken at all."""
    signature = doc.root.get("signature")
    if signature is None:
        return
    place = Field(doc.text, signature)
    if not _NAME.fullmatch(signature.value):
        yield place.fault(_PLAIN)
    elif signature.value in taken:
        yield place.fault(
            f"'{signature.value}' is in force for all, and rules of a run change nothing of it: name yours otherwise"
        )


def _rules(doc: Document) -> Iterable[Fault]:
    """Rules whose name would forge something in messages and commands, or whose labels would choose their channel."""
    shared = doc.root.get("defaults")
    defaults = {key: Field(doc.text, value) for key, value in shared.value.items()} if shared is not None else {}
    for name, fields in doc.rules():
        key = f"{OWN}{doc.root['signature'].value}/{name}"
        if not _NAME.fullmatch(name):
            yield fields["rule"].fault(_PLAIN, key)
        labels = {**defaults, **fields}.get("labels")
        if labels is not None:
            yield labels.at_key("labels choose channels: rules that a run brings itself carry none", key)


def _worded(fault: Fault) -> Fault:
    """A rule that is for all is out of reach, whatever it is called."""
    if not fault.what.endswith(_ELSEWHERE):
        return fault
    what = fault.what.removesuffix(_ELSEWHERE).replace(OWN, "")
    return replace(fault, what=f"{what}: rules that a run brings itself name only one another")


def _costs(rules: Iterable[Rule]) -> list[Fault]:
    """The rules that read more than a look may cost; those come first that stand first."""
    faults = []
    left, room = MOST_PARTS_IN_ALL, MOST_PATTERN
    for rule in rules:
        parts = sum(each.parts for each in (rule.when, rule.clear) if isinstance(each, Compiled))
        size = sum(map(size_of, _patterns(rule)))
        if parts > MOST_PARTS:
            what = f"reads {parts} series, windows and patterns, here a rule reads at most {MOST_PARTS}: make two rules"
            faults.append(Fault(rule.file, rule.line, 1, what, rule.key))
        elif parts > left:
            what = f"a run's rules read at most {MOST_PARTS_IN_ALL} series, windows and patterns: those before it left too few"
            faults.append(Fault(rule.file, rule.line, 1, what, rule.key))
        elif size > room:
            what = "the text patterns of a run's rules are too large together: shorten them, or let them match less"
            faults.append(Fault(rule.file, rule.line, 1, what, rule.key))
        else:
            left, room = left - parts, room - size
    return faults


def metered(rule: Rule, meter: Meter) -> Rule:
    """The rule, whose every answer passes a meter."""
    when, clear = (replace(e, meter=meter) if isinstance(e, Compiled) else e for e in (rule.when, rule.clear))
    return replace(rule, when=when, clear=clear)


def _held(rule: Rule) -> Rule:
    """The rule as it is judged: what it says is over must have been so for a while."""
    if rule.of_facts_alone or any(
        amount.unit is Unit.SECONDS and amount.number >= AT_LEAST.number for amount in rule.keep[:1]
    ):
        return rule
    return replace(rule, keep=(AT_LEAST, *(rule.keep or (ONE_LOOK,))))


def _patterns(rule: Rule) -> tuple[str, ...]:
    return tuple(p for e in (rule.when, rule.clear) if e is not None for p in e.patterns)

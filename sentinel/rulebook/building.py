"""From merged signatures to rules: expressions and templates compiled, amounts parsed, mistakes as faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sentinel.core.amounts import GRAMMAR, Amount, Unit, parse_alternatives
from sentinel.core.digest import digest
from sentinel.core.functions.table import WORDS
from sentinel.core.names import Names
from sentinel.core.records import Action, Fault, Severity
from sentinel.core.rule import Only, Parts, Rule
from sentinel.rulebook.expressions.checks import Wrong, is_fact
from sentinel.rulebook.expressions.compiled import Compiled, Context, compile_expression
from sentinel.rulebook.files import Field, Signature
from sentinel.rulebook.keys import JUDGING, SHIPPED_MUST
from sentinel.rulebook.templates import OWN, Wording, mistakes

_EMPTY = Wording("")


@dataclass(slots=True)
class Builder:
    """Builds the rules of one signature."""

    signature: Signature
    names: Names
    faults: list[Fault] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)

    def build(self) -> None:
        """All its rules; those with faults are left out."""
        self._declare()
        family = self.signature.fields.get("family")
        if family is None and self.signature.text is not None:
            self.faults.append(self.signature.text.fault(1, 1, "'family' is missing"))
        if not self.signature.rules and self.signature.text is not None:
            self.faults.append(self.signature.text.fault(1, 1, "a signature needs rules"))
        self._templates_of_file()
        for name, fields in self.signature.rules.items():
            before = len([fault for fault in self.faults if not fault.note])
            rule = _OneRule(self, name, {**self._defaults(), **fields}).build()
            good = len([fault for fault in self.faults if not fault.note]) == before
            if rule is not None and good and family is not None and self._enabled(fields):
                self.rules.append(rule)

    def _declare(self) -> None:
        listed = self.signature.fields.get("names")
        for name, entry in listed.marked.value.items() if listed else ():
            better = entry.value.get("better") if isinstance(entry.value, dict) else None
            word = better.value if better is not None else ""
            if word not in ("lower", "higher", ""):
                self.faults.append(Field(listed.text, better).fault("'better' is lower or higher"))  # type: ignore[union-attr, arg-type]
            self.declared[name] = word if isinstance(word, str) else ""

    def _defaults(self) -> dict[str, Field]:
        held = self.signature.fields.get("defaults")
        return {key: Field(held.text, value) for key, value in held.marked.value.items()} if held else {}

    def _enabled(self, fields: Mapping[str, Field]) -> bool:
        flags = [self.signature.fields.get("enabled"), {**self._defaults(), **fields}.get("enabled")]
        return all(flag is None or flag.marked.value is not False for flag in flags)

    def _templates_of_file(self) -> None:
        for key in ("why", "try"):
            for entry in self.entries(self.signature.fields.get(key)):
                self.check_template(entry, self.signature.name)

    @staticmethod
    def entries(listed: Field | None) -> list[Field]:
        """The entries of a list, each with its place."""
        return [Field(listed.text, entry) for entry in listed.marked.value] if listed else []

    def check_template(self, entry: Field, rule: str, lets: Mapping[str, str] | None = None) -> None:
        """Say what is wrong with a template."""

        def hint(name: str) -> str | None:
            if name in (lets or {}) or is_fact(name) or name in self.declared or self.names.known(name):
                return None
            if self.names.known(of_any_instance(name)):  # under `each: gpu.*` a text says `gpu.util` too
                return None
            near = self.names.near(name, [*OWN, *self.declared])
            return f"; did you mean '{near}'?" if near else None

        for offset, what in mistakes(str(entry.marked.value), hint):
            self.faults.append(entry.fault(what, rule, offset))


class _OneRule:
    """Builds one rule."""

    def __init__(self, builder: Builder, name: str, fields: Mapping[str, Field]) -> None:
        self.builder, self.name, self.fields = builder, name, fields
        self.key = f"{builder.signature.name}/{name}"
        self.lets = {k: str(v.value) for k, v in self.value("let", {}).items()}

    def value(self, key: str, usual: Any) -> Any:
        return self.fields[key].marked.value if key in self.fields else usual

    def say(self, field_: Field, what: str, inside: int = -1) -> None:
        self.builder.faults.append(field_.fault(what, self.key, inside))

    def build(self) -> Rule | None:
        first, text = self.fields.get("rule"), self.builder.signature.text
        if first is None or text is None:
            return None
        self._check_lets(first)
        when, clear = self._expression("when"), self._expression("clear")
        self._check_whole(first, when)
        amounts = {key: self._amounts(key) for key in ("after", "for", "keep")}
        self._check_action()
        self._check_shipped(first)
        if not isinstance(first.marked.value, str):
            return None
        folder = first.text.folder
        rule = self._rule(first, when, clear, amounts)
        return rule if not folder.only.watch or rule.only.watch else _limited(rule, folder.only)

    def _rule(
        self, first: Field, when: Compiled | None, clear: Compiled | None, amounts: Mapping[str, tuple[Amount, ...]]
    ) -> Rule:
        signature = self.builder.signature
        title = self.value("title", _of(signature, "title", signature.name))
        folders = {part.text.folder for part in self.fields.values()}
        parts = self.value("parts", None)
        return Rule(
            signature=signature.name,
            name=self.name,
            family=str(_of(signature, "family", "")),
            title=str(title),
            when=when,
            severity=Severity[str(self.value("severity", "warning")).upper()],
            say=self._template("say", str(title)),
            clear=clear,
            after=amounts["after"],
            hold=amounts["for"],
            keep=amounts["keep"],
            doom=float(self.value("doom", 0.0)),
            action=Action(self.value("action", "tell")),
            each=str(self.value("each", "")),
            hides=tuple(self._full(entry.value) for entry in self.value("hides", [])),
            parts=Parts(parts["at_least"].value, tuple(self._full(p.value) for p in parts["of"].value))
            if parts
            else None,
            labels={key: str(label.plainly()) for key, label in self.value("labels", {}).items()},
            only=Only(**{key: str(limit.value) for key, limit in self.value("only", {}).items()}),
            why=self._templates("why"),
            attempts=self._templates("try"),
            wrong_if=tuple(str(entry.value) for entry in self.value("wrong_if", _of(signature, "wrong_if", []))),
            from_start=bool(self.value("from_start", False)),
            shipped=first.text.folder.shipped,
            may_act=all(folder.may_act for folder in folders),
            file=first.text.file,
            line=first.marked.line,
            fingerprint=self._fingerprint(),
            was=self._former(),
        )

    def _full(self, name: str) -> str:
        text = self.builder.signature.text
        prefix = text.folder.prefix if text is not None else ""
        return f"{prefix}{name}" if "/" in name else f"{self.builder.signature.name}/{name}"

    def _former(self) -> str:
        """The key before a renaming, "" where there was none."""
        head = str(_of(self.builder.signature, "was", self.builder.signature.name))
        key = f"{head}/{self.value('was', self.name)}"
        return "" if key == self.key else key

    def _fingerprint(self) -> str:
        judged = [(key, repr(self.fields[key].marked.plainly())) for key in JUDGING if key in self.fields]
        return digest(repr((self.key, judged)).encode())

    # --- parts of it ---------------------------------------------------------------------------------------------

    def _check_lets(self, first: Field) -> None:
        for name in self.lets:
            if not name.isidentifier() or name in WORDS:
                self.say(first, f"`let: {name}` is no name that expressions can use")

    def _context(self) -> Context:
        severe = self.value("severity", "warning") in ("high", "critical")
        builder = self.builder
        return Context(builder.names, builder.declared, self.lets, str(self.value("each", "")), severe)

    def _expression(self, key: str) -> Compiled | None:
        place = self.fields.get(key)
        if place is None:
            return None
        compiled, wrongs = compile_expression(str(place.marked.value), self._context())
        for wrong in wrongs:
            self.say(place, f"in `{key}`: {wrong.what}", wrong.column)
        for note in compiled.notes if compiled else ():
            self._note(place, note)
        return compiled

    def _note(self, place: Field, note: Wrong) -> None:
        fault = place.fault(f"{note.what}: the rule loads and waits for it", self.key, note.column, note=True)
        self.builder.faults.append(fault)

    def _check_whole(self, first: Field, when: Compiled | None) -> None:
        if ("when" in self.fields) == ("parts" in self.fields):
            both = (
                "'when' and 'parts' exclude one another" if "when" in self.fields else "a rule needs 'when' or 'parts'"
            )
            self.say(first, both)
        each = self.fields.get("each")
        if each is not None and str(each.marked.value) not in ("gpu.*", "rank.*", "disk.*", "batch.*"):
            self.say(each, "'each' is 'gpu.*', 'rank.*', 'disk.*' or 'batch.*'")
        if when is None:
            return
        alone = bool(when.facts) and not (when.reads or when.patterns or when.timed)
        for key in ("for", "keep", "after") if alone else ():
            if key in self.fields:
                self.say(self.fields[key], f"'{key}' has no meaning in a rule over facts alone: it is judged once")

    def _amounts(self, key: str) -> tuple[Amount, ...]:
        place = self.fields.get(key)
        if place is None:
            return ()
        amounts = parse_alternatives(str(place.marked.value))
        if amounts is None:
            self.say(place, f"'{place.marked.value}' is not {GRAMMAR}, or several with 'or'")
            return ()
        if any(not amount.number > 0 for amount in amounts):
            self.say(place, f"'{key}' must be more than nothing")
        if key == "after" and all(amount.unit is Unit.PERCENT for amount in amounts):
            self.say(place, "a run may not say how long it will be: add an alternative, '20% or 500 steps or 5 epochs'")
        return amounts

    def _check_action(self) -> None:
        action = self.fields.get("action")
        if action is None or action.marked.value == "tell":
            return
        if not float(self.value("doom", 0.0)) > 0:
            self.say(action, f"'action: {action.marked.value}' needs 'doom': how sure it is that the run is lost")
        if not action.text.folder.may_act:
            self.say(action, "rules from this folder may tell, not act")

    def _check_shipped(self, first: Field) -> None:
        if not first.text.folder.shipped:
            return
        for key in SHIPPED_MUST:
            if key not in self.fields and key not in self.builder.signature.fields:
                self.say(first, f"a shipped rule must say '{key}'")

    def _template(self, key: str, usual: str) -> Wording:
        place = self.fields.get(key)
        if place is None:
            return Wording(usual) if usual else _EMPTY
        self.builder.check_template(place, self.key, self.lets)
        return Wording(str(place.marked.value))

    def _templates(self, key: str) -> tuple[Wording, ...]:
        own = self.builder.entries(self.fields.get(key))
        for entry in own:
            self.builder.check_template(entry, self.key, self.lets)
        listed = own or self.builder.entries(self.builder.signature.fields.get(key))
        return tuple(Wording(str(entry.marked.value)) for entry in listed)


def of_any_instance(name: str) -> str:
    """`gpu.util` as the table of names declares it for every instance: `gpu.*.util`."""
    group, _, metric = name.partition(".")
    return f"{group}.*.{metric}"


def _of(signature: Signature, key: str, usual: Any) -> Any:
    return signature.fields[key].marked.value if key in signature.fields else usual


def _limited(rule: Rule, only: Only) -> Rule:
    from dataclasses import replace

    return replace(rule, only=only)

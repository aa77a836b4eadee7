"""Templates: texts with fields (`say`, `why`, `try`). A field is a dotted name with a plain number format.

Filling never fails: what cannot be filled shows as `?`, so that a bad template cannot lose an alert. Where a field is a
sentence of its own, or what a colon at the end leads to, nothing is said rather than `?`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sentinel.core.functions.needs import own_name
from sentinel.core.functions.table import WORDS
from sentinel.core.records import Scalar, Verdict
from sentinel.core.run import Run

LONGEST = 8192
FIELD = re.compile(r"\{([^{}]*)\}", re.ASCII)
FORMAT = re.compile(r",?(\.[0-9]{1,2})?[dfeg%]?", re.ASCII)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_*-]+)*", re.ASCII)
UNKNOWN = "\2"  # stands for what cannot be filled until the whole text is there
SILENT = re.compile(rf"(?:(?<=[.!?]) |[:,;] ){UNKNOWN}\.?(?=$|\n)|(?<=[.!?] ){UNKNOWN}\. ")
OWN = ("value", "limit", "instance", "run", *WORDS)


@dataclass(frozen=True, slots=True)
class Wording:
    """One text."""

    text: str

    def fill(self, run: Run, instance: str, verdict: Verdict) -> str:
        """The text with its fields filled."""

        def field(found: re.Match[str]) -> str:
            name, _, form = found[1].partition(":")
            try:
                return _shown(_value(name, run, instance, verdict), form)
            except (ValueError, OverflowError, TypeError):
                return UNKNOWN

        filled = FIELD.sub(field, self.text.replace("{{", "\0").replace("}}", "\1"))
        filled = SILENT.sub("", filled).replace(UNKNOWN, "?")
        return filled.replace("\0", "{").replace("\1", "}")[:LONGEST]


def _value(name: str, run: Run, instance: str, verdict: Verdict) -> Scalar | tuple[Scalar, ...] | None:
    if name in ("value", "limit"):
        return verdict.value if name == "value" else verdict.limit
    if name in ("instance", "run"):
        return instance if name == "instance" else run.info.name
    if name in WORDS:
        found: float | None = getattr(run, name)
        return found
    own = own_name(name, instance)
    if own in run.series:
        return run.series[own].value
    fact = run.facts.get(own)
    if fact is not None:
        return fact.value
    return next((evidence.value for evidence in verdict.evidence if evidence.what == name), None)


def _shown(value: Scalar | tuple[Scalar, ...] | None, form: str) -> str:
    if value is None or value == "" or not FORMAT.fullmatch(form):
        return UNKNOWN
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, str | bool):
        return str(value)
    if value - value != 0:
        return "NaN" if value != value else "infinite" if value > 0 else "-infinite"
    if form.endswith("d"):
        return format(int(value), form)
    return format(value, form) if form else format(value, ".6g")


def mistakes(text: str, known: Callable[[str], str | None], own: Iterable[str] = OWN) -> list[tuple[int, str]]:
    """What is wrong with a template, each with its offset. `known` gives a hint for a name that nobody knows."""
    plain = text.replace("{{", "  ").replace("}}", "  ")
    found = [(0, f"the text is longer than {LONGEST} characters")] if len(text) > LONGEST else []
    for match in FIELD.finditer(plain):
        name, _, form = match[1].partition(":")
        if not NAME.fullmatch(name):
            found.append((match.start(), f"'{{{match[1]}}}' is no field; write {{train.loss:.3f}} or {{value}}"))
        elif not FORMAT.fullmatch(form):
            found.append((match.start(), f"'{form}' is no number format; write .3f, .2%, d, g or ,d"))
        elif name not in own:
            hint = known(name)
            if hint is not None:
                found.append((match.start(), f"there is no '{name}' to fill in{hint}"))
    rest = FIELD.sub(lambda match: " " * len(match[0]), plain)
    lone = "a lone brace; write {{ or }} for the sign itself"
    return found + [(brace.start(), lone) for brace in re.finditer(r"[{}]", rest)]

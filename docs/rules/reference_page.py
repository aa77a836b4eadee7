"""Makes `reference.md` from the tables that the compiler itself uses: `python docs/rules/reference_page.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sentinel.core.functions.table import TABLE, WORDS, Function
from sentinel.rulebook.keys import FILE, RULE, TRIAL, Key

PAGE = Path(__file__).parent / "reference.md"
FORMS = {
    "window": "Windows of a series",
    "look": "Single readings",
    "family": "Families",
    "group": "GPUs and ranks of a run",
    "math": "Arithmetic",
    "text": "Text",
}
OPENING = """# Rule reference

Made from the tables of the compiler by `python docs/rules/reference_page.py`; a test keeps it fresh.

## Expressions

A bare name is its last value. Every expression is yes, no or **unknown**: a name that nobody gave, too few readings, a NaN,
a division by zero are unknown; `A and unknown` is no when A is no, and unknown never fires and never clears. A number is no
yes or no: `loss or 3` is a fault, `default(loss, 3)` gives 3 where the loss is unknown. Texts are compared with facts, upper
and lower case being one. Series of different files are compared at the newest step (else epoch) that all of them have
reached.

A **window** is a text: `"100 steps"`, `"5 epochs"`, `"30 readings"`, `"10m"`, `"20%"` of the plan, and with `or` the first unit
that the series knows counts: `"200 steps or 5 epochs"`. It ends at the newest reading. With fewer than `least` readings (5)
it is unknown. Readings that are not finite never enter.

The newest 768 readings are kept one by one. `mean`, `sum`, `std`, `zscore`, `count`, `min`, `max`, `range`, `drop`, `rise`,
`flat` and `ewm` read older ones in blocks, so their windows may be of any length at the same cost a reading; where such a window
ends is known to about a sixteenth of its length. All others look at the newest 768 readings of a longer window. `explain` says
"about" in both cases.

Allowed are numbers, `+ - * / // %`, comparisons (chained too), `and or not`, `in`, `x if c else y` and the functions below.
"""


def page() -> str:
    """The whole page."""
    parts = [OPENING, "### Words\n", _table([(f"`{word}`", says) for word, says in WORDS.items()], ("word", "gives"))]
    for form, title in FORMS.items():
        parts.append(f"\n## {title}\n")
        parts += [_function(function) for function in TABLE.values() if function.form == form]
    for title, keys in (("Keys of a file", FILE), ("Keys of a rule", RULE), ("Keys of a trial", TRIAL)):
        parts += [f"\n## {title}\n", _table([_key(name, key) for name, key in keys.items()], ("key", "takes", "means"))]
    return "\n".join(parts).rstrip() + "\n"


def _function(function: Function) -> str:
    avoid = "" if function.avoid == "-" else f"- when not: {function.avoid}\n"
    return (
        f"### `{function.name}({function.takes})`\n\n{function.says[0].upper()}{function.says[1:]}.\n\n"
        f"- example: `{function.example}`\n{avoid}- cost: {function.cost}\n"
    )


def _key(name: str, key: Key) -> tuple[str, str, str]:
    return f"`{name}`", " ".join(f"`{choice}`" for choice in key.choices) or key.form, key.says


def _table(rows: list[tuple[str, ...]], heads: tuple[str, ...]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())

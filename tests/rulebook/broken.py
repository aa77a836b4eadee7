"""Fifty broken rule files: what a person would write wrong, for the faults that must name it."""

HEAD = "signature: s\nfamily: dynamics\nrules:\n"


def rule(*lines: str) -> str:
    return HEAD + "  - rule: r\n" + "".join(f"    {line}\n" for line in lines)


SHIPPED = "signature: s\nfamily: dynamics\nwhy: [a]\ntry: [b]\nwrong_if: [c]\nrules:\n  - rule: r\n    when: "

BROKEN = {
    "unknown key": rule("when: train.loss > 1", "sevrity: high"),
    "unknown key of the file": "signatur: s\nfamily: dynamics\nrules: []\n",
    "double key": rule("when: train.loss > 1", "when: train.loss > 2"),
    "double rule": rule("when: train.loss > 1") + "  - rule: r\n    when: train.loss > 2\n",
    "rule without a name": HEAD + "  - when: train.loss > 1\n",
    "no when": rule("severity: high"),
    "when and parts": rule("when: train.loss > 1", "parts: {at_least: 1, of: [s/r]}"),
    "unknown series": rule("when: train.los > 1"),
    "raw key": rule("when: custom/bleu_dev > 1"),
    "unknown function": rule("when: men(train.loss, '5 steps') > 1"),
    "impossible window": rule("when: mean(train.loss, '0 steps') > 1"),
    "window smaller than least": rule("when: mean(train.loss, '3 readings') > 1"),
    "unit of a window": rule("when: mean(train.loss, '5 stps') > 1"),
    "window that is a number": rule("when: mean(train.loss, 5) > 1"),
    "after in percent alone": rule("when: train.loss > 1", "after: 20%"),
    "after that is none": rule("when: train.loss > 1", "after: soon"),
    "for of nothing": rule("when: train.loss > 1", "for: 0 readings"),
    "action without doom": rule("when: train.loss > 1", "action: stop"),
    "unknown action": rule("when: train.loss > 1", "action: kill"),
    "unknown severity": rule("when: train.loss > 1", "severity: hihg"),
    "doom beyond one": rule("when: train.loss > 1", "doom: 75"),
    "unknown family": "signature: s\nfamily: dynamic\nrules:\n  - rule: r\n    when: train.loss > 1\n",
    "no family": "signature: s\nrules:\n  - rule: r\n    when: train.loss > 1\n",
    "no rules": "signature: s\nfamily: dynamics\n",
    "number as condition": rule("when: train.loss"),
    "number in or": rule("when: train.loss or 3"),
    "one equals sign": rule("when: train.loss = 1"),
    "power": rule("when: train.loss ** 2 > 1"),
    "brackets": rule("when: train.loss[0] > 1"),
    "ampersand": rule("when: (train.loss > 1) & (val.loss > 1)"),
    "lambda": rule('when: "(lambda: 1)() > 1"'),
    "import": rule("when: __import__('os').system('x') > 1"),
    "dunder": rule("when: train.loss.__class__ > 1"),
    "text times number": rule('when: ("a" if 1 > 0 else "b") * 9 > 1'),
    "open bracket": rule("when: (train.loss > 1"),
    "best without a direction": rule("when: grad_norm < best(grad_norm)"),
    "pattern of re": rule("when: lines('(?<=a)b') > 0"),
    "pattern for every line": rule("when: lines('a*') > 0"),
    "let round in a circle": rule("when: a > 1", "let: {a: b, b: a}"),
    "for over facts alone": rule("when: config.lr > 1", "for: 3 readings"),
    "field of a template": rule("when: train.loss > 1", 'say: "{train.los:.3f}"'),
    "format of a template": rule("when: train.loss > 1", 'say: "{train.loss:>99999999}"'),
    "attribute in a template": rule("when: train.loss > 1", 'say: "{train.loss!r}"'),
    "hides what is not there": rule("when: train.loss > 1", "hides: [s/q]"),
    "hides itself": rule("when: train.loss > 1", "hides: [s/r]"),
    "parts that cannot be": rule("parts: {at_least: 3, of: [s/a]}"),
    "each of what is not": rule("when: train.loss > 1", "each: cpu.*"),
    "anchor": rule("when: &x train.loss > 1"),
    "tag": rule("when: !!python/object:os.system x"),
    "tab": "signature: s\n\tfamily: dynamics\n",
    "list of rules as a text": "signature: s\nfamily: dynamics\nrules: none\n",
    "deep nesting": "signature: s\nwhy: " + "[" * 40 + "]" * 40 + "\n",
    "shipped without trials": SHIPPED + "train.loss > 1\n",
    "shipped without why": "signature: s\nfamily: dynamics\nrules:\n  - rule: r\n    when: train.loss > 1\n",
    "shipped pattern without sample": SHIPPED + "lines('out of memory') > 0\n",
}

"""Every key of a rule file: what it takes and means. Checks, JSON schema and reference are made from here."""

from __future__ import annotations

from dataclasses import dataclass

FAMILIES = (
    "numerics", "dynamics", "optimisation", "generalisation", "collapse", "multitask", "audit", "throughput", "machine",
    "checkpoint",
)  # fmt: skip
SEVERITIES = ("info", "warning", "high", "critical")
KINDS = ("run", "notebook", "host")
ACTIONS = ("tell", "checkpoint", "stop")


@dataclass(frozen=True, slots=True)
class Key:
    """One key."""

    form: str  # text, texts, number, flag, expression, amounts, template, templates, mapping, rules, trials, choice
    says: str
    choices: tuple[str, ...] = ()


FILE: dict[str, Key] = {
    "signature": Key("text", "the name of the documented failure; a file of the same name in your folder overrides it"),
    "title": Key("text", "one line for people"),
    "family": Key("choice", "which of the ten families it belongs to", FAMILIES),
    "story": Key("text", "what happens and why, for the docs"),
    "why": Key("templates", "likely causes, most likely first"),
    "try": Key("templates", "what to do, in order, with settings"),
    "wrong_if": Key("texts", "when this alarm is wrong"),
    "sources": Key("texts", "where the failure is documented"),
    "names": Key("names", "names of your own: {custom.bleu_dev: {from: custom/bleu_dev, better: higher}}"),
    "samples": Key("mapping", "for each text pattern a line that it matches"),
    "defaults": Key("mapping", "keys that hold for all rules of this file"),
    "rules": Key("rules", "the rules"),
    "trials": Key("trials", "given readings, and what each rule must say on them"),
    "enabled": Key("flag", "false switches the whole signature off"),
    "was": Key("text", "the name that this signature had before"),
}
RULE: dict[str, Key] = {
    "rule": Key("text", "the rule's name, unique in its signature"),
    "title": Key("text", "one line for people; default: the signature's"),
    "when": Key("expression", "fires while this is yes"),
    "clear": Key("expression", "clears when this is yes and `when` is not; default: when `when` is no"),
    "let": Key("lets", "names for parts of the expressions"),
    "after": Key("amounts", "judged only from here on: '20% or 500 steps or 5 epochs'"),
    "for": Key("amounts", "how long it must hold before it fires: '5 readings', '10m'"),
    "keep": Key("amounts", "how long it must be over before it clears"),
    "severity": Key("choice", "how loudly it speaks", SEVERITIES),
    "doom": Key("number", "how sure it is that the run cannot give a usable model, from 0 to 1"),
    "action": Key("choice", "the most that it may ask for", ACTIONS),
    "say": Key("template", "the sentence of the alert, with fields such as {train.loss:.3f} and {value}"),
    "why": Key("templates", "likely causes of this rule alone"),
    "try": Key("templates", "what to do about this rule alone"),
    "wrong_if": Key("texts", "when this rule is wrong"),
    "each": Key("text", "one alert for each GPU, rank or disk: 'gpu.*'"),
    "hides": Key("texts", "rules that are its symptoms: 'signature/rule' or 'signature/*'"),
    "parts": Key("parts", "{at_least: 3, of: [a, b, c]}: made of other alerts"),
    "labels": Key("mapping", "free labels, for routing"),
    "only": Key("only", "limits it to {watch, user, run} by name, or to {kind: run}: not to notebooks and hosts"),
    "enabled": Key("flag", "false switches the rule off"),
    "from_start": Key("flag", "it speaks of the start: unknown in a run that continues another"),
    "was": Key("text", "the name that this rule had before"),
}
DEFAULTS = {key: RULE[key] for key in RULE if key not in ("rule", "when", "clear", "was", "parts", "let")}
TRIAL: dict[str, Key] = {
    "name": Key("text", "what the trial shows"),
    "given": Key("mapping", "series and facts: {epoch: 1..10, val.loss: [0.7, ...], config.lr: 0.1, lines: [...]}"),
    "expect": Key("mapping", "'quiet', or for each rule: fires at epoch 24, quiet, clears at step 10, unknown"),
}
JUDGING = (
    "when",
    "clear",
    "let",
    "after",
    "for",
    "keep",
    "each",
    "severity",
    "parts",
    "hides",
    "from_start",
    "action",
    "doom",
)
SHIPPED_MUST = ("why", "try", "wrong_if")


def schema() -> dict[str, object]:
    """The JSON schema of rule files."""
    rule = {"type": "object", "additionalProperties": False, "required": ["rule"], "properties": _properties(RULE)}
    trial = {"type": "object", "additionalProperties": False, "required": ["expect"], "properties": _properties(TRIAL)}
    properties = _properties(FILE)
    properties["rules"] = {"type": "array", "items": rule, "description": FILE["rules"].says}
    properties["trials"] = {"type": "array", "items": trial, "description": FILE["trials"].says}
    properties["defaults"] = {"type": "object", "additionalProperties": False, "properties": _properties(DEFAULTS)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sentinel rule file",
        "type": "object",
        "additionalProperties": False,
        "required": ["signature"],
        "properties": properties,
    }


def _properties(keys: dict[str, Key]) -> dict[str, object]:
    return {name: {**_form(key), "description": key.says} for name, key in keys.items()}


def _form(key: Key) -> dict[str, object]:
    text: dict[str, object] = {"type": "string"}
    forms: dict[str, dict[str, object]] = {
        "number": {"type": "number", "minimum": 0, "maximum": 1},
        "flag": {"type": "boolean"},
        "choice": {"enum": list(key.choices)},
        "texts": {"type": "array", "items": text},
        "templates": {"type": "array", "items": text},
        "names": {"type": "object"},
        "mapping": {"type": ["object", "string"]} if key.says.startswith("'quiet'") else {"type": "object"},
        "lets": {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
        "parts": {
            "type": "object",
            "additionalProperties": False,
            "required": ["at_least", "of"],
            "properties": {"at_least": {"type": "integer", "minimum": 1}, "of": {"type": "array", "items": text}},
        },
        "only": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"watch": text, "user": text, "run": text, "kind": {"enum": list(KINDS)}},
        },
    }
    return forms.get(key.form, text)

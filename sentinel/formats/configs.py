"""Facts from config files: YAML, JSON, TOML, INI, literal JS and Python; the well-known keys also as `fact.NAME`."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import yaml

from sentinel.core.records import Fact, Origin, Scalar

_LARGEST = 1 << 20
_MOST = 5000
_DEEPEST = 200
_MOST_ALIASES = 1000
_ENDINGS = (".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".config.js", ".config.py")
_NAMES = ("config.js", "config.py", "vocab.txt", "tokenizer.json", "args.txt", "hparams.yaml")
_NO_CONFIG = (
    "trainer_state.json",
    "metrics.json",
    "result.json",
    "package.json",
    "package-lock.json",
    "catboost_training.json",
)
_DATASET = frozenset(["dataset", "dataset_name", "data_name", "task_name"])
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SECRET_KEY = re.compile(r"(?:^|[._-])(?:api_?)?(?:token|key|password|passwd|secret|credentials?|auth)$", re.IGNORECASE)
_SECRET = re.compile(
    r"\bhf_\w{8,}|\bsk-[\w-]{8,}|\bAKIA\w{12,}|\bxox[a-z]-[\w-]{6,}|://[^/\s:@]+:[^/\s@]+@|\bgh[pousr]_\w{16,}"
)
_KNOWN: tuple[tuple[str, frozenset[str]], ...] = (
    (
        "fact.planned_steps",
        frozenset(
            [
                "total_steps",
                "max_steps",
                "num_steps",
                "max_iters",
                "total_iterations",
                "train_steps",
                "max_iter",
                "train_iters",
            ]
        ),
    ),
    (
        "fact.planned_epochs",
        frozenset(["epochs", "num_epochs", "max_epochs", "num_train_epochs", "n_epochs", "total_epochs"]),
    ),
    ("fact.vocab_size", frozenset({"vocab_size"})),
    ("fact.examples", frozenset(["num_examples", "train_size", "n_train", "num_samples"])),
    ("fact.batch_size", frozenset(["batch_size", "train_batch_size", "per_device_train_batch_size"])),
    ("fact.precision", frozenset({"precision", "mixed_precision"})),
    ("fact.world_size", frozenset({"world_size"})),
    ("config.lr", frozenset(["lr", "learning_rate", "base_lr"])),
)


def is_config(name: str) -> bool:
    """Whether a file's name is that of a config."""
    base = name.rsplit("/", 1)[-1].lower()
    return base not in _NO_CONFIG and (base.endswith(_ENDINGS) or base in _NAMES)


def read_config(name: str, data: bytes) -> list[Fact]:
    """Every key as `config.KEY`, the well-known ones also as `fact.NAME`; no secrets. A bad file gives nothing."""
    base = name.rsplit("/", 1)[-1].lower()
    text = data[: 64 * _LARGEST].decode("utf-8-sig", "replace")
    if base == "vocab.txt":
        return [Fact("fact.tokenizer_size", len(text.splitlines()), name, 0, Origin.TOKENIZER)]
    if base == "tokenizer.json":
        return _tokenizer(name, text)
    if len(data) > 64 * _LARGEST:
        return [Fact("fact.config_bytes", len(data), name, 0)]
    try:
        root = _load(base, text)
    except (ValueError, RecursionError, yaml.YAMLError, configparser.Error, OverflowError):
        return []
    facts: list[Fact] = []
    told: set[str] = set()
    for key, value in _walk(root, ""):
        line = _line_of(text, key) if len(text) <= _LARGEST else 1  # looking for each key would take minutes
        facts.append(Fact(f"config.{key}", hidden(key, value), name, line))
        fact = well_known(key, value)
        if fact and fact not in told and fact != f"config.{key}":
            told.add(fact)
            facts.append(Fact(fact, value, name, line))
        if len(facts) > _MOST:
            break
    return facts


def well_known(key: str, value: object) -> str:
    """The fact that a config's key states beside `config.KEY`; "" for most."""
    last = key.rsplit(".", 1)[-1]
    if isinstance(value, str | bool | tuple):
        return "fact.dataset" if isinstance(value, str) and last in _DATASET else ""
    return next((fact for fact, keys in _KNOWN if last in keys), "")


def _load(base: str, text: str) -> Any:
    if base.endswith(".json"):
        return json.loads(text)
    if base.endswith(".toml"):
        return tomllib.loads(text)
    if base.endswith((".ini", ".cfg")):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.read_string(text)
        return {section: {k: scalar(v) for k, v in parser[section].items()} for section in parser.sections()}
    if base.endswith((".js", ".py")):
        return _literal(text)
    return _yaml(text)


def _yaml(text: str) -> Any:
    """YAML with bounded aliases; unknown tags are read as what they stand on."""
    if text.count("*") > _MOST_ALIASES and len(re.findall(r"(?<![\w'\"])\*\w", text)) > _MOST_ALIASES:
        return None
    node = yaml.compose(text, Loader=_LOADER)
    return _node(node, [0]) if node is not None else None


def _node(node: yaml.Node, count: list[int], depth: int = 0) -> Any:
    count[0] += 1
    if count[0] > 20 * _MOST or depth > _DEEPEST:
        return None
    if isinstance(node, yaml.MappingNode):
        return {str(k.value): _node(v, count, depth + 1) for k, v in node.value if isinstance(k, yaml.ScalarNode)}
    if isinstance(node, yaml.SequenceNode):
        return [_node(item, count, depth + 1) for item in node.value]
    return str(node.value) if getattr(node, "style", None) in ("'", '"') else scalar(str(node.value))


_JS_PAIR = re.compile(
    r"""(?P<open>[{\[])|(?P<close>[}\]])|(?:['"]?(?P<key>[A-Za-z_][\w.-]*)['"]?\s*[:=]\s*(?P<value>'[^'\n]*'|"[^"\n]*"|[-+\w.]+)?)"""
)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|(?m:^\s*#[^\n]*)", re.DOTALL)


def _literal(text: str) -> dict[str, Any]:
    """The literal keys of a JS or Python config; what is computed is left out."""
    text = _COMMENT.sub(lambda m: "\n" * m[0].count("\n"), text)
    out: dict[str, Any] = {}
    path: list[str] = []
    waiting = ""
    for match in _JS_PAIR.finditer(text):
        if match["open"]:
            path.append("" if waiting in ("module.exports", "default") else waiting)
            waiting = ""
        elif match["close"]:
            if path:
                path.pop()
        elif match["value"] is None:
            waiting = match["key"]
        elif match["key"] != "module.exports":
            raw = match["value"]
            out[".".join([p for p in path if p] + [match["key"]])] = raw[1:-1] if raw[0] in "'\"" else scalar(raw)
        if len(out) > _MOST or len(path) > _DEEPEST:
            break
    return out


def scalar(text: str) -> Scalar | None:
    """A word as YAML 1.2 reads it, with `1e-4` and `1_000` as the numbers that they are meant to be."""
    low = text.strip().lower()
    if low in ("", "null", "~", "none", "undefined"):
        return None
    if low in ("true", "false"):
        return low == "true"
    try:
        return int(low.replace("_", ""))
    except ValueError:
        pass
    try:
        return float(low)
    except ValueError:
        return text.strip()


def _walk(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, Scalar | tuple[Scalar, ...]]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        if path and set(value) <= {"value", "desc"} and "value" in value:  # wandb's config.yaml
            yield from _walk(value["value"], path, depth + 1)
            return
        for key, inner in value.items():
            yield from _walk(inner, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list):
        if value and all(isinstance(item, str | int | float) for item in value) and len(value) <= 64:
            yield path, tuple(value)
    elif isinstance(value, str | int | float) and path:
        yield path, value[:1000] if isinstance(value, str) else value


def hidden(key: str, value: Any) -> Any:
    """The value, or black where key or shape says secret."""
    if isinstance(value, str) and (_SECRET_KEY.search(key) or _SECRET.search(value)):
        return "***"
    if isinstance(value, tuple) and any(isinstance(v, str) and _SECRET.search(v) for v in value):
        return "***"
    return value


def _line_of(text: str, key: str) -> int:
    match = re.search(rf"(?m)^[^\S\n]*['\"]?{re.escape(key.rsplit('.', 1)[-1])}['\"]?\s*[:=]", text)
    return text.count("\n", 0, match.start()) + 1 if match else 1


def _tokenizer(name: str, text: str) -> list[Fact]:
    try:
        root = json.loads(text)
    except (ValueError, RecursionError):
        return []
    model = root.get("model") if isinstance(root, dict) else None
    vocab = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(vocab, dict | list):
        return []
    known = set(vocab) if isinstance(vocab, dict) else {str(i) for i in range(len(vocab))}
    added = root.get("added_tokens") or []
    known |= {str(t.get("content")) for t in added if isinstance(t, dict)} if isinstance(added, list) else set()
    return [Fact("fact.tokenizer_size", len(known), name, 1, Origin.TOKENIZER)]


def blacked_out(line: str) -> str:
    """A line for people, without what looks like a secret."""
    return _SECRET.sub("***", line)

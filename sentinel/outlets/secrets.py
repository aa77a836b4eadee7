"""Where a channel's address comes from (credential, file, environment), and how none of it ever shows again."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "***"
_SHORTEST = 5  # pieces of an address shorter than this are no secrets, and hiding them would hide the message
_PIECES = re.compile(r"[/:@?&=#,;]+")
_HARMLESS = re.compile(
    r"(https?|mailtos?|jsons?|slack|ntfys?|discord|services|webhooks?|api|to|from|smtp|mode|starttls|ssl|localhost"
    r"|example|json|hooks|true|false|yes|no)",
    re.IGNORECASE,
)


class SecretError(ValueError):
    """A secret cannot be had; the text says which, why and what mends it, never the secret."""


def resolve(reference: str, environ: Mapping[str, str] | None = None) -> str:
    """The address that `credential:NAME`, `file:PATH` or `env:NAME` holds; any other text is the address itself."""
    environ = os.environ if environ is None else environ
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = environ.get(name, "").strip()
        if not value:
            raise SecretError(f"the environment has no {name}; set it, or use file: or credential:")
        return value
    if kind == "credential":
        folder = environ.get("CREDENTIALS_DIRECTORY", "")
        if not folder:
            raise SecretError(f"there are no systemd credentials here; add LoadCredential={name}:PATH to the unit")
        if "/" in name or name in {"", ".", ".."}:
            raise SecretError(f"'{name}' is no credential's name")
        return _from_file(Path(folder) / name, f"LoadCredential={name}:PATH", private=False)
    if kind == "file" and not name.startswith("//"):
        return _from_file(Path(name).expanduser(), f"chmod 600 {name}", private=True)
    return reference


def _from_file(path: Path, cure: str, private: bool) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as trouble:
        raise SecretError(f"{path}: {trouble.strerror}; {cure}") from None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise SecretError(f"{path} is no regular file")
        if private and about.st_mode & 0o077:
            raise SecretError(f"{path} can be read by others; {cure}")
        text = file.read(65536).decode("utf-8", "replace")
    value = next((line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    if not value:
        raise SecretError(f"{path} is empty")
    return value


def pieces(address: str) -> frozenset[str]:
    """Every part of an address that could be secret, in each spelling in which an error may quote it."""
    if not address or "://" not in address:
        return frozenset({address} if len(address) >= _SHORTEST else ())
    host = _host(address)
    found = {address}
    for piece in _PIECES.split(address):
        for spelling in {piece, unquote(piece), quote(piece, safe="")}:
            if len(spelling) >= _SHORTEST and spelling != host and not _HARMLESS.fullmatch(spelling):
                found.add(spelling)
    return frozenset(found)


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def redact(text: str, addresses: Iterable[str]) -> str:
    """The text without any piece of these addresses."""
    hidden = sorted({piece for address in addresses for piece in pieces(address)}, key=len, reverse=True)
    for piece in hidden:
        text = text.replace(piece, HIDDEN)
    return re.sub(r"://[^/\s@]*@", f"://{HIDDEN}@", text)


def shown(reference: str) -> str:
    """An address as status may show it: the reference as it stands, or scheme and nothing else."""
    if reference.split(":", 1)[0] in {"credential", "env", "file"} and "://" not in reference:
        return reference
    return reference.split("://", 1)[0] + "://" + HIDDEN if "://" in reference else HIDDEN

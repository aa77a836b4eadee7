"""How commands find the daemon and speak with it: `--socket`, SENTINEL_SOCKET, the user's own, the system's (contracts 7)."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from sentinel import __version__
from sentinel.cli.exits import Exit
from sentinel.core.wire import VERSION

SYSTEM = Path("/run/sentinel/control")
PATIENCE = 5.0


class NoDaemon(Exception):
    """Nobody answers; the text says where we looked and what to do."""


def add_socket(parser: argparse.ArgumentParser) -> None:
    """The option that all asking commands share."""
    parser.add_argument("--socket", metavar="PATH", help="the daemon's control socket (default: found by itself)")


def user_socket() -> Path:
    """Where a daemon of one's own listens."""
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/sentinel-{os.getuid()}"  # noqa: S108
    return Path(runtime) / "sentinel" / "control"


def candidates(args: argparse.Namespace) -> list[Path]:
    """Where to look, in order; a place that was named is the only one."""
    named = getattr(args, "socket", None) or os.environ.get("SENTINEL_SOCKET")
    if named:
        return [Path(named)]
    return [path for path in (Path("state/control"), user_socket()) if is_ours(path)] + [SYSTEM]


def is_ours(path: Path) -> bool:
    """Whether we or root made the folder of a socket that nobody named: in /tmp anyone could lay one out for us."""
    try:
        return path.parent.stat().st_uid in (0, os.getuid())
    except OSError:
        return True  # there is none, and we may say where we looked


def ask(args: argparse.Namespace, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the daemon; its answer with `socket` saying which one it was. Raises NoDaemon."""
    tried = candidates(args)
    for path in tried:
        if path.exists():
            try:
                answer = _talk(path, {**request, "v": VERSION, "version": __version__})
            except (ConnectionRefusedError, FileNotFoundError):
                continue
            except PermissionError:
                raise NoDaemon(f"{path}: you may not speak to this daemon; ask to be added to its group") from None
            except (OSError, ValueError) as trouble:
                raise NoDaemon(f"{path}: the daemon does not answer ({trouble})") from None
            warn_of_skew(answer, path)
            return {**answer, "socket": str(path)}
    places = ", ".join(str(path) for path in tried)
    raise NoDaemon(f"no daemon listens at {places}; start one with: sentinel run")


def warn_of_skew(answer: dict[str, Any], path: Path) -> None:
    """Say on stderr when the daemon is of another version; what it answered still counts, for keys are only ever added."""
    theirs = answer.get("version") or "of an older version"
    if theirs != __version__:
        how = (
            "systemctl restart sentinel" if path == SYSTEM else "systemctl --user restart sentinel, or end and start it"
        )
        print(f"sentinel: this command is {__version__}, the daemon is {theirs}: restart it: {how}", file=sys.stderr)


def _talk(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(path))
        connection.sendall(json.dumps(request).encode() + b"\n")
        heard = b""
        while not heard.endswith(b"\n"):
            data = connection.recv(1 << 20)
            if not data:
                break
            heard += data
    answer = json.loads(heard)
    if not isinstance(answer, dict):
        raise ValueError("no object")
    return answer


def ask_or_explain(args: argparse.Namespace, request: dict[str, Any]) -> dict[str, Any] | None:
    """The answer, or None after saying on stderr why there is none."""
    try:
        answer = ask(args, request)
    except NoDaemon as trouble:
        print(f"sentinel: {trouble}", file=sys.stderr)
        return None
    if not answer.get("ok"):
        print(f"sentinel: {answer.get('why', 'the daemon refused')}", file=sys.stderr)
        return None
    return answer


COULD_NOT = Exit.COULD_NOT

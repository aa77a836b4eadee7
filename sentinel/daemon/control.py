"""The control socket: one JSON line each way, served inside the loop; a slow or rude client harms nobody (contracts 7)."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sentinel import __version__
from sentinel.core.wire import VERSION
from sentinel.daemon.peers import Peer, peer_of
from sentinel.daemon.waiting import SelectorWaker

LONGEST = 64 * 1024
MOST_CLIENTS = 32

RESTART = "restart it so that both are the same: systemctl restart sentinel"

Request = Mapping[str, Any]
Answer = dict[str, Any]
Handler = Callable[[Request, Peer], Answer]


class Refused(Exception):
    """The peer may not say this, or it makes no sense; the text is for them."""


class Control:
    """Listens, reads one line, answers one line."""

    def __init__(self, path: Path, waker: SelectorWaker, handlers: Mapping[str, Handler]) -> None:
        """A socket at a path; `handlers` by the word in `ask`."""
        self.path = path
        self._waker = waker
        self._handlers = handlers
        self._clients: dict[int, _Client] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        before = os.umask(0o117)
        try:
            self._listener.bind(str(path))
        finally:
            os.umask(before)
        self._listener.listen(MOST_CLIENTS)
        waker.watch(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            if len(self._clients) >= MOST_CLIENTS:
                self._drop(next(iter(self._clients.values())))  # the one that has been quiet the longest
            client = _Client(connection)
            self._clients[connection.fileno()] = client
            self._waker.watch(connection.fileno(), lambda: self._read(client))

    def _read(self, client: _Client) -> None:
        try:
            data = client.connection.recv(LONGEST + 1)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        client.heard += data
        line, newline, _ = client.heard.partition(b"\n")
        if newline or len(client.heard) > LONGEST:
            answer = self._answer(line, client) if newline else fault("a request is one line of at most 64 KiB")
            client.owed = json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
            self._waker.watch_room(client.connection.fileno(), lambda: self._say(client))
            self._say(client)
        elif not data:
            self._drop(client)

    def _answer(self, line: bytes, client: _Client) -> Answer:
        try:
            request = json.loads(line)
        except ValueError:
            return fault("a request is one line of JSON")
        return self.ask(request, peer_of(client.connection)) if isinstance(request, dict) else fault("not an object")

    def ask(self, request: Request, peer: Peer) -> Answer:
        """The answer to one request."""
        handler = self._handlers.get(str(request.get("ask")))
        if handler is None:
            asker = f", the command is {request['version']}" if request.get("version") else ""
            return fault(f"this daemon ({__version__}) knows no '{request.get('ask')}'{asker}; {RESTART}")
        try:
            return {"v": VERSION, "ok": True, "version": __version__, **handler(request, peer)}
        except Refused as no:
            return fault(str(no))
        except Exception as bug:  # one request must not end the watch
            return fault(f"a bug in Sentinel: {type(bug).__name__}: {bug}")

    def _say(self, client: _Client) -> None:
        """As much as fits now; the rest when there is room. Who does not listen waits alone."""
        try:
            client.owed = client.owed[client.connection.send(client.owed) :]
        except BlockingIOError:
            return
        except OSError:
            client.owed = b""
        if not client.owed:
            self._drop(client)

    def _drop(self, client: _Client) -> None:
        self._clients.pop(client.connection.fileno(), None)
        self._waker.unwatch(client.connection.fileno())
        client.connection.close()

    def close(self) -> None:
        """Stop listening."""
        for client in list(self._clients.values()):
            self._drop(client)
        self._waker.unwatch(self._listener.fileno())
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()


class _Client:
    """One connection, what it has said so far, and what it has not yet taken of the answer."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.heard = b""
        self.owed = b""


def fault(text: str) -> Answer:
    """A refusal that says why."""
    return {"v": VERSION, "ok": False, "version": __version__, "why": text}

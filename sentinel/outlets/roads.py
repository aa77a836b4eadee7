"""How a sender reaches the world: proxy, own certificate authority, time limits; and what a failure on the way means.

Only children of the daemon use this: it changes the process's own environment.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPResponse, RemoteDisconnected
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from sentinel.core.telling_answers import Answer, Code, code_of_status

CONNECT, READ = 10.0, 20.0
_PROXY_NAMES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}


@dataclass(frozen=True, slots=True)
class Road:
    """Proxy and trust of one channel. Without a proxy of its own it takes what the environment says."""

    proxy: str = ""
    no_proxy: str = ""  # hosts, comma separated; "*" for all
    ca: str = ""

    def context(self) -> ssl.SSLContext:
        """Trusts the system's authorities and the channel's own."""
        context = ssl.create_default_context()
        if self.ca:
            context.load_verify_locations(self.ca)
        return context

    def enter(self) -> None:
        """Make this process take this road; libraries read it from the environment."""
        if self.proxy:
            os.environ.update(dict.fromkeys(_PROXY_NAMES, self.proxy))
        if self.no_proxy:
            os.environ["no_proxy"] = os.environ["NO_PROXY"] = self.no_proxy
        if self.no_proxy == "*":
            for name in _PROXY_NAMES:
                os.environ.pop(name, None)
        if self.ca:
            os.environ["REQUESTS_CA_BUNDLE"] = self.bundle()

    def bundle(self) -> str:
        """One file with the usual authorities and the own one. It lives in memory: the disk may be full."""
        import certifi

        held = os.memfd_create("authorities")
        for path in (certifi.where(), self.ca):
            with open(path, "rb") as source:
                os.write(held, source.read() + b"\n")
        return f"/proc/{os.getpid()}/fd/{held}"

    def bypassed(self, host: str) -> bool:
        """Whether a host is reached without the proxy."""
        names = [name.strip().lstrip(".") for name in self.no_proxy.split(",") if name.strip()]
        return any(name == "*" or host == name or host.endswith("." + name) for name in names)

    def proxy_for(self, host: str) -> str:
        """The proxy that requests to a host go through, or ""."""
        if urllib.request.proxy_bypass(host):
            return ""
        return urllib.request.getproxies().get("https", "")


@dataclass(frozen=True, slots=True)
class Reply:
    """What an HTTP server said."""

    status: int
    headers: Message
    body: bytes


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A hook that redirects was moved or is a trap: following would hand the message to another place."""

    def redirect_request(self, *_args: Any, **_keys: Any) -> None:
        return None


def post(url: str, body: bytes, headers: dict[str, str], road: Road, method: str = "POST") -> Reply:
    """One HTTP request by the standard library alone. Network trouble raises; any status is a reply."""
    handlers: list[Any] = [urllib.request.HTTPSHandler(context=road.context()), _NoRedirect]
    if road.proxy and not road.bypassed(urlsplit(url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({"http": road.proxy, "https": road.proxy}))
    opener = urllib.request.build_opener(*handlers)
    request = urllib.request.Request(url, body or None, headers, method=method)  # noqa: S310 - schemes are checked by callers
    try:
        with opener.open(request, timeout=READ) as response:
            assert isinstance(response, HTTPResponse)
            return Reply(response.status, response.headers, response.read(65536))
    except HTTPError as refusal:
        with refusal:
            return Reply(refusal.code, refusal.headers, refusal.read(4096))


def answer_of(reply: Reply) -> Answer:
    """An HTTP reply as an answer."""
    code = code_of_status(reply.status)
    detail = "" if code is Code.SENT else f"{reply.status} {reply.body[:300].decode('utf-8', 'replace')}".strip()
    return Answer(code, detail, retry_after(reply.headers.get("Retry-After"), reply.headers.get("Date")))


def retry_after(value: str | None, date: str | None = None) -> float | None:
    """Seconds that a Retry-After asks for; its date form is read against the server's own clock."""
    if not value:
        return None
    if value.strip().replace(".", "", 1).isdigit():
        return float(value)
    try:
        then = parsedate_to_datetime(value)
        now = parsedate_to_datetime(date or "")
    except (TypeError, ValueError):
        return None
    return max(0.0, (then - now).total_seconds())


def answer_to_trouble(trouble: BaseException) -> Answer:
    """What went wrong on the way, told apart by its cause, however deep a library has wrapped it."""
    for cause in _causes(trouble):
        code = _code(cause)
        if code is not None:
            return Answer(code, f"{type(cause).__name__}: {cause}"[:300])
    return Answer(
        Code.RESET if isinstance(trouble, OSError) else Code.BROKEN, f"{type(trouble).__name__}: {trouble}"[:300]
    )


def _code(trouble: BaseException) -> Code | None:
    text = str(trouble)
    if "407" in text and ("unnel" in text or "proxy" in text.lower()):
        return Code.PROXY
    if isinstance(trouble, ssl.SSLCertVerificationError):
        return Code.CERTIFICATE
    if isinstance(trouble, socket.gaierror):
        return Code.NO_ROUTE
    if isinstance(trouble, TimeoutError) or "timed out" in text:
        return Code.TIMEOUT
    if "unnel connection failed" in text:
        return Code.PROXY
    if isinstance(trouble, OSError) and trouble.errno in _UNREACHABLE:
        return Code.NO_ROUTE
    if isinstance(trouble, ConnectionError | RemoteDisconnected | ssl.SSLError):
        return Code.RESET
    return None


def _causes(trouble: BaseException) -> Iterator[BaseException]:
    """The trouble and everything that it wraps, the innermost first."""
    seen: list[BaseException] = []
    queue: list[object] = [trouble]
    while queue and len(seen) < 30:
        item = queue.pop(0)
        if not isinstance(item, BaseException) or any(item is known for known in seen):
            continue
        seen.append(item)
        queue += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    yield from reversed(seen)

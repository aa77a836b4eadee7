"""Checks of channels: the address can be had, and its host answers through the proxy in force. Nothing is sent.

No part of an address but host and port is ever shown.
"""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from sentinel.daemon.doctor.findings import Finding, Patient, State
from sentinel.daemon.settings import Channel
from sentinel.outlets.secrets import SecretError, resolve

STORE = Path("/etc/sentinel/credentials")
LOADED = Path("/etc/systemd/system/sentinel.service.d/credentials.conf")
PATIENCE = 5.0
# Services that an address names without their host.
_HOSTS = {"slack": "slack.com", "discord": "discord.com", "tgram": "api.telegram.org", "pover": "api.pushover.net"}
_OWN_HOST = {"json", "jsons", "http", "https", "ntfy", "ntfys", "mmost", "mmosts", "matrix", "matrixs"}


def channels(patient: Patient) -> list[Finding]:
    """Every channel's address can be had and reached."""
    if not patient.known.channel:
        what = "no channel: alerts go to the journal and the terminal only"
        return [Finding("channels", State.NOTE, what, f"add a [[channel]] to {patient.path}")]
    return [_channel(channel, patient) for channel in patient.known.channel]


def with_credentials(settings: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, with the machine's credentials where its settings are meant and systemd did not hand them over."""
    beside = STORE.is_dir() and settings.absolute().is_relative_to(STORE.parent)
    return {"CREDENTIALS_DIRECTORY": str(STORE), **environ} if beside else dict(environ)


def _channel(channel: Channel, patient: Patient) -> Finding:
    check = f"channel {channel.name}"
    environ = with_credentials(patient.path, patient.environ) if patient.unit else patient.environ
    if patient.unit and "CREDENTIALS_DIRECTORY" not in patient.environ and (missing := _not_loaded(channel.url)):
        return Finding(check, State.MISSING, *missing)
    try:
        address = resolve(channel.url, environ)
        proxy = resolve(channel.proxy or patient.known.tell.proxy, environ)
    except SecretError as trouble:
        what, _, cure = str(trouble).rpartition("; ")
        return Finding(check, State.MISSING, what or cure, cure)
    place = place_of(address)
    if place is None:
        return Finding(check, State.NOTE, "whether it is reached shows only by sending", _try(channel))
    if proxy.lower().startswith("socks"):
        what = f"{proxy.partition(':')[0]} proxies are not spoken; only HTTP proxies are"
        return Finding(check, State.MISSING, what, "set [tell] proxy to an HTTP proxy, or no_proxy = true")
    straight = channel.no_proxy or place[0] in patient.known.tell.no_proxy
    return _reached(channel, place, "" if straight else proxy or _usual_proxy(place[0]))


def _not_loaded(url: str) -> tuple[str, ...]:
    """What is missing of a credential, and the command that mends it."""
    kind, _, name = url.partition(":")
    if kind != "credential":
        return ()
    take = "sudo sentinel install && sudo systemctl restart sentinel"
    if not (STORE / name).is_file():
        cure = f"sudo sh -c 'umask 077; cat > {STORE / name}' && {take}"
        return (f"{STORE / name} is missing; the command below takes the address: paste it, then Ctrl-D", cure)
    loaded = LOADED.read_text(encoding="utf-8") if LOADED.is_file() else ""
    return () if f"LoadCredential={name}:" in loaded else (f"the unit does not load the credential {name}", take)


def place_of(address: str) -> tuple[str, int] | None:
    """Host and port that an address leads to; None where only its sender knows."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme in _HOSTS:
        return _HOSTS[scheme], 443
    if scheme in {"mailto", "mailtos"}:
        asked = parse_qs(parts.query)
        host = asked.get("smtp", [parts.hostname or ""])[0]
        return (host, port or (587 if scheme == "mailtos" else 25)) if host else None
    if scheme in _OWN_HOST and parts.hostname:
        return parts.hostname, port or (443 if scheme.endswith("s") else 80)
    return None


def _usual_proxy(host: str) -> str:
    return "" if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get("https", "")


def _reached(channel: Channel, place: tuple[str, int], proxy: str) -> Finding:
    check, shown = f"channel {channel.name}", f"{place[0]}:{place[1]}"
    is_mail = place[1] in {25, 465, 587}  # mail does not go through a web proxy
    try:
        answer = _tunnel(place, proxy) if proxy and not is_mail else _direct(place)
    except (OSError, ValueError) as trouble:
        way = "through the proxy" if proxy and not is_mail else "directly"
        what = f"{shown} is not reached {way}: {getattr(trouble, 'strerror', None) or trouble}"
        cure = "set [tell] proxy, or ask for a way to it" if not proxy else "try the proxy: see docs/operate/proxies.md"
        return Finding(check, State.MISSING, what, cure)
    return Finding(check, State.OK, f"{shown} answers{answer}; to see it arrive: {_try(channel)}")


def _try(channel: Channel) -> str:
    return f"sentinel tell --test {channel.name}"


def _direct(place: tuple[str, int]) -> str:
    with socket.create_connection(place, PATIENCE):
        return ""


def _tunnel(place: tuple[str, int], proxy: str) -> str:
    """Ask the proxy for a way there, as a sender would."""
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    target = f"{place[0]}:{place[1]}"
    with socket.create_connection((parts.hostname or "", parts.port or 3128), PATIENCE) as connection:
        connection.settimeout(PATIENCE)
        connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{_authorisation(parts)}\r\n".encode())
        status = connection.recv(4096).split(b"\r\n")[0].decode("ascii", "replace")
    words = status.split()
    if len(words) < 2 or words[1] != "200":
        raise OSError(0, f"the proxy says {' '.join(words[1:4]) or 'nothing'}")
    return " through the proxy"


def _authorisation(parts: object) -> str:
    from base64 import b64encode
    from urllib.parse import SplitResult, unquote

    assert isinstance(parts, SplitResult)
    if not parts.username:
        return ""
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Proxy-Authorization: Basic {b64encode(pair.encode()).decode()}\r\n"

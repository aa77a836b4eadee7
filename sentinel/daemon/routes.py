"""Settings into routes: what each channel is told by, and how its sender reaches it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from sentinel.core.amounts import parse_seconds
from sentinel.core.telling import Route
from sentinel.core.telling_caps import Most, parse_most
from sentinel.core.telling_routes import parse_condition, parse_quiet
from sentinel.daemon.settings import Channel, Tell
from sentinel.outlets.jobs import EDITING, Line, kind_of
from sentinel.outlets.secrets import SecretError, resolve

TERMINAL, JOURNAL = "terminal", "journal"
LOCAL = (TERMINAL, JOURNAL)


def routes_of(channels: list[Channel], tell: Tell, terminal: bool) -> list[Route]:
    """The routes of all channels; terminal and journal are told every change by itself."""
    routes = [route_of(channel, tell) for channel in channels]
    if terminal:
        routes.append(Route(TERMINAL, parse_condition("severity >= warning"), group=0.0, each=True))
    if tell.journal:
        routes.append(Route(JOURNAL, parse_condition(""), group=0.0, each=True))
    return routes


def route_of(channel: Channel, tell: Tell) -> Route:
    """One channel's route. The settings were checked when they were read."""
    after, _, to = channel.escalate.partition(" to ")
    return Route(
        name=channel.name,
        when=parse_condition(channel.when),
        quiet=tuple(parse_quiet(text) for text in (*tell.quiet, *channel.quiet)),
        group=parse_seconds(tell.group) or 0.0,
        repeat=parse_seconds(tell.repeat) or 0.0,
        most=parse_most(tell.most) or Most(),
        edits=edits(channel.url),
        escalate_after=parse_seconds(after) if to else None,
        escalate_to=to.strip(),
    )


def edits(reference: str, environ: Mapping[str, str] | None = None) -> bool:
    """Whether the service can change a message that it has."""
    try:
        return kind_of(resolve(reference, environ or os.environ)) in EDITING
    except SecretError:
        return False


def line_of(channel: Channel, tell: Tell) -> Line:
    """One channel as its sender needs it."""
    bypass = "*" if channel.no_proxy else ",".join(tell.no_proxy)
    return Line(
        name=channel.name,
        url=channel.url,
        proxy="" if channel.no_proxy else channel.proxy or tell.proxy,
        no_proxy=bypass,
        ca=channel.ca or tell.ca,
        pictures=channel.pictures,
        zone=tell.zone,
        why=f"You get this because channel '{channel.name}' of sentinel.toml takes: {channel.when}.",
    )

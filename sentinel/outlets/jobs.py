"""What the daemon hands to a sender's child, and how a channel's address chooses the sender. Plain records.

`SENDERS` names modules rather than holding functions: the child imports the one that it needs, the daemon none.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import tzinfo
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sentinel.core.records import Json
from sentinel.core.telling_answers import Answer
from sentinel.core.telling_letter import Kind, Letter, letter_from, letter_json

if TYPE_CHECKING:
    from sentinel.outlets.roads import Road


@dataclass(frozen=True, slots=True)
class Line:
    """A channel as its sender sees it: a line to the outside."""

    name: str
    url: str  # or a reference to it
    proxy: str = ""  # or a reference
    no_proxy: str = ""
    ca: str = ""
    pictures: bool = True
    zone: str = ""  # the name of the time zone in messages; "" for this machine's
    why: str = ""  # why you: the channel and its `when`


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery, as it goes to the child."""

    delivery: str
    attempt: int
    kind: Kind
    line: Line
    letter: Letter
    message: Mapping[str, str] | None = None  # what the thread hangs on, or what is edited
    picture: bytes = b""
    alt: str = ""
    attached: bytes = b""  # a text that goes with it

    @property
    def road(self) -> Road:
        """How to get there."""
        from sentinel.outlets.roads import Road  # only children send: the daemon itself holds no HTTP and no TLS

        return Road(self.line.proxy, self.line.no_proxy, self.line.ca)

    @property
    def zone(self) -> tzinfo | None:
        """The zone that times are shown in."""
        return zone_of(self.line.zone)

    def with_picture(self, png: bytes) -> Job:
        """The same with its picture drawn."""
        return replace(self, picture=png)


EVIDENCE = "evidence.txt"
LARGEST_TEXT = 1 << 19


def attached_text(path: str) -> bytes:
    """What goes with a letter: a plain file, its first half MiB; nothing where it is gone or is something else."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError):
        return b""
    with os.fdopen(handle, "rb") as file:
        return file.read(LARGEST_TEXT) if stat.S_ISREG(os.fstat(handle).st_mode) else b""


def zone_of(name: str) -> tzinfo | None:
    """A zone by its name; without a name, this machine's."""
    if name:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            pass
    from datetime import UTC, datetime

    return datetime.now(UTC).astimezone().tzinfo


Sender = Callable[[Job], Answer]

# scheme -> module and function
SENDERS: Mapping[str, str] = {
    "mailto": "sentinel.outlets.mail:send",
    "mailtos": "sentinel.outlets.mail:send",
    "json": "sentinel.outlets.webhook:send",
    "jsons": "sentinel.outlets.webhook:send",
    "slack+bot": "sentinel.outlets.slack:send",
}
ANY_OTHER = "sentinel.outlets.apprised:send"
EDITING = {"slack+bot"}
WITHOUT_PICTURES = {"json", "jsons"}


def kind_of(url: str) -> str:
    """The scheme that decides, with a Slack bot told apart from Slack's webhook."""
    scheme = url.split("://", 1)[0].lower()
    if scheme == "slack" and urlsplit(url).netloc.split("@")[-1].startswith(("xoxb-", "xoxe.xoxb-")):
        return "slack+bot"
    return scheme


def sender_for(url: str) -> Sender:
    """The function that delivers to such an address."""
    module, _, name = SENDERS.get(kind_of(url), ANY_OTHER).partition(":")
    found: Sender = getattr(import_module(module), name)
    return found


def job_json(job: Job) -> dict[str, Json]:
    """A job as one line to the child; the picture is drawn there."""
    plain: dict[str, Any] = {
        "delivery": job.delivery,
        "attempt": job.attempt,
        "kind": job.kind,
        "line": asdict(job.line),
        "letter": letter_json(job.letter),
        "message": dict(job.message) if job.message else None,
    }
    return plain


def job_from(thing: Mapping[str, Any]) -> Job:
    """A job out of its line."""
    return Job(
        delivery=thing["delivery"],
        attempt=thing["attempt"],
        kind=Kind(thing["kind"]),
        line=Line(**thing["line"]),
        letter=letter_from(thing["letter"]),
        message=thing["message"],
    )

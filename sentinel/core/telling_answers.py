"""What a channel answered to a delivery, how to mend it, and when to try again. Pure; chance is handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sentinel.core.records import Json


class Code(StrEnum):
    """How a delivery went, told apart as far as a person needs to mend it."""

    SENT = "sent"
    UNAUTHORIZED = "not authorised"
    NOT_FOUND = "not found"
    REJECTED = "rejected"
    THROTTLED = "throttled"
    SERVER = "server error"
    PROXY = "proxy refused"
    CERTIFICATE = "wrong certificate"
    NO_ROUTE = "no route"
    TIMEOUT = "timeout"
    RESET = "connection broken"
    SETTINGS = "settings"
    BROKEN = "sender broken"


CURES: Mapping[Code, str] = {
    Code.SENT: "",
    Code.UNAUTHORIZED: "the token or password is not accepted (401/403): renew it where `url` takes it from",
    Code.NOT_FOUND: "there is nothing at that address (404/410): the hook or channel was deleted, make a new one",
    Code.REJECTED: "the service refused this message (400): see the detail",
    Code.THROTTLED: "the service asks us to slow down (429): it is sent again when the service said",
    Code.SERVER: "the service has trouble of its own (5xx): it is sent again",
    Code.PROXY: "the proxy refused (407 or its own rule): check user and password in `proxy`",
    Code.CERTIFICATE: "the certificate is not trusted: set `ca` to the PEM file of your own authority",
    Code.NO_ROUTE: "no way there: the name does not resolve or the network is unreachable; is a `proxy` needed?",
    Code.TIMEOUT: "no answer in time: a firewall that drops packets, or a service that hangs",
    Code.RESET: "the connection was refused or broken: is the service up, the port right?",
    Code.SETTINGS: "the channel's settings cannot be used: see the detail",
    Code.BROKEN: "the sender itself failed: see the detail; `sentinel doctor` tells what is missing",
}
LASTING = {Code.UNAUTHORIZED, Code.NOT_FOUND, Code.PROXY, Code.CERTIFICATE, Code.SETTINGS}  # waiting alone cures none
FIRST_WAIT, WIDEST_WAIT, WIDEST_LASTING = 5.0, 1800.0, 3600.0
WIDEST_OURS = 20.0  # a sender that died is our own trouble: there is no service to spare
GIVE_UP_AGE = 86400.0
REJECTED_TRIES = 3  # a message that the service does not take must not hold those behind it
LONGEST_RETRY_AFTER = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a channel answered."""

    code: Code
    detail: str = ""  # freed of secrets
    retry_after: float | None = None  # seconds, as the service asked
    message: Mapping[str, str] | None = None  # the message's identity on the channel
    picture: str = ""  # "sent", or why it could not go

    @property
    def sent(self) -> bool:
        """Whether people have it."""
        return self.code is Code.SENT


def answer_json(answer: Answer) -> dict[str, Json]:
    """An answer as the sender's child hands it back."""
    return asdict(answer)


def answer_from(thing: Mapping[str, Any]) -> Answer:
    """An answer out of its JSON."""
    return Answer(**{**thing, "code": Code(thing["code"])})


def code_of_status(status: int) -> Code:
    """What an HTTP status means for a delivery."""
    if 200 <= status < 300:
        return Code.SENT
    known = {
        401: Code.UNAUTHORIZED,
        403: Code.UNAUTHORIZED,
        404: Code.NOT_FOUND,
        407: Code.PROXY,
        408: Code.TIMEOUT,
        410: Code.NOT_FOUND,
        429: Code.THROTTLED,
    }
    return known.get(status, Code.SERVER if status >= 500 else Code.REJECTED)


def next_try(answer: Answer, attempts: int, made: float, now: float, chance: float) -> float | None:
    """When to try again, or None to give up. Full jitter: anywhere between now and the widening bound.

    `chance` is in [0, 1). A Retry-After is a floor: sooner would be rude, exactly then would be a stampede.
    """
    if answer.code is Code.REJECTED and attempts >= REJECTED_TRIES:
        return None
    if now - made >= GIVE_UP_AGE:
        return None
    lasting = answer.code in LASTING
    widest = WIDEST_LASTING if lasting else WIDEST_OURS if answer.code is Code.BROKEN else WIDEST_WAIT
    bound = min(FIRST_WAIT * 2.0 ** min(attempts, 20), widest)
    wait = (0.5 + chance / 2) * WIDEST_LASTING if lasting and attempts > 3 else max(1.0, chance * bound)
    if answer.retry_after is not None:
        wait = min(answer.retry_after, LONGEST_RETRY_AFTER) + chance * min(2.0, bound)
    return now + wait

"""The dead man's switch: a URL that is pinged while all is well, so that silence is noticed elsewhere.

The ping runs in a named thread with a deadline; the loop only starts it and looks how the last one went.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from sentinel.core.amounts import parse_seconds
from sentinel.daemon.progress import Progress
from sentinel.daemon.settings import Tell
from sentinel.outlets.secrets import SecretError, redact, resolve

WORKER = "ping of [tell] alive"
PROMISED = 300.0  # each step of a request has its own timeout, far below


class Alive:
    """Pings while `beat` is called with good news."""

    def __init__(
        self, tell: Tell, steady: Callable[[], float], progress: Progress | None = None, within: float = PROMISED
    ) -> None:
        """Without `[tell] alive` it does nothing. A ping is over `within` seconds, or it stands still."""
        self._progress, self._within = progress or Progress(), within
        self._url, self._tell, self._steady = tell.alive, tell, steady
        self._every = max(10.0, parse_seconds(tell.alive_every) or 60.0)
        self._due = 0.0
        self._thread: threading.Thread | None = None
        self.trouble = ""

    def beat(self, well: bool) -> None:
        """Call each turn. Nothing is sent while all is not well: then silence is the message."""
        now = self._steady()
        busy = self._thread is not None and self._thread.is_alive()
        if not busy:
            self._progress.rests(WORKER)
        if not self._url or not well or busy or now < self._due:
            return
        self._due = now + self._every
        self._progress.began(WORKER, now, self._within)
        self._thread = threading.Thread(target=self._ping, name="alive", daemon=True)
        self._thread.start()

    def _ping(self) -> None:
        from sentinel.outlets.roads import Road, answer_of, answer_to_trouble, post

        url = proxy = ""
        try:
            url, proxy = resolve(self._url), resolve(self._tell.proxy)
            road = Road(proxy, ",".join(self._tell.no_proxy), self._tell.ca)
            answer = answer_of(post(url, b"", {"User-Agent": "sentinel"}, road, method="GET"))
        except SecretError as trouble:
            self.trouble = str(trouble)
            return
        except (OSError, ValueError) as trouble:
            answer = answer_to_trouble(trouble)
        self.trouble = "" if answer.sent else f"{answer.code.value}: {redact(answer.detail, (url, proxy))}"

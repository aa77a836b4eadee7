"""systemd's side of the daemon: the notification protocol.

Nothing here decides when; the loop calls. Outside systemd every call does nothing.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, MutableMapping

_LONGEST_STATUS = 1024


class Notifier:
    """Speaks to the service manager that started us, if one did.

    The variables are taken out of `environ`, so that no child can speak or be mistaken for us.
    """

    def __init__(
        self,
        environ: MutableMapping[str, str],
        steady: Callable[[], float] = time.monotonic,
        pid: int | None = None,
    ) -> None:
        """`environ` is usually `os.environ`; `steady` is a clock that never jumps."""
        self._address = _address(environ.pop("NOTIFY_SOCKET", ""))
        self.watchdog_seconds = _watchdog_seconds(environ, os.getpid() if pid is None else pid)
        self._steady = steady
        self._fed_at: float | None = None
        self._said = ""

    @property
    def listening(self) -> bool:
        """True where a service manager wants to hear from us."""
        return self._address is not None

    def ready(self, status: str = "") -> None:
        """The first sweep is over, or a reload is: call it after both."""
        self._send({"READY": "1"} | self._status(status))

    def status(self, text: str) -> None:
        """One line for `systemctl status`; sent only when it changed."""
        if change := self._status(text):
            self._send(change)

    def watchdog(self) -> None:
        """All is well. Call it on every turn: it is sent four times in a watchdog period, not more often."""
        if self.watchdog_seconds is None:
            return
        now = self._steady()
        if self._fed_at is None or now - self._fed_at >= self.watchdog_seconds / 4:
            self._fed_at = now
            self._send({"WATCHDOG": "1"})

    def reloading(self, monotonic_usec: int) -> None:
        """A reload begins. Without the time newer systemd would wait for it until the reload times out."""
        self._send({"RELOADING": "1", "MONOTONIC_USEC": str(monotonic_usec)})

    def stopping(self, status: str = "") -> None:
        """The end begins; nothing new is taken up."""
        self._send({"STOPPING": "1"} | self._status(status))

    def extend(self, seconds: float) -> None:
        """Start, reload or stop needs so much longer: for a first sweep over a slow network folder."""
        self._send({"EXTEND_TIMEOUT_USEC": str(int(seconds * 1e6))})

    def _status(self, text: str) -> dict[str, str]:
        text = " ".join(text.split())[:_LONGEST_STATUS]
        if not text or text == self._said:
            return {}
        self._said = text
        return {"STATUS": text}

    def _send(self, fields: dict[str, str]) -> None:
        if self._address is None:
            return
        data = "\n".join(f"{key}={value}" for key, value in fields.items()).encode()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.settimeout(1.0)
                sock.sendto(data, self._address)
        except OSError:
            return  # a manager that is gone is no reason to stop watching; a lost WATCHDOG has its own consequence


def _address(text: str) -> str | None:
    """A path, or an abstract name, which systemd writes with a leading `@`; other forms (vsock) are not ours."""
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _watchdog_seconds(environ: MutableMapping[str, str], pid: int) -> float | None:
    usec, owner = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    meant = not owner or owner == str(pid)
    return int(usec) / 1e6 if meant and usec.isdigit() and int(usec) > 0 else None

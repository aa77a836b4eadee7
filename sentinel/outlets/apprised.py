"""Everything that apprise can reach: ntfy, Discord, Teams, Telegram, PagerDuty, Slack's webhooks and all its others.

apprise keeps status and Retry-After to itself and swallows network trouble, so this child listens on the wire below it.
It runs in a sender's child only: apprise loads its 200 plugins at the first address.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sentinel.core.telling_answers import Answer, Code, code_of_status
from sentinel.outlets.jobs import EVIDENCE, Job
from sentinel.outlets.plain import plain_text
from sentinel.outlets.roads import CONNECT, READ, answer_to_trouble, retry_after

_MARKDOWN = {
    "discord",
    "slack",
    "mmost",
    "mmosts",
    "rocket",
    "rockets",
    "zulip",
    "tgram",
    "msteams",
    "workflow",
    "workflows",
}
_NOTHING_SAID = "apprise could not send it and did not say why"


class Wire:
    """What went over the wire below apprise: the last status, its wish to wait, the last trouble."""

    def __init__(self) -> None:
        """Nothing was sent yet."""
        self.accepted = 0
        self.answer: Answer | None = None

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Note all requests made meanwhile."""
        from requests.adapters import HTTPAdapter

        usual: Any = HTTPAdapter.send

        def send(adapter: HTTPAdapter, request: Any, *args: Any, **keys: Any) -> Any:
            try:
                response = usual(adapter, request, *args, **keys)
            except Exception as trouble:
                self.answer = answer_to_trouble(trouble)
                raise
            self.note(response)
            return response

        HTTPAdapter.send = send  # type: ignore[assignment,method-assign]
        try:
            yield
        finally:
            HTTPAdapter.send = usual  # type: ignore[method-assign]

    def note(self, response: Any) -> None:
        """Take a response in."""
        code = code_of_status(response.status_code)
        if code is Code.SENT:
            self.accepted += 1
            return
        detail = f"{response.status_code} {response.reason or ''}".strip()
        wish = retry_after(response.headers.get("Retry-After"), response.headers.get("Date"))
        self.answer = Answer(code, detail, wish)


def send(job: Job) -> Answer:
    """Deliver through apprise; with the picture where the service takes one, without it where not."""
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    plugin = apprise.Apprise.instantiate(job.line.url, suppress_exceptions=True)
    if plugin is None:
        return Answer(Code.SETTINGS, "apprise does not understand the address; see docs/channels.md for its form")
    plugin.socket_connect_timeout, plugin.socket_read_timeout = CONNECT, READ
    with _files(job, plugin) as (paths, why_not):
        answer = _notify(apprise, plugin, job, paths)
        if not paths:
            return replace(answer, picture=answer.picture or why_not)
        if answer.code in {Code.REJECTED, Code.BROKEN, Code.SERVER}:
            # apprise fails the whole message when its picture fails; people need the text.
            return replace(
                _notify(apprise, plugin, job, []), picture=f"not taken: {answer.detail or 'no reason given'}"
            )
        return replace(answer, picture=answer.picture or "sent")


def _notify(apprise: Any, plugin: Any, job: Job, files: list[str]) -> Answer:
    wire, service = Wire(), apprise.Apprise()
    service.add(plugin)
    markdown = plugin.__class__.__module__.rsplit(".", 1)[-1] in _MARKDOWN or job.line.url.split(":")[0] in _MARKDOWN
    title, body = _worded(job, markdown)
    form = apprise.NotifyFormat.MARKDOWN if markdown else apprise.NotifyFormat.TEXT
    with wire.listening():
        result = service.notify(body=body, title=title, body_format=form, attach=files or None)
    if result:
        return Answer(Code.SENT, message={"thread": (job.message or {}).get("thread", job.delivery)})
    if wire.accepted and files:
        # The text is out, a file failed: sending again would only repeat the text.
        return Answer(Code.SENT, message={"thread": job.delivery}, picture="the service took the text alone")
    return wire.answer or Answer(Code.BROKEN, _NOTHING_SAID)


def _worded(job: Job, markdown: bool) -> tuple[str, str]:
    if markdown:
        from sentinel.outlets.markdown import markdown_text

        return markdown_text(job.letter, job.zone, job.attempt)
    return plain_text(job.letter, job.zone, job.attempt)


@contextlib.contextmanager
def _files(job: Job, plugin: Any) -> Iterator[tuple[list[str], str]]:
    """The picture and the evidence as files, for apprise takes no bytes; or why there are none."""
    given = [(name, data) for name, data in (("alert.png", job.picture), (EVIDENCE, job.attached)) if data]
    if not given:
        yield [], ""
        return
    if not plugin.attachment_support or getattr(plugin, "mode", "") == "webhook":
        yield [], "this service takes no pictures and files through a webhook"
        return
    try:
        with tempfile.TemporaryDirectory(prefix="sentinel-") as folder:
            for name, data in given:
                Path(folder, name).write_bytes(data)
            yield [os.path.join(folder, name) for name, _ in given], ""
    except OSError as trouble:
        yield [], f"the picture could not be written: {trouble.strerror}"

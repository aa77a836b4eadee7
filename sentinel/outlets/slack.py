"""Slack as it should be, through a bot: the picture inside the message, edits in place, what follows in its thread.

slack://xoxb-TOKEN/C0123456789        (the bot needs chat:write and files:write, and must be in the channel)
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sentinel.core.telling_answers import Answer, Code, code_of_status
from sentinel.core.telling_letter import Kind, Occasion
from sentinel.outlets.jobs import EVIDENCE, Job
from sentinel.outlets.roads import READ, answer_to_trouble, retry_after
from sentinel.outlets.slack_blocks import blocks, fallback

_UNAUTHORIZED = {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope",
                 "no_permission", "not_in_channel", "ekm_access_denied", "org_login_required"}  # fmt: skip
_NOT_FOUND = {"channel_not_found", "is_archived", "message_not_found", "thread_not_found"}
_NO_EDIT = {"message_not_found", "cant_update_message", "edit_window_closed"}
_PICTURE_WAITS = (1.0, 2.0, 4.0)  # Slack needs a moment until an uploaded picture can stand in a message


def send(job: Job) -> Answer:
    """Post, edit or reply. A picture that Slack does not take is left out, with the reason in the answer."""
    from slack_sdk.errors import SlackApiError, SlackClientError

    parts = urlsplit(job.line.url)
    token, channel = parts.netloc.split("@")[-1], parts.path.strip("/").split("/")[0]
    if not channel:
        return Answer(Code.SETTINGS, "write slack://xoxb-TOKEN/CHANNEL-ID")
    client = _client(job, token, parse_qs(parts.query).get("api", [""])[-1])
    try:
        return _deliver(client, job, channel)
    except SlackApiError as refusal:
        return _refused(refusal)
    except (SlackClientError, OSError) as trouble:
        return answer_to_trouble(trouble)


def _client(job: Job, token: str, api: str) -> Any:
    from slack_sdk import WebClient

    keys: dict[str, Any] = {"base_url": api} if api else {}
    host = urlsplit(api).hostname or "slack.com"
    proxy = job.road.proxy_for(host) or None
    # Retries are the outbox's: a library that waits by itself would outlive the deadline.
    return WebClient(token, timeout=int(READ), ssl=job.road.context(), proxy=proxy, retry_handlers=[], **keys)


def _deliver(client: Any, job: Job, channel: str) -> Answer:
    root = job.message or {}
    where = root.get("channel", channel)
    if job.kind is Kind.EDIT and root.get("ts"):
        return _edit(client, job, root, where)
    picture, why_not = _upload(client, job)
    keys: dict[str, Any] = {"channel": where, "unfurl_links": False, "unfurl_media": False}
    if job.kind is Kind.REPLY and root.get("ts"):
        keys["thread_ts"] = root["ts"]
        keys["reply_broadcast"] = job.letter.occasion in {Occasion.AGAIN, Occasion.MUTE_OVER}
    reply, left_out = _post(client, job, picture, keys)
    message = {"ts": str(reply["ts"]), "channel": str(reply["channel"]), "file": "" if left_out else picture}
    lost = _attach(client, job, message)
    return Answer(Code.SENT, message=message, picture=left_out or why_not or lost or ("sent" if picture else ""))


def _attach(client: Any, job: Job, message: Mapping[str, str]) -> str:
    """What goes with the message, into its thread; why it could not. The text is out: nothing is sent again for it."""
    if not job.attached:
        return ""
    try:
        client.files_upload_v2(
            channel=message["channel"], thread_ts=message["ts"], filename=EVIDENCE, content=job.attached,
            request_file_info=False,
        )  # fmt: skip
    except Exception as trouble:  # a message without its evidence is still the message
        return f"Slack did not take the evidence: {str(trouble)[:200]}"
    return ""


def _edit(client: Any, job: Job, root: Mapping[str, str], channel: str) -> Answer:
    """Change the message in place; its picture stays."""
    from slack_sdk.errors import SlackApiError

    try:
        client.chat_update(channel=channel, ts=root["ts"], text=fallback(job), blocks=blocks(job, root.get("file", "")))
    except SlackApiError as refusal:
        if refusal.response.get("error") in _NO_EDIT:
            return Answer(Code.SENT, "the message is gone or can no longer be edited", message=root)
        raise
    return Answer(Code.SENT, message=root)


def _upload(client: Any, job: Job) -> tuple[str, str]:
    """The picture's file id (not shared anywhere: the block shows it), or why there is none."""
    if not job.picture:
        return "", ""
    try:
        done = client.files_upload_v2(
            filename="alert.png", content=job.picture, title=job.letter.story.title or "alert", request_file_info=False
        )
        return str(done["files"][0]["id"]), ""
    except Exception as trouble:  # whatever it is, the text must go
        response = getattr(trouble, "response", None)
        said = response.get("error") if response is not None and isinstance(response.data, dict) else str(trouble)
        needs = "; the bot needs the scope files:write" if said == "missing_scope" else ""
        return "", f"Slack did not take the picture: {said}{needs}"


def _post(client: Any, job: Job, picture: str, keys: dict[str, Any]) -> tuple[Any, str]:
    """Post with the picture, waiting a little while Slack still works on it, else without."""
    from slack_sdk.errors import SlackApiError

    if picture:
        for wait in _PICTURE_WAITS:
            try:
                return client.chat_postMessage(text=fallback(job), blocks=blocks(job, picture), **keys), ""
            except SlackApiError as refusal:
                if refusal.response.get("error") not in {"invalid_blocks", "invalid_blocks_format"}:
                    raise
                time.sleep(wait)
    reply = client.chat_postMessage(text=fallback(job), blocks=blocks(job, ""), **keys)
    return reply, "Slack did not accept the picture in the message" if picture else ""


def _refused(refusal: Any) -> Answer:
    """What Slack's word means."""
    response = refusal.response
    said = str(response.get("error", "")) if isinstance(response.data, dict) else ""
    wish = retry_after(response.headers.get("Retry-After") or response.headers.get("retry-after"))
    detail = f"Slack says {said or response.status_code}"
    if said in {"ratelimited", "rate_limited"} or response.status_code == 429:
        return Answer(Code.THROTTLED, detail, wish if wish is not None else 30.0)
    if said in _UNAUTHORIZED:
        needed = response.get("needed") if isinstance(response.data, dict) else ""
        return Answer(Code.UNAUTHORIZED, detail + (f", it needs {needed}" if needed else ""))
    if said in _NOT_FOUND:
        return Answer(Code.NOT_FOUND, detail)
    code = code_of_status(response.status_code)
    return Answer(Code.REJECTED if code is Code.SENT else code, detail, wish)

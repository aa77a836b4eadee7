"""Delivery by the standard library alone, for when apprise is broken or the service itself gave up: text, no picture.

Mail and webhooks are always sent so; Slack, Discord, ntfy and Telegram have a plain form here.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qs, quote, unquote, urlsplit

from sentinel.core.telling_answers import Answer, Code
from sentinel.outlets.jobs import SENDERS, Job, kind_of, sender_for
from sentinel.outlets.plain import plain_text
from sentinel.outlets.roads import answer_of, post

_JSON = {"Content-Type": "application/json", "User-Agent": "sentinel"}


def send(job: Job) -> Answer:
    """Deliver the text by the plainest way there is."""
    kind = kind_of(job.line.url)
    if kind in SENDERS and kind != "slack+bot":
        return sender_for(job.line.url)(job)
    title, body = plain_text(job.letter, job.zone, job.attempt)
    asked = request_of(job.line.url, title, body)
    if asked is None:
        return Answer(Code.BROKEN, f"{kind}:// needs apprise, which does not work here; pip install 'apprise>=2.2'")
    url, headers, data = asked
    answer = answer_of(post(url, data, headers, job.road))
    if answer.sent:
        return Answer(Code.SENT, message={"thread": job.delivery}, picture="sent by the standard library alone")
    return answer


def request_of(url: str, title: str, body: str) -> tuple[str, dict[str, str], bytes] | None:
    """Address, headers and body of one POST, or None where the plain form is not known."""
    kind, parts = kind_of(url), urlsplit(url)
    path = [part for part in parts.path.split("/") if part]
    host = parts.netloc.rpartition("@")[2]
    text = f"{title}\n{body}"
    if kind == "slack+bot":
        api = parse_qs(parts.query).get("api", ["https://slack.com/api/"])[-1]
        data = {"channel": path[0] if path else "", "text": _slack(text)}
        return f"{api}chat.postMessage", {**_JSON, "Authorization": f"Bearer {host}"}, json.dumps(data).encode()
    if kind in {"http", "https"} and host == "hooks.slack.com":
        return url, _JSON, json.dumps({"text": _slack(text)}).encode()
    if kind == "slack" and len(path) >= 2:
        hook = f"https://hooks.slack.com/services/{host}/{path[0]}/{path[1]}"
        return hook, _JSON, json.dumps({"text": _slack(text)}).encode()
    if kind == "discord" and path:
        hook = f"https://discord.com/api/webhooks/{host}/{path[0]}"
        return hook, _JSON, json.dumps({"content": text[:1990], "allowed_mentions": {"parse": []}}).encode()
    if kind in {"ntfy", "ntfys"}:
        server, topic = (host, path[-1]) if path else ("ntfy.sh", host)
        scheme = "https" if kind == "ntfys" or not path else "http"
        return f"{scheme}://{server}/{quote(topic)}", {"Title": quote(title), "User-Agent": "sentinel"}, body.encode()
    if kind == "tgram" and path:
        data = {"chat_id": unquote(path[-1]), "text": text[:4000]}
        return f"https://api.telegram.org/bot{host}/sendMessage", _JSON, json.dumps(data).encode()
    return None


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

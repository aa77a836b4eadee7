"""A generic webhook: one JSON object by POST, by the standard library alone. `json://` and `jsons://`.

The object is the change of contracts 7 under `change`, with the text for people beside it.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit, urlunsplit

from sentinel.core.records import Json
from sentinel.core.telling_answers import Answer
from sentinel.core.wire import change_json, timestamp
from sentinel.outlets.jobs import Job
from sentinel.outlets.plain import plain_text
from sentinel.outlets.roads import answer_of, post


def send(job: Job) -> Answer:
    """Post the letter to the address."""
    headers = {"Content-Type": "application/json", "User-Agent": "sentinel", "Idempotency-Key": job.delivery}
    url, headers = address(job.line.url, headers)
    return answer_of(post(url, json.dumps(payload(job), allow_nan=False).encode(), headers, job.road))


def address(url: str, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
    """`jsons://user:password@host/path` as https with basic authorisation."""
    import base64
    from urllib.parse import unquote

    parts = urlsplit(url)
    scheme = "https" if parts.scheme in {"jsons", "https"} else "http"
    host = parts.netloc.rpartition("@")[2]
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = {**headers, "Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    return urlunsplit((scheme, host, parts.path, parts.query, "")), headers


def payload(job: Job) -> dict[str, Json]:
    """What is posted. Keys are only ever added."""
    letter = job.letter
    title, body = plain_text(letter, job.zone, job.attempt)
    thread = (job.message or {}).get("thread") or job.delivery
    return {
        "v": 1,
        "delivery": job.delivery,
        "attempt": job.attempt,
        "thread": thread,
        "kind": job.kind,
        "occasion": letter.occasion,
        "at": timestamp(letter.at),
        "title": title,
        "text": body,
        "severity": letter.severity.word,
        "host": letter.host,
        "runs": letter.runs,
        "open": letter.open,
        "change": change_json(letter.change) if letter.change is not None else None,
        "alerts": [{"id": m.id, "run": m.run_name, "say": m.say, "phase": m.phase.value} for m in letter.members],
        "marks": list(letter.marks),
    }

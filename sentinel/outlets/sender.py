"""The child that delivers: jobs come in on stdin, one line each, answers go out on stdout. It ends when stdin does.

The daemon never imports what can hang or weigh (apprise, TLS, matplotlib); it kills this child when an answer is late.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace

from sentinel.core.telling_answers import Answer, Code, answer_json
from sentinel.core.telling_letter import Kind
from sentinel.outlets.jobs import WITHOUT_PICTURES, Job, attached_text, job_from, kind_of, sender_for
from sentinel.outlets.picture import picture_of
from sentinel.outlets.plainly import send as plain_send
from sentinel.outlets.roads import answer_to_trouble
from sentinel.outlets.secrets import SecretError, redact, resolve


def main() -> int:
    """Serve jobs until stdin closes. Whatever libraries print goes nowhere: stdout is the answer line alone."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    plainly = "--plainly" in sys.argv[1:]
    for line in sys.stdin:
        out.write(json.dumps(serve(line, plainly)) + "\n")
        out.flush()
    return 0


def serve(line: str, plainly: bool = False) -> dict[str, object]:
    """One job's answer; no exception leaves, no secret either."""
    try:
        job = job_from(json.loads(line))
    except (ValueError, KeyError, TypeError) as trouble:
        return {
            "delivery": "",
            **answer_json(Answer(Code.BROKEN, f"the job is not understood: {type(trouble).__name__}")),
        }
    return {"delivery": job.delivery, **answer_json(deliver(job, plainly))}


def deliver(job: Job, plainly: bool = False) -> Answer:
    """Resolve the address, draw the picture, send; every failure becomes an answer freed of secrets."""
    hidden: list[str] = []
    try:
        line = replace(job.line, url=resolve(job.line.url), proxy=resolve(job.line.proxy))
        hidden = [line.url, line.proxy]
        job = replace(job, line=line)
        job.road.enter()
        answer = plain_send(job) if plainly else _send(_drawn(job))
    except SecretError as trouble:
        answer = Answer(Code.SETTINGS, str(trouble))
    except Exception as trouble:  # one bad job must not end the child; its answer says what happened
        answer = answer_to_trouble(trouble)
    return replace(answer, detail=redact(answer.detail, hidden), picture=redact(answer.picture, hidden))


def _send(job: Job) -> Answer:
    """By the channel's own sender; where apprise is missing or broken, by the standard library."""
    try:
        return sender_for(job.line.url)(job)
    except ImportError as trouble:
        answer = plain_send(job)
        return replace(answer, detail=answer.detail or f"apprise does not work here ({trouble.name})")


def _drawn(job: Job) -> Job:
    """The job with what goes with it and its picture, dark for chats and light for mail; no picture never means no text."""
    if not job.line.pictures or job.kind is Kind.EDIT or kind_of(job.line.url) in WITHOUT_PICTURES:
        return job
    if job.letter.attached:
        job = replace(job, attached=attached_text(job.letter.attached))
    return job.with_picture(picture_of(job.letter, dark=not kind_of(job.line.url).startswith("mailto")))


if __name__ == "__main__":
    raise SystemExit(main())

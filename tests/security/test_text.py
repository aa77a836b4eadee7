"""Text that a stranger put into a log: in no outlet does it steer a terminal, carry markup or forge a header."""

import json
import re
import unicodedata
from dataclasses import replace
from datetime import UTC
from html.parser import HTMLParser

import pytest

from sentinel.core.records import Evidence
from sentinel.core.telling_letter import Kind, Letter, Occasion
from sentinel.outlets.jobs import Job, Line
from sentinel.outlets.mail import box_of, compose
from sentinel.outlets.mail_html import html_text
from sentinel.outlets.markdown import markdown_text
from sentinel.outlets.plain import brief, plain_text
from sentinel.outlets.slack_blocks import blocks, fallback
from sentinel.outlets.words import wording
from tests.outlets import stories

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp.exe\u2066\x00\x08\r"
MARKUP = '<script>x()</script><img src=x onerror=y()> <!channel> <@U1> *bold* [here](javascript:x) "&amp;'
HEADERS = "subject\r\nBcc: eve@example.org\n\nbody"
HOSTILE = ESCAPES + MARKUP + HEADERS


@pytest.fixture
def letter():
    change = stories.change(
        run_name=HOSTILE, say=HOSTILE, file=HOSTILE, instance=HOSTILE, host=HOSTILE,
        evidence=(Evidence(HOSTILE, HOSTILE, file=HOSTILE, note=HOSTILE),),
    )  # fmt: skip
    story = stories.story(title=HOSTILE, why=(HOSTILE,), attempts=(HOSTILE,), wrong_if=(HOSTILE,), folder=HOSTILE)
    story = replace(story, user=HOSTILE, watch=HOSTILE, labels={HOSTILE: HOSTILE})
    return Letter(Occasion.NEW, stories.AT, HOSTILE, change, story)


def steering(text):
    """Characters that move a cursor or turn reading round."""
    return sorted({hex(ord(c)) for c in text if unicodedata.category(c) in {"Cc", "Cf"} and c != "\n"})


def job(letter):
    return Job("d1", 1, Kind.POST, Line("x", "mailto://relay.example?from=a@example.org&to=b@example.org"), letter)


def test_a_terminal_and_plain_text_are_not_steered(letter):
    assert steering("\n".join(plain_text(letter, UTC))) == []
    assert steering(brief(letter, UTC)) == []


def test_markdown_is_not_steered_and_mentions_nobody(letter):
    text = "\n".join(markdown_text(letter, UTC))
    assert steering(text.replace("\u200b", "")) == []  # markdown's own, which keeps `@` from calling anybody
    assert "[here](javascript" not in re.sub(r"```.*?```", "", text, flags=re.DOTALL)  # a code block shows it as it is


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.on = set(), []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.on += [name for name, value in attrs if name.startswith("on") or "javascript:" in (value or "")]


def test_html_carries_no_foreign_tag_or_handler(letter):
    page = html_text(wording(letter, UTC), "picture")
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.seen
    assert tags.on == []
    assert steering(page) == []


def test_slack_reads_no_markup_out_of_it(letter):
    sent = blocks(job(letter), "")

    def parsed(thing):
        """The texts in which Slack looks for markup."""
        if isinstance(thing, dict):
            if thing.get("type") == "mrkdwn":
                yield thing["text"]
            for value in thing.values():
                yield from parsed(value)
        elif isinstance(thing, list):
            for value in thing:
                yield from parsed(value)

    assert [text for text in parsed(sent) if "<!channel>" in text or "<@U1>" in text] == []
    assert steering(json.loads(json.dumps(sent, ensure_ascii=False)).__repr__()) == []
    assert "<!channel>" not in fallback(job(letter))
    assert steering(fallback(job(letter))) == []


def test_a_mail_has_only_the_headers_that_we_gave_it(letter):
    task = job(letter)
    mail = compose(task, box_of(task.line.url))
    assert mail["Bcc"] is None
    assert all("\n" not in str(value).replace("\n ", "") for value in mail.values())
    assert "eve@example.org" not in str(mail["To"])

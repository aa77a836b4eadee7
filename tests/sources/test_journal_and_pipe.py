"""The journal through its child, which may be missing or end; standard input until it is closed."""

import json
import os
import sys

from sentinel.core.names import Names
from sentinel.core.records import Found
from sentinel.sources.journal import Journal
from sentinel.sources.piped import read_pipe
from tests.sources.one_log import lines, told
from tests.sources.plain_eyes import PlainEyes

ENTRIES = [
    {"MESSAGE": "step=1 loss=1", "__CURSOR": "c1"},
    {"MESSAGE": list(b"step=2 loss=1"), "__CURSOR": "c2"},
    {"MESSAGE": None, "__CURSOR": "c3"},
]
PROGRAM = f"""
import sys
for entry in {[json.dumps(entry) for entry in ENTRIES]!r} + ["no json"]:
    print(entry, flush=True)
sys.stdin.read()
"""


def all_items(source, until):
    items, now = [], 0.0
    while not until(items):
        now += 1
        items += [item for batch in source.read(now) for item in batch.items]
    return items


def test_messages_are_lines_and_the_cursor_is_the_bookmark():
    journal = Journal("nlp", "train.service", Names(), eyes=PlainEyes(), command=(sys.executable, "-c", PROGRAM))
    items = all_items(journal, lambda items: len(told(items)) == 2)
    assert isinstance(items[0], Found)
    assert told(items) == [1, 2]
    journal.close()
    assert journal.bookmarks() == {"nlp:journal:train.service": {"cursor": "c3"}}


def test_a_missing_journalctl_is_told_with_its_cure():
    journal = Journal("nlp", "train.service", Names(), eyes=PlainEyes(), command=("/no/such/journalctl",))
    list(journal.read(0.0))
    assert "install systemd" in journal.trouble()[0]


def test_a_child_that_ends_is_started_again_after_a_while():
    journal = Journal("nlp", "a.service", Names(), eyes=PlainEyes(), command=(sys.executable, "-c", ""))
    while not journal.trouble():
        list(journal.read(0.0))
    assert "started again" in journal.trouble()[0]
    journal.close()


def test_a_pipe_is_read_until_it_is_closed_and_its_last_line_counts():
    reading, writing = os.pipe()
    os.write(writing, (lines(1, 2) + "step=3 loss=1").encode())
    os.close(writing)
    assert told(read_pipe(reading, lambda: 0.0, Names(), PlainEyes())) == [1, 2, 3]
    os.close(reading)


def test_a_unit_is_read_from_now_on_without_losing_its_first_lines():
    # `--lines=0 --follow` shows of the first lines of a unit that was silent before only the last one.
    program = "import json, sys; print(json.dumps({'MESSAGE': ' '.join(sys.argv[1:])}), flush=True); sys.stdin.read()"
    journal = Journal("nlp", "train.service", Names(), eyes=PlainEyes(), command=(sys.executable, "-c", program))
    found, row = all_items(journal, lambda items: len(items) == 2)
    assert isinstance(found, Found)
    assert "--follow --unit=train.service --since=@1 --lines=all" in row.text
    journal.close()

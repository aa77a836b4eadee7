"""The daemon's own log: fields, harmless text, and a limit of its own."""

import io
import os
import socket
import struct

import pytest

from sentinel.daemon import journal
from sentinel.daemon.journal import Journal, Limit, Priority, encode, open_journal, plain


def kept(limit=None, now=lambda: 0.0):
    lines = []
    return Journal(lambda *line: lines.append(line), now, limit), lines


def test_too_many_lines_of_one_kind_are_left_out_and_counted():
    now = [0.0]
    book, lines = kept(Limit(most=2, seconds=60), lambda: now[0])
    for _ in range(5):
        book.say(Priority.INFO, "tail", "a file went")
    book.say(Priority.INFO, "rules", "another kind passes")
    now[0] = 61.0
    book.say(Priority.INFO, "tail", "a file came")
    texts = [line[1] for line in lines]
    assert texts == ["a file went"] * 2 + [
        "another kind passes",
        "3 lines about tail were left out",
        "a file came",
    ]


def test_a_line_from_a_log_cannot_move_the_cursor_or_forge_a_line():
    hostile = "loss\x1b[2J\x1b]0;title\x07 \u202eevil\nfiring critical\x9b1m"
    shown = plain(hostile)
    assert shown.isprintable()
    assert "\\x1b[2J" in shown
    assert "\\u202e" in shown


def test_no_value_can_forge_a_field():
    data = encode({"MESSAGE": "x\nPRIORITY=0"})
    assert data == b"MESSAGE\n" + struct.pack("<Q", 12) + b"x\nPRIORITY=0\n"


def test_a_field_is_bounded():
    assert len(plain("x" * 100_000)) == 8192


@pytest.mark.parametrize(
    ("environ", "said"),
    [({}, "warning: no right to read /x\n"), ({"INVOCATION_ID": "a unit's"}, "<4>no right to read /x\n")],
)
def test_without_journald_lines_carry_their_priority_in_words_or_in_a_unit_as_systemd_reads_it(environ, said):
    stream = io.StringIO()
    stream.fileno = lambda: (_ for _ in ()).throw(ValueError)
    open_journal(environ, lambda: 0.0, stream).say(Priority.WARNING, "tail", "no right to read /x")
    assert stream.getvalue() == said


def test_under_systemd_lines_go_to_the_journals_own_socket(tmp_path, monkeypatch):
    address = str(tmp_path / "journal")
    monkeypatch.setattr(journal, "SOCKET", address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, open(tmp_path / "err", "w") as stderr:
        sock.bind(address)
        sock.settimeout(5)
        place = os.fstat(stderr.fileno())
        book = open_journal({"JOURNAL_STREAM": f"{place.st_dev}:{place.st_ino}"}, lambda: 0.0, stderr)
        book.say(Priority.INFO, "start", "up", version="1")
        data = sock.recv(65536)
    for part in (b"MESSAGE\n", b"up\n", b"SENTINEL_VERSION\n", b"PRIORITY\n"):
        assert part in data

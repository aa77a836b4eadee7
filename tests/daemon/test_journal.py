"""The daemon's own log: fields, harmless text, and a limit of its own."""

import io
import os
import socket
import struct

from sentinel.core.records import Change, Phase, Severity
from sentinel.daemon import journal
from sentinel.daemon.journal import Journal, Limit, Priority, change_fields, change_line, encode, open_journal, plain


def a_change(severity=Severity.HIGH, phase=Phase.FIRING, say="loss is nan"):
    return Change(
        id="k3fz", run="nlp:/data/a:1", run_name="a", instance="gpu.3", host="h", signature="nan-loss",
        family="numerics", rule="nan", severity=severity, doom=0.9, phase=phase, at=1.0, step=12, epoch=None,
        progress=None, file="train.log", line=4, value=float("nan"), limit=None, evidence=(), say=say,
    )  # fmt: skip


def kept(limit=None, now=lambda: 0.0):
    lines = []
    return Journal(lambda *line: lines.append(line), now, limit), lines


def test_a_change_is_one_line_with_fields_to_ask_for():
    book, lines = kept()
    book.change(a_change())
    (priority, message, fields) = lines[0]
    assert (priority, message) == (Priority.ERROR, "firing high nan-loss/nan on a gpu.3 [k3fz]: loss is nan")
    assert fields["SENTINEL_RUN"] == "nlp:/data/a:1"
    assert fields["SENTINEL_VALUE"] == "nan"
    assert fields["MESSAGE_ID"] == journal.CHANGE_ID
    assert "SENTINEL_LIMIT" not in fields


def test_a_cleared_alert_is_no_error():
    book, lines = kept()
    book.change(a_change(phase=Phase.CLEAR))
    assert lines[0][0] == Priority.NOTICE


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


def test_high_and_critical_changes_are_never_left_out():
    book, lines = kept(Limit(most=1))
    for severity in (Severity.CRITICAL, Severity.HIGH, Severity.WARNING, Severity.INFO) * 3:
        book.change(a_change(severity))
    assert [line[2]["SENTINEL_SEVERITY"] for line in lines].count("critical") == 3
    assert len(lines) == 7


def test_a_line_from_a_log_cannot_move_the_cursor_or_forge_a_line():
    hostile = "loss\x1b[2J\x1b]0;title\x07 \u202eevil\nfiring critical\x9b1m"
    shown = plain(hostile)
    assert shown.isprintable()
    assert "\\x1b[2J" in shown
    assert "\\u202e" in shown
    assert change_line(a_change(say=hostile)).isprintable()


def test_no_value_can_forge_a_field():
    data = encode({"MESSAGE": "x\nPRIORITY=0"})
    assert data == b"MESSAGE\n" + struct.pack("<Q", 12) + b"x\nPRIORITY=0\n"


def test_a_field_is_bounded():
    assert len(change_fields(a_change(say=""))["SENTINEL_RUN"]) < 100
    assert len(plain("x" * 100_000)) == 8192


def test_without_journald_lines_carry_their_priority():
    stream = io.StringIO()
    stream.fileno = lambda: (_ for _ in ()).throw(ValueError)
    open_journal({}, lambda: 0.0, stream).say(Priority.WARNING, "tail", "no right to read /x")
    assert stream.getvalue() == "<4>no right to read /x\n"


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

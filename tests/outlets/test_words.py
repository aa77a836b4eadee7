"""What messages say: head, numbers, curves, provenance; and what no name or log line can do to them."""

import socket
from dataclasses import replace
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from sentinel.core.records import Phase
from sentinel.core.sparkline import sparkline
from sentinel.core.telling_letter import Curve, Letter, Occasion, member_of, thin
from sentinel.outlets import journal
from sentinel.outlets.markdown import markdown_text
from sentinel.outlets.numbers import clock, course, duration, number
from sentinel.outlets.picture import picture_of, sheet_of
from sentinel.outlets.plain import brief, plain_text
from sentinel.outlets.png import draw_plain
from sentinel.outlets.words import wording
from tests.outlets.stories import AT, change, story


def letter(occasion=Occasion.NEW, **keys):
    one, tale = change(id="7f3a", **keys), story()
    return Letter(occasion, AT, "tesla-07", one, tale, (member_of(one, tale),), open=int(one.phase is Phase.FIRING))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (32000.0, "32,000"), (17.79, "17.8"), (0.0042, "0.0042"), (6.63e8, "663M"), (1.5e6, "1.5M"),
     (3e-7, "3.0e-7"), (float("nan"), "NaN"), (None, "not available"), (True, "yes"), (0.05, "0.05"), (1234.5, "1,234")],
)  # fmt: skip
def test_numbers_are_rounded_for_people(value, text):
    assert number(value) == text


def test_durations_and_zones():
    assert [duration(s) for s in (45, 720, 12_000, 187_200)] == ["45 s", "12 min", "3 h 20 min", "2 d 4 h"]
    assert clock(AT, ZoneInfo("Europe/Berlin")) == "18:22 CET (17:22 UTC)"
    assert clock(AT, UTC) == "17:22 UTC"


def test_a_sparkline_shows_the_course_and_what_is_no_number():
    assert sparkline([2.16, 0.046, 0.013]) == "█▁▁"
    assert sparkline([1.0, float("nan"), 3.0]) == "▁×█"
    assert sparkline([5.0] * 40) == "▁" * 12
    assert course([17.79, 16.2]) == "17.8 → 16.2"


def test_the_first_eighty_characters_say_run_and_finding():
    long = letter(run="sweep-a-very-long-name-that-nobody-can-read-on-a-phone-lr-0.0003")
    head = wording(long, UTC).head
    assert len(head) <= 80
    assert head.startswith("sweep-a-very-long-")
    assert "lr-0.0003: In-span and out-of-span" in head


def test_a_message_holds_all_that_is_needed_to_act():
    _, text = plain_text(letter(), ZoneInfo("Europe/Berlin"))
    for part in (
        "differ by 0.0041", "limit 0.05", "█▆▄▃", "0.423 → 0.065", "Why:", "Try:", "Wrong alarm if", "18.4 GPU-hours",
        "Nothing is stopped", "  sentinel mute 7f3a 2h", "ssh tesla-07 sentinel", "step 2,400 of 10,000", "epoch 24 of 100",
        "GPU 0", "ana", "probability_stats.csv:25", "since 18:12 CET (17:12 UTC)", "18:22 CET (17:22 UTC)",
    ):  # fmt: skip
        assert part in text.replace("\n", " ").replace("   ", "  ") or part in text, part


@pytest.mark.parametrize(
    ("occasion", "phase", "says"),
    [
        (Occasion.CLEAR, Phase.CLEAR, "Cleared after 10 min"),
        (Occasion.ENDED, Phase.ENDED, "not a recovery"),
        (Occasion.STALE, Phase.FIRING, "no data is not good news"),
        (Occasion.AGAIN, Phase.FIRING, "Still so, since"),
    ],
)
def test_what_follows_is_told_apart(occasion, phase, says):
    assert says in plain_text(letter(occasion, phase=phase), UTC)[1].replace("\n", " ")


def test_no_log_line_can_steer_a_terminal_or_call_people():
    evil = "\x1b]0;x\x07\x1b[31m@everyone `rm` **b** \u202eabc"
    one = replace(letter(run_name=evil, say=evil), story=story(title=""))
    assert "\x1b" not in brief(one, UTC) + plain_text(one, UTC)[1]
    assert "\u202e" not in brief(one, UTC)
    assert "@everyone" not in markdown_text(one, UTC)[1]


def test_pictures_are_drawn_without_matplotlib_too_and_only_where_there_is_a_curve():
    for dark in (True, False):
        assert draw_plain(sheet_of(letter(), dark)).startswith(b"\x89PNG")
    bare = replace(letter(), story=story(curves=()))
    assert picture_of(bare, dark=True) == b""
    holes = replace(letter(), story=story(curves=(Curve("x", ((1.0, float("nan")), (2.0, float("inf")))),)))
    assert picture_of(holes, dark=True) == b""


@pytest.mark.parametrize(
    "points", [((1.0, 3.0),), tuple((float(i), 5.0) for i in range(40)), ((1.0, -2.0), (2.0, 1e9))]
)
def test_odd_curves_are_drawn_by_matplotlib(points):
    odd = replace(letter(), story=story(curves=(Curve("x.y", points, limit=0.1),)))
    assert len(picture_of(odd, dark=False)) > 8000


def test_thinning_keeps_ends_and_extremes():
    points = [(float(i), 0.0) for i in range(5000)]
    points[777] = (777.0, 9.0)
    thinned = thin(points)
    assert len(thinned) <= 202
    assert points[0] in thinned
    assert points[777] in thinned


def test_the_journal_gets_structured_fields(tmp_path):
    path = str(tmp_path / "journal")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(path)
        assert journal.write(journal.fields_of(letter(say="two\nlines")), path) == ""
        entry = end.recv(65536)
    assert b"SENTINEL_ALERT=7f3a\n" in entry
    assert b"PRIORITY=3\n" in entry
    assert b"SENTINEL_SAY=two lines\n" in entry
    assert "does not take" in journal.write({"MESSAGE": "x"}, path + "gone")


@pytest.mark.parametrize(
    ("reason", "said"), [("cleared", "Cleared after 10 min. It"), ("lr fell", "Cleared after 10 min: lr fell. It")]
)
def test_a_reason_is_said_only_where_it_adds_something(reason, said):
    over = change(phase=Phase.CLEAR, reason=reason, since=AT - 600)
    letter = Letter(Occasion.CLEAR, AT, "h", over, story(), (member_of(over, story()),), open=0)
    assert wording(letter, UTC).finding.startswith(said)

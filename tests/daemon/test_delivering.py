"""The office end to end: effects in, messages at real servers out, by real children."""

import io
import sqlite3
import time

import pytest

from sentinel.core.telling_routes import Local
from sentinel.daemon.delivering import Office
from sentinel.daemon.sending import DEADLINE
from sentinel.daemon.settings import Channel, Settings, Tell
from sentinel.keep import outbox, words
from tests.outlets.servers import Web, drip
from tests.outlets.stories import AT, change, effect, story
from tests.world.waiting import PATIENCE

LOCAL_NOON = Local(720, 2, 100)


class Paper:
    on_disk = True

    def __init__(self, path=":memory:"):
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.executescript(outbox.SCHEMA + words.SCHEMA)


def make(paper, given, host="h", **keys):
    return Office(paper, given, host, lambda _change: story(), **keys)


def settings(*channels, **tell):
    return Settings(channel=list(channels), tell=Tell(**{"journal": False, "group": "0s", "zone": "UTC", **tell}))


def turns(office, until, now=AT):
    """Turns until something holds; the office's time goes on with the real one."""
    end = time.monotonic() + PATIENCE
    start = time.monotonic()
    while time.monotonic() < end:
        office.turn(now + time.monotonic() - start)
        if until():
            return
        time.sleep(0.02)
    pytest.fail(f"it did not come about: {office.status()}")


@pytest.fixture
def web():
    server = Web()
    yield server
    server.close()


@pytest.fixture
def closing():
    offices = []
    yield offices.append
    for office in offices:
        office.close(5)


def test_an_alert_reaches_a_webhook_with_its_numbers_and_commands(web, closing):
    hook = Channel(name="hook", url=f"json://127.0.0.1:{web.port}/in")
    office = make(Paper(), settings(hook), "tesla-07")
    closing(office)
    office.take([effect(change(id="7f3a"))], AT)
    turns(office, lambda: not office.outbox.queue("hook"))
    (body,) = web.bodies("/in")
    assert body["title"].startswith("Doomed: swift-fox: In-span and out-of-span")
    assert "sentinel mute 7f3a 2h" in body["text"]
    assert body["change"]["id"] == "7f3a"
    assert body["attempt"] == 1


def test_the_same_effect_is_told_once(web, closing):
    office = make(Paper(), settings(Channel(name="hook", url=f"json://127.0.0.1:{web.port}/in")), "h")
    closing(office)
    for _ in range(3):
        office.take([effect(change())], AT)
    turns(office, lambda: not office.outbox.queue("hook"))
    assert len(web.requests) == 1


def test_a_terminal_is_told_at_once(closing):
    out = io.StringIO()
    office = make(Paper(), settings(), "tesla-07", terminal=out)
    closing(office)
    office.take([effect(change(id="7f3a"))], AT)
    office.turn(AT)
    assert "✕ DOOMED  swift-fox: In-span" in out.getvalue()
    assert "[7f3a]" in out.getvalue()


def test_a_busy_service_is_sent_to_again_when_it_said_and_order_is_kept(web, closing):
    web.answers["/in"] = [(429, {"Retry-After": "1"}, b"slow down"), (500, {}, b"oops"), (200, {}, b"{}")]
    office = make(Paper(), settings(Channel(name="hook", url=f"json://127.0.0.1:{web.port}/in")), "h")
    closing(office)
    office.take([effect(change("first")), effect(change("second"))], AT)
    turns(office, lambda: len(web.requests) >= 1 and office.outbox.queue("hook")[0].attempts == 1, AT)
    turns(office, lambda: office.outbox.queue("hook")[0].attempts == 2, AT + 30)
    turns(office, lambda: not office.outbox.queue("hook"), AT + 300)
    runs = [body["change"]["run"] for body in web.bodies("/in")]
    assert runs == ["first", "first", "first", "second"]
    assert [body["attempt"] for body in web.bodies("/in")] == [1, 2, 3, 1]
    assert len({body["delivery"] for body in web.bodies("/in")}) == 2


def test_a_dead_channel_holds_no_other_and_is_told_through_it(web, closing):
    dead = Channel(name="dead", url=f"json://127.0.0.1:{web.port}/gone")
    web.answers["/gone"] = [(404, {}, b"no such hook")]
    office = make(Paper(), settings(dead, Channel(name="hook", url=f"json://127.0.0.1:{web.port}/in")), "h")
    closing(office)
    office.take([effect(change("r"))], AT)
    turns(office, lambda: len(web.bodies("/in")) == 2)
    assert "channel dead takes no messages" in web.bodies("/in")[1]["title"]
    assert "not found" in web.bodies("/in")[1]["text"]


def test_a_service_that_drips_bytes_is_cut_off_at_the_deadline_and_holds_no_other(web, closing):
    web.answers["/slow"] = [drip, (200, {}, b"{}")]
    later = [0.0]
    slow = Channel(name="slow", url=f"json://127.0.0.1:{web.port}/slow")
    fast = Channel(name="fast", url=f"json://127.0.0.1:{web.port}/in")
    office = make(Paper(), settings(slow, fast), "h", steady=lambda: time.monotonic() + later[0])
    closing(office)
    office.take([effect(change("r"))], AT)
    turns(office, lambda: web.bodies("/in") and web.bodies("/slow"))
    assert office.outbox.queue("slow")[0].state == "sending"
    later[0] = DEADLINE
    turns(office, lambda: office.outbox.queue("slow")[0].state == "waiting")
    assert office.outbox.queue("slow")[0].code == "timeout"
    turns(office, lambda: not office.outbox.queue("slow"), AT + 60)
    assert [body["attempt"] for body in web.bodies("/slow")] == [1, 2]


def test_what_was_taken_survives_a_kill_before_any_turn(tmp_path, web, closing):
    hook = settings(Channel(name="hook", url=f"json://127.0.0.1:{web.port}/in"))
    first = make(Paper(tmp_path / "s.db"), hook, "h")
    first.take([effect(change("r"))], AT)
    second = make(Paper(tmp_path / "s.db"), hook, "h")
    closing(second)
    turns(second, lambda: web.requests and not second.outbox.queue("hook"))
    assert web.bodies("/in")[0]["change"]["run"] == "r"


def test_a_delivery_that_was_on_its_way_at_a_kill_says_that_it_is_a_repetition(tmp_path, web, closing):
    hook = settings(Channel(name="hook", url=f"json://127.0.0.1:{web.port}/in"))
    first = make(Paper(tmp_path / "s.db"), hook, "h")
    first.take([effect(change("r"))], AT)
    first.turn(AT)
    assert web.arrived.wait(PATIENCE)
    for sending in first.post.sending.values():
        sending.close()
    second = make(Paper(tmp_path / "s.db"), hook, "h")
    closing(second)
    turns(second, lambda: not second.outbox.queue("hook"))
    one, two = web.bodies("/in")
    assert one["delivery"] == two["delivery"]
    assert (one["attempt"], two["attempt"]) == (1, 2)
    assert "attempt 2" in two["text"]


def test_a_rolled_back_transaction_loses_nothing(tmp_path, web, closing):
    db = Paper(tmp_path / "s.db")
    office = make(db, settings(Channel(name="hook", url=f"json://127.0.0.1:{web.port}/in")), "h")
    closing(office)
    db.connection.execute("BEGIN")
    office.take([effect(change("r"))], AT)
    db.connection.execute("ROLLBACK")
    turns(office, lambda: web.requests and not office.outbox.queue("hook"))
    assert db.connection.execute("SELECT count(*) FROM taken").fetchone() == (1,)


def test_on_a_disk_that_takes_nothing_people_are_told_and_told_about_that(tmp_path, web, closing):
    db = Paper(tmp_path / "s.db")
    office = make(db, settings(Channel(name="hook", url=f"json://127.0.0.1:{web.port}/in")), "h")
    closing(office)
    db.connection.execute("PRAGMA query_only = 1")
    office.take([effect(change("r"))], AT)
    turns(office, lambda: len(web.requests) == 2 and not office.outbox.queue("hook"))
    texts = [body["text"] for body in web.bodies("/in")]
    assert any("not written down" in text for text in texts)
    assert any("cannot write its state" in body["title"] for body in web.bodies("/in"))
    db.connection.execute("PRAGMA query_only = 0")
    office.take([effect(change("later"))], AT + 60)
    turns(office, lambda: not office.outbox.unwritten and not office.outbox.queue("hook"), AT + 60)
    assert db.connection.execute("SELECT count(*) FROM taken").fetchone() == (2,)


def test_a_channel_that_left_the_settings_leaves_dead_letters_that_can_be_sent_once_it_is_back(tmp_path, web, closing):
    hook = Channel(name="hook", url=f"json://127.0.0.1:{web.port}/in")
    first = make(Paper(tmp_path / "s.db"), settings(hook), "h")
    first.take([effect(change("r"))], AT)
    first.outbox.flush(AT)
    for name, desk in first.desks.items():
        first._enqueue(name, desk.plan(AT + 1, LOCAL_NOON, first.words.standing()), AT)
    first._write(AT)
    second = make(Paper(tmp_path / "s.db"), settings(), "h")
    second.turn(AT + 2)
    assert [row["channel"] for row in second.outbox.dead()] == ["hook"]
    third = make(Paper(tmp_path / "s.db"), settings(hook), "h")
    closing(third)
    assert third.retry(AT + 3) == 1
    turns(third, lambda: web.requests and not third.outbox.queue("hook"), AT + 4)

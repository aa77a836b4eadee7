"""A person's word: on disk before it is answered, with the rights of contracts 7."""

import os
from types import SimpleNamespace

import pytest

from sentinel.core.telling_week import Week, digest
from sentinel.daemon.control import Refused
from sentinel.daemon.hearing import Hearing, words_json
from sentinel.daemon.peers import Peer
from sentinel.keep.words import Words
from tests.daemon.test_delivering import Paper, make, settings
from tests.outlets.stories import AT

ANA = Peer(1, 4001, 4001, "ana", frozenset())
BEN = Peer(2, 4002, 4002, "ben", frozenset())
ROOT = Peer(3, 0, 0, "root", frozenset())
ALERT = {
    "id": "7f3a",
    "run": "swift-fox",
    "signature": "probability-collapse",
    "rule": "no-separation",
    "value": 0.004,
    "limit": 0.05,
}


@pytest.fixture
def house():
    info = SimpleNamespace(name="swift-fox", key="w/swift-fox", uid=ANA.uid)
    rule = SimpleNamespace(
        key="probability-collapse/no-separation", signature="probability-collapse", family="collapse", fingerprint="f1"
    )
    book = SimpleNamespace(rules=(rule,), rule=lambda key: rule if key == rule.key else None)
    run = SimpleNamespace(run=SimpleNamespace(info=info))
    named = lambda name: run if name in (info.name, info.key) else None  # noqa: E731
    engine = SimpleNamespace(
        named=named, book=book, rules=lambda: iter(book.rules), rule_of=lambda _run, key: book.rule(key)
    )
    store = SimpleNamespace(alert=lambda name: ALERT if name == "7f3a" else None)
    daemon = SimpleNamespace(engine=engine, store=store, clock=SimpleNamespace(wall=lambda: AT))
    paper = Paper()
    office = make(paper, settings())
    return SimpleNamespace(hearing=Hearing(daemon, office, []), office=office, paper=paper)


def test_a_word_is_on_disk_before_it_is_answered(house):
    answer = house.hearing.mute({"target": "7f3a", "for": "2h", "why": "known"}, ANA)
    assert answer["until"]
    assert [w.target for w in Words(house.paper).standing().words] == ["7f3a"]
    (shown,) = words_json(house.office, AT)
    assert (shown["who"], shown["why"]) == ("ana", "known")
    assert house.hearing.unmute({"target": "7f3a"}, ANA)
    assert not words_json(house.office, AT)


def test_a_disk_that_takes_nothing_is_not_answered_with_yes(house):
    house.paper.connection.execute("PRAGMA query_only = 1")
    with pytest.raises(Refused, match="not in force"):
        house.hearing.ack({"id": "7f3a"}, ANA)


@pytest.mark.skipif(os.getuid() in {ANA.uid, BEN.uid}, reason="these users are made up")
def test_only_its_user_and_admins_may_speak_for_a_run_and_only_admins_for_all(house):
    with pytest.raises(Refused, match="own user"):
        house.hearing.ack({"id": "7f3a"}, BEN)
    with pytest.raises(Refused, match="everyone"):
        house.hearing.mute({"target": "collapse", "for": "1h"}, ANA)
    assert house.hearing.mute({"target": "collapse", "for": "1h"}, ROOT)
    assert house.hearing.keep({"target": "swift-fox"}, BEN)


def test_wrong_counts_and_offers_the_override(house):
    answer = house.hearing.wrong({"id": "7f3a"}, ANA)
    assert answer["count"] == 1
    assert "signature: probability-collapse" in answer["override"]
    assert 'only: {run: "swift-fox"}' in answer["override"]


@pytest.mark.parametrize(
    "request_", [{"target": "7f3a", "for": "soon"}, {"target": "7f3a", "for": "100d"}, {"target": "x", "for": "1h"}]
)
def test_what_makes_no_sense_is_refused(house, request_):
    with pytest.raises(Refused):
        house.hearing.mute(request_, ROOT)


def test_the_round_up_has_at_most_twenty_lines():
    many = {f"s/r{i}": i for i in range(40)}
    letter = digest(
        Week(9, many, {"high": 3}, many, many, 2, 1, tuple(many), 18.4, "stopped runs, planned hours left"), "h", AT
    )
    assert len(letter.lines) <= 20
    assert any("GPU-hours saved: 18.4 (stopped" in line for line in letter.lines)

"""`sentinel explain`: of a rule that is made of others it says what each of them says."""

from types import SimpleNamespace

from sentinel.cli.explain import told
from sentinel.core.wire import change_json
from sentinel.daemon.answers import explain
from sentinel.daemon.peers import Peer
from tests.core.toy import above, engine, feed, row, rule

ROOT = Peer(1, 0, 0, "root", frozenset())


def test_a_rule_made_of_others_is_explained_by_what_each_of_them_says():
    rules = (
        *(rule("high", above("train.loss", 5)), rule("higher", above("train.loss", 50)), rule("other", above("lr", 1))),
        rule("several", parts=(1, ("sig/high", "sig/higher", "sig/other"))),
    )
    made = engine(*rules)
    (change,) = [change for change in feed(made, row(9.0, 1), row(9.0, 2)) if change.rule == "several"]
    daemon = SimpleNamespace(store=SimpleNamespace(alert=lambda _: change_json(change)), engine=made)
    answer = explain(daemon, {"id": "k7qx"}, ROOT)
    assert (answer["answer"], answer["phase"]) == (True, "firing")
    assert [line.split() for line in told(answer)[-4:]] == [
        ["at", "least", "1", "of", "3", "fire", "yes"],
        ["sig/high", "yes"],
        ["sig/higher", "no"],
        ["sig/other", "unknown"],
    ]

"""What a channel is told, and when: pure, with time handed in."""

from dataclasses import replace

import pytest

from sentinel.core.records import Phase, Severity
from sentinel.core.telling import Desk, Route
from sentinel.core.telling_caps import Most
from sentinel.core.telling_letter import Kind, Occasion, letter_from, letter_json
from sentinel.core.telling_routes import Local, parse_condition, parse_quiet
from sentinel.core.telling_words import Saying, Scope, Standing, Word
from tests.outlets.stories import AT, change, story

NOON = Local(12 * 60, 2, 100)
NIGHT = Local(23 * 60, 2, 100)
NOBODY = Standing()


def route(**keys):
    return Route(**{"name": "chat", "when": parse_condition("severity >= high"), "edits": True, **keys})


class Watching:
    """A desk, and all that it said."""

    def __init__(self, **keys):
        self.desk, self.said, self.now = Desk(route(**keys), "h"), [], AT

    def take(self, *changes, told=None, **keys):
        for one in changes:
            self.desk.take(one, told or story(**keys), self.now, NOON)

    def go(self, seconds, standing=NOBODY, local=NOON, step=10.0):
        end, fresh = self.now + seconds, []
        while self.now < end:
            self.now += min(step, end - self.now)
            fresh += self.desk.plan(self.now, local, standing)
        self.said += fresh
        return [(act.kind, act.letter.occasion) for act in fresh]


NEW = (Kind.POST, Occasion.NEW)
EDIT = (Kind.EDIT, Occasion.JOINED)


def mute(target, scope=Scope.ALERT, until=None):
    return Word(1, Saying.MUTE, scope, target, "ana", AT, until)


def test_the_signs_of_one_run_go_into_one_message_after_half_a_minute():
    w = Watching()
    w.take(change(id="a1", rule="one"))
    assert w.go(20) == []
    w.take(change(id="a2", rule="two"))
    assert w.go(20) == [NEW]
    assert len(w.said[0].letter.members) == 2


def test_an_alert_below_the_channels_when_is_not_told():
    w = Watching()
    w.take(change(severity=Severity.WARNING))
    assert w.go(100) == []


def test_a_clear_edits_the_message_and_is_told_once_in_its_thread():
    w = Watching()
    w.take(change())
    w.go(40)
    w.take(change(phase=Phase.CLEAR, reason="held for 3 readings"))
    assert w.go(100) == [EDIT, (Kind.REPLY, Occasion.CLEAR)]
    assert w.said[-1].letter.closed
    assert not w.desk.topics


def test_an_ended_run_is_told_apart_from_a_recovery():
    w = Watching(edits=False)
    w.take(change())
    w.go(40)
    w.take(change(phase=Phase.ENDED, reason="run ended"))
    assert w.go(100) == [(Kind.REPLY, Occasion.ENDED)]


def test_an_alert_that_clears_before_it_was_told_is_still_told():
    w = Watching()
    w.take(change())
    w.take(change(phase=Phase.CLEAR))
    assert w.go(40) == [NEW]
    assert w.said[0].letter.closed
    assert not w.desk.topics


def test_stale_is_told_once():
    w = Watching(edits=False)
    w.take(change())
    w.go(40)
    w.take(change(stale=True))
    w.take(change(stale=True))
    assert w.go(1000) == [(Kind.REPLY, Occasion.STALE)]


def test_repeats_widen_until_somebody_acks():
    w = Watching(most=Most(None, None))
    w.take(change(id="7f3a"))
    w.go(40)
    again = [(Kind.REPLY, Occasion.AGAIN)]
    hours = [hour + 1 for hour in range(48) if w.go(3600, step=60) == again]
    assert len(hours) == 3
    assert hours[1] - hours[0] > hours[0]
    ack = Standing((Word(1, Saying.ACK, Scope.ALERT, "7f3a", "ana", AT),))
    assert w.go(100, ack) == [EDIT]
    assert w.go(400_000, ack, step=600) == []


def test_what_still_fires_when_the_mute_ends_is_told_at_once():
    w = Watching()
    w.take(change(id="7f3a"))
    muted = Standing((mute("7f3a", until=AT + 3600),))
    assert w.go(3590, muted) == []
    assert w.go(40, muted) == [NEW]


def test_what_is_over_when_the_mute_ends_is_not_told():
    w = Watching()
    w.take(change(id="7f3a"))
    muted = Standing((mute("7f3a", until=AT + 3600),))
    w.go(100, muted)
    w.take(change(id="7f3a", phase=Phase.CLEAR))
    assert w.go(8000, muted) == []


def test_quiet_hours_hold_the_message_and_critical_passes():
    quiet = (parse_quiet("22:00-07:00 severity < critical"),)
    w = Watching(quiet=quiet)
    w.take(change())
    assert w.go(100, local=NIGHT) == []
    assert w.go(100) == [NEW]
    w.take(change("other", severity=Severity.CRITICAL))
    assert w.go(100, local=NIGHT) == [NEW]


def test_the_cap_holds_back_what_comes_after_it_and_says_so_in_one_line():
    w = Watching(most=Most(3, 20), edits=False)
    for n in range(1, 7):
        w.take(change(id=f"a{n}", n=n, signature=f"s{n}"))
        w.go(100)
    kinds = [act.letter.occasion for act in w.said]
    assert kinds == [Occasion.NEW] * 3 + [Occasion.HELD]
    w.take(change(id="c", n=9, signature="c", severity=Severity.CRITICAL))
    assert w.go(100) == [NEW]


def test_nobody_acks_so_another_channel_is_asked():
    w = Watching(escalate_after=1800.0, escalate_to="boss")
    w.take(change())
    w.go(1700)
    assert not w.desk.escalations
    w.go(300)
    (topic,) = w.desk.escalations
    boss = Desk(route(name="boss", when=parse_condition("severity >= critical")), "h")
    boss.adopt(topic, w.now)
    (act,) = boss.plan(w.now + 1, NOON, NOBODY)
    assert act.letter.occasion is Occasion.ESCALATED


@pytest.mark.parametrize("edits", [True, False])
def test_five_hundred_runs_failing_in_one_minute_are_at_most_five_messages(edits):
    w = Watching(edits=edits)
    for i in range(500):
        w.take(change(f"run-{i}", id=f"i{i}", signature="disk-full"))
        w.go(0.12, step=0.12)
    w.go(900)
    for i in range(500):
        w.take(change(f"run-{i}", id=f"i{i}", signature="disk-full", phase=Phase.ENDED))
    w.go(3600)
    aloud = [act for act in w.said if act.kind is not Kind.EDIT]
    assert len(aloud) <= 5
    first = aloud[0].letter
    assert first.runs >= 200
    assert len(first.members) == 20
    assert first.causes[0][0] == "disk-full/no-separation"
    assert not w.desk.topics


def test_the_bad_runs_of_a_sweep_are_one_edited_message():
    w = Watching()
    for i in range(30):
        w.take(change(f"s-{i}", id=f"i{i}"), batch="sweep-9", batch_size=50)
        w.go(900, step=30)
    assert [act.kind for act in w.said if act.letter.occasion is not Occasion.AGAIN] == [Kind.POST] + [Kind.EDIT] * 29
    assert w.said[-1].letter.runs == 30


def test_on_a_channel_that_cannot_edit_a_sweep_is_told_when_it_has_doubled():
    w = Watching(edits=False)
    for i in range(30):
        w.take(change(f"s-{i}", id=f"i{i}"), batch="sweep-9", batch_size=50)
        w.go(900, step=30)
    joined = [act.letter.runs for act in w.said if act.letter.occasion is Occasion.JOINED]
    assert joined == [2, 4, 8, 16]


def test_hidden_alerts_are_not_told():
    w = Watching()
    w.take(change(hidden_by="a/b"))
    assert w.go(100) == []


def test_a_first_look_at_a_host_is_one_message():
    w = Watching()
    for i in range(4):
        w.take(change(f"old-{i}", id=f"i{i}"), first_look=True)
    assert w.go(100) == [NEW]
    assert w.said[0].letter.runs == 4


def test_a_desk_goes_on_after_a_restart_where_it_was():
    w = Watching()
    w.take(change("told", id="t1"))
    w.go(40)
    w.take(change("waiting", id="w1"))
    rows = {(row.sort, row.key): row.body for row in w.desk.drain()}
    fresh = Watching()
    fresh.now = w.now
    fresh.desk.load((sort, key, body) for (sort, key), body in rows.items() if body is not None)
    assert fresh.go(40) == [NEW]
    fresh.take(change("told", id="t1", phase=Phase.CLEAR))
    assert fresh.go(40) == [EDIT, (Kind.REPLY, Occasion.CLEAR)]


def test_a_letter_is_the_same_after_it_was_written_down():
    import json

    w = Watching()
    w.take(change())
    w.go(40)
    letter = w.said[0].letter
    assert letter_from(json.loads(json.dumps(letter_json(letter)))) == letter


def test_a_rule_that_was_wrong_on_three_runs_is_demoted_until_it_changes():
    words = tuple(
        Word(i, Saying.WRONG, Scope.ALERT, f"a{i}", "ana", AT, run=f"r{i}", rule="s/r", fingerprint="f1")
        for i in range(3)
    )
    standing = Standing(words)
    assert standing.demoted("s/r", AT + 1, "f1")
    assert not standing.demoted("s/r", AT + 1, "f2")
    assert not standing.demoted("s/r", AT + 31 * 86400, "f1")
    cleared = Word(9, Saying.CLEARED, Scope.RULE, "s/r", "root", AT + 5, rule="s/r")
    assert not Standing((*words, cleared)).demoted("s/r", AT + 6, "f1")


def test_wrong_quiets_the_rule_on_that_run_alone():
    wrong = Word(
        1, Saying.WRONG, Scope.ALERT, "x", "ana", AT, run="w/swift-fox", rule="probability-collapse/no-separation"
    )
    w = Watching()
    w.take(change(), change("other"))
    w.go(100, Standing((wrong,)))
    assert [act.letter.change.run_name for act in w.said] == ["other"]


def test_a_severity_that_rises_is_shown():
    w = Watching()
    w.take(change())
    w.go(100)
    w.take(replace(change(), severity=Severity.CRITICAL))
    assert w.go(100) == [EDIT]
    assert w.said[-1].letter.severity is Severity.CRITICAL

"""Rules that a run brings itself, in a real daemon with real files: in force for it alone, taken and let go while it runs."""

from __future__ import annotations

import json
import os
import pwd
import shutil

import pytest

import sentinel.daemon.own_rules as own_module
from sentinel.cli.explain import told as explained
from sentinel.core.stopping_signs import signs_of
from sentinel.daemon.answers import explain
from sentinel.daemon.control import Refused
from sentinel.daemon.peers import Peer
from sentinel.rulebook.own import own_rules
from sentinel.sources.own_rules import stamp_of
from tests.daemon.house import House

MINE = """signature: mine
title: Mine
family: dynamics
rules:
  - {rule: big, when: train.loss > %s, severity: high, say: "loss {train.loss:.0f} is big"}
"""


class Home(House):
    """A house whose runs bring rules of their own."""

    def own(self, run, text, name="mine.yml"):
        folder = self.place / "a" / run / ".sentinel" / "rules"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        return folder / name

    def look(self):
        """Time for the next look at own rules has come."""
        self.turn()
        own = self.daemon.engine._own
        own._due = 0.0
        self.turn(2)

    def until_looked(self, condition):
        self.until(lambda: self.look() or condition())

    def down(self):
        self.daemon.close()
        (self.place / "state" / "lock").unlink()

    def again(self):
        self.down()
        self.start()

    def told(self):
        return [text for text in self.daemon.told if "own rules" in text]

    def own_alerts(self):
        return {a["id"]: a["run"] for a in self.daemon.store.alerts() if a["signature"].startswith("own:")}

    def fires(self, run):
        watched = self.run(run)
        return sorted(bound.rule.key for bound in watched.firing() if bound.rule.own)


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path)
    yield made
    if made.daemon is not None:
        made.daemon.close()


def test_a_rule_that_a_run_brings_fires_on_that_run_and_on_no_other(home):
    home.own("one", MINE % 3)
    for run in ("one", "two"):
        home.log(run, "step=1 loss=5.0\nstep=2 loss=5.0\n")
    home.start()
    home.until(lambda: home.run("one") and home.run("two") and home.run("two").looks)
    assert home.fires("one") == ["own:mine/big"]
    assert home.fires("two") == []
    (alert,) = [alert for alert in home.daemon.store.alerts() if alert["signature"].startswith("own:")]
    assert alert["run"] == "one"
    assert alert["say"] == "loss 5 is big"


# --- while it runs -----------------------------------------------------------------------------------------------------


def begun(home, *runs, loss=5.0):
    """A daemon that has seen these runs."""
    for run in runs:
        home.log(run, f"step=1 loss={loss}\nstep=2 loss={loss}\n")
    home.start()
    home.until(lambda: all(home.run(run) and home.run(run).looks for run in runs))


def test_rules_that_come_change_and_go_while_the_run_goes_on_are_taken(home):
    begun(home, "r")
    assert home.fires("r") == []
    file = home.own("r", MINE % 3)
    home.until_looked(lambda: home.run("r").book is not home.daemon.engine.book)
    home.log("r", "step=3 loss=5\n")
    home.until(lambda: home.fires("r") == ["own:mine/big"])
    home.until(home.own_alerts)
    (first,) = home.own_alerts()

    file.write_text(MINE % 4)
    home.until_looked(lambda: home.fires("r") == [])
    home.until(lambda: home.daemon.store.alert(first)["reason"] == "rule changed")
    home.log("r", "step=4 loss=5\n")
    home.until(home.own_alerts)
    (second,) = home.own_alerts()
    assert second != first

    file.unlink()
    home.until_looked(lambda: not home.own_alerts())
    assert home.daemon.store.alert(second)["reason"] == "rule gone"
    assert all(not rule.own for rule in home.run("r").rules)

    home.own("r", MINE % 4)
    home.until_looked(lambda: any(rule.own for rule in home.run("r").rules))
    home.log("r", "step=5 loss=5\n")
    home.until(home.own_alerts)
    assert home.own_alerts().keys().isdisjoint({first, second})


def test_the_folder_removed_whole_leaves_the_rules_for_all(home):
    home.own("r", MINE % 3)
    begun(home, "r")
    home.until(home.own_alerts)
    shutil.rmtree(home.place / "a" / "r" / ".sentinel")
    home.until_looked(lambda: not home.own_alerts())
    assert home.run("r").book is home.daemon.engine.book


def test_a_file_that_breaks_keeps_its_last_good_version_and_disturbs_nothing_else(home):
    (home.place / "rules" / "all.yml").write_text((MINE % 4).replace("mine", "all"))
    home.own("r", MINE % 3)
    file = home.own("r", MINE.replace("mine", "other") % 3, "other.yml")
    begun(home, "r")
    assert home.fires("r") == ["own:mine/big", "own:other/big"]
    file.write_text(MINE.replace("mine", "other").replace("when:", "wenn:") % 3)
    home.until_looked(lambda: list(home.daemon.own_faults()))
    assert home.fires("r") == ["own:mine/big", "own:other/big"]
    assert [bound.rule.key for bound in home.run("r").firing() if not bound.rule.own] == ["all/big"]
    shown = [str(fault) for _, _, fault in home.daemon.own_faults()]
    assert f"{file}:5:17: 'wenn' is no key here; did you mean 'when'?, in own:other/big" in shown


def test_what_is_wrong_is_told_once_also_over_restarts_and_without_quoting_the_file(home):
    home.own("r", MINE.replace("when:", "wenn_geheim:") % 3)
    begun(home, "r")
    home.until_looked(home.told)
    home.look()
    (text,) = home.told()
    assert (
        text
        == f"2 faults in the run's own rules, all else goes on; see: sentinel check {home.place}/a/r/.sentinel/rules"
    )
    assert "geheim" not in json.dumps(home.daemon.told)
    home.again()
    home.look()
    assert list(home.daemon.own_faults())
    assert home.told() == []
    home.own("r", MINE % 3)
    home.until_looked(lambda: not list(home.daemon.own_faults()))
    home.own("r", MINE.replace("when:", "wenn_geheim:") % 3)
    home.until_looked(home.told)


# --- restart, reload, sleep ----------------------------------------------------------------------------------------------


def test_a_restart_changes_nothing(home):
    home.own("r", MINE % 3)
    begun(home, "r")
    home.until(home.own_alerts)
    before = home.own_alerts()
    home.again()
    home.log("r", "step=3 loss=5\n")
    home.until(lambda: home.run("r").run.step == 3)
    assert home.own_alerts() == before
    assert home.fires("r") == ["own:mine/big"]


@pytest.mark.parametrize(("change", "reason"), [(MINE % 4, "rule changed"), (None, "rule gone")])
def test_what_changed_while_nobody_watched_ends_the_alert_at_the_start(home, change, reason):
    file = home.own("r", MINE % 3)
    begun(home, "r")
    home.until(home.own_alerts)
    (first,) = home.own_alerts()
    home.down()
    file.unlink() if change is None else file.write_text(change)
    home.start()
    home.log("r", "step=3 loss=1\n")
    home.until(lambda: first not in home.own_alerts())
    assert home.daemon.store.alert(first)["reason"] == reason
    file.write_text(MINE % 3)
    home.until_looked(lambda: any(rule.own and rule.file for rule in home.run("r").rules))
    home.look()
    home.log("r", "step=4 loss=5\n")
    home.until(home.own_alerts)
    assert first not in home.own_alerts()


def test_a_run_that_sleeps_is_woken_when_its_rules_change_and_not_before(home):
    home.own("r", MINE % 3)
    begun(home, "r")
    home.until(home.own_alerts)
    engine = home.daemon.engine
    key = nap(home, "r")
    assert key
    engine._own._held["/gone"] = engine._own._held[f"{home.place}/a/r"]
    for _ in range(3):
        home.look()
    assert key in engine.sleepers.runs
    assert "/gone" not in engine._own._held
    home.own("r", MINE % 4)
    home.until_looked(lambda: key not in engine.sleepers.runs)
    assert home.fires("r") == []
    home.until(lambda: not home.own_alerts())


@pytest.mark.parametrize(("change", "reason"), [(MINE % 4, "rule changed"), (None, "rule gone")])
def test_a_run_that_sleeps_over_a_restart_hears_that_its_rules_changed_meanwhile(home, change, reason):
    file = home.own("r", MINE % 3)
    begun(home, "r")
    home.until(home.own_alerts)
    (first,) = home.own_alerts()
    home.until(lambda: nap(home, "r"))
    home.down()
    file.unlink() if change is None else file.write_text(change)
    home.start()
    home.until_looked(lambda: first not in home.own_alerts())
    assert home.daemon.store.alert(first)["reason"] == reason


def nap(home, run):
    """Put a run to sleep, as it was just written down."""
    engine = home.daemon.engine
    key = home.run(run).run.info.key
    with home.daemon.store.turn():
        home.daemon.snapshots.save([key], home.daemon.clock.wall())
    if engine.may_sleep(key):
        home.daemon.resting.lay_down([key])
    return key if key in engine.sleepers.runs else ""


def test_an_administrators_new_signature_takes_the_name_and_the_settings_switch_all_off(home):
    home.own("r", MINE % 3)
    begun(home, "r")
    assert home.fires("r") == ["own:mine/big"]
    home.rule(limit=100)
    home.reload()
    assert home.fires("r") == []
    assert any("'mine' is in force for all" in str(fault) for _, _, fault in home.daemon.own_faults())
    home.own("r", (MINE % 3).replace("mine", "ours"))
    home.until_looked(lambda: any(rule.own for rule in home.run("r").rules))
    home.write(keep={"own_rules": False})
    home.reload()
    assert not any(rule.own for rule in home.run("r").rules)
    home.look()
    assert not list(home.daemon.own_faults())


def test_a_users_own_folder_holds_for_all_their_runs_and_the_nearer_file_overrides(home):
    mine = home.place / "homes" / pwd.getpwuid(os.getuid()).pw_name
    mine.mkdir(parents=True)
    (mine / "mine.yml").write_text(MINE % 3)
    home.own("two", MINE % 100, "near.yml")
    for run in ("one", "two"):
        home.log(run, "step=1 loss=5.0\n")
    home.write(keep={"users_rules": f"{home.place}/homes/{{user}}"})
    home.start()
    home.until(lambda: home.run("one") and home.run("two") and home.run("two").looks)
    assert home.fires("one") == ["own:mine/big"]
    assert home.fires("two") == []
    shown = [str(fault) for _, _, fault in home.daemon.own_faults()]
    assert not shown, shown


# --- what they cannot do ---------------------------------------------------------------------------------------------------


def test_a_stop_is_a_fault_and_no_sign_and_no_plan_comes_of_it(home):
    home.own("r", (MINE % 3).replace("severity: high", "severity: high, doom: 1.0, action: stop"))
    home.own(
        "r", (MINE % 3).replace("mine", "two").replace("severity: high", "severity: critical, doom: 1.0"), "two.yml"
    )
    begun(home, "r")
    assert home.fires("r") == ["own:two/big"]
    assert signs_of(home.run("r").bounds, home.run("r").run, 0.0) == ()
    rows = home.daemon.store.connection.execute("SELECT DISTINCT kind FROM effects").fetchall()
    assert {row[0] for row in rows} == {"tell"}
    assert "may tell, not act" in str(next(iter(home.daemon.own_faults()))[2])


def test_the_same_name_in_two_runs_means_two_rules_and_a_word_about_one_reaches_no_other(home):
    home.own("one", MINE % 3)
    home.own("two", MINE % 4)
    begun(home, "one", "two")
    home.until(lambda: len(home.own_alerts()) == 2)
    engine = home.daemon.engine
    marks = {engine.rule_of(home.run(run).run.info.key, "own:mine/big").fingerprint for run in ("one", "two")}
    assert len(marks) == 2
    assert engine.book.rule("own:mine/big") is None
    letters = [
        letter for _, _, letter in home.letters() if letter["change"] and letter["change"]["signature"] == "own:mine"
    ]
    assert {letter["story"]["rule_file"] for letter in letters} == {".sentinel/rules/mine.yml"}


def test_explain_says_who_brought_the_rule_and_shows_it_to_those_alone_who_could_read_its_file(home):
    file = home.own("r", MINE % 3)
    begun(home, "r")
    home.until(home.own_alerts)
    (wanted,) = home.own_alerts()
    asked = {"ask": "explain", "id": wanted}
    stranger = Peer(1, 54003, 54003, "eve", frozenset())
    open_to_all(home.place, file.parents[2] / "train.log", file)
    told = explain(home.daemon, asked, stranger)
    assert told["origin"] == ".sentinel/rules/mine.yml:5, brought by the run itself: it may tell, and nothing else"
    assert "rule: .sentinel/rules/mine.yml:5, brought by the run itself" in "\n".join(explained(told))
    file.parents[1].chmod(0o700)
    with pytest.raises(Refused, match="not yours to read"):
        explain(home.daemon, asked, stranger)


def open_to_all(place, *files):
    """What pytest closes to others is opened, so that only the test's own modes count."""
    for path in (*place.parents, place):
        if path.stat().st_uid == os.getuid() and not path.stat().st_mode & 0o001:
            path.chmod(0o755)
    for file in files:
        file.chmod(0o644)


def test_the_same_file_in_a_thousand_runs_is_read_as_rules_once(home, monkeypatch):
    made = []
    monkeypatch.setattr(own_module, "own_rules", lambda *given: made.append(1) or own_rules(*given))
    for n in range(20):
        home.own(f"r{n}", MINE % 3)
    begun(home, *[f"r{n}" for n in range(20)])
    assert len(made) == 1


def test_a_daemon_without_own_rules_looks_at_runs_when_they_come_and_shares_one_rulebook(home, monkeypatch):
    asked = []
    monkeypatch.setattr(own_module, "stamp_of", lambda place: asked.append(place) or stamp_of(place))
    begun(home, "one", "two")
    asked.clear()  # one look at each when it was met, and one when it woke
    for _ in range(5):
        home.look()
    assert asked == []
    assert home.run("one").book is home.run("two").book is home.daemon.engine.book


def test_more_sets_of_rules_than_one_user_may_have_are_refused_and_said(home, monkeypatch):
    monkeypatch.setattr(own_module, "MOST_SETS", 3)
    for n in range(5):
        home.own(f"r{n}", MINE % (n / 10))
    begun(home, *[f"r{n}" for n in range(5)])
    assert sum(bool(home.fires(f"r{n}")) for n in range(5)) == 3
    assert sum("different sets" in str(fault) for _, _, fault in home.daemon.own_faults()) == 2

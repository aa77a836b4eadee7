"""A reload swaps settings and rules together or not at all, and forgets nothing that is known."""

from __future__ import annotations

import os
import shutil

import pytest

from sentinel.core.telling_words import Saying, Scope, Word
from sentinel.daemon import last_good
from sentinel.daemon.books import Books, open_books
from sentinel.sources.plan import WatchPlan
from tests.daemon.house import MINE


def test_a_firing_alert_a_mute_and_the_place_in_the_file_live_through_a_reload(house):
    house.rule()
    house.start()
    house.log("r", "step=1 loss=2.0\nstep=2 loss=500\n")
    house.until(lambda: "big" in house.firing().values())
    before = house.firing()
    house.daemon.delivering.words.say(Word(0, Saying.MUTE, Scope.RUN, "a:x", "ana", 1.0, until=9e9))
    house.write(watches=("a", "b"), channels=("hook", "other"), admin="bob")
    house.log("s", "step=1 loss=700\n", watch="b")
    house.log("r", "step=3 loss=600\n")
    house.reload()
    house.until(lambda: len(house.firing()) == 2)
    assert before.items() <= house.firing().items()
    assert house.run("r").run.series["train.loss"].count == 3
    assert [word.target for word in house.daemon.delivering.words.standing().words] == ["a:x"]
    assert house.daemon.admins == ["bob"]
    assert set(house.daemon.delivering.desks) == {"hook", "other"}


def test_a_watch_whose_pattern_changed_goes_on_from_its_bookmarks(house):
    house.start()
    house.log("r", "".join(f"step={n} loss={n}\n" for n in range(1, 8)))
    house.until(lambda: "r" in {run.run.info.name for run in house.daemon.engine.runs.values()})
    house.until(lambda: house.run("r").run.series["train.loss"].count == 7)
    text = house.settings.read_text().replace(f"{house.place}/a/*", f"{house.place}/a/r*").replace("100ms", "200ms")
    house.settings.write_text(text)
    house.reload()
    house.log("r", "step=8 loss=8\n")
    house.until(lambda: house.run("r").run.series["train.loss"].count == 8)
    assert house.run("r").run.step == 8


def test_a_run_that_no_watch_names_any_more_is_let_go_with_its_alerts_and_comes_back_where_it_was(house):
    house.rule()
    house.write(watches=("a", "b"))
    house.start()
    house.log("r", "step=1 loss=2.0\nstep=2 loss=500\n")
    house.until(house.firing)
    house.write(watches=("b",))
    house.reload()
    assert house.firing() == {}
    assert house.run("r").over == "no watch names it any more"
    house.write(watches=("a", "b"))
    house.reload()
    house.log("r", "step=3 loss=3.0\n")
    house.until(lambda: house.run("r").run.step == 3)
    assert house.run("r").run.series["train.loss"].count == 3
    assert not house.run("r").over


def test_a_run_of_a_watch_that_was_taken_away_while_we_were_down_is_let_go_at_the_start(house):
    house.rule()
    house.write(watches=("a", "b"))
    house.start()
    house.log("r", "step=1 loss=2.0\nstep=2 loss=500\n")
    house.until(house.firing)
    house.daemon.close()
    (house.place / "state" / "lock").unlink()
    house.write(watches=("b",))
    house.start()
    assert house.firing() == {}
    assert house.run("r").over


@pytest.mark.parametrize(
    "broken", ['[tell]\ngrup = "1s"\n', "[[watch]\n", '[[channel]]\nname = "x"\n', '[tell]\ngroup = "soon"\n']
)
def test_broken_settings_change_nothing_and_are_told_once(house, broken):
    house.start()
    before = house.daemon.engine.book
    house.rule()  # a good rule beside broken settings waits with them
    house.settings.write_text(broken)
    house.reload()
    assert house.daemon.engine.book is before
    assert house.daemon.admins == ["ana"]
    assert any(text.startswith("reload not taken, what was in force stays: ") for text in house.daemon.told)
    house.reload()
    heads = [letter["head"] for _, _, letter in house.letters()]
    assert [head for head in heads if "in sentinel.toml" in head] == heads
    assert len(heads) == 1
    house.write()
    house.reload()
    assert len(house.daemon.engine.book.rules) == len(before.rules) + 1
    assert house.daemon.told[-1].startswith("reloaded: ")


def test_settings_that_vanished_change_nothing(house):
    house.start()
    house.settings.unlink()
    house.reload()
    assert "cannot be read" in house.daemon.told[-1]
    assert house.daemon.admins == ["ana"]


def test_a_broken_rule_keeps_its_last_good_version_while_the_settings_beside_it_are_taken(house):
    house.rule()
    house.start()
    count = len(house.daemon.engine.book.rules)
    (house.place / "rules" / "mine.yml").write_text(MINE.replace("when:", "wenn:") % 100)
    house.write(admin="bob")
    house.reload()
    assert len(house.daemon.engine.book.rules) == count
    assert house.daemon.engine.book.rule("mine/big") is not None
    assert house.daemon.admins == ["bob"]
    assert any("wenn" in line for _, _, letter in house.letters() for line in letter["lines"])


def test_an_alert_ends_with_its_rule_and_a_rule_that_was_mended_may_fire_anew(house):
    house.rule(limit=100)
    house.start()
    house.log("r", "step=1 loss=2.0\nstep=2 loss=500\n")
    house.until(house.firing)
    (first,) = house.firing()
    house.rule(limit=1000)
    house.reload()
    assert house.firing() == {}
    assert house.daemon.store.alert(first)["reason"] == "rule changed"
    house.log("r", "step=3 loss=2000\n")
    house.until(house.firing)
    assert first not in house.firing()
    (house.place / "rules" / "mine.yml").unlink()
    house.reload()
    assert house.firing() == {}


def test_an_alert_of_a_rule_that_was_changed_while_we_were_down_ends_at_the_start(house):
    house.rule(limit=100)
    house.start()
    house.log("r", "step=1 loss=2.0\nstep=2 loss=500\n")
    house.until(house.firing)
    (first,) = house.firing()
    house.daemon.close()
    (house.place / "state" / "lock").unlink()
    house.rule(limit=1000)
    house.start()
    house.log("r", "step=3 loss=3\n")
    house.until(lambda: house.run("r").run.step == 3)
    house.until(lambda: not house.firing())
    assert house.daemon.store.alert(first)["reason"] == "rule changed"


def test_another_rules_folder_is_taken_with_the_settings(house):
    house.rule()
    house.start()
    (house.place / "more").mkdir()
    (house.place / "more" / "other.yml").write_text((MINE % 3).replace("mine", "other"))
    house.write(rules="more")
    house.reload()
    assert house.daemon.engine.book.rule("other/big") is not None
    assert house.daemon.engine.book.rule("mine/big") is None


def test_names_that_changed_are_meant_from_the_next_line_on(house):
    house.start()
    house.log("r", "step=1 wobble=2.0\n")
    house.until(lambda: any(run.run.info.name == "r" for run in house.daemon.engine.runs.values()))
    (house.place / "rules" / "names.yml").write_text("train.wobbling:\n  better: lower\n  from: [wobble]\n")
    house.reload()
    house.log("r", "step=2 wobble=3.0\n")
    house.until(lambda: "train.wobbling" in house.run("r").run.series)
    assert house.run("r").run.series["train.wobbling"].count == 1


def test_what_waits_for_a_channel_that_stays_stays_and_for_one_that_goes_becomes_a_dead_letter(house):
    house.rule()
    house.write(channels=("hook", "gone"))
    house.start()
    house.log("r", "step=1 loss=2.0\nstep=2 loss=500\n")
    house.until(lambda: len(house.letters()) >= 2)
    house.write(channels=("hook",))
    house.reload()
    states = {channel: state for channel, state, letter in house.letters() if letter["occasion"] == "new"}
    assert states["gone"] == "dead"
    assert states["hook"] in {"waiting", "sending"}


def test_what_only_a_restart_can_take_is_said(house):
    house.start()
    house.settings.write_text(house.settings.read_text().replace("/state", "/elsewhere"))
    house.reload()
    assert "restart to take [sentinel] state" in house.daemon.told[-1]


def test_the_hosts_own_run_lives_through_a_reload_and_goes_and_comes_with_the_settings(house):
    house.write(host={"kernel_log": ""})
    house.start()
    (host,) = [run for run in house.daemon.engine.runs.values() if run.run.info.kind == "host"]
    assert house.daemon.sources[-1].name == "machine"
    machine = house.daemon.sources[-1].machine
    house.reload()
    assert not host.over
    assert house.daemon.sources[-1].machine is machine
    house.write()
    house.reload()
    assert [source.name for source in house.daemon.sources] == ["files"]
    house.write(host={"kernel_log": ""})
    house.reload()
    assert house.daemon.sources[-1].name == "machine"
    assert not host.over


def test_channels_in_force_are_kept_beside_the_state_without_a_secret(house):
    house.write(tell={"proxy": "http://u:s3cret@p:1"})
    with house.settings.open("a") as settings:
        settings.write('[[channel]]\nname = "kept"\nurl = "credential:kept"\n')
    house.start()
    kept = (house.place / "state" / last_good.NAME).read_text()
    assert "s3cret" not in kept
    assert "127.0.0.1" not in kept
    known = last_good.recall({"STATE_DIRECTORY": str(house.place / "state")}, house.place)
    assert [(channel.name, channel.url) for channel in known.channel] == [("kept", "credential:kept")]
    assert known.tell.proxy == ""
    assert last_good.recall({}, house.place) is None


def test_records_are_kept_for_as_long_as_the_settings_say(house):
    house.write(keep={"keep_runs": "3d"})
    house.start()
    assert house.daemon.snapshots.keep_runs == 3 * 86400.0
    house.write(keep={"keep_runs": "5d", "keep_alerts": "100d"})
    house.reload()
    assert house.daemon.snapshots.keep_runs == 5 * 86400.0
    assert house.daemon.snapshots.keep_alerts == 100 * 86400.0


@pytest.mark.skipif(os.geteuid() != 0, reason="only who has rights refuses")
@pytest.mark.parametrize("trick", ["settings", "rule", "folder"])
def test_with_rights_a_file_that_others_can_write_is_not_taken_by_a_reload(house, trick):
    house.rule()
    house.start()
    before = house.daemon.engine.book
    house.rule(limit=3)
    house.write(admin="eve")
    path = {"settings": house.settings, "rule": house.place / "rules/mine.yml", "folder": house.place / "rules"}[trick]
    path.chmod(0o777)
    house.reload()
    assert house.daemon.engine.book is before
    assert house.daemon.admins == ["ana"]
    assert "can be changed by others" in house.daemon.told[-1]
    assert "mend: chmod go-w" in house.daemon.told[-1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only who has rights refuses")
def test_with_rights_a_rule_file_of_somebody_else_is_not_taken_when_it_appears(house):
    house.start()
    before = house.daemon.engine.book
    house.rule()
    os.chown(house.place / "rules" / "mine.yml", 4711, 4711)
    house.until(lambda: "reload not taken" in house.daemon.told[-1] if house.daemon.told else False)
    assert house.daemon.engine.book is before
    assert "belongs to uid 4711" in house.daemon.told[-1]


def test_trying_rules_out_changes_nothing_in_the_books_that_are_in_force(tmp_path):
    (tmp_path / "mine.yml").write_text(MINE % 100)
    books = open_books([tmp_path])
    (tmp_path / "mine.yml").write_text("signature: [")
    tried = books.anew()
    assert tried.book.rule("mine/big") is not None
    assert tried.faults
    shutil.rmtree(tmp_path)
    assert isinstance(books.anew(), Books)
    assert books.book.rule("mine/big") is not None
    assert books.moved(0.0)


@pytest.mark.parametrize(
    ("pattern", "key", "named"),
    [
        ("/data/runs/*", "t:/data/runs/a", True),
        ("/data/runs/*", "t:/data/runs/a/version_0", True),
        ("/data/runs/*", "t:/data/runs/a#2", True),
        ("/data/runs/*", "u:/data/runs/a", False),
        ("/data/runs/b*", "t:/data/runs/a", False),
        ("/data/**/x", "t:/data/1/2/x", True),
        ("/data/runs/*", "t:/data/runs", False),
    ],
)
def test_a_plan_knows_which_runs_it_could_name(pattern, key, named):
    assert WatchPlan("t", pattern).names_run(key) is named

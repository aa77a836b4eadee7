"""What holds an armed plan: nobody who reads, nobody who agrees; and what a person says of a rehearsal."""

import json
import signal
import time

import pytest

pytest.importorskip("numpy")

from sentinel.core.stopping_plan import Stage
from sentinel.outlets.hands.consent import NAME
from tests.daemon.stopping_night import Night
from tests.world.waiting import awaited


@pytest.fixture
def begin(tmp_path):
    nights = []

    def begin(**options):
        nights.append(Night(tmp_path, **options))
        return nights[-1]

    yield begin
    for night in nights:
        night.close()


HELD = (
    {"port": 9},
    pytest.param({"quiet": ["00:00-24:00"]}, marks=pytest.mark.torture),
    pytest.param({"quiet": ["00:00-24:00 severity < critical"]}, marks=pytest.mark.torture),
)


@pytest.mark.parametrize("people", HELD)
def test_with_dead_channels_or_in_quiet_hours_an_armed_plan_never_leaves_announced(begin, people):
    night = begin(grace="1s", **people)
    night.train("a")
    night.watch()
    awaited(lambda: (found := night.plans("a")) and found[-1].stage is Stage.ANNOUNCED, 60, lambda: night.story("a"))
    time.sleep(5)
    plan = night.plans("a")[-1]
    assert (plan.stage, night.signals("a"), night.trainings["a"].poll()) == (Stage.ANNOUNCED, [], None)
    shown = night.ask("status").stdout
    assert "waits for" in shown
    assert ("quiet hours" in shown) == ("quiet" in people)
    assert not [message for message in night.told if "will be asked" in str(message)]  # nobody is woken by it


@pytest.mark.torture
def test_three_rehearsals_that_a_person_called_right_arm_a_rule_in_its_watch(begin):
    night = begin(grace="1s", waits={"rehearsals": 3})
    for name in ("a", "b", "c"):
        night.train(name)
    night.watch()
    for name in ("a", "b", "c"):
        plan = night.ended(name)
        assert (plan.stage, [missing.partition(":")[0] for missing in plan.missing]) == (Stage.REHEARSED, ["rehearsed"])
    assert "1 of 3" in night.ask("right", night.plans("a")[0].id).stdout
    assert "2 of 3" in night.ask("right", "b").stdout
    assert "1 of 3" in night.ask("right", night.plans("b")[0].id, "--wrong").stdout
    assert [len(night.plans(name)) for name in ("a", "b", "c")] == [1, 1, 1]
    night.ask("right", night.plans("b")[0].id)
    assert "3 of 3" in night.ask("right", "c").stdout
    night.train("d")
    assert night.ended("d").stage is Stage.STOPPED


@pytest.mark.torture
def test_a_run_that_recovers_in_its_grace_is_left_alone(begin):
    night = begin(grace="60s")
    folder = night.train("a", "handler,early,recovers")
    night.watch()
    awaited(lambda: (found := night.plans("a")) and found[-1].stage is Stage.GRACE, 60, lambda: night.story("a"))
    (folder / "RECOVER").touch()
    awaited(lambda: night.plans("a")[0].stage is Stage.VETOED, 60, lambda: night.story("a"))
    assert "recovered" in night.plans("a")[0].why
    assert (night.signals("a"), night.trainings["a"].poll()) == ([], None)


def test_keep_and_an_ack_over_the_socket(begin):
    night = begin(grace="60s")
    night.train("a")
    night.watch()
    awaited(lambda: (found := night.plans("a")) and found[-1].stage is Stage.GRACE, 60, lambda: night.story("a"))
    alerts = [json.loads(line) for line in night.ask("alerts", "--json").stdout.splitlines()]
    alert = next(alert for alert in alerts if alert["signature"] == "bad")
    assert "the plan goes on in" in night.ask("ack", alert["id"]).stdout
    assert night.plans("a")[-1].open
    assert night.ask("keep", "a", "--why", "meant so").returncode == 0
    plan = night.ended("a")
    assert (plan.stage, night.signals("a"), night.trainings["a"].poll()) == (Stage.VETOED, [], None)
    assert "kept by" in plan.why


def in_grace(night, *names):
    for name in names:
        awaited(
            lambda name=name: (found := night.plans(name)) and found[-1].stage is Stage.GRACE,
            60,
            lambda name=name: night.story(name),
        )


def reload_with(night, old, new):
    settings = night.folder / "sentinel.toml"
    text = settings.read_text()
    assert old in text
    settings.write_text(text.replace(old, new, 1))
    night.daemon.send_signal(signal.SIGHUP)


def test_what_is_taken_back_in_grace_ends_the_plan_and_signals_nobody(begin):
    night = begin(grace="90s")
    folders = {name: night.train(name) for name in ("consent", "folder", "itself", "mode")}
    night.watch()
    in_grace(night, *folders)
    (folders["consent"] / NAME).unlink()
    folders["folder"].rename(night.folder / "elsewhere")
    night.trainings["itself"].kill()
    ends = {name: night.ended(name).why for name in ("consent", "folder", "itself")}
    reload_with(night, 'mode = "armed"', 'mode = "off"')
    ends["mode"] = night.ended("mode").why
    assert {name: night.plans(name)[-1].stage for name in ends} == dict.fromkeys(ends, Stage.VETOED)
    assert ends["consent"].startswith("consent: ")
    assert "mode = off" in ends["mode"]
    assert [night.signals(name) for name in ends] == [[]] * 4
    assert [night.trainings[name].poll() for name in ("consent", "folder", "mode")] == [None] * 3


@pytest.mark.torture
def test_a_watch_that_is_taken_away_in_grace_ends_its_plans(begin):
    night = begin(grace="90s")
    night.train("a")
    night.watch()
    in_grace(night, "a")
    reload_with(night, f'runs = "{night.folder}/runs/*"', f'runs = "{night.folder}/others/*"')
    assert (night.ended("a").stage, night.signals("a"), night.trainings["a"].poll()) == (Stage.VETOED, [], None)


@pytest.mark.torture
def test_a_daemon_that_was_stopped_in_grace_begins_the_grace_anew(begin):
    night = begin(grace="20s")
    night.train("a")
    first = night.watch()
    in_grace(night, "a")
    first.kill()
    first.wait()
    time.sleep(22)
    begun = time.monotonic()
    night.watch()
    assert night.ended("a").stage is Stage.STOPPED
    assert time.monotonic() - begun > 20

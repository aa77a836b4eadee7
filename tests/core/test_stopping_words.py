"""What people read of a stop plan."""

from dataclasses import replace

from sentinel.core.stopping import explained
from sentinel.core.stopping_plan import Plan, Route, Stage
from sentinel.core.stopping_words import acked, announcement, condition_lines, last_word, spared, status_line
from sentinel.core.stopping_world import Level, Proven, RunView
from tests.core.stopping_truths import GOOD
from tests.core.stopping_worlds import world_of

PLAN = Plan(
    "p1", "a", "nlp", "numerics/lead", "a", 1, Level.STOP, False, "boot", 0.0, 0.0, Stage.GRACE, Route.ASK, 100.0,
    proven=Proven("a.pt", 1.0, "", "kept/a.pt"),
)  # fmt: skip


def test_an_announcement_says_what_when_and_how_to_end_it():
    text = announcement(PLAN, "a", 900.0)
    assert "in 15m" in text
    assert "sentinel keep a" in text


def test_an_ack_is_answered_with_the_time_of_the_stop():
    said = acked(PLAN, "a", 900.0, 400.0, "18:22 UTC")
    assert "goes on in 10m, at 18:22 UTC. `sentinel keep a` ends it." in said
    assert "once people were reached" in acked(replace(PLAN, graced=None), "a", 900.0, 400.0, "")


def test_an_ack_says_what_holds_the_stop_beyond_its_time():
    held = replace(PLAN, waits=("grace: 5m of 15m", "crowd: 5 of 10 runs, most 30%"))
    assert "not before this holds: crowd: 5 of 10 runs" in acked(held, "a", 900.0, 400.0, "18:22 UTC")


def test_status_says_what_a_plan_waits_for():
    assert status_line(replace(PLAN, waits=("awake: muted",))).endswith("grace; waits for awake: muted")


def test_the_last_word_names_checkpoint_loss_and_gain():
    text = last_word(
        replace(PLAN, stage=Stage.STOPPED, why="checkpoint: a.pt"),
        "a",
        "20 steps",
        "about 12.3 GPU-hours",
        ["To go on: cd /a"],
    )
    assert "a.pt" in text
    assert "12.3 GPU-hours" in text
    assert text.endswith("To go on: cd /a")


def test_gpu_hours_are_named_only_where_the_gpus_are_known():
    run = RunView("a", "a", "nlp", 1000, left=12.34, gpus=2)
    assert spared(run) == "about 12.3 GPU-hours"
    assert spared(replace(run, gpus=0)) == "about 12.3 hours; its GPUs are not known"
    assert spared(replace(run, left=None)) == "not known"


def test_a_dry_run_prints_every_condition_with_its_value():
    lines = condition_lines(explained(PLAN, world_of({**GOOD, "stale": True}, 10_000.0, "boot")))
    assert any(line.startswith("NO") and "stale: numerics/lead" in line for line in lines)

"""Runs that went while nobody watched: told once, when it is sure, and with the machine's restart where that says why."""

import os
import subprocess
import sys

import pytest

from sentinel.core.records import Fact, How, Mark, MarkKind, Over
from sentinel.sources.processes.attach import KnownRun
from sentinel.sources.processes.missed import UNSEEN, Left, Missed, left, restarted
from sentinel.sources.processes.process import Pid
from sentinel.sources.processes.reading import vital
from sentinel.sources.processes.source import Course, ProcessSource

GONE = frozenset({Pid(1 << 30, 1)})


def missed(left, runs=("a",), followed=(), alive=lambda _pid: False, turns=(0.0, 5.0, 10.0, 20.0)):
    mine = Missed({"a": left})
    return [key for now in turns for key, _ in mine.gone(runs, followed, alive, now)]


def test_one_whose_processes_are_gone_is_told_once_and_ten_seconds_after_we_came():
    assert missed(Left(GONE), turns=(0.0, 9.0)) == []
    assert missed(Left(GONE)) == ["a"]


def test_one_that_somebody_works_for_again_is_watched_as_ever():
    assert missed(Left(GONE), followed=("a",)) == []


def test_one_whose_process_lives_is_waited_for():
    assert missed(Left(GONE), alive=lambda _pid: True) == []


def test_numbers_of_a_boot_that_is_over_are_nobodys():
    assert missed(Left(GONE, restarted=100.0), alive=lambda _pid: True) == ["a"]


def test_one_that_no_watch_names_any_more_is_nobodys_to_tell():
    assert missed(Left(GONE), runs=()) == []


def test_one_that_is_written_on_from_somewhere_else_has_not_ended(tmp_path):
    log = tmp_path / "log"
    log.write_text("step 1\n")
    mine = left(GONE, (str(log),), None)
    os.utime(log, (1.0, 1.0))
    assert missed(mine) == []


@pytest.mark.parametrize(
    ("at", "wrote", "seen", "lost"),
    [
        (5000.0, 4990.0, None, True),
        (5000.0, 1000.0, None, False),
        (5000.0, 1000.0, 1010.0, True),  # the machine was off for an hour
        (5000.0, 1000.0, 4990.0, False),  # it was silent for an hour before
        (None, 4990.0, 4995.0, False),
        (5000.0, None, 4995.0, False),
    ],
)
def test_the_restart_took_a_run_that_wrote_until_shortly_before_it_or_before_we_went(at, wrote, seen, lost):
    said = Left(GONE, restarted=at, wrote=wrote, seen=seen).lost()
    assert said == ("the machine restarted at 1970-01-01 01:23:20 UTC while it ran" if lost else "")


def test_this_machine_says_when_it_was_started():
    me = vital(os.getpid())
    assert restarted() + me.id.start / os.sysconf("SC_CLK_TCK") <= os.stat(f"/proc/{os.getpid()}").st_ctime + 2


def told(source):
    items = [item for now in (0.0, 1.0, 12.0, 30.0) for batch in source.read(now) for item in batch.items]
    return [item for item in items if isinstance(item, Over)], {f.name: f.value for f in items if isinstance(f, Fact)}


@pytest.fixture
def source(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pid = vital(child.pid).id
    source = ProcessSource("host:here", poll=1.0, runs={"a": KnownRun("a", str(tmp_path))})
    source.missed.left["a"] = Left(frozenset({pid}))
    yield source, pid
    source.close()


def test_nobody_knows_how_a_run_went_that_said_nothing(source):
    (over,), facts = told(source[0])
    assert (over.how, over.detail) == (How.UNCLEAR, UNSEEN)
    assert facts["process.end"] == UNSEEN


def test_its_last_words_say_how_it_went(source):
    source[0].courses = {"a": Course((Mark(MarkKind.FINISHED, "log", 9, 1.0, "Training done"),))}
    (over,), _ = told(source[0])
    assert (over.how, over.detail) == (How.ENDED, "Training done")


def test_what_the_kernel_said_of_its_process_meanwhile_comes_first(source):
    source[0].missed.kernel_said[source[1].number] = ("Out of memory: Killed process", True)
    (over,), _ = told(source[0])
    assert (over.how, over.detail) == (How.DIED, "Out of memory: Killed process")


@pytest.mark.parametrize(
    ("marks", "how", "said"),
    [
        ((), How.DIED, "the machine restarted at 1970-01-01 01:23:20 UTC while it ran"),
        ((Mark(MarkKind.FINISHED, "log", 9, 1.0, "Training done"),), How.ENDED, "Training done"),
    ],
)
def test_the_restart_is_the_last_guess(source, tmp_path, marks, how, said):
    log = tmp_path / "log"
    log.write_text("step 1\n")
    os.utime(log, (4990.0, 4990.0))
    source[0].missed.left["a"] = left(GONE, (str(log),), 5000.0)
    source[0].courses = {"a": Course(marks)}
    (over,), _ = told(source[0])
    assert (over.how, over.detail) == (how, said)

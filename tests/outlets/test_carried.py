"""A process that carries, has carried or may have carried more than one run: each is seen, and none is made up."""

import os
import subprocess
import sys

import pytest

from sentinel.outlets.hands.carried import Other, carried
from sentinel.outlets.hands.survey import crew_of_folder
from tests.world.waiting import awaited

LOOP = "import sys, time; files = [open(name, 'a') for name in sys.argv[1:]]; time.sleep(60)"
HIDDEN = "import time; log = open('train.log', 'a'); time.sleep(60)"  # its command line names no folder


@pytest.fixture
def start(tmp_path):
    started = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()

    def begin(*words, code=LOOP, cwd=None):
        started.append(subprocess.Popen([sys.executable, "-c", code, *map(str, words)], cwd=cwd or tmp_path))
        awaited(lambda: crew_of_folder(str(tmp_path / "a")).ranks)
        return tmp_path / "a", crew_of_folder(str(tmp_path / "a"))

    yield begin
    for process in started:
        process.kill()
        process.wait()


def test_one_process_with_one_run_is_fine_beside_others(start, tmp_path):
    folder, crew = start(tmp_path / "a" / "train.log")
    assert list(carried(crew, str(folder), [Other(str(tmp_path / "b"))])) == []


def test_a_process_that_writes_for_another_run_too(start, tmp_path):
    folder, crew = start(tmp_path / "a" / "train.log", tmp_path / "b" / "train.log")
    assert "also writes for" in next(iter(carried(crew, str(folder), [Other(str(tmp_path / "b"))])))


def test_a_process_that_was_seen_to_work_for_another_run(start, tmp_path):
    folder, crew = start(tmp_path / "a" / "train.log")
    rank = crew.ranks[0]
    other = Other(str(tmp_path / "b"), frozenset({(rank.pid, rank.start)}))
    assert "has worked for" in next(iter(carried(crew, str(folder), [other])))
    reused = Other(str(tmp_path / "b"), frozenset({(rank.pid, rank.start - 1)}))
    assert list(carried(crew, str(folder), [reused])) == []


def test_a_process_that_worked_for_an_earlier_run_in_the_same_folder(start, tmp_path):
    folder, crew = start(tmp_path / "a" / "train.log")
    rank = crew.ranks[0]
    before = Other(str(folder), frozenset({(rank.pid, rank.start)}), earlier=True)
    assert list(carried(crew, str(folder), [Other(str(folder), earlier=True)])) == []
    assert "has worked for" in next(iter(carried(crew, str(folder), [before])))


def test_what_cannot_be_excluded_counts_too(start, tmp_path):
    folder, crew = start(code=HIDDEN, cwd=tmp_path / "a")
    (tmp_path / "b" / "train.log").write_text("written by nobody knows whom\n")
    assert "nobody saw who wrote it" in next(iter(carried(crew, str(folder), [Other(str(tmp_path / "b"))])))
    known = Other(str(tmp_path / "b"), frozenset({(1, 1)}))
    assert list(carried(crew, str(folder), [known])) == []


def test_what_was_written_before_a_process_began_was_not_written_by_it(start, tmp_path):
    (tmp_path / "b" / "train.log").write_text("old\n")
    os.utime(tmp_path / "b" / "train.log", (1.0, 1.0))
    folder, crew = start(code=HIDDEN, cwd=tmp_path / "a")
    assert list(carried(crew, str(folder), [Other(str(tmp_path / "b"))])) == []


def test_two_runs_in_one_folder_are_no_single_run(start, tmp_path):
    folder, crew = start(tmp_path / "a" / "train.log")
    assert "folder of another run" in next(iter(carried(crew, str(folder), [Other(str(folder))])))

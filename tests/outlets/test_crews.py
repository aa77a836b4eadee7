"""Who is a run's, on real processes: ranks that nobody names, wrappers, consoles, debuggers. One rank alone is never signalled."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from sentinel.outlets.hands.exclusions import troubles
from sentinel.outlets.hands.process import Pin, Process, read_process
from sentinel.outlets.hands.sending import Refused, check_crew
from sentinel.outlets.hands.survey import crew_of_folder
from tests.world.waiting import awaited

WRITES = """import sys, time
log = open(sys.argv[1] + "/train.log", "a")
print("here", file=log, flush=True)
while True:
    time.sleep(0.1)
"""
STARTS_RANKS = """import os, subprocess, sys, time
if "LOCAL_RANK" not in os.environ:
    os.environ |= {"WORLD_SIZE": sys.argv[2], "LOCAL_RANK": "0"}
    subprocess.Popen([sys.executable, *sys.argv], env={**os.environ, "LOCAL_RANK": "1"})
    if os.fork() == 0:
        time.sleep(1000)
    time.sleep(0.3)
    print("here", file=open(sys.argv[1] + "/train.log", "a"), flush=True)
log = open(sys.argv[1] + "/train.log", "a")
while True:
    time.sleep(0.1)
"""
STARTS_ALIKE = """import multiprocessing, sys, time
def main(rank, folder):
    log = open(folder + "/train.log", "a") if rank == 0 else None
    print("here", file=log, flush=True)
    time.sleep(1000)
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[2])
    ranks = [context.Process(target=main, args=(rank, sys.argv[1])) for rank in range(2)]
    [rank.start() for rank in ranks]
    time.sleep(1000)
"""


@pytest.fixture
def begin(tmp_path):
    started, folder = [], tmp_path / "run"
    folder.mkdir()

    def begin(text, *words, before=(), name="train.py", env=None):
        script = tmp_path / name
        script.write_text(text)
        command = [*before, sys.executable, str(script), str(folder), *words]
        started.append(
            subprocess.Popen(command, cwd=tmp_path, start_new_session=True, env={**os.environ, **(env or {})})
        )
        awaited(lambda: (log := folder / "train.log").exists() and "here" in log.read_text())
        time.sleep(0.2)
        return started[-1], folder

    yield begin
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_ranks_that_the_first_rank_has_started_are_ranks_and_its_workers_are_not(begin):
    first, folder = begin(STARTS_RANKS, "2")
    crew = crew_of_folder(str(folder))
    assert (len(crew.ranks), crew.world, crew.trouble) == (2, 2, ())
    assert first.pid in {rank.pid for rank in crew.ranks}
    assert len(crew.others) == 1
    assert not crew.elsewhere


def test_where_the_first_rank_counts_on_more_than_are_here_the_others_are_elsewhere(begin):
    _, folder = begin(STARTS_RANKS, "4")
    assert crew_of_folder(str(folder)).elsewhere


@pytest.mark.parametrize("how", ["spawn", "fork"])
def test_ranks_that_nothing_names_are_refused_rather_than_one_of_them_signalled(begin, how):
    _, folder = begin(STARTS_ALIKE, how)
    with pytest.raises(Refused, match="were started alike"):
        check_crew(crew_of_folder(str(folder)), os.getuid())


@pytest.mark.parametrize("name", ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"])
def test_a_world_that_another_launcher_names_counts_too(begin, name):
    _, folder = begin(WRITES, env={name: "2"})
    assert crew_of_folder(str(folder)).elsewhere


def test_who_stands_below_a_wrapper_is_signalled_and_never_the_wrapper(begin, tmp_path):
    with (tmp_path / "run" / "out.log").open("w") as held:
        begin(WRITES, before=("timeout", "1000"))
        wrapper = subprocess.Popen(["timeout", "1000", "sleep", "1000"], stdout=held)
    try:
        names = {rank.name for rank in crew_of_folder(str(tmp_path / "run")).ranks}
        assert "timeout" not in names
        assert any(name.startswith("python") for name in names)
    finally:
        wrapper.terminate()
        wrapper.wait()


def one(command, *, pid=50, parent=1, busy=0.0, **more):
    return Process(pid, 1, parent, 0, "S", "python", tuple(command.split()), "/", busy=busy, **more)


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("python -m pdb train.py", "debugger"),
        ("python -m debugpy --listen 5678 train.py", "debugger"),
        ("/v/python /x/pydevd.py --file train.py", "debugger"),
        ("/v/python /v/bin/ipython", "console"),
        ("/v/bin/python3.11", "console"),
        ("python -i train.py", "console"),
        ("python -m ipykernel_launcher -f x.json", "notebook"),
    ],
)
def test_consoles_notebooks_and_debuggers_are_left_alone(command, word):
    found = list(troubles((one(command),), (), 1, {}))
    assert len(found) == 1
    assert word in found[0]


@pytest.mark.parametrize(
    "command", ["python train.py --pdb", "python train.py -i in.txt", "python -u train.py", "train"]
)
def test_what_a_training_is_told_is_not_what_it_is(command):
    assert not list(troubles((one(command),), (), 1, {}))


def test_who_only_waits_for_a_child_that_works_is_no_rank():
    launcher, child = one("python launch.py", busy=1.0), one("python launch.py", pid=51, parent=50, busy=60.0)
    assert "only waits for pid 51" in next(troubles((launcher,), (child,), 1, {}))
    assert not list(troubles((one("python train.py", busy=30.0),), (child,), 1, {}))
    loader = replace(child, name="pt_data_worker")
    assert not list(troubles((launcher,), (loader,), 1, {}))


def test_a_process_that_has_gone_elsewhere_is_not_the_one_that_was_looked_at(begin):
    process, _ = begin(WRITES)
    seen = read_process(process.pid)
    moved = type(seen)(**{**{name: getattr(seen, name) for name in seen.__slots__}, "cwd": "/elsewhere"})
    with pytest.raises(ProcessLookupError):
        Pin(moved)

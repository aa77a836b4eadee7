"""After the request: who of a run is still there, whom the last signals may go to, and a request that nobody answered."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("numpy")

from sentinel.core.stopping_world import Level
from sentinel.outlets.hands.consent import write_consent
from sentinel.outlets.hands.process import read_process
from sentinel.outlets.hands.rung import perform
from sentinel.outlets.hands.survey import crew_of_folder
from tests.world.waiting import awaited

PLAIN = Path(__file__).parent / "trainings" / "plain.py"
LEAVES_ONE = """import os, sys, time
log = open(sys.argv[1] + "/train.log", "a", buffering=1)
if os.fork() == 0:
    if sys.argv[2] == "quiet":
        log.close()
        os.setsid()
while True:
    time.sleep(0.05)
    log.closed or log.write("step\\n")
"""


@pytest.fixture
def run(tmp_path):
    started, folder = [], tmp_path / "run"
    folder.mkdir()
    write_consent(folder, Level.KILL)

    def begin(*words, env=None):
        command = [sys.executable, *map(str, words)]
        started.append(subprocess.Popen(command, start_new_session=True, env={**os.environ, **(env or {})}))
        awaited(lambda: (folder / "train.log").exists() and len((folder / "train.log").read_text()) > 30)
        return folder, started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()
    for place in (folder, tmp_path / "other"):
        for left in crew_of_folder(str(place)).all:
            os.kill(left.pid, signal.SIGKILL)


def do(deed, folder, tmp_path, **more):
    task = {
        "deed": deed, "plan": "p", "state": str(tmp_path / "state"), "folder": str(folder), "uid": os.getuid(),
        "ask": "", "needs": int(Level.STOP), "stop": True, "age": 0.0, "sent": time.clock_gettime(time.CLOCK_BOOTTIME),
    }  # fmt: skip
    return perform({**task, **more})


def test_a_worker_that_outlives_its_rank_and_goes_on_writing_is_seen_as_left(run, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(LEAVES_ONE)
    folder, rank = run(script, tmp_path / "run", "writes")
    assert do("end", folder, tmp_path)["ended"] == "done"
    assert rank.wait(10) == -signal.SIGTERM
    seen = do("watch", folder, tmp_path)
    assert (len(seen["here"]), seen["launcher"], seen["back"]) == (1, True, False)
    assert f"pid {seen['here'][0]} (python" in seen["left"]


def test_what_a_run_has_started_and_only_serves_a_page_is_nobody_to_wait_for(run, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(LEAVES_ONE)
    folder, rank = run(script, tmp_path / "run", "quiet")
    child = next(p.pid for p in crew_of_folder(str(folder)).others)
    do("end", folder, tmp_path)
    rank.wait(10)
    assert (do("watch", folder, tmp_path)["here"], read_process(child) is not None) == ([], True)
    os.kill(child, signal.SIGKILL)


def test_the_last_signals_go_to_those_alone_who_were_there_at_first(run, tmp_path):
    folder, rank = run(PLAIN, tmp_path / "run", "handler,early")
    assert do("ask", folder, tmp_path)["ended"] == "done"
    assert rank.wait(10) == 0
    folder, other = run(PLAIN, tmp_path / "run", "early")
    answer = do("end", folder, tmp_path)
    assert (answer["ended"], other.poll()) == ("failed", None)


def test_one_of_two_ranks_that_stays_behind_is_still_here_and_not_elsewhere(run, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(LEAVES_ONE.replace("os.fork()", "0"))
    ranks = {"WORLD_SIZE": "2"}
    folder, first = run(script, tmp_path / "run", "x", env={**ranks, "RANK": "0", "LOCAL_RANK": "0"})
    run(script, tmp_path / "run", "x", env={**ranks, "RANK": "1", "LOCAL_RANK": "1"})
    awaited(lambda: len(crew_of_folder(str(folder)).ranks) == 2)
    assert do("end", folder, tmp_path)["ended"] == "done"
    assert first.wait(10) == -signal.SIGTERM


def test_a_request_that_nobody_answered_is_taken_back_and_a_persons_own_file_is_not(run, tmp_path):
    folder, _ = run(PLAIN, tmp_path / "run", "early")
    assert do("ask", folder, tmp_path, ask="file:SAVE_NOW")["ended"] == "done"
    assert (folder / "SAVE_NOW").read_text() == "stop\n"
    (folder / "SAVE_NOW").write_text("by hand")
    assert "it stays" in do("withdraw", folder, tmp_path)["detail"]
    (folder / "SAVE_NOW").write_text("stop\n")
    assert "took" in do("withdraw", folder, tmp_path)["detail"]
    assert not (folder / "SAVE_NOW").exists()
    assert do("withdraw", folder, tmp_path)["detail"] == ""


def test_a_file_that_keeps_a_run_keeps_what_goes_on_with_it(run, tmp_path):
    folder, process = run(PLAIN, tmp_path / "run", "handler,early")
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    (earlier / "KEEP").touch()
    answer = do("ask", folder, tmp_path, before=[str(earlier)])
    assert (answer["ended"], str(earlier / "KEEP") in answer["detail"], process.poll()) == ("failed", True, None)
    assert do("survey", folder, tmp_path, before=[str(earlier)])["kept"].startswith(str(earlier / "KEEP"))


def test_what_starts_the_same_command_again_elsewhere_is_known_by_its_starter(run, tmp_path):
    script, other = tmp_path / "train.py", tmp_path / "other"
    script.write_text(
        "import os, sys, time\n"
        "folder = sys.argv[1] if not os.path.exists(sys.argv[1] + '/train.log') else sys.argv[1] + '/../other'\n"
        "os.makedirs(folder, exist_ok=True)\n"
        "log = open(folder + '/train.log', 'a', buffering=1)\n"
        "while True: log.write('a step of this run\\n'); time.sleep(0.05)\n"
    )
    loop = tmp_path / "loop.py"
    loop.write_text(f"import subprocess, sys\nwhile True: subprocess.run([sys.executable, '{script}', sys.argv[1]])\n")
    folder, _ = run(loop, tmp_path / "run")
    assert do("survey", folder, tmp_path)["before"] == []
    assert do("end", folder, tmp_path)["ended"] == "done"
    awaited(lambda: crew_of_folder(str(other)).ranks)
    write_consent(other, Level.KILL)
    assert do("survey", other, tmp_path, plan="q")["before"] == ["p"]
    assert do("survey", other, tmp_path, plan="p")["before"] == []


def test_a_checkpoint_from_the_future_says_nothing_of_what_is_lost(run, tmp_path):
    folder, _ = run(PLAIN, tmp_path / "run", "handler,early")
    awaited((folder / "ckpt.pt").exists)
    assert 0 <= do("prove", folder, tmp_path)["proven"]["age"] < 60
    later = time.time() + 7200
    os.utime(folder / "ckpt.pt", (later, later))
    found = do("prove", folder, tmp_path)["proven"]
    assert (found["good"], found["age"]) == (str(folder / "ckpt.pt"), None)

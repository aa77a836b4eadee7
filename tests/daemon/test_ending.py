"""The daemon's end with much that moved: it does not take everything apart or write everything down first, and loses nothing."""

import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

from sentinel.core.records import Batch
from sentinel.daemon.snapshots import Snapshots
from tests.daemon.test_running import ROOT, until

RUNS = 60
SETTINGS = """[sentinel]
state = "{0}/state"
[[watch]]
name = "t"
runs = "{0}/runs/*"
poll = "100ms"
[gpu]
enabled = false
[host]
enabled = false
"""


def started(place, name):
    out = place / name
    command = [sys.executable, "-P", "-m", "sentinel", "run", "--settings", str(place / "sentinel.toml")]
    with out.open("w") as file:
        daemon = subprocess.Popen(
            command, stdout=file, stderr=file, cwd="/", env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
    assert until(lambda: "is up and watching" in out.read_text(), 90), out.read_text()
    return daemon


def steps(place):
    ask = [sys.executable, "-m", "sentinel", "status", "--json", "--socket", str(place / "state" / "control")]
    done = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, timeout=30)
    return [run["step"] for run in json.loads(done.stdout or '{"runs": []}')["runs"] if run["watch"] == "t"]


def cpu_seconds(pid):
    """Of the process alone, as the kernel counts them."""
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_the_end_costs_little_after_much_has_moved_and_the_next_life_knows_all_of_it(tmp_path):
    (tmp_path / "sentinel.toml").write_text(SETTINGS.format(tmp_path))
    logs = []
    for n in range(RUNS):
        (tmp_path / "runs" / f"r{n}").mkdir(parents=True)
        logs.append(tmp_path / "runs" / f"r{n}" / "train.log")
        logs[-1].write_text("".join(f"step={step} loss={2.5 - step / 100}\n" for step in range(1, 40)))
    daemon = started(tmp_path, "first.txt")
    try:
        for log in logs:
            with log.open("a") as file:
                file.write("step=40 loss=2.0\n")
        assert until(lambda: steps(tmp_path).count(40) == RUNS, 60)
        before = cpu_seconds(daemon.pid)
        daemon.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(daemon.pid, 0)
        daemon.returncode = os.waitstatus_to_exitcode(status)
    finally:
        daemon.kill()
    assert daemon.returncode == 0
    assert usage.ru_utime + usage.ru_stime - before < 1.8
    assert "Sentinel ends: " in (tmp_path / "first.txt").read_text()
    again = started(tmp_path, "second.txt")
    try:
        assert until(lambda: steps(tmp_path).count(40) == RUNS, 60)
    finally:
        again.send_signal(signal.SIGTERM)
        assert again.wait(30) == 0


def test_what_there_is_no_time_for_keeps_its_older_record_and_stays_to_be_written(tmp_path):
    watched = SimpleNamespace(run=SimpleNamespace(info=SimpleNamespace(kind="host")), save=dict, over="")
    engine = SimpleNamespace(
        runs={"a": watched, "b": watched},
        keys=lambda: {"a": "a", "b": "b"},
        sleepers=SimpleNamespace(runs={}, planned=set()),
    )
    written = []
    snapshots = Snapshots(engine, SimpleNamespace(save_run=written.append), None)
    for key in ("a", "b"):
        snapshots.note(Batch(key, ()), 0.0)
    snapshots.save(snapshots.all_dirty(), 1.0, within=-1.0)
    assert (written, snapshots.all_dirty()) == ([], ["a", "b"])
    snapshots.save(snapshots.all_dirty(), 1.0, within=60.0)
    assert (len(written), snapshots.all_dirty()) == (2, [])

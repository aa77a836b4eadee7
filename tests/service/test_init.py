"""`sentinel init`: what is proposed from open files, and that real processes are seen."""

import argparse
import subprocess
import sys
import tomllib

import pytest

from sentinel.cli import init
from sentinel.daemon.proposals import Proposal, propose, run_folder, unseen_text, watch_text
from sentinel.daemon.settings import parse_settings
from sentinel.sources.processes.process import FileId, OpenFile, Pid, Process

HOMES = {"/home/ada", "/root"}


def trainer(pid, *paths, name="python3", **more):
    writes = tuple(OpenFile(path, FileId(1, n)) for n, path in enumerate(paths, pid * 100))
    return Process(Pid(pid, 1), 1, name, 1000, ("python3", "/home/ada/train.py"), "/home/ada", writes, **more)


def patterns(sight):
    return [proposal.runs or proposal.files for proposal in sight.proposals]


def test_runs_beside_one_another_become_one_pattern():
    seen = [trainer(1, "/data/nlp/a/train.log"), trainer(2, "/data/nlp/b/logs/metrics.csv")]
    sight = propose(seen, (), HOMES)
    assert patterns(sight) == ["/data/nlp/*"]
    assert sight.proposals[0].name == "nlp"
    assert "and 1 more" in sight.proposals[0].why


def test_a_log_among_other_things_is_watched_alone():
    assert patterns(propose([trainer(1, "/home/ada/train.log")], (), HOMES)) == [("/home/ada/train.log",)]


def test_folders_of_a_tracker_are_not_the_run():
    assert run_folder("/data/nlp/a/wandb/run-20260101_101010-x1/files/output.log", HOMES) != ""
    assert run_folder("/data/nlp/a/wandb/run-20260101_101010-x1/run-x1.wandb", HOMES) == "/data/nlp/a"
    assert run_folder("/data/nlp/a/tensorboard/events.out.tfevents.1", HOMES) == "/data/nlp/a"


def test_what_is_no_trainer_and_what_is_no_log_is_left_alone():
    seen = [trainer(1, "/data/x/y/log.txt", name="nginx"), trainer(2, "/data/x/y/model.bin")]
    assert propose(seen, (), HOMES).proposals == []
    assert patterns(propose(seen[:1], {1}, HOMES)) == ["/data/x/*"]


def test_what_may_not_be_seen_stands_as_a_comment_with_its_cure():
    sight = propose([trainer(7, denied=("files",))], {7}, HOMES)
    text = unseen_text(sight.unseen)
    assert text.startswith("# not seen: pid 7 on a GPU")
    assert "sudo sentinel init" in text
    assert tomllib.loads(text) == {}


@pytest.mark.parametrize("hostile", ['a"\n[stop]\nmode = "armed"', "b\\", "c\x7f\x1b[2J\u202e", "d\r\nx"])
def test_a_path_or_command_cannot_add_a_setting(hostile):
    text = watch_text(Proposal(hostile, runs=f"/data/{hostile}/*", why=f"pid 1 ({hostile})"))
    settings, faults = parse_settings(text, "x")
    assert faults == []
    assert settings.stop.mode == "rehearse"
    assert settings.watch[0].runs == f"/data/{hostile}/*"


def test_a_real_process_is_seen_and_its_run_written_once(tmp_path, capsys):
    run = tmp_path / "experiments" / "first"
    run.mkdir(parents=True)
    script = f"f = open({str(run / 'train.log')!r}, 'a'); print('up', flush=True); input()"
    settings = tmp_path / "sentinel.toml"
    parser = argparse.ArgumentParser()
    init.configure(parser)
    words = parser.parse_args(["--yes", "--settings", str(settings)])
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], **pipes) as child:
        child.stdout.readline()
        assert init.run(words) == 0
        first = settings.read_text()
        init.run(words)
        child.communicate(b"\n")
    watches = parse_settings(first, "x")[0].watch
    assert f"{tmp_path}/experiments/*" in [watch.runs for watch in watches]
    assert settings.read_text().count(f"{tmp_path}/experiments/*") == 1

"""`sentinel init`: what is proposed from open files, and that real processes are seen."""

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

from sentinel.cli import init
from sentinel.daemon.proposals import Proposal, propose, run_folder, unseen_text, watch_text
from sentinel.daemon.settings import parse_settings
from sentinel.sources.processes.process import FileId, OpenFile, Pid, Process

ROOT = Path(__file__).parents[2]
# Everything is imported first: the interpreter may lie where that user cannot reach it.
BECOME = """
import os, sys, argparse, pynvml, sentinel.sources.processes.reading
from sentinel.cli import init
os.setgroups([]); os.setgid(54002); os.setuid(54002)
parser = argparse.ArgumentParser(); init.configure(parser)
sys.exit(init.run(parser.parse_args(["--yes", "--settings", sys.argv[1]])))
"""
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


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")
def test_settings_of_the_service_stay_readable_to_it_and_a_link_to_them_stays_a_link(tmp_path):
    real, link = tmp_path / "real.toml", tmp_path / "sentinel.toml"
    real.write_text("")
    os.chown(real, 54001, 54002)
    real.chmod(0o640)
    link.symlink_to(real)
    init.write(link, "# more\n")
    facts = real.stat()
    assert (facts.st_uid, facts.st_gid, facts.st_mode & 0o777) == (54001, 54002, 0o640)
    assert link.is_symlink()
    assert link.read_text() == "# more\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="a process of another user needs root")
def test_without_root_a_strangers_training_stands_as_a_comment_with_the_command_that_sees_it(tmp_path):
    """The real command, as one user, beside a real Python of another's that writes a log."""
    with tempfile.TemporaryDirectory(prefix="sentinel-init-") as name:
        place = Path(name)
        place.chmod(0o777)
        settings = place / "sentinel.toml"
        code = "import sys; f = open(sys.argv[1], 'a'); print('up', flush=True); input()"
        theirs = subprocess.Popen(
            ["/usr/bin/env", "python3", "-c", code, str(place / "train.log")],
            user=54001, group=54001, extra_groups=[], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/",
        )  # fmt: skip
        try:
            theirs.stdout.readline()
            done = subprocess.run(
                [sys.executable, "-P", "-c", BECOME, str(settings)], cwd="/", capture_output=True, text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": name},
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            text = settings.read_text()
        finally:
            theirs.communicate(b"\n")
    line = next(line for line in text.splitlines() if f"pid {theirs.pid} " in line)
    assert line.startswith("# not seen: ")
    assert f"sudo sentinel init --settings {settings} (it belongs to uid 54001)" in line
    assert parse_settings(text, "x")[1] == []


def test_each_proposal_is_one_question_and_only_what_was_wanted_is_written(tmp_path):
    """At a real terminal: yes to one of two, no to whatever else runs here."""
    for name in ("wanted", "left"):
        (tmp_path / name / "runs" / "a").mkdir(parents=True)
    logs = [str(tmp_path / name / "runs" / "a" / "train.log") for name in ("wanted", "left")]
    hold = "import sys; files = [open(name, 'a') for name in sys.argv[1:]]; print('up', flush=True); input()"
    settings = tmp_path / "sentinel.toml"
    ours, theirs = os.openpty()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", hold, *logs], **pipes) as trainer:
        trainer.stdout.readline()
        command = [sys.executable, "-P", "-m", "sentinel", "init", "--settings", str(settings)]
        child = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        os.close(theirs)
        said = answered(ours, str(tmp_path / "wanted"))
        assert child.wait(30) == 0, said
        trainer.communicate(b"\n")
    os.close(ours)
    assert said.count(f"watch {tmp_path}/wanted/runs/*, written by pid {trainer.pid}") == 1
    assert [watch.runs for watch in parse_settings(settings.read_text(), "x")[0].watch] == [f"{tmp_path}/wanted/runs/*"]


def answered(terminal, wanted):
    """Everything that was said, each question answered: yes where the wanted folder stands in it."""
    said, heard = "", ""
    while True:
        try:
            part = os.read(terminal, 4096).decode()
        except OSError:  # the other end has gone
            return said
        if not part:
            return said
        said, heard = said + part, heard + part
        if heard.endswith("[Y/n] "):
            os.write(terminal, b"\n" if wanted in heard else b"n\n")
            heard = ""

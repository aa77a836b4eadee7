"""Slurm for real, where it is installed: a controller and a node of our own, jobs that are asked and parked."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numpy")

from sentinel.outlets.hands import slurm
from sentinel.outlets.hands.ladder import Patience, climb_whole, survey
from sentinel.outlets.hands.process import read_process
from sentinel.outlets.hands.sending import Refused
from sentinel.outlets.hands.survey import Crew
from sentinel.outlets.proof.proving import State, prove
from tests.world.waiting import awaited

PLAIN = Path(__file__).parent / "trainings" / "plain.py"
CALM = Patience(save=15.0, leave=20.0, quiet=2.0, still=0.3)
CONF = """ClusterName=one
SlurmctldHost={host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SlurmctldPort={port}
SlurmdPort={other}
StateSaveLocation={folder}/ctld
SlurmdSpoolDir={folder}/d
SlurmctldPidFile={folder}/ctld.pid
SlurmdPidFile={folder}/d.pid
SlurmctldLogFile={folder}/ctld.log
SlurmdLogFile={folder}/d.log
KillWait=10
NodeName={host} CPUs=1 State=UNKNOWN
PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
installed = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("slurmctld", "slurmd", "munged", "sbatch"))),
    reason="needs root and slurm-wlm with munge",
)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "ctld").mkdir()
    (folder / "d").mkdir()
    text = CONF.format(host=socket.gethostname(), folder=folder, port=free_port(), other=free_port())
    (folder / "slurm.conf").write_text(text)
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    if subprocess.run("munge -n </dev/null", shell=True, capture_output=True).returncode:
        for place in ("/run/munge", "/var/log/munge", "/var/lib/munge"):
            Path(place).mkdir(exist_ok=True)
            shutil.chown(place, "munge", "munge")
        words = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", shutil.which("munged")]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for daemon in (["slurmctld", "-i"], ["slurmd"]):
        subprocess.run(daemon, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    awaited(lambda: "idle" in subprocess.run(["sinfo", "-h"], capture_output=True, text=True).stdout)
    yield folder
    subprocess.run(["scancel", "--user=root"])
    for name in ("d.pid", "ctld.pid"):
        os.kill(int((folder / name).read_text()), 15)
    awaited(lambda: not any((folder / name).exists() for name in ("d.pid", "ctld.pid")))
    del os.environ["SLURM_CONF"]


@pytest.fixture
def submit(cluster, tmp_path):
    jobs = []

    def begin(line, mode="handler,early"):
        run = tmp_path / "run"
        run.mkdir()
        script = tmp_path / "job.sh"
        script.write_text(f"#!/bin/bash\n{line} {sys.executable} {PLAIN} {run} {mode}\necho after\n")
        words = ["sbatch", "--parsable", "-n1", f"--output={tmp_path}/out", str(script)]
        jobs.append(subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip())
        awaited(lambda: (run / "train.log").exists() and "step 40" in (run / "train.log").read_text())
        return run, jobs[-1]

    yield begin
    for job in jobs:
        subprocess.run(["scancel", "--signal=KILL", "--full", job])
        subprocess.run(["scancel", job])
        awaited(lambda job=job: slurm.state_of(job) in ("", "CANCELLED"))


@installed
@pytest.mark.torture
@pytest.mark.parametrize("line", ["exec", "srun"])
def test_a_job_is_asked_through_slurm_saves_and_ends(submit, tmp_path, line):
    run, job = submit(line)
    done = climb_whole(survey(run, tmp_path / "audit.jsonl", override="slurm:TERM"), 0, CALM)
    assert (done.outcome, prove(run / "ckpt.pt").state) == ("stopped", State.SANE), done.said
    assert prove(run / "ckpt.pt").step > 40
    awaited(lambda: slurm.state_of(job) in slurm.GONE)


@installed
@pytest.mark.torture
def test_below_a_batch_shell_it_is_not_asked_but_parked_on_its_good_checkpoint(submit, tmp_path):
    run, job = submit("")
    done = climb_whole(survey(run, tmp_path / "audit.jsonl", override="slurm:TERM"), 0, CALM)
    assert done.outcome == "stopped", done.said
    assert any("the batch shell" in said for said in done.said)
    assert any("requeuehold" in said for said in done.said)
    assert slurm.state_of(job) in slurm.HELD


@installed
@pytest.mark.torture
def test_without_a_word_of_the_owner_a_job_is_refused_with_the_command_by_hand(submit, tmp_path):
    run, job = submit("exec")
    climb = survey(run, tmp_path / "audit.jsonl")
    assert f"scancel --signal=TERM --full {job}" in climb.way.words
    assert climb_whole(climb, 0, CALM, checkpoint_only=True).outcome == "refused"


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Slurm's commands as scripts, for what a real one does not do when it is asked to."""

    def put(**scripts):
        for name, text in scripts.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        monkeypatch.setenv("SLURM_JOB_ID", "7")
        process = read_process(os.getpid())
        named = type(process)(
            **{n: getattr(process, n) for n in process.__slots__} | {"environment": {"SLURM_JOB_ID": "7"}}
        )
        return Crew((named,))

    return put


def test_after_an_error_slurm_is_asked_again_and_believed(stand_in, tmp_path):
    crew = stand_in(scontrol="echo late >&2; exit 1", squeue="echo REQUEUE_HOLD")
    assert "REQUEUE_HOLD" in slurm.park(crew, tmp_path / "a.jsonl")


def test_an_error_on_a_job_that_runs_on_is_a_refusal_and_nothing_is_tried_again(stand_in, tmp_path):
    crew = stand_in(scontrol=f"echo x >> {tmp_path}/count; exit 1", squeue="echo RUNNING")
    with pytest.raises(Refused, match="job 7 is RUNNING"):
        slurm.park(crew, tmp_path / "a.jsonl")
    assert (tmp_path / "count").read_text() == "x\n"


def test_loader_workers_below_a_rank_forbid_slurms_signal(stand_in, tmp_path):
    crew = stand_in(scancel="exit 0")
    with pytest.raises(Refused, match="workers"):
        slurm.ask_job(Crew(crew.ranks, others=crew.ranks), "TERM", tmp_path / "a.jsonl")

"""How a stopped run is started again, and what is kept of it: exact, without secrets, never through a link."""

import os
import subprocess
import sys
import time

import pytest

from sentinel.outlets.hands.blacking import black_text
from sentinel.outlets.hands.evidence import ATTACHED, MOST_ATTACHED, gather
from sentinel.outlets.hands.process import Process, read_process
from sentinel.outlets.hands.resuming import resume_line
from sentinel.outlets.hands.survey import Crew


def process(*command, pid=-7, **environment):
    return Process(pid, 1, 1, 0, "S", "python", command, cwd="/data/my runs", environment=environment)


def test_the_launchers_command_is_what_starts_a_run_again():
    crew = Crew((process("python", "train.py"),), (process("torchrun", "train.py", "--name", "a b", pid=-6),))
    assert resume_line(crew) == "cd '/data/my runs' && torchrun train.py --name 'a b'"


def test_a_bare_python_is_that_of_the_environment_that_was_entered(tmp_path):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("")
    python.chmod(0o755)
    crew = Crew(
        (process("python", "train.py", VIRTUAL_ENV=str(tmp_path), CUDA_VISIBLE_DEVICES="2,3", WANDB_API_KEY="x"),)
    )
    assert resume_line(crew) == f"cd '/data/my runs' && CUDA_VISIBLE_DEVICES=2,3 {python} train.py"


def test_a_slurm_job_goes_on_by_slurms_own_word():
    assert (
        resume_line(Crew((process("python", "t.py", SLURM_JOB_ID="12"),)))
        == "scontrol release 12 || scontrol requeue 12"
    )


def test_the_command_that_is_named_does_what_the_first_one_did(tmp_path):
    log = tmp_path / "a b.log"
    script = tmp_path / "train.py"
    script.write_text("import os, sys, time; print(os.getcwd(), sys.argv[1:], flush=True); time.sleep(1000)")
    with log.open("w") as out:
        first = subprocess.Popen([sys.executable, str(script), "--name", "x y"], cwd=tmp_path, stdout=out, stderr=out)
    try:
        while not log.read_text():
            time.sleep(0.05)
        line = resume_line(Crew((read_process(first.pid),)))
    finally:
        first.kill()
        first.wait()
    script.write_text(script.read_text().replace("; time.sleep(1000)", ""))
    assert subprocess.run(["sh", "-c", line], check=False, cwd="/").returncode == 0
    one, other = log.read_text().splitlines()
    assert one == other


def test_secrets_in_a_command_are_blacked_out():
    words = (
        "python",
        "t.py",
        "--hub-token",
        "abc",
        "--wandb_key=xyz",
        "--url=http://ada:pw@host/x",
        "--id",
        "hf_abcdefgh1",
    )
    line = resume_line(Crew((process(*words),)))
    assert not [secret for secret in ("abc ", "xyz", "ada:pw", "hf_abcdefgh1") if secret in line]
    assert "@host/x" in line


def test_the_last_lines_of_a_log_are_kept_and_no_link_is_followed(tmp_path):
    folder, into = tmp_path / "run", tmp_path / "evidence"
    folder.mkdir()
    (folder / "train.log").write_text("".join(f"step {n}\n" for n in range(1000)))
    (tmp_path / "secret.log").write_text("secret")
    (folder / "a.log").symlink_to(tmp_path / "secret.log")
    os.mkfifo(folder / "b.log")
    gather(Crew(), folder, into)
    assert [path.name for path in into.glob("last-*")] == ["last-train.log"]
    assert (into / "last-train.log").read_text().count("\n") == 200


def test_logs_that_the_run_is_known_by_are_kept_from_wherever_below_its_folder_they_are(tmp_path):
    folder, into = tmp_path / "run", tmp_path / "evidence"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "metrics.txt").write_text("epoch 1\n")
    (folder / "events").write_bytes(b"\0\1")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "out").symlink_to(tmp_path)
    gather(Crew(), folder, into, ("logs/metrics.txt", "events", "../secret.txt", "out/secret.txt", "/etc/passwd"))
    assert [path.name for path in into.glob("last-*")] == ["last-logs-metrics.txt"]


@pytest.mark.parametrize(
    "line",
    [
        "login with hf_abcdefghij1", "WANDB_API_KEY=0123456789abcdef", "{'password': 'hunter22'}", "auth: hunter22",
        "GET http://ada:hunter22@host/x", "Authorization: Bearer abcdefgh12345678", "api_key = 'hunter22'",
    ],
)  # fmt: skip
def test_secrets_in_what_is_kept_and_sent_are_blacked_out(line):
    said = black_text(f"step 1 loss 2.0\n{line}\nstep 2 tokens 300 key 5")
    assert not [part for part in ("hf_abc", "0123456", "hunter22", "abcdefgh") if part in said]
    assert said.startswith("step 1 loss 2.0\n")
    assert said.endswith("step 2 tokens 300 key 5")


def test_all_of_it_is_in_one_bounded_text_that_can_be_sent(tmp_path):
    folder, into = tmp_path / "run", tmp_path / "evidence"
    folder.mkdir()
    for name in "abcdef":
        (folder / f"{name}.log").write_text(f"api_key=hunter22\n{'ä' * 400}\n" * 300)
    gather(Crew(), folder, into)
    text = (into / ATTACHED).read_text()
    assert len(text.encode()) <= MOST_ATTACHED
    assert "== last-a.log ==" in text
    assert "hunter22" not in text

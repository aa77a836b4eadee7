"""How a stopped run is started again, and what is kept of it: exact, without secrets, never through a link."""

import os

from sentinel.outlets.hands.evidence import gather
from sentinel.outlets.hands.process import Process
from sentinel.outlets.hands.resuming import resume_line
from sentinel.outlets.hands.survey import Crew


def process(*command, pid=7):
    return Process(pid, 1, 1, 0, "S", "python", command, cwd="/data/my runs")


def test_the_launchers_command_is_what_starts_a_run_again():
    crew = Crew((process("python", "train.py"),), (process("torchrun", "train.py", "--name", "a b", pid=6),))
    assert resume_line(crew) == "cd '/data/my runs' && torchrun train.py --name 'a b'"


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

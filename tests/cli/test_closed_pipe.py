"""A reader that has seen enough (`| head`) ends a command quietly."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "words", ["--help", "--version", "tail --help", "check {rules}", "tail --once {log}", "demo --help"]
)
def test_a_command_into_a_closed_pipe_says_nothing_and_succeeds(words, tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "train.log").write_text("".join(f"step {n} loss 1.{n}\n" for n in range(5000)))
    words = words.format(rules=tmp_path / "rules", log=tmp_path / "train.log")
    read, write = os.pipe()
    os.close(read)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "sentinel", *words.split()], stdout=write, stderr=subprocess.PIPE, timeout=60
        )
    finally:
        os.close(write)
    assert (ended.returncode, ended.stderr.decode()) == (0, "")

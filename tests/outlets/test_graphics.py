"""The GPU memory of a run that was stopped: free, held by somebody, or not known. A stand-in speaks as nvidia-smi does."""

import os
import sys

import pytest

from sentinel.outlets.hands.graphics import note_after, note_gpus
from sentinel.outlets.hands.process import read_process
from sentinel.outlets.hands.survey import Crew

SPEAKS = """#!{python}
import pathlib, sys
print(pathlib.Path(__file__).with_name("apps" if "compute-apps" in sys.argv[1] else "gpus").read_text())
"""
CREW = Crew((read_process(os.getpid()),))


@pytest.fixture
def smi(tmp_path, monkeypatch):
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place))

    def speaks(apps, gpus="GPU-a, 0, 4, 143771\nGPU-b, 1, 90000, 143771"):
        script = place / "nvidia-smi"
        script.write_text(SPEAKS.format(python=sys.executable))
        script.chmod(0o755)
        (place / "apps").write_text(apps)
        (place / "gpus").write_text(gpus)

    return speaks


def test_after_the_end_the_memory_of_its_own_gpus_is_free(smi, tmp_path):
    smi(f"GPU-a, {os.getpid()}\nGPU-b, 7")
    note_gpus(CREW, tmp_path)
    smi("GPU-b, 7")
    assert note_after(tmp_path) == "GPU 0 free (4 of 143771 MiB used)"


@pytest.mark.parametrize(("left", "by"), [("GPU-b, 7", "by pid 7"), ("", "no process is named for it")])
def test_memory_that_is_still_held_is_named(smi, tmp_path, left, by):
    smi(f"GPU-b, {os.getpid()}")
    note_gpus(CREW, tmp_path)
    smi(left)
    said = note_after(tmp_path)
    assert said.startswith("GPU 1 NOT free (90000 of 143771 MiB used")
    assert by in said


def test_what_cannot_be_asked_is_not_known_and_never_free(smi, tmp_path):
    smi(f"GPU-a, {os.getpid()}")
    note_gpus(CREW, tmp_path)
    (tmp_path / "bin" / "nvidia-smi").unlink()
    assert note_after(tmp_path).startswith("not known")


def test_of_a_run_without_a_gpu_nothing_is_said(smi, tmp_path):
    smi("GPU-b, 7")
    note_gpus(CREW, tmp_path)
    assert note_after(tmp_path) == ""

"""Lightning's own signal handler saves nothing: whether a run's code or config says more is read before it is asked."""

import pytest

from sentinel.outlets.hands.process import Process
from sentinel.outlets.hands.scripts import saves_nothing_of_itself
from sentinel.outlets.hands.survey import Crew
from sentinel.outlets.hands.ways import find_way

PLAIN = "import torch\n"
FIT = "from lightning.pytorch import Trainer\n"


@pytest.fixture
def crew(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "run").mkdir()

    def make(text, *words):
        (tmp_path / "code" / "train.py").write_text(text)
        command = words or ("python", "code/train.py")
        caught = 1 << 14  # SIGTERM
        return Crew((Process(-5, 1, 1, 0, "S", "python", command, str(tmp_path), caught=caught),)), str(
            tmp_path / "run"
        )

    return make


@pytest.mark.parametrize(
    ("text", "silent"),
    [
        (PLAIN, False),
        (FIT, True),
        ("import pytorch_lightning as pl\n", True),
        (FIT + "ModelCheckpoint(save_on_exception=True)", False),
        (FIT + "ModelCheckpoint(save_on_exception=args.save)", False),
        (FIT + "ModelCheckpoint(save_on_exception=False)", True),
        (FIT + "OnExceptionCheckpoint(d)", False),
    ],
)
def test_what_the_script_says_is_believed(crew, text, silent):
    made, run = crew(text)
    assert saves_nothing_of_itself(made, run) is silent
    assert find_way(made, run).known is not silent


def test_a_config_or_a_file_beside_the_script_may_say_that_it_saves(crew, tmp_path):
    made, run = crew(FIT)
    (tmp_path / "run" / ".hydra").mkdir()
    (tmp_path / "run" / ".hydra" / "config.yaml").write_text("callbacks:\n  save_on_exception: true\n")
    assert not saves_nothing_of_itself(made, run)
    (tmp_path / "run" / ".hydra" / "config.yaml").unlink()
    (tmp_path / "code" / "model").mkdir()
    (tmp_path / "code" / "model" / "parts.py").write_text("OnExceptionCheckpoint\n")
    assert not saves_nothing_of_itself(made, run)


def test_another_script_beside_it_makes_no_lightning_of_a_plain_loop(crew, tmp_path):
    made, run = crew(PLAIN)
    (tmp_path / "code" / "other.py").write_text(FIT)
    assert not saves_nothing_of_itself(made, run)


@pytest.mark.parametrize("name", ["lightning_logs/version_0/metrics.csv", "saved/epoch=0-step=100.ckpt"])
def test_a_module_whose_run_bears_lightnings_names_is_lightning(crew, tmp_path, name):
    made, run = crew(PLAIN, "python", "-m", "code.train")
    assert not saves_nothing_of_itself(made, run)
    (tmp_path / "run" / name).parent.mkdir(parents=True)
    (tmp_path / "run" / name).touch()
    assert saves_nothing_of_itself(made, run)


def test_what_the_owner_of_the_watch_says_goes_before_it(crew):
    made, run = crew(FIT)
    assert find_way(made, run, "signal:TERM").known
    assert 'ask = "signal:TERM"' in find_way(made, run).words

"""Every supported line of the table in docs/operate/stopping.md, run for real."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sentinel.outlets.hands.ladder import Patience, climb_whole, survey
from sentinel.outlets.hands.survey import crew_of_folder
from sentinel.outlets.proof.proving import State, prove
from tests.world.waiting import awaited

pytestmark = [pytest.mark.torch, pytest.mark.timeout(600)]
HERE = Path(__file__).parent / "trainings"
BY_ITSELF = (0, 1)  # a launcher of ranks: gloo can abort a rank whose peer closed first (horovod #2907), after its save
CALM = Patience(save=30.0, leave=30.0, quiet=2.0, still=0.3, look=0.1)


@pytest.fixture
def start(tmp_path):
    started = []
    folder = tmp_path / "run"
    folder.mkdir()

    def begin(script, *words, ranks=0):
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"] if ranks else []
        command = [sys.executable, *launcher, str(HERE / script), str(folder), *map(str, words)]
        with (tmp_path / "output.txt").open("w") as output:
            started.append(subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True))
        _wait(folder, started[-1], tmp_path / "output.txt")
        return folder, started[-1]

    yield begin
    for process in started:
        for left in crew_of_folder(str(folder)).all:
            if str(folder) in left.line:
                os.kill(left.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def _wait(folder, process, output, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, output.read_text()[-2000:]
        if any("step 20" in log.read_text() for log in folder.glob("*.log")):
            return
        time.sleep(0.1)
    raise AssertionError(output.read_text()[-2000:])


def climb(folder, tmp_path, may_lose=False, **options):
    begun = survey(folder, tmp_path / "audit.jsonl")
    begun.may_lose = may_lose
    return climb_whole(begun, os.getuid(), CALM, **options)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("mode", "asked"), [("handler", True), ("none", False)])
def test_a_torch_loop(start, tmp_path, mode, asked, workers):
    folder, process = start("torch_loop.py", mode, workers)
    done = climb(folder, tmp_path)
    assert (done.outcome, bool(done.saved), len(done.crew.ranks)) == ("stopped", asked, 1)
    assert process.wait(60) == (0 if asked else -signal.SIGTERM)
    assert prove(folder / "ckpt.pt").state is State.SANE


def test_torchrun_with_two_ranks_and_two_loaders_each(start, tmp_path):
    folder, process = start("torch_loop.py", "handler", 2, ranks=2)
    done = climb(folder, tmp_path)
    assert (done.outcome, len(done.crew.ranks), len(done.crew.agents)) == ("stopped", 2, 1)
    assert len(done.crew.others) >= 4
    assert done.saved.state is State.SANE
    assert process.wait(60) in BY_ITSELF


def test_lightning_with_save_on_exception(start, tmp_path):
    folder, process = start("lightning_fit.py", "exception")
    done = climb(folder, tmp_path)
    assert (done.outcome, done.saved.state, done.saved.optimizer) == ("stopped", State.SANE, True)
    assert process.wait(60) is not None


def test_lightning_without_it_is_not_asked_for_it_would_exit_as_if_all_were_well(start, tmp_path):
    folder, process = start("silent/train.py")
    done = climb(folder, tmp_path)
    assert (done.outcome, process.poll()) == ("refused", None)
    assert 'ask = "signal:TERM"' in done.said[-1]
    done = climb(folder, tmp_path, may_lose=True)
    assert (done.outcome, done.saved) == ("stopped", None)
    assert process.wait(60) is not None


def test_lightning_over_two_ranks_is_not_asked_by_a_signal_for_its_ranks_may_wait_for_each_other(start, tmp_path):
    folder, process = start("lightning_fit.py", "ddp")
    awaited(lambda: len(crew_of_folder(str(folder)).ranks) == 2)
    done = climb(folder, tmp_path)
    assert (done.outcome, len(done.crew.ranks), process.poll()) == ("refused", 2, None)
    assert "StopOnRequest" in done.said[-1]


def test_lightning_over_two_ranks_with_the_gift_is_asked_by_its_stop_file(start, tmp_path):
    folder, process = start("lightning_fit.py", "ddp,gift")
    awaited(lambda: len(crew_of_folder(str(folder)).ranks) == 2)
    assert climb(folder, tmp_path).outcome == "stopped"
    assert process.wait(60) in BY_ITSELF


def test_lightning_with_the_gift_saves_goes_on_and_then_stops(start, tmp_path):
    folder, process = start("lightning_fit.py", "gift")
    first = climb(folder, tmp_path, checkpoint_only=True)
    assert (first.outcome, process.poll()) == ("saved", None)
    assert (climb(folder, tmp_path).outcome, process.wait(60)) == ("stopped", 0)


def test_hugging_face_with_jit_checkpoint(start, tmp_path):
    folder, process = start("hf_fit.py", "jit")
    done = climb(folder, tmp_path)
    assert (done.outcome, done.saved.state, process.wait(60)) == ("stopped", State.SANE, 0)


def test_hugging_face_without_it_is_refused_and_goes_on(start, tmp_path):
    folder, process = start("hf_fit.py", "default")
    assert (climb(folder, tmp_path).outcome, process.poll()) == ("refused", None)


def test_hugging_face_with_the_gift(start, tmp_path):
    folder, process = start("hf_fit.py", "gift")
    done = climb(folder, tmp_path)
    assert (done.outcome, done.saved.state, process.wait(60)) == ("stopped", State.SANE, 0)


def test_untrained_rows_of_a_vocabulary_that_is_too_large_are_found(tmp_path):
    import torch

    model = torch.nn.Embedding(32_000, 64)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.arange(423)).sum().backward()
    optimizer.step()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "a.pt")
    assert prove(tmp_path / "a.pt").untrained[0][1:] == (31_577, 32_000)


def test_what_torch_saves_in_its_old_form_is_read_too(tmp_path):
    import torch

    torch.save({"w": torch.ones(9), "step": 3}, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    assert (prove(tmp_path / "a.pt").state, prove(tmp_path / "a.pt").step) == (State.SANE, 3)
    (tmp_path / "a.pt").write_bytes((tmp_path / "a.pt").read_bytes()[:-1])
    assert prove(tmp_path / "a.pt").state is State.INCOMPLETE


def test_a_torch_save_that_was_killed_is_caught(tmp_path):
    import torch

    torch.save({f"w{n}": torch.randn(1000) for n in range(20)}, tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        (tmp_path / "cut.pt").write_bytes(whole[: int(len(whole) * share)])
        assert prove(tmp_path / "cut.pt").state is State.INCOMPLETE

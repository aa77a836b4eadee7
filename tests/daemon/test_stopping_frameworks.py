"""Every framework of the table in docs/operate/stopping.md under the whole daemon, armed: real trainings, one a night."""

import signal
import sys

import pytest

from sentinel.core.stopping import BACK
from sentinel.core.stopping_plan import Route, Stage
from sentinel.outlets.proof.proving import State, prove
from tests.daemon.stopping_night import TRAININGS, Night, left_over
from tests.world.waiting import awaited

pytestmark = [pytest.mark.torch, pytest.mark.timeout(600)]
TERM = "SIGTERM"


@pytest.fixture
def night(tmp_path):
    night = Night(tmp_path, waits={"save_wait": 20.0, "exit_wait": 20.0, "quiet_after": 4.0, "fresh": 60.0})
    night.rule("bad", "train.loss < 100", "terminal", "t")
    yield night
    night.close()


def end_of(night, script, *words, ranks=0, name="a", launcher=()):
    """How the run's plan ended, the signals that it got, its route, and how its process ended."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"] if ranks else []
    launcher = [*torchrun, *launcher]
    folder = night.folder / "runs" / name
    night.train(name, command=[sys.executable, *launcher, str(TRAININGS / script), str(folder), *words])
    night.watch()
    plan = night.ended(name, 400)
    process = night.trainings[name]
    code = process.wait(60) if plan.stage is Stage.STOPPED else process.poll()
    return plan.stage, night.signals(name), plan.route, code


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_torch_loop_with_a_handler(night, workers):
    assert end_of(night, "torch_loop.py", "handler", workers) == (Stage.STOPPED, [TERM], Route.ASK, 0), night.story("a")


def test_a_torch_loop_without_a_handler_and_two_loaders(night):
    ended = (Stage.STOPPED, [TERM], Route.DIRECT, -signal.SIGTERM)
    assert end_of(night, "torch_loop.py", "none", "2") == ended, night.story("a")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_torchrun_with_two_ranks(night, workers):
    ended = end_of(night, "torch_loop.py", "handler", workers, ranks=2)
    assert ended[:3] == (Stage.STOPPED, [TERM], Route.ASK), night.story("a")
    assert all_ended_by_themselves(night, ended)


def test_ranks_that_their_launcher_restarts_are_told_and_not_fought(night):
    ended = end_of(night, "torch_loop.py", "none,alone", "0", ranks=2, launcher=["--max-restarts=2"])
    assert ended == (Stage.FAILED, [TERM], Route.DIRECT, None), night.story("a")
    (plan,) = night.plans("a")
    assert plan.why == BACK
    awaited(lambda: any(BACK in str(message) for message in night.told))
    log = night.folder / "runs" / "a" / "train-0.log"
    size = log.stat().st_size
    awaited(lambda: log.stat().st_size > size + 1000, 60)  # it trains on
    assert (night.signals("a"), len(night.plans("a"))) == ([TERM], 1)


def test_accelerates_own_launcher_is_left_alone_and_its_rank_is_asked(night):
    launcher = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes=1"]
    ended = end_of(night, "accelerate_loop.py", "handler", launcher=launcher)
    assert ended == (Stage.STOPPED, [TERM], Route.ASK, 0), night.story("a")
    assert prove_good(night).optimizer


def test_accelerate_over_two_ranks_agrees_by_its_trigger(night):
    ended = end_of(night, "accelerate_loop.py", "handler", ranks=2)
    assert ended[:3] == (Stage.STOPPED, [TERM], Route.ASK), night.story("a")
    assert all_ended_by_themselves(night, ended)
    assert prove_good(night).optimizer


def test_lightning_with_save_on_exception(night):
    assert end_of(night, "lightning_fit.py", "exception")[:3] == (Stage.STOPPED, [TERM], Route.ASK), night.story("a")
    assert prove_good(night).optimizer


def test_lightning_without_it_is_refused_in_words_and_goes_on(night):
    stage, signals, _, code = end_of(night, "silent/train.py")
    assert (stage, signals, code) == (Stage.REFUSED, [], None), night.story("a")
    assert 'if it has, write ask = "signal:TERM"' in night.plans("a")[-1].why


def test_lightning_over_two_ranks_is_refused_in_words_and_goes_on(night):
    stage, signals, _, code = end_of(night, "lightning_fit.py", "ddp")
    assert (stage, signals, code) == (Stage.REFUSED, [], None), night.story("a")
    assert "in which they may wait for each other for ever" in night.plans("a")[-1].why


def test_hugging_face_with_jit_checkpoint(night):
    assert end_of(night, "hf_fit.py", "jit") == (Stage.STOPPED, [TERM], Route.ASK, 0), night.story("a")
    assert prove_good(night).step


def test_hugging_face_without_it_is_refused_and_goes_on(night):
    stage, signals, _, code = end_of(night, "hf_fit.py", "default")
    assert (stage, signals, code) == (Stage.REFUSED, [], None), night.story("a")


@pytest.mark.parametrize(("script", "code"), [("hf_fit.py", 0), ("lightning_fit.py", 0)])
def test_the_gift_of_the_trainer(night, script, code):
    assert end_of(night, script, "gift") == (Stage.STOPPED, [], Route.ASK, code), night.story("a")


def all_ended_by_themselves(night, ended):
    """
    Nobody is left, and the launcher went of its own accord. 1 is as good as 0: gloo can abort a rank whose peer took
    its own end of their connection down first (horovod #2907), after the save and with nobody's signal.
    """
    return ended[3] in (0, 1) and not list(left_over(night.folder / "runs"))


def prove_good(night):
    from pathlib import Path

    report = prove(Path(night.plans("a")[-1].proven.good))
    assert report.state is State.SANE
    return report


@pytest.mark.torture
def test_a_save_that_takes_twenty_seconds_is_waited_for(night, monkeypatch):
    monkeypatch.setenv("SAVE_TAKES", "20")
    folder = night.folder / "runs" / "slow"
    night.waits["save_wait"] = 6.0
    command = [sys.executable, str(TRAININGS / "plain.py"), str(folder), "handler,early,slow,fresh"]
    night.train("slow", command=command)
    night.watch()
    plan = night.ended("slow", 300)
    assert (plan.stage, night.signals("slow"), night.trainings["slow"].wait(30)) == (Stage.STOPPED, [TERM], 0)
    assert plan.proven.good.endswith("stop.pt")

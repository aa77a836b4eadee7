"""The whole daemon, killed -9 at every writing of a stop plan: it goes on rightly, and nothing is sent twice."""

import signal

import pytest

pytest.importorskip("numpy")

from sentinel.core.stopping_plan import Stage
from tests.daemon.stopping_night import Night

STEPS = 32  # a plan from birth to its last word is written down so often, before and after each commit


@pytest.mark.parametrize("step", range(1, STEPS + 1))
@pytest.mark.torture
@pytest.mark.timeout(400)
def test_killed_at_any_step_it_goes_on_rightly(tmp_path, step):
    night = Night(tmp_path, grace="1s")
    try:
        night.train("a")
        assert night.watch(die_at=step).wait(150) == -signal.SIGKILL or night.plans("a")[-1].stage is Stage.STOPPED
        night.watch()
        plan = night.ended("a", 150)
        assert (plan.stage, night.trainings["a"].wait(30)) == (Stage.STOPPED, 0), night.story("a")
        sent = night.signals("a")
        claims = list((night.folder / "state" / "plans" / plan.id).glob("*.claim"))
        assert sent[:1] == ["SIGTERM"]
        assert len(sent) <= len(claims) <= 2  # once to ask, once to end; a claim that was cut off sends nothing
        said = [message for message in night.told if "will be asked" in str(message)]
        assert 1 <= len(said) <= 2  # one crash repeats at most one delivery
    finally:
        night.close()

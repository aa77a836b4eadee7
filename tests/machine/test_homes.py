"""Two daemons on one shared folder: the host where the process lives tells, the other reads along and is silent."""

import pytest

from sentinel.sources.gpu.keeper import Keeper
from tests.world import plain_nvml
from tests.world.fake_nvml import Driver
from tests.world.room import ON_DEMAND, Room


@pytest.fixture
def node(tmp_path):
    """A host with one GPU that shares the folder of the runs with others; `sees`: the processes that live on it."""
    made = []

    def make(name, sees):
        own = tmp_path / name
        own.mkdir()
        driver = Driver(own, own / "none", 1)
        keeper = Keeper(ON_DEMAND, ON_DEMAND, command=plain_nvml.command(driver.state))
        made.append(
            Room(
                tmp_path,
                keeper,
                driver,
                name=name,
                processes=sees,
                mounted=lambda: f"1 0 0:1 / {tmp_path} rw - nfs4 s:/ rw",
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def nodes(node, tmp_path):
    """The process lives beside the first."""
    nobody = tmp_path / "nobody"
    nobody.mkdir()
    return node("node-a", "/proc"), node("node-b", nobody)


def turn_to_nan(a, b, lines=12):
    for n in range(1, lines):
        a.print("bert", n, float("nan") if n > 5 else 2.0)
        a.step()
        b.step()


def test_one_message_from_the_host_where_the_process_lives(nodes):
    a, b = nodes
    a.put_on({0: a.start("bert")})
    turn_to_nan(a, b)
    assert {change.run_name for change in a.changes} == {"bert"}
    assert "loss-nonfinite" in {change.signature for change in a.changes}
    assert b.changes == []
    assert "loss-nonfinite" in {rule.split("/")[0] for rule in b.lit()}  # it knows, and `status` shows it


def test_what_fired_before_the_process_was_met_is_told_once_it_is(nodes):
    a, b = nodes
    (a.runs / "bert").mkdir()
    a.logs["bert"] = [a.runs / "bert" / "train.log"]
    turn_to_nan(a, b)
    assert a.changes == b.changes == []  # nobody lives here, as far as anyone can tell
    a.put_on({0: a.start("bert")})
    a.until(lambda: a.changes, step=15.0)
    b.pass_time(60)
    assert "loss-nonfinite" in {change.signature for change in a.changes}
    assert b.changes == []


def test_a_host_that_is_not_the_home_still_tells_of_its_own_gpus(nodes):
    a, b = nodes
    a.put_on({0: a.start("bert")})
    turn_to_nan(a, b, lines=5)
    b.driver.lose(0)
    b.until(lambda: b.fired("gpu-health/lost"))
    assert not a.fired("gpu-health/lost")


def test_a_run_that_goes_on_beside_another_host_is_told_there(nodes):
    a, b = nodes
    child = a.start("bert")
    a.put_on({0: child})
    turn_to_nan(a, b, lines=4)
    child.kill()
    child.wait()
    a.pass_time(60)
    told = len(a.changes)
    for n in range(30):
        a.print("bert", 10 + n, 2.0 if n < 20 else float("nan"))
        a.step(15.0)
    assert len(a.changes) == told

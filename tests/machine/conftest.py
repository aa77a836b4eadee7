"""Rooms for the tests of this folder: on the scripted library where there is a compiler, else on the plain driver."""

import pytest

from sentinel.sources.gpu.keeper import Keeper
from tests.world import plain_nvml
from tests.world.fake_nvml import Driver, build, compiler
from tests.world.room import ON_DEMAND, Room


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("nvml"))


def rooms(request, tmp_path, kind):
    """Makes rooms on one kind of driver, and empties them afterwards."""
    made = []

    def make(gpus=8, proc=None, **keys):
        compiled = kind == "compiled"
        driver = Driver(tmp_path, request.getfixturevalue("library") if compiled else tmp_path / "none", gpus)
        driver.set(**keys)
        more = {"environment": driver.environment()} if compiled else {"command": plain_nvml.command(driver.state)}
        made.append(Room(tmp_path, Keeper(ON_DEMAND, ON_DEMAND, deadline=0.4, **more), driver, proc))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def room(request, tmp_path):
    """On the real ctypes path where there is a compiler."""
    yield from rooms(request, tmp_path, "compiled" if compiler() else "plain")


@pytest.fixture(params=["compiled", "plain"])
def either(request, tmp_path):
    """On both."""
    yield from rooms(request, tmp_path, request.param)

"""Rooms for the tests of this folder: on the scripted library where there is a compiler, on the plain one everywhere."""

import pytest

from sentinel.sources.gpu.keeper import Keeper
from tests.world.fake_nvml import Driver, build
from tests.world.room import ON_DEMAND, Room


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def room(library, tmp_path):
    made = []

    def make(gpus=8, proc=None, **keys):
        driver = Driver(tmp_path, library, gpus)
        driver.set(**keys)
        keeper = Keeper(ON_DEMAND, 0.0, environment=driver.environment(), deadline=0.4)
        made.append(Room(tmp_path, keeper, driver, proc))
        return made[-1]

    yield make
    for one in made:
        one.close()

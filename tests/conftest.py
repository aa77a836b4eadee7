"""Hypothesis for all tests: no deadline, since machines are busy; the same examples every time where the result decides.
And who of several workers runs which test.
"""

import os

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# Tests start Sentinel some two hundred times: it is compiled once, even where nothing else may leave bytecode.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Files whose tests share something dear, or build on one another: a booted machine, a night of trainings, many plays.
TOGETHER = {
    "tests/core/test_stopping.py",
    "tests/daemon/test_stopping_daemon.py",
    "tests/service/test_booted.py",
    "tests/service/test_booted_linger.py",
    "tests/service/test_booted_stopping.py",
    "tests/service/test_booted_user.py",
}


class Sharing(LoadScopeScheduling):
    """Such a file goes to one worker, and before all others; every other test goes to whoever is free."""

    def _split_scope(self, nodeid):
        file = nodeid.partition("::")[0]
        return file if file in TOGETHER else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return Sharing(config, log)

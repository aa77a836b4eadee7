"""What the tests of sources share: one log in a folder of its own."""

import pytest

from tests.sources.one_log import OneLog


@pytest.fixture
def one(tmp_path):
    made = OneLog(tmp_path)
    yield made
    made.log.close()

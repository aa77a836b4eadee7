"""What tests of the daemon share: one that they turn by hand."""

import pytest

from tests.daemon.house import House


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    made = House(tmp_path)
    yield made
    if made.daemon is not None:
        made.daemon.close()

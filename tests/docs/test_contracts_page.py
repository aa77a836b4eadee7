"""docs/contracts.md is made from the code and never stale."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_contracts_page_is_fresh():
    made = runpy.run_path(str(DOCS / "contracts_page.py"))["render"]()
    assert (DOCS / "contracts.md").read_text() == made, "run: python docs/contracts_page.py"


def test_a_change_carries_every_key_that_was_ever_promised():
    promised = (
        "v id run instance host signature family rule severity doom phase at step epoch progress "
        "file line value limit evidence say hidden_by"
    )
    page = (DOCS / "contracts.md").read_text()
    assert [key for key in promised.split() if f"`{key}`" not in page] == []

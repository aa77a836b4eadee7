"""The page about stopping says of every kind of run how its plan ends, and each line names the test that holds it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operate/stopping.md").read_text()
TABLE = PAGE.partition("## How each kind of run ends")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (.+) \| (.+) \| `([^`:]+)::(\w+)` \|$", TABLE, re.MULTILINE)
ENDS = ("stopped", "saved", "vetoed", "refused", "failed", "rehearsed", "stays announced", "before it was asked")
WANTED = """plain loop with a handler/plain loop without a handler/loader workers/torchrun, 2 ranks/Lightning with/Lightning without
HF Trainer with/HF Trainer without/SIGSTOP, dead lock/20 s/disk full/its pid given/NaN onto/recovers/kept/two runs in one process
--max-restarts/systemd/killed -9/quiet hours"""


def test_every_line_of_the_table_is_read():
    assert len(ROWS) == TABLE.count("\n|") - 2


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_each_kind_of_run_names_an_end_and_a_test_that_exists(row):
    _, end, file, test = row
    assert end.startswith(ENDS)
    tree = ast.parse((ROOT / file).read_text())
    assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("kind", re.split(r"[/\n]", WANTED))
def test_no_kind_of_run_that_was_promised_is_missing(kind):
    assert any(kind in run for run, *_ in ROWS)

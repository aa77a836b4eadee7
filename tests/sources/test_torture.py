"""A file written, rotated, cut, rewritten, replaced and deleted at random, with restarts, held against a model.

The model knows which lines must come. A row that comes again after a reset is a repetition, not a doubled reading;
every other row comes once, and none is missing.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.sources.one_log import OneLog, lines, told


class Calamities(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.one = OneLog(self.folder)
        self.number = 0
        self.present = []  # what the living file holds
        self.owed = []  # lines written and not yet seen; they must come with the next looks
        self.seen = set()
        self.rotations = 0

    def teardown(self):
        self.one.log.close()
        shutil.rmtree(self.folder)

    def _new(self, count):
        numbers = list(range(self.number, self.number + count))
        self.number += count
        return numbers

    @initialize()
    def begin(self):
        self.append(1)

    # --- the writer --------------------------------------------------------------------------------------------

    @rule(count=st.integers(1, 30))
    def append(self, count):
        numbers = self._new(count)
        self.one.append(*numbers)
        self.present += numbers
        self.owed += numbers

    @precondition(lambda self: self.one.path.exists())
    @rule(late=st.integers(0, 3), more=st.integers(0, 3))
    def rotate(self, late, more):
        for age in range(self.rotations, 0, -1):
            (self.folder / f"train.log.{age}").rename(self.folder / f"train.log.{age + 1}")
        self.rotations += 1
        with self.one.path.open("a") as writer:
            self.one.path.rename(self.folder / "train.log.1")
            lates = self._new(late)
            writer.write(lines(*lates))
        fresh = self._new(more)
        self.one.append(*fresh)
        self.present = fresh
        self.owed += lates + fresh

    @precondition(lambda self: self.one.path.exists() and self.present and not self.rotations)
    @rule(more=st.integers(1, 5))
    def rewrite_in_place(self, more):
        """The table again from its first row, under another header; a look always saw what stood there."""
        self.look()
        fresh = self._new(more)
        self.present = self.present + fresh
        self.one.write(f"header {self.number}\n" + lines(*self.present))
        self.owed += fresh

    @precondition(lambda self: self.one.path.exists())
    @rule(more=st.integers(0, 5))
    def replace_with_the_same_and_more(self, more):
        fresh = self._new(more)
        (self.folder / "new~").write_text(self.one.path.read_text() + lines(*fresh))
        os.replace(self.folder / "new~", self.one.path)
        self.present += fresh
        self.owed += fresh

    @precondition(lambda self: self.one.path.exists() and self.present)
    @rule(more=st.integers(1, 40))
    def truncate_and_regrow(self, more):
        self.look()
        self.present = self._new(more)
        self.one.write(lines(*self.present))
        self.owed += self.present

    @precondition(lambda self: self.one.path.exists() and not self.rotations)
    @rule(unseen=st.integers(0, 5), more=st.integers(0, 40))
    def copy_and_truncate(self, unseen, more):
        self.append(1)
        self.look()
        if unseen:
            self.append(unseen)
        shutil.copyfile(self.one.path, self.folder / "train.log.1")
        os.truncate(self.one.path, 0)
        self.look()
        (self.folder / "train.log.1").unlink()
        self.look(seconds=10)
        self.present = self._new(more)
        self.one.append(*self.present)
        self.owed += self.present

    @precondition(lambda self: self.one.path.exists() and self.present)
    @rule(more=st.integers(1, 40))
    def delete_and_recreate(self, more):
        self.look()
        self.one.path.unlink()
        self.present = self._new(more)
        self.one.append(*self.present)
        self.owed += self.present

    # --- Sentinel ----------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1.0, 5.0, 100.0]))
    def look(self, seconds=1.0):
        self._hear(self.one.look(seconds))

    @precondition(lambda self: self.one.log.parts and self.one.path.exists())
    @rule()
    def restart(self):
        self.one.restart()

    def _hear(self, items):
        repeating = False
        for what in told(items):
            if what == "reset":
                repeating = True
                continue
            assert repeating or what not in self.seen, f"{what} came twice"
            self.seen.add(what)
        if self.one.path.exists():
            missing = [number for number in self.owed if number not in self.seen]
            assert not missing, f"{missing} did not come"
            self.owed = []

    @invariant()
    def few_parts_are_kept(self):
        assert len(self.one.log.parts) <= self.rotations + 70


class TestCalamities(Calamities.TestCase):
    settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


@pytest.mark.torture
@pytest.mark.timeout(1200)
def test_ten_thousand_steps_lose_and_double_nothing():
    class Long(Calamities.TestCase):
        settings = settings(max_examples=100, stateful_step_count=100, deadline=None)

    Long("runTest").runTest()

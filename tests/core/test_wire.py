"""The JSON that commands print is strict and stable."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.records import Reading
from sentinel.core.wire import dump, number, reading_json, timestamp


def test_what_is_not_finite_becomes_a_word_and_what_is_unknown_null():
    reading = Reading("r", "train.loss", float("nan"), None, float("inf"), None, "", 0)
    line = dump(reading_json(reading))
    assert json.loads(line) == {
        "v": 1, "run": "r", "name": "train.loss", "value": "nan", "step": None, "epoch": "inf", "at": None,
        "file": None, "line": None,
    }  # fmt: skip
    assert number(float("-inf")) == "-inf"


@given(st.integers(min_value=0, max_value=253402300799_999))
def test_times_are_rfc_3339_with_milliseconds(milliseconds):
    said = timestamp(milliseconds / 1000)
    true = datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert said.startswith(true)
    assert said.endswith("Z")
    assert len(said) == 24

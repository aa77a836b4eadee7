import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.formats import open_reader, read_config
from tests.formats.reading import NAMES, Stamps, items

PIECES = [
    "step=5 loss=0.5 lr=0.1\n",
    "Epoch 2/9\n",
    "\r",
    "\n",
    "{'loss': 0.1, 'epoch': 1.0}\n",
    "a,b\n1,2\n",
    "step,loss\n",
    "3,0.25\n",
    '{"step": 4, "loss": 1.5}\n',
    "| loss | 0.5 |\n",
    "------------\n",
    "Evaluating the model\n",
    "Loss: 0.25, Acc: 91.5%\n",
    " 3/15 [==>....] - loss: 0.5\r",
    "Traceback (most recent call last):\n",
    "ValueError: x\n",
    "\x1b[1mEpoch 3\x1b[0m\n",
    "\xe9\n",
    "2026-03-01 10:00:00,250 - t - INFO - Step [5/86], Loss: 2.2\n",
    "loss: nan\n",
    "step=6 loss=0.4 lr=0.1",
    "\x00",
    "\ufeff",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map(lambda parts: "".join(parts).encode())


def told(found):
    return [repr(item) for item in found]


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.lists(st.integers(0, 600), max_size=6))
def test_the_cutting_of_the_bytes_changes_nothing(data, cuts):
    cuts = [cut for cut in cuts if cut <= len(data)]
    assert told(items(data, cuts=cuts)) == told(items(data))


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.integers(0, 600))
def test_a_restart_from_the_bookmark_changes_nothing(data, cut):
    cut = min(cut, len(data))
    assert told(items(data, cuts=[cut], saved_at=cut)) == told(items(data))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["a.log", "b.csv", "c.json", "d.jsonl"]))
def test_no_bytes_raise(data, file):
    reader = open_reader(file, data, NAMES, Stamps())
    reader.feed(data, 1.0)
    reader.idle(2.0)
    reader.finish()
    for name in ("x.yaml", "x.json", "x.toml", "x.ini", "x.config.js", "tokenizer.json", "vocab.txt"):
        read_config(name, data)


@pytest.mark.parametrize(
    "line",
    [
        "The reward of each [0.41" + "7" * 40 + " 0.5",
        "kept ids [" + ",".join(["101"] * 60) + "] of 90",
        "kept ids [" + " ".join(["1012"] * 60) + "] of 90",
        "mean, std " + ",".join(["123"] * 60) + " pixels",
        "sizes: " + " ".join(["1234"] * 60) + " pixels",
    ],
)
def test_what_is_nearly_a_list_of_numbers_costs_its_length(line):
    reader, began = open_reader("a.log", b"", NAMES, Stamps()), time.process_time()
    reader.feed(f"{line}\n".encode(), 1.0)
    assert time.process_time() - began < 1

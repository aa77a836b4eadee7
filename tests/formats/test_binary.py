import json
import struct
from math import isnan

import pytest

from sentinel.formats import is_log
from sentinel.formats.binary import masked_crc
from tests.formats.reading import facts, items, said


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def part(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def event(step, at, **scalars):
    values = b"".join(
        part(1, part(1, tag.replace("__", "/").encode()) + varint(2 << 3 | 5) + struct.pack("<f", value))
        for tag, value in scalars.items()
    )
    body = varint(1 << 3 | 1) + struct.pack("<d", at) + varint(2 << 3) + varint(step) + part(5, values)
    length = struct.pack("<Q", len(body))
    return length + struct.pack("<I", masked_crc(length)) + body + struct.pack("<I", masked_crc(body))


EVENTS = event(10, 1.8e9, train__loss=0.5, val__acc=0.75) + event(20, 1.8e9 + 5, train__loss=float("nan"))


def test_scalars_of_an_event_file_are_rows():
    found = said(EVENTS, "events.out.tfevents.1.box")
    assert found[0] == {"train.loss": 0.5, "val.accuracy": 0.75, "step": 10}
    assert isnan(found[1]["train.loss"])
    assert found[1]["step"] == 20


@pytest.mark.parametrize("cut", range(0, len(EVENTS), 7))
def test_a_torn_tail_is_resumed_where_it_was_left(cut):
    whole = [repr(i) for i in items(EVENTS, "events.out.tfevents.1")]
    assert [repr(i) for i in items(EVENTS, "events.out.tfevents.1", [cut], saved_at=cut)] == whole or cut < 12


def test_a_broken_event_file_ends_quietly():
    broken = EVENTS[:-30] + b"\xff" * 200
    assert len(said(broken, "events.out.tfevents.1")) == 1


def wandb_file(records):
    out = b":W&B\xe1\xbe\x00"
    for body in records:
        kind_left = body
        first = True
        while True:
            left = 32768 - len(out) % 32768
            if left < 7:
                out += b"\0" * left
                left = 32768
            piece, kind_left = kind_left[: left - 7], kind_left[left - 7 :]
            kind = (1 if first else 4) if not kind_left else (2 if first else 3)
            out += struct.pack("<IHB", 0, len(piece), kind) + piece
            first = False
            if not kind_left:
                break
    return out


def item(key, value):
    body = part(2, key.encode()) + part(16, json.dumps(value).encode())
    return part(1, body)


def test_history_and_config_of_a_wandb_file():
    config = part(5, item("lr", 0.01) + item("api_key", "abc"))
    rows = [part(2, item("_step", i) + item("train/loss", i / 2) + item("note", "x" * 9000)) for i in range(1, 12)]
    data = wandb_file([config, *rows])
    assert said(data, "run-1.wandb")[2] == {"train.loss": 1.5, "step": 3}
    assert len(said(data, "run-1.wandb")) == 11
    assert facts(data, "run-1.wandb") == {"config.lr": 0.01, "config.api_key": "***"}
    assert is_log("run-1.wandb", data[:100])


def test_no_bytes_raise_in_the_binary_readers():
    for at in range(0, len(EVENTS), 3):
        broken = EVENTS[:at] + b"\x80\xff\x01" + EVENTS[at:]
        items(broken, "events.out.tfevents.1")
        items(b":W&B\xe1\xbe\x00" + broken, "a.wandb")

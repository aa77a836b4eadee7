"""What a `.wandb` file says of its run in its first records: name, id, sweep, host. The history is `binary`'s."""

from __future__ import annotations

from typing import NamedTuple

from sentinel.formats.binary import wandb_frame
from sentinel.formats.wire_fields import message

RUN_RECORD = 17
_FIELDS = {1: "id", 8: "name", 12: "sweep", 13: "host"}
_FIRST = 20  # the run's record is among the first ones


class WandbRun(NamedTuple):
    """A run as W&B knows it; "" where the file does not say."""

    id: str = ""
    name: str = ""
    sweep: str = ""
    host: str = ""


def wandb_run(head: bytes) -> WandbRun:
    """The run of a `.wandb` file that begins so; an empty one where its record is not there or torn."""
    at = 0
    for _ in range(_FIRST):
        try:
            found = wandb_frame(head, at, at)
        except ValueError:
            return WandbRun()
        if found is None:
            return WandbRun()
        content, at = found
        for number, value in message(content):
            if number == RUN_RECORD and isinstance(value, bytes):
                return _run(value)
    return WandbRun()


def _run(record: bytes) -> WandbRun:
    fields = [(_FIELDS[n], v) for n, v in message(record) if n in _FIELDS and isinstance(v, bytes)]
    return WandbRun(**{name: value.decode("utf-8", "replace") for name, value in fields})

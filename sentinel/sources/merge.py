"""One order for a finished run's files (contracts 3): by stamp, else by epoch and step, else by name. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge as merge_sorted
from itertools import chain, islice
from math import inf
from typing import NamedTuple

from sentinel.core.records import Item, Row

Key = tuple[float, ...]
KeyOf = Callable[[Row], Key | None]
PEEK = 512  # items looked at to see what a file's rows carry


def merge(streams: Sequence[Iterable[Item]]) -> Iterator[Item]:
    """The items of all streams, given in name order, as one; each stream keeps its own order."""
    if len(streams) == 1:
        return iter(streams[0])
    opened = [iter(stream) for stream in streams]
    heads = [list(islice(stream, PEEK)) for stream in opened]
    whole = [chain(head, rest) for head, rest in zip(heads, opened, strict=True)]
    order = _order([[item for item in head if isinstance(item, Row)] for head in heads])
    if order is None:
        return chain.from_iterable(whole)
    keyed = [_keyed(stream, order) for stream in whole]
    return (item for _, item in merge_sorted(*keyed, key=lambda pair: pair[0]))


class Order(NamedTuple):
    """One way to put rows in order."""

    has: Callable[[Row], object]
    key_of: KeyOf
    fall: float  # a step back by less is not a new attempt: lines of one moment come in any order


def _order(heads: Sequence[Sequence[Row]]) -> Order | None:
    """The first order that every stream with rows can be put in."""
    telling = [head for head in heads if head]
    for order in _ORDERS:
        if all(any(order.has(row) is not None for row in head) for head in telling):
            return order
    return None


def _by_stamp(row: Row) -> Key | None:
    return None if row.at is None else (row.at,)


def _by_epoch(row: Row) -> Key | None:
    """A row with an epoch and no step sums the epoch up: it comes after the epoch's steps."""
    if row.epoch is None:
        return None
    return (row.epoch, inf if row.step is None else row.step)


def _by_step(row: Row) -> Key | None:
    return None if row.step is None else (row.step,)


_ORDERS = (
    Order(lambda row: row.stamp, _by_stamp, inf),
    Order(lambda row: row.epoch, _by_epoch, 1),
    Order(lambda row: row.step, _by_step, 2),
)


def _keyed(stream: Iterable[Item], order: Order) -> Iterator[tuple[Key, Item]]:
    """Items with their key; one that carries none stays behind the item before it in its file.

    Where a file goes back (a resume), its attempt is counted up, so that the second attempts of all files meet.
    """
    attempt: int = 0
    last: Key | None = None
    for item in stream:
        key = order.key_of(item) if isinstance(item, Row) else None
        if key is not None:
            if last is not None and last[0] - key[0] >= max(order.fall, 0.02 * last[0]):
                attempt, last = attempt + 1, None
            last = key if last is None else max(key, last)
        yield (attempt, *(last or (-inf,))), item

"""Which of the host's series a run's rules read beside the run's own. Pure; who hands them over is the machine's source.

What a host shows belongs to the host's own run, so that its trouble is told once and not once for each run on it
(contracts 2). A rule that reads such series together with a run's own speaks of that run: it alone is handed them.
"""

from __future__ import annotations

from typing import NamedTuple

from sentinel.core.bound import applies, reads_of
from sentinel.core.rule import Rule, Rulebook
from sentinel.core.run import Run

OF_THE_HOST = frozenset({"host", "kernel", "nvml"})


class Mixed(NamedTuple):
    """A rule that reads series of the host and of a run."""

    rule: Rule
    of_host: frozenset[str]
    own: tuple[str, ...]


def mixed_rules(book: Rulebook) -> tuple[Mixed, ...]:
    """The rules of a book that need both; few, so that looking through them for every run costs next to nothing."""
    found = []
    for rule in book.rules:
        reads = reads_of(rule)
        of_host = frozenset(name for name in reads if name.partition(".")[0] in OF_THE_HOST)
        if of_host and of_host != reads:
            found.append(Mixed(rule, of_host, tuple(_of_any(name, rule.each) for name in reads - of_host)))
    return tuple(found)


def wanted_of_host(mixed: tuple[Mixed, ...], run: Run) -> frozenset[str]:
    """What of the host's series can matter to a run's rules now: nothing while the run lacks its own part."""
    wanted = [each.of_host for each in mixed if any(map(run.has, each.own)) and applies(each.rule, run)]
    return frozenset().union(*wanted)


def _of_any(name: str, each: str) -> str:
    """Under `each: gpu.*` the name `gpu.util` stands for the series `gpu.*.util` of the run."""
    group = each.partition(".")[0]
    return f"{each}.{name[len(group) + 1 :]}" if group and name.startswith(group + ".") else name

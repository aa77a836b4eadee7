"""Whose run it is: which host tells about a run on a shared folder (contracts 5), and what its processes make of it. Pure.

Of a run whose home is another host, this one tells what its own GPUs, processes and disks show, and nothing else: the logs
are read there too.
"""

from __future__ import annotations

from dataclasses import replace

from sentinel.core.bound import patterns_of, reads_of
from sentinel.core.records import Fact, RunInfo
from sentinel.core.rule import Rule

NOTEBOOK = "process.notebook"  # the fact that a notebook's kernel writes the run
HOME = "process.home"  # the fact that the process that speaks for the run lives on this host, or went elsewhere
OF_THE_MACHINE = frozenset({"gpu", "proc", "rank", "host", "kernel", "nvml", "disk", "shm"})


def told_here(info: RunInfo, rule: Rule) -> bool:
    """Whether this host tells an alert of that rule."""
    return info.home or speaks_of_the_machine(rule)


def speaks_of_the_machine(rule: Rule) -> bool:
    """Whether a rule reads what this machine alone can see."""
    reads = reads_of(rule)
    if reads:
        return all(name.partition(".")[0] in OF_THE_MACHINE for name in reads)
    facts = rule.when.facts if rule.when else frozenset()
    return bool(facts) and not patterns_of(rule) and all(name.startswith("process.") for name in facts)


def as_known(info: RunInfo, fact: Fact) -> RunInfo:
    """The run with what a fact about its processes says of it; the same object if it says nothing new."""
    if fact.name == NOTEBOOK and fact.value is True and info.kind == "run":
        return replace(info, kind="notebook")
    if fact.name == HOME and isinstance(fact.value, bool) and fact.value is not info.home:
        return replace(info, home=fact.value)
    return info

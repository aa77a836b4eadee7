"""What a command's exit code means (contracts 7)."""

from enum import IntEnum


class Exit(IntEnum):
    """Of every command but `status --nagios`."""

    FINE = 0
    FINDINGS = 1  # check: faults; test: a trial failed; audit: >= warning; replay: --fail-on; inspect: not sane
    COULD_NOT = 2  # usage, unreadable: Sentinel could not do it

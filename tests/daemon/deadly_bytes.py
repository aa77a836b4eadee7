"""A daemon with a bug that kills it: `python -m tests.daemon.deadly_bytes SETTINGS reader|rules|config`.

SIGKILL comes when the reader, the engine, or the reader of configs meets the word `deadly`.
"""

import os
import signal
import sys
from pathlib import Path

from sentinel import formats
from sentinel.core.engine import Engine
from sentinel.core.records import Row
from sentinel.daemon.assembly import Plan, assemble
from sentinel.daemon.settings import load_settings
from sentinel.daemon.signals import run_until_told
from sentinel.formats.text import TextReader


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def bug(where):
    feed, engine_feed, read_config = TextReader.feed, Engine.feed, formats.read_config

    def deadly_reader(self, data, arrival):
        return die() if b"deadly" in data else feed(self, data, arrival)

    def deadly_engine(self, batches):
        batches = list(batches)
        rows = [item for batch in batches for item in batch.items if isinstance(item, Row)]
        return die() if any("deadly" in row.text for row in rows) else engine_feed(self, batches)

    def deadly_config(name, data):
        return die() if b"deadly" in data else read_config(name, data)

    if where == "reader":
        TextReader.feed = deadly_reader
    elif where == "rules":
        Engine.feed = deadly_engine
    else:
        formats.read_config = deadly_config


def main(settings_file, where):
    bug(where)
    settings, faults = load_settings(Path(settings_file))
    assert settings is not None, faults
    daemon, trouble = assemble(Plan(settings, Path(settings_file)))
    assert daemon is not None, trouble
    run_until_told(daemon)


if __name__ == "__main__":
    main(*sys.argv[1:])

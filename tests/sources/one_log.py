"""One log in a folder, looked at when the test says so: no clock, no sleep."""

import os

from sentinel.core.names import Names
from sentinel.core.records import Mark, Row
from sentinel.sources.following import Log
from sentinel.sources.opening import open_file
from sentinel.sources.track import Track
from tests.sources.plain_eyes import PlainEyes

SECOND = 1.0


class OneLog:
    def __init__(self, folder, name="train.log"):
        self.folder, self.path, self.now = folder, folder / name, 1000.0
        self.log = self._new()

    def _new(self):
        return Log(str(self.path), self._track, lambda path: open_file([str(self.folder)], path), self._listing)

    def _track(self, mark):
        eyes = PlainEyes()

        def opened(file, head, timing, saved):
            return eyes.open_reader(file, head, Names(), timing, saved)

        return Track(self.path.name, opened, mark)

    def _listing(self):
        return {entry.name: entry.inode() for entry in os.scandir(self.folder)}

    def look(self, seconds=SECOND, limit=1 << 20):
        self.now += seconds
        return self.log.look(self.now, self.now, limit)[0]

    def steps(self, seconds=SECOND):
        """The steps that a look brings; `reset` where the rows begin again."""
        return told(self.look(seconds))

    def restart(self):
        marks = self.log.bookmarks()
        self.log.close()
        self.log = self._new()
        self.log.begin(marks, self.now)

    def append(self, *numbers, to=None):
        with (to or self.path).open("a") as file:
            file.write(lines(*numbers))

    def write(self, text):
        self.path.write_text(text)


def lines(*numbers):
    return "".join(f"step={number} loss=0.5\n" for number in numbers)


def told(items):
    out = []
    for item in items:
        if isinstance(item, Mark):
            out.append(item.kind.value)
        elif isinstance(item, Row) and item.names:
            out.append(item.step)
    return out

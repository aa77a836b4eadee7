"""Eyes for these tests: a reader that knows one kind of line, so that the tests speak of files and not of formats."""

import json
import re

from sentinel.core.records import Fact, Mark, MarkKind, Row

LINE = re.compile(rb"(?:t=(?P<t>\S+) )?(?:epoch=(?P<e>\S+) )?(?:step=(?P<s>\d+) )?(?:loss=(?P<v>\S+))?")


class PlainReader:
    def __init__(self, file, timing, saved):
        self.file, self.timing = file, timing
        saved = saved or {"settled": 0, "line": 0}
        self.settled, self.line = saved["settled"], saved["line"]
        self.rest = b""

    def feed(self, data, arrival):
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [item for line in lines for item in self._item(line, arrival)]

    def _item(self, line, arrival, end=1):
        self.settled += len(line) + end
        self.line += 1
        if line == b"DONE":
            return [Mark(MarkKind.FINISHED, self.file, self.line, arrival, "DONE")]
        found = LINE.fullmatch(line)
        if found is None or found["v"] is None:
            text = line.decode(errors="replace")
            return [Row((), (), None, None, self.timing.at(None, arrival), self.file, self.line, text)]
        stamp = float(found["t"]) if found["t"] else None
        at = self.timing.at(stamp, arrival)
        step, epoch = found["s"] and int(found["s"]), found["e"] and float(found["e"])
        return [Row(("train.loss",), (float(found["v"]),), step, epoch, at, self.file, self.line, stamp=stamp)]

    def idle(self, now):
        return [Row((), (), None, None, now, self.file, self.line + 1, self.rest.decode())] if self.rest else []

    def finish(self):
        rest, self.rest = self.rest, b""
        return self._item(rest, None, 0) if rest else []

    def save(self):
        return {"settled": self.settled, "line": self.line}


class PlainEyes:
    def is_log(self, name, head):
        return name.endswith((".log", ".csv", ".out"))

    def is_config(self, name):
        return name.endswith((".yaml", ".json"))

    def open_reader(self, file, head, names, timing, saved=None):
        return PlainReader(file, timing, saved)

    def read_config(self, name, data):
        try:
            tree = json.loads(data)
        except ValueError:
            return []
        return [Fact(f"config.{key}", value, name, 1) for key, value in tree.items()]


def steps(items):
    """The steps of the rows that hold a reading, in order."""
    return [item.step for item in items if isinstance(item, Row) and item.names]

"""What the sweep costs when nothing happens, 50 files a run, one turn a second: `python bench/sweep.py 1000`."""

import sys
import tempfile
import time
from pathlib import Path

from sentinel.core.names import Names
from sentinel.sources.plan import WatchPlan
from sentinel.sources.watcher import Watcher


class NoFormats:
    """Every `.log` is a log; nothing is understood. Here only the sweep is measured."""

    settled = 0

    def is_log(self, name, head):
        return name.endswith(".log")

    def is_config(self, name):
        return False

    def open_reader(self, file, head, names, timing, saved=None):
        return NoFormats()

    def feed(self, data, arrival):
        self.settled += len(data)
        return ()

    idle = finish = lambda self, *_: ()

    def save(self):
        return None


def main(files=1000, turns=120):
    with tempfile.TemporaryDirectory() as folder:
        for number in range(files):
            path = Path(folder) / f"run{number // 50}" / f"part{number}.log"
            path.parent.mkdir(exist_ok=True)
            path.write_text("step=1 loss=1\n" * 50)
        watcher = Watcher([WatchPlan("bench", runs=f"{folder}/*")], Names(), eyes=NoFormats())
        now = time.time()
        for _ in range(200):  # history read, descriptors closed
            now += 1
            list(watcher.read(now))
        began = time.process_time()
        for _ in range(turns):
            now += 1
            list(watcher.read(now))
        spent = time.process_time() - began
        print(f"{files} quiet files: {100 * spent / turns:.3f} % of a core ({turns} turns, one a second)")
        return spent / turns


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

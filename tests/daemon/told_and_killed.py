"""A daemon's loop around the office, made to be killed: `python -m tests.daemon.told_and_killed DB PORT COUNT FAULT`.

FAULT n > 0 kills the process right before (even) or right after (odd) the n-th writing of the outbox.
"""

import os
import signal
import sqlite3
import sys
import time

from sentinel.daemon.delivering import Office
from sentinel.daemon.settings import Channel, Settings, Tell
from sentinel.keep import outbox, words
from tests.outlets.stories import change, effect, story


class Paper:
    on_disk = True

    def __init__(self, path):
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.executescript(outbox.SCHEMA + words.SCHEMA + "CREATE TABLE IF NOT EXISTS made (i INTEGER);")


def main(path, port, count, fault):
    paper = Paper(path)
    ports = {"one": port, "two": port}
    channels = [Channel(name=name, url=f"json://127.0.0.1:{p}/{name}") for name, p in ports.items()]
    tell = Tell(journal=False, terminal=False, group="0s", most="")
    office = Office(paper, Settings(channel=channels, tell=tell), "h", lambda _change: story(curves=()))
    if fault:
        deadly(office.outbox, fault)
    os.write(1, b"up\n")
    while True:
        now = time.time()
        db = paper.connection
        made = db.execute("SELECT count(*) FROM made").fetchone()[0]
        if made < count:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT INTO made VALUES (?)", (made,))
            office.take([effect(change(f"run-{made}", id=f"i{made}", signature=f"s{made}"))], now)
            db.execute("COMMIT")
        office.turn(now)
        pids = [s.pid for s in office.post.sending.values() if s.pid]
        with open(f"{path}.pids", "w") as file:
            file.write(" ".join(map(str, pids)))
        if made >= count and not any(office.outbox.queue(name) for name in ports):
            office.close(5)
            return
        time.sleep(0.01)


def deadly(box, fault):
    usual, calls = box.flush, 0

    def flush(now):
        nonlocal calls
        calls += box.unwritten
        if calls >= fault and fault % 2 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        done = usual(now)
        if calls >= fault:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    box.flush = flush


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))

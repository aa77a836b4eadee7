"""What was read live, in whatever pieces and with whatever restarts, is what a replay of the finished run reads."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.names import Names
from sentinel.core.records import How, Over, Row
from sentinel.sources.plan import WatchPlan
from sentinel.sources.replay import replay_run
from sentinel.sources.watcher import Watcher

LOG = "".join(f"epoch {step // 10} step {step} train loss {2 / (step + 1):.4f} lr 0.001\n" for step in range(60))
TABLE = "epoch,step,val_loss\n" + "".join(f"{epoch},{10 * epoch},{1.5 / (epoch + 1):.4f}\n" for epoch in range(6))
CONFIG = "lr: 0.001\nepochs: 6\n"
FILES = {"train.log": LOG.encode(), "metrics.csv": TABLE.encode(), "config.yaml": CONFIG.encode()}


def readings(items):
    return Counter(
        (item.file, item.line, item.names, item.values, item.step, item.epoch)
        for item in items
        if isinstance(item, Row) and item.names
    )


def drain(watcher, now):
    items = [item for batch in watcher.read(now) for item in batch.items]
    while watcher.pending:
        items += [item for batch in watcher.read(now) for item in batch.items]
    return items


@given(st.lists(st.tuples(st.sampled_from(sorted(FILES)), st.integers(1, 700), st.booleans()), max_size=25))
@settings(max_examples=40, deadline=None)
def test_live_reads_what_replay_reads(pieces):
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        run.mkdir()
        plan = WatchPlan("nlp", runs=f"{folder}/*")
        watcher, now, seen = Watcher([plan], Names()), run.stat().st_mtime, []
        written = dict.fromkeys(FILES, 0)
        for name, count, restart in [*pieces, *((name, 1 << 20, False) for name in FILES)]:
            with (run / name).open("ab") as file:
                file.write(FILES[name][written[name] : written[name] + count])
            written[name] += count
            now += 5
            seen += drain(watcher, now)
            if restart:
                kept = watcher.bookmarks()
                watcher.close()
                watcher = Watcher([plan], Names(), kept)
        watcher.process_ended(f"nlp:{run}", Over(How.ENDED, now, "exit code 0"))
        for _ in range(3):
            now += 5
            seen += drain(watcher, now)
        watcher.close()
        finished = [item for turn in replay_run(run, Names()).turns for item in turn.batch.items]
    assert readings(seen) == readings(finished)
    assert len(readings(finished)) == 66

"""How many lines a CPU-second the readers understand: python -m bench.reading [--lines N].

Beside them, on the same files, mtail with three patterns written for just this layout, where it is installed.
"""

import argparse
import random
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from sentinel.formats import open_reader
from sentinel.rulebook.names_file import load_names

ROOT = Path(__file__).parents[1]


class Arrivals:
    def at(self, stamp, arrival):
        return stamp if arrival is None else arrival


def one_layout(n, rng):
    return [
        f"step={i} epoch={i // 500} loss={rng.random():.4f} lr=1.000e-03 grad_norm={rng.random():.4f}" for i in range(n)
    ]


def stamped(n, rng):
    return [
        f"2026-03-01 12:{i // 60 % 60:02d}:{i % 60:02d},{i % 1000:03d} - trainer - INFO - "
        f"Epoch [{i // 500}/90], Step [{i}/90000], "
        f"Loss: {rng.random():.4f}, LR: 1.000e-03, Acc: {rng.random():.4f}"
        for i in range(n)
    ]


def table(n, rng):
    return ["step,epoch,train_loss,lr,grad_norm"] + [
        f"{i},{i // 500},{rng.random():.6f},0.001,{rng.random():.6f}" for i in range(n)
    ]


def mixed(n, rng):
    out = []
    for i in range(n // 5):
        out.append(f"Epoch {i // 100}: Train: loss={rng.random():.4f}, acc={rng.random():.3f}, F1={rng.random():.3f}")
        out.append(f"Epoch {i // 100}: Val: loss={rng.random():.4f}, acc={rng.random():.3f}, F1={rng.random():.3f}")
        out.append("loading the next shard of the data set from the cache folder")
        out.append(
            f"[step {i}] loss: {rng.random():.4f} | lr: 1e-4 | grad norm: {rng.random():.2f} | tok/s: {i + 1000}"
        )
        out.append("Gathering gradients across the ranks, please wait")
    return out


MTAIL = r"""gauge step
gauge loss
gauge lr
gauge grad_norm
/step=(?P<step>\d+) epoch=\d+ loss=(?P<loss>\S+) lr=(?P<lr>\S+) grad_norm=(?P<norm>\S+)/ {
  step = $step
  loss = float($loss)
  lr = float($lr)
  grad_norm = float($norm)
}
"""


def mtail(data, count):
    """CPU seconds of mtail over the same bytes, less what it costs to start on an empty file."""
    if not shutil.which("mtail"):
        print("mtail        is not installed: apt-get install mtail")
        return
    with tempfile.TemporaryDirectory() as folder:
        programs, log = Path(folder, "programs"), Path(folder, "train.log")
        programs.mkdir()
        (programs / "train.mtail").write_text(MTAIL)
        spent = []
        for content in (b"", data):
            log.write_bytes(content)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = ["mtail", "--one_shot", "--progs", str(programs), "--logs", str(log)]
            done = subprocess.run(command, check=False, capture_output=True, timeout=300)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        if done.returncode:
            print(f"mtail        ended with {done.returncode}: {done.stderr[-200:]!r}")
        else:
            print(
                f"mtail        {count / max(spent[1] - spent[0], 1e-9):12,.0f} lines per CPU-second on the lines of one_layout"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    count = parser.parse_args().lines
    names, _ = load_names([ROOT / "rules" / "names.yml"])
    for make in (one_layout, stamped, table, mixed):
        data = ("\n".join(make(count, random.Random(1))) + "\n").encode()
        reader = open_reader("train.csv" if make is table else "train.log", data[:4096], names, Arrivals())
        began, rows, readings = time.process_time(), 0, 0
        for at in range(0, len(data), 1 << 16):
            for item in reader.feed(data[at : at + (1 << 16)], 1.0):
                rows += 1
                readings += len(getattr(item, "values", ()))
        spent = time.process_time() - began
        if make is one_layout:
            mtail(data, count)
        print(f"{make.__name__:12} {count / spent:12,.0f} lines per CPU-second, {readings:,} readings in {rows:,} rows")


if __name__ == "__main__":
    main()

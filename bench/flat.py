"""Whether memory stays flat while a log grows without end: python -m bench.flat [--lines N] [--judged].

Prints the resident set after 1, 5 and 10 million lines, of the reader alone or with the series behind it.
"""

import argparse
import time
from pathlib import Path

from sentinel.core.records import Row, RunInfo
from sentinel.core.run import Run
from sentinel.formats import open_reader
from sentinel.rulebook.names_file import load_names

ROOT = Path(__file__).parents[1]
AT_ONCE = 2000


class Arrivals:
    def at(self, stamp, arrival):
        return stamp if arrival is None else arrival


def lines(first, count):
    """A log as trainings write it: training lines, validation now and then, and talk."""
    out = []
    for step in range(first, first + count):
        if step % 50 == 49:
            out.append(f"Validation at step {step}: val_loss={1 + step % 97 / 100:.4f} val_acc={step % 89 / 100:.3f}")
        elif step % 50 == 20:
            out.append(f"fetched shard {step} of the data set in {step % 7} tries")
        else:
            out.append(
                f"epoch {step // 100_000} step {step} loss={1 + step % 101 / 100:.4f} lr=1.0e-03 grad_norm=0.{step % 999:03d}"
            )
    return ("\n".join(out) + "\n").encode()


def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / (1 << 20)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--judged", action="store_true", help="the readings enter a run's series too")
    args = parser.parse_args()
    names, _ = load_names([ROOT / "rules" / "names.yml"])
    reader = open_reader("train.log", b"epoch", names, Arrivals())
    run = Run(RunInfo("r", "r", "", "bench"), names) if args.judged else None
    began, marks = time.process_time(), {max(1, args.lines // 10), args.lines // 2, args.lines}
    for first in range(0, args.lines, AT_ONCE):
        for item in reader.feed(lines(first, AT_ONCE), float(first)):
            if run is not None and isinstance(item, Row) and item.names:
                run.enter(item)
        if first + AT_ONCE in marks:
            spent = time.process_time() - began
            print(f"{first + AT_ONCE:12,} lines: {resident():6.1f} MiB resident, {spent:6.1f} CPU seconds", flush=True)


if __name__ == "__main__":
    main()

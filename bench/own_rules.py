"""What rules that runs bring themselves cost, in CPU time: none at all, the same copied into many runs, many different ones.

`python bench/own_rules.py [--runs 5000]`
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[1]))

from sentinel.core.records import RunInfo
from sentinel.daemon.books import open_books
from sentinel.daemon.own_rules import LOOK_EVERY, OwnRules

RULE = "signature: mine{n}\ntitle: Mine\nfamily: dynamics\nrules:\n{rules}"
ONE = '  - {{rule: r{k}, when: "mean(train.loss, \'100 steps\') > {k} and val.loss > {k}", severity: high, say: "{{train.loss:.2f}}"}}\n'
HOSTILE = (
    "signature: a\ntitle: a\nfamily: dynamics\nrules:\n  - {rule: a, when: step > 1, say: '" + "{q.z} " * 2500 + "'}\n"
)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5000)
    args = parser.parse_args(argv)
    books = open_books([])
    with tempfile.TemporaryDirectory() as name:
        infos = [run(Path(name), n) for n in range(args.runs)]
        engine = SimpleNamespace(
            runs={}, sleepers=SimpleNamespace(runs={i.key: SimpleNamespace(info=i, over="") for i in infos})
        )
        own = OwnRules(books.names)
        print(f"{args.runs} runs that bring nothing")
        show("  meeting one run", lambda: [own(info, books.book) for info in infos], args.runs)
        show("  after a turn", lambda: [own.look(engine) for _ in range(10_000)], 10_000)
        write(infos, lambda n: mine(0, 5))
        print("all of them bring the same five rules")
        show("  meeting one run", lambda: [own(info, books.book) for info in infos], args.runs)
        show("  a look, each 5 s", lambda: [look(own, engine) for _ in range(20)], 20)
        print("a hundred runs bring different ones")
        fresh = OwnRules(books.names)
        write(infos[:100], lambda n: mine(n, 32))
        show("  meeting one run with 32 rules", lambda: [fresh(info, books.book) for info in infos[:100]], 100)
        write(infos[:5], lambda n: HOSTILE[:-4] + f" #{n}'}}\n")
        worst = OwnRules(books.names)
        show("  meeting one with the dearest text", lambda: [worst(info, books.book) for info in infos[:5]], 5)


def run(root, number):
    folder = root / f"run{number}"
    folder.mkdir()
    return RunInfo(f"w:{folder}", folder.name, str(folder), "w", uid=folder.stat().st_uid)


def mine(number, count):
    return RULE.format(n=number, rules="".join(ONE.format(k=k) for k in range(count)))


def write(infos, text):
    for number, info in enumerate(infos):
        folder = Path(info.folder, ".sentinel", "rules")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mine.yml").write_text(text(number))


def look(own, engine):
    own._due = 0.0
    own.look(engine)


def show(what, work, count):
    began = time.process_time()
    work()
    print(f"{what:38} {(time.process_time() - began) / count * 1e6:10.1f} µs")


if __name__ == "__main__":
    assert LOOK_EVERY == 5.0
    main()

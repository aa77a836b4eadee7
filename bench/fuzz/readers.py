"""Feeds the readers whatever a fuzzer invents: python -m bench.fuzz.readers [CORPUS] [-runs=N]; needs `atheris`.

Without atheris it damages the corpus' files at random: python -m bench.fuzz.readers CORPUS --damage SECONDS.
"""

import random
import sys
import time
from pathlib import Path

from sentinel.formats import open_reader, read_config
from sentinel.rulebook.names_file import load_names

NAMES, _ = load_names([Path(__file__).parents[2] / "rules" / "names.yml"])
FILES = ("a.log", "b.csv", "c.json", "d.jsonl", "events.out.tfevents.1", "e.wandb")
CONFIGS = ("x.yaml", "x.json", "x.toml", "x.ini", "x.config.js", "x.config.py", "tokenizer.json", "vocab.txt")


class Arrivals:
    def at(self, stamp, arrival):
        return stamp if arrival is None else arrival


def one(data):
    if not data:
        return
    file, cut = FILES[data[0] % len(FILES)], data[0] * len(data) // 256
    reader = open_reader(file, data, NAMES, Arrivals())
    told = [*reader.feed(data[:cut], None)]
    saved, settled = reader.save(), reader.settled
    reader = open_reader(file, data, NAMES, Arrivals(), saved=saved)
    told += [*reader.feed(data[settled:], None), *reader.idle(1.0), *reader.finish()]
    read_config(CONFIGS[data[0] % len(CONFIGS)], data)


def damage(corpus, seconds):
    rng, ends, runs = random.Random(7), time.monotonic() + seconds, 0
    files = [path for path in sorted(corpus.rglob("*")) if path.is_file()]
    while time.monotonic() < ends:
        data = bytearray(rng.choice(files).read_bytes())
        start = rng.randrange(max(1, len(data)))
        data = data[start : start + 20_000]
        for _ in range(rng.randrange(40)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        one(bytes(data))
        runs += 1
    print(f"{runs} damaged pieces, no exception")


def main():
    if "--damage" in sys.argv:
        at = sys.argv.index("--damage")
        damage(Path(sys.argv[1]), float(sys.argv[at + 1]))
        return
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

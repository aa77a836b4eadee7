"""Feeds the readers whatever a fuzzer invents: python -m bench.fuzz.readers [CORPUS...] [-max_total_time=60].

With `atheris` the bytes are guided by coverage. Without it, or with --damage SECONDS, files of a directory (a corpus, or
the readers' own samples) are damaged at random. Either way: never an exception, and a reader that was cut anywhere and
restarted from its bookmark says what one that read all at once said.
"""

import random
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

try:
    import atheris
except ImportError:
    atheris = None

with atheris.instrument_imports(include=["sentinel"]) if atheris and "--damage" not in sys.argv else nullcontext():
    from sentinel.formats import open_reader, read_config
    from sentinel.rulebook.names_file import load_names

NAMES, _ = load_names([Path(__file__).parents[2] / "rules" / "names.yml"])
FILES = ("a.log", "b.csv", "c.json", "d.jsonl", "events.out.tfevents.1", "e.wandb")
CONFIGS = ("x.yaml", "x.json", "x.toml", "x.ini", "x.config.js", "x.config.py", "tokenizer.json", "vocab.txt")
SAMPLES = (
    b"Epoch 3: Train: loss=0.73, F1=0.633 | Val: loss=0.81 (val)\r\n[step 4/9] loss: nan | lr 1e-4 | 12.3k tok/s\n",
    b"step,epoch,train_loss,phase\n1,0,0.5,train\n2,,nan,val\n",
    b'{"step": 1, "loss": 0.5}\n{"step": 2, "loss": NaN, "eval": {"f1": 0.3}}\n',
    b'{"log_history": [\n{"loss": 0.4, "step": 3},\n{"eval_loss": 0.5, "step": 3}\n]}',
    b"---------\n| train/  |\n|  loss  | 0.5 |\n---------\n 50%|##   | 5/10 [00:01<00:01, 4it/s, loss=0.3]\r",
    b"E    #    LOSS NER  SCORE\n---  ---  --------  -----\n 0    1    2.0   0.5\nConfig:\n lr: 0.1\n",
    b'{"log":"step 3 loss 0.5\\n","time":"2026-01-01T00:00:00Z"}\nTraceback (most recent call last):\nValueError: x\n',
)


class Arrivals:
    def at(self, stamp, arrival):
        return stamp if arrival is None else arrival


def whole(file, data):
    reader = open_reader(file, data, NAMES, Arrivals())
    return [*reader.feed(data, None), *reader.finish()]


def restarted(file, data, cut):
    reader = open_reader(file, data, NAMES, Arrivals())
    told = [*reader.feed(data[:cut], None)]
    saved, settled = reader.save(), reader.settled
    reader = open_reader(file, data, NAMES, Arrivals(), saved=saved)
    return [*told, *reader.feed(data[settled:], None), *reader.finish()]


def one(data):
    if not data:
        return
    file, cut = FILES[data[0] % len(FILES)], data[-1] * len(data) // 256
    check(file, data, cut)
    read_config(CONFIGS[data[0] % len(CONFIGS)], data)


def check(file, data, cut):
    first, second = whole(file, data), restarted(file, data, cut)
    if repr(first) != repr(second):
        other = next(
            (pair for pair in zip(first, second, strict=False) if repr(pair[0]) != repr(pair[1])), "their number"
        )
        raise AssertionError(f"{file} cut at {cut} differs in {other}, of {data!r}")
    reader = open_reader(file, data, NAMES, Arrivals())
    reader.feed(data, 1.0)
    reader.idle(2.0)


def damaged(data, rng):
    data = bytearray(data)
    start = rng.randrange(max(1, len(data)))
    data = data[start if rng.random() < 0.7 else 0 :][:20_000]
    for _ in range(rng.randrange(40)):
        if data:
            at = rng.randrange(len(data))
            how = rng.randrange(4)
            if how == 0:
                data[at] = rng.randrange(256)
            elif how == 1:
                del data[at : at + rng.randrange(200)]
            elif how == 2:
                data[at:at] = rng.choice((b"\n", b"\r", b"{", b'"', b"\xff", b"\0", b"nan", b"1e999", b"|", b","))
            else:
                data[at:at] = data[at - 50 : at]
    return bytes(data)


def damage(folders, seconds, seed=7):
    rng, ends, runs = random.Random(seed), time.monotonic() + seconds, 0
    files = [path for folder in folders for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    while time.monotonic() < ends:
        path = rng.choice(files) if files else None
        data = damaged(path.read_bytes() if path else rng.choice(SAMPLES) * rng.randrange(1, 20), rng)
        if data:
            check(path.name if path else rng.choice(FILES), data, rng.randrange(len(data)))
            read_config(rng.choice(CONFIGS), data)
        runs += 1
    print(f"{runs:,} damaged pieces of {len(files) or len(SAMPLES)} files: no exception, and a restart changes nothing")


def main():
    folders = [argument for argument in sys.argv[1:] if not argument.startswith("-") and Path(argument).is_dir()]
    if "--damage" in sys.argv:
        damage(folders, float(sys.argv[sys.argv.index("--damage") + 1]))
        return
    if atheris is None:
        print(f"no atheris for Python {sys.version.split()[0]}: the samples are damaged at random for a minute instead")
        damage(folders, 60.0)
        return
    with tempfile.TemporaryDirectory() as seeds:
        for number, sample in enumerate(SAMPLES):
            for first in range(len(FILES)):
                Path(seeds, f"{number}-{first}").write_bytes(bytes([first]) + b"\n" + sample + b"\x80")
        options = [argument for argument in sys.argv[1:] if argument not in folders]
        atheris.Setup([sys.argv[0], seeds, *folders, "-max_len=4096", *options], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

"""`sentinel tail`: prints every reading as it is understood, or line by line what was understood and what was not."""

from __future__ import annotations

import argparse
import gzip
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import sentinel
from sentinel.cli.exits import Exit
from sentinel.cli.tail_explain import explain
from sentinel.core.names import Names
from sentinel.core.records import Item, Reading, Row
from sentinel.core.wire import dump, reading_json
from sentinel.formats import open_reader
from sentinel.rulebook.names_file import load_names

HELP = "Print every reading of files as it is understood."
_CHUNK = 1 << 18
_FOREVER = 1e12  # whoever names a file means it, however old it is
_EPILOG = """examples:
  sentinel tail runs/baseline                       follow a run, until Ctrl-C
  sentinel tail --once runs/baseline/train.log      every reading that is there
  python train.py 2>&1 | sentinel tail -            what a program prints, as it prints it
  sentinel tail --explain train.log                 each line, and under it what it was taken for
"""


class _Stamps:
    """Without the daemon a row's time is what its line says."""

    def at(self, stamp: float | None, arrival: float | None) -> float | None:  # noqa: ARG002
        """The stamp; unknown where the line has none."""
        return stamp


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or run folders; - is standard input")
    parser.add_argument("--json", action="store_true", help="one JSON object a reading")
    parser.add_argument("--once", action="store_true", help="read what is there and end")
    parser.add_argument("--explain", metavar="FILE", help="show a file line by line, understood or not")
    parser.add_argument("--names", action="append", default=[], metavar="FILE", help="a names.yml over the shipped one")


def run(args: argparse.Namespace) -> int:
    """Read and print."""
    names, faults = load_names([shipped_names(), *map(Path, args.names)])
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        return Exit.COULD_NOT
    if not args.paths and not args.explain:
        print("sentinel tail: name a file, or - for standard input; try: sentinel tail --help", file=sys.stderr)
        return Exit.COULD_NOT
    good = True
    try:
        if args.explain:
            good = explain(Path(args.explain), names, _Stamps())
        followed = [path for path in args.paths if not args.once and path != "-" and not path.endswith(".gz")]
        for path in args.paths:
            if path not in followed:
                good &= _print(path, names, args.json)
        if followed:
            good &= _follow(followed, names, args.json)
    except KeyboardInterrupt:
        return Exit.FINE
    return Exit.FINE if good else Exit.COULD_NOT


def shipped_names() -> Path:
    """The names table that came with this Sentinel, installed or from its source tree."""
    home = Path(sentinel.__file__).parent
    installed = home / "shipped" / "rules" / "names.yml"
    return installed if installed.exists() else home.parent / "rules" / "names.yml"


def _print(path: str, names: Names, as_json: bool) -> bool:
    place = Path(path)
    if path != "-" and place.is_dir():
        from sentinel.formats import is_log

        files = [f for f in sorted(place.rglob("*")) if f.is_file() and is_log(str(f), _head(f))]
        printed = [_print(str(f), names, as_json) for f in files]
        return all(printed)
    try:
        for items in _read(path, names):
            for item in items:
                if isinstance(item, Row):
                    _rows(item, place.parent.name if path != "-" else "-", as_json)
            sys.stdout.flush()
    except BrokenPipeError:
        raise  # of the reader of what we print, not of the file
    except OSError as error:
        print(f"sentinel tail: {path}: {error.strerror or error}", file=sys.stderr)
        return False
    return True


def _follow(paths: Sequence[str], names: Names, as_json: bool) -> bool:
    """Files and run folders as they grow, until somebody ends it."""
    from sentinel.sources.plan import WatchPlan
    from sentinel.sources.watcher import Watcher

    for path in paths:
        if not Path(path).exists():
            print(f"sentinel tail: {path}: No such file or directory", file=sys.stderr)
            return False
    real = [str(Path(path).resolve()) for path in paths]
    plans = [
        WatchPlan("tail", runs=path, fresh=_FOREVER)
        if Path(path).is_dir()
        else WatchPlan("tail", files=(path,), fresh=_FOREVER)
        for path in real
    ]
    watcher = Watcher(plans, names)
    try:
        while True:
            for batch in watcher.read(time.time()):
                for item in batch.items:
                    if isinstance(item, Row):
                        _rows(item, batch.run.rsplit("/", 1)[-1], as_json)
            sys.stdout.flush()
            if not watcher.pending:
                time.sleep(1.0)
    finally:
        watcher.close()


def _head(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(4096)
    except OSError:
        return b""


def _read(path: str, names: Names) -> Iterator[Sequence[Item]]:
    """The items of a file, or of standard input as they come."""
    if path == "-":
        yield from _stream(cast("BinaryIO", sys.stdin.buffer), "-", names, live=True)
    elif path.endswith(".gz"):
        with gzip.open(path) as stream:
            yield from _stream(cast("BinaryIO", stream), path[:-3], names, live=False)
    else:
        with Path(path).open("rb") as stream:
            yield from _stream(stream, path, names, live=False)


def _stream(stream: BinaryIO, path: str, names: Names, live: bool) -> Iterator[Sequence[Item]]:
    reader = None
    read = getattr(stream, "read1", stream.read) if live else stream.read
    while data := read(_CHUNK):
        if reader is None:
            reader = open_reader(path, data, names, _Stamps())
        yield reader.feed(data, None)
    if reader is not None:
        yield reader.finish()


def _rows(row: Row, run: str, as_json: bool) -> None:
    if as_json:
        for name, value in zip(row.names, row.values, strict=True):
            reading = Reading(run, name, value, row.step, row.epoch, row.at, row.file, row.line)
            print(dump(reading_json(reading)))
    elif row.names:
        where = " ".join(
            f"{word} {value:g}" for word, value in (("step", row.step), ("epoch", row.epoch)) if value is not None
        )
        numbers = "  ".join(f"{name} {value:g}" for name, value in zip(row.names, row.values, strict=True))
        print(f"{row.file}:{row.line}  {where or '-'}  {numbers}")

"""What watching 1,000 quiet files costs: Sentinel, and beside it mtail and fail2ban where they are installed.

`python bench/idle.py [--files 1000] [--seconds 60]`
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.processes import measured, ready_socket, running, tree

BUDGET = "budget: 0.2 % of a core, 60 MiB (design section 9)"
NEWS = 15.0  # seconds in which a line that was written to each file is to be read
LINE = "step={step} loss=0.{step} lr=1e-4 grad_norm=1.2 tok_s=8123\n"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--settle", type=float, default=20)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder, args.files)
        print(f"{args.files} quiet files, {args.seconds:.0f} s measured after {args.settle:.0f} s; {BUDGET}")
        print(f"{'':12} {'% of a core':>12} {'PSS MiB':>9} {'follows':>9}")
        for title, start in (("sentinel", sentinel), ("mtail", mtail), ("fail2ban", fail2ban)):
            show(title, start(folder), folder, args)


def lay_out(folder, count):
    """Runs of one log each, ten lines long."""
    for number in range(count):
        run = folder / "runs" / f"run-{number:04}"
        run.mkdir(parents=True)
        (run / "train.log").write_text("".join(LINE.format(step=step) for step in range(1, 11)))


def show(title, words, folder, args):
    """One row of the table."""
    if isinstance(words, str):
        print(f"{title:12} {words}")
        return
    with (
        tempfile.TemporaryDirectory() as name,
        ready_socket(Path(name)) as (address, ready),
        running(words, env={**os.environ, "NOTIFY_SOCKET": address}) as child,
    ):
        if title == "sentinel" and not ready(120):
            print(f"{title:12} did not become ready")
            return
        time.sleep(args.settle)
        if child.poll() is not None:
            print(f"{title:12} ended with {child.returncode}")
            return
        share, memory = measured(child.pid, args.seconds)
        follows = read_of_news(child.pid, folder, args.files)
    print(f"{title:12} {share:12.2f} {memory:9.1f} {follows:9.0%}", flush=True)


def read_of_news(pid, folder, count):
    """Of a line that is written to each file then, how much is read: whoever follows only some files does less work."""
    logs = sorted((folder / "runs").glob("*/train.log"))
    line = LINE.format(step=999)
    asleep = bytes_read(pid)
    time.sleep(NEWS)
    before = bytes_read(pid)
    for log in logs[:count]:
        with log.open("a") as file:
            file.write(line)
    time.sleep(NEWS)
    return min(1.0, max(0, bytes_read(pid) - before - (before - asleep)) / (len(line) * count))


def bytes_read(pid):
    """By a process and all that it started."""
    texts = [Path(f"/proc/{member}/io").read_text() for member in tree(pid)]
    return sum(int(text.partition("rchar: ")[2].split()[0]) for text in texts)


def sentinel(folder):
    """The daemon as a user starts it."""
    settings = folder / "sentinel.toml"
    settings.write_text(
        f'[sentinel]\nstate = "{folder}/state"\n[[watch]]\nname = "idle"\nruns = "{folder}/runs/*"\nfresh = "52w"\n'
    )
    return [sys.executable, "-m", "sentinel", "run", "--settings", str(settings)]


def mtail(folder):
    """Four gauges from the same lines."""
    if not shutil.which("mtail"):
        return "is not installed: apt-get install mtail"
    programs = folder / "mtail"
    programs.mkdir(exist_ok=True)
    (programs / "loss.mtail").write_text(
        "gauge loss\ngauge step\n/step=(?P<s>\\d+) loss=(?P<l>[\\d.]+)/ {\n  step = $s\n  loss = $l\n}\n"
    )
    logs = f"{folder}/runs/*/train.log"
    return ["mtail", "--progs", str(programs), "--logs", logs, "--port", "0", "--address", "127.0.0.1"]


def fail2ban(folder):
    """One jail that bans nobody."""
    if not shutil.which("fail2ban-server"):
        return "is not installed: apt-get install fail2ban"
    place = folder / "fail2ban"
    (place / "filter.d").mkdir(parents=True, exist_ok=True)
    (place / "action.d").mkdir(exist_ok=True)
    (place / "fail2ban.conf").write_text(
        f"[Definition]\nloglevel = ERROR\nlogtarget = {place}/log\nsyslogsocket = auto\nsocket = {place}/sock\n"
        f"pidfile = {place}/pid\ndbfile = None\ndbpurgeage = 1d\ndbmaxmatches = 10\nallowipv6 = auto\n"
    )
    (place / "filter.d" / "loss.conf").write_text(
        "[Definition]\nfailregex = ^step=\\d+ loss=nan <HOST>\ndatepattern =\n"
    )
    (place / "jail.conf").write_text(
        f"[loss]\nenabled = true\nfilter = loss\nbackend = polling\nlogpath = {folder}/runs/*/train.log\n"
        "banaction =\naction =\nmaxretry = 5\n"
    )
    return ["fail2ban-server", "-f", "-x", "-c", str(place), "-s", f"{place}/sock", "-p", f"{place}/pid", "start"]


if __name__ == "__main__":
    main()

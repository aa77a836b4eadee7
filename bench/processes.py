"""CPU seconds and memory of a process with all its children, read from /proc; and how a daemon is started and ended."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """A process and all that it started."""
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = path.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from tree(int(child))


def cpu_seconds(pid):
    """CPU time of the tree, ended children included."""
    total = 0
    for member in list(tree(pid)):
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15] if member == pid else fields[11:13]))
    return total / TICKS


def pss_mib(pid):
    """Memory of the tree, shared pages counted by share."""
    total = 0
    for member in list(tree(pid)):
        try:
            text = Path(f"/proc/{member}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1024


@contextmanager
def running(words, **more):
    """A process, ended with everything that it started; so it is where we are told to end meanwhile."""
    quiet = subprocess.DEVNULL
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    child = subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True, **more)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        signal.signal(signal.SIGTERM, before)


@contextmanager
def ready_socket(folder):
    """An address for NOTIFY_SOCKET, and how to wait for READY there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        address = str(folder / "notify")
        sock.bind(address)

        def wait(seconds):
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                sock.settimeout(left)
                try:
                    if b"READY=1" in sock.recv(4096):
                        return True
                except TimeoutError:
                    break
            return False

        yield address, wait


def measured(pid, seconds):
    """CPU share in percent of one core over a stretch, and memory at its end."""
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    share = 100 * (cpu_seconds(pid) - before) / (time.monotonic() - began)
    return share, pss_mib(pid)

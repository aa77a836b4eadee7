"""A person's own `sentinel stop` and `checkpoint`: with that person's rights, on that person's run, as real other users."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest

pytest.importorskip("numpy")

ROOT = Path(__file__).parents[2]
PLAIN = ROOT / "tests" / "outlets" / "trainings" / "plain.py"
ADA, EVE = 54001, 54002


def who(uid):
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]


@pytest.fixture
def place():
    """A folder that everyone may enter."""
    with tempfile.TemporaryDirectory(prefix="sentinel-stop-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o1777)
        yield folder


@pytest.fixture
def python(place):
    """A Python that other users may run, with what is installed for ours: a root's own often lies where nobody else gets."""
    home, system = place / "venv", Path("/usr/bin/python3")
    packages = home / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    packages.mkdir(parents=True)
    (home / "bin").mkdir()
    (home / "pyvenv.cfg").write_text(f"home = {system.parent}\n")
    (home / "bin" / "python3").symlink_to(system)
    (packages / "ours.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
    found = home / "bin" / "python3"
    if os.geteuid() != 0 or shutil.which("setpriv") is None or not system.exists():
        pytest.skip("needs root, setpriv and a Python of the system")
    line = f"{found} -c 'import numpy, psutil, sentinel.cli.main'"
    done = subprocess.run([*who(ADA), "sh", "-c", line], cwd="/", capture_output=True, check=False)
    if done.returncode:
        pytest.skip("the system's Python cannot be run by other users with our packages")
    return str(found)


@pytest.fixture
def sentinel(place, python):
    environment = {**os.environ, "TMPDIR": str(place / "tmp")}

    def run(uid, *words):
        command = [*who(uid), python, "-m", "sentinel", *map(str, words), "--socket", "/nowhere"]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture
def start(place, python):
    started = []

    def begin(uid, name, *words, before=None, mode="handler,early"):
        run = place / name
        if not run.exists():
            run.mkdir()
            os.chown(run, uid, uid)
        started.append(subprocess.Popen([*who(uid), python, str(PLAIN), str(run), mode, *words]))
        end = time.monotonic() + 20
        while time.monotonic() < end and "step 35" not in _read(run / "train.log"):
            time.sleep(0.05)
        return run, started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def _read(path):
    return path.read_text() if path.exists() else ""


def test_the_runs_own_user_stops_it_with_neither_consent_nor_a_daemon(start, sentinel):
    run, process = start(ADA, "a")
    done = sentinel(ADA, "stop", run, "--yes", "--quiet-after", "1")
    assert (done.returncode, process.wait(5)) == (0, 0), done.stdout + done.stderr
    assert "saved and proven" in done.stdout
    assert {path.stat().st_uid for path in (run / ".sentinel-kept").iterdir()} == {ADA}


def test_a_dry_run_leaves_nothing_behind(start, sentinel, place):
    run, process = start(ADA, "a")
    before = sorted(os.listdir(run))
    assert sentinel(ADA, "stop", run, "--dry-run").returncode == 0
    assert (sorted(os.listdir(run)), os.listdir(place / "tmp")) == (before, [])
    assert process.poll() is None


@pytest.mark.parametrize("by", ["folder", "pid"])
def test_another_user_can_do_nothing_and_is_told_so_in_one_line(start, sentinel, by):
    run, process = start(ADA, "a")
    done = sentinel(EVE, "stop", run if by == "folder" else process.pid, "--yes", "--quiet-after", "1")
    assert (done.returncode, process.poll()) == (2, None)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") + done.stdout.count("refused") >= 1


def test_where_another_user_writes_too_root_signals_neither_and_each_user_only_their_own(start, sentinel, place):
    run, process = start(ADA, "a")
    (run / "train.log").chmod(0o666)
    _, other = start(EVE, "a", mode="handler")
    done = sentinel(0, "stop", run, "--yes", "--quiet-after", "1")
    assert (done.returncode, process.poll(), other.poll()) == (2, None, None), done.stdout
    assert "refused" in done.stdout
    assert sentinel(ADA, "stop", run, "--yes", "--quiet-after", "1").returncode == 0
    assert (process.wait(5), other.poll()) == (0, None)


def test_a_process_that_writes_for_two_runs_is_not_ended_for_one_of_them(start, sentinel, place):
    second = place / "b"
    second.mkdir()
    os.chown(second, ADA, ADA)
    run, process = start(ADA, "a", str(second))
    done = sentinel(ADA, "stop", run, "--yes", "--quiet-after", "1")
    assert (done.returncode, process.poll()) == (2, None), done.stdout
    assert str(second) in done.stdout


def test_a_checkpoint_that_nobody_can_judge_is_not_put_at_risk(start, sentinel):
    run, process = start(ADA, "a", mode="handler")
    (run / "model.pt").write_bytes(b"\x80\x04N.")
    os.chown(run / "model.pt", ADA, ADA)
    done = sentinel(ADA, "stop", run, "--yes", "--quiet-after", "1")
    assert (done.returncode != 0, process.poll()) == (True, None), done.stdout
    assert "could not be judged" in done.stdout


def test_a_hanging_run_is_not_asked_and_says_what_would_end_it(start, sentinel):
    run, process = start(ADA, "a")
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    done = sentinel(ADA, "checkpoint", run, "--yes")
    process.send_signal(signal.SIGCONT)
    assert (done.returncode != 0, process.poll()) == (True, None)
    assert "cannot hear" in done.stdout

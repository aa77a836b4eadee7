"""Two users on one machine: none reaches through Sentinel what is the other's. Real processes under real user ids."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from sentinel.daemon.peers import Peer
from sentinel.daemon.sight import Sight
from sentinel.outlets.hands.consent import NAME, clean, read_consent
from sentinel.outlets.hands.guard import protect
from sentinel.outlets.hands.process import Pin, read_process
from sentinel.outlets.hands.sending import Refused, check_crew
from sentinel.outlets.hands.survey import crew_of_folder
from tests.daemon.test_running import NAN
from tests.world.settings import settings_in
from tests.world.waiting import PATIENCE, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="taking on other users' ids needs root")

ADA, EVE = 54001, 54002
ROOT = Path(__file__).parents[2]
SECRET = "ada-writes-this-for-herself-alone"


def become(uid):
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def as_user(uid, code, *words, **more):
    """What a Python of that user does; its exit code is 0 when it could."""
    command = ["/usr/bin/env", "python3", "-c", code, *map(str, words)]
    return subprocess.run(command, preexec_fn=lambda: become(uid), capture_output=True, text=True, cwd="/", **more)


@pytest.fixture
def place():
    """A folder that everyone may enter, as /data is. Not pytest's: whenever another pytest starts, it closes them all."""
    with tempfile.TemporaryDirectory(prefix="sentinel-users-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        for run, uid in (("ada", ADA), ("eve", EVE)):
            (folder / "runs" / run).mkdir(parents=True)
            os.chown(folder / "runs" / run, uid, uid)
        yield folder


@pytest.fixture
def training():
    """Processes of a user that hold a file open for writing."""
    started = []

    def begin(uid, file):
        code = "import sys, time; f = open(sys.argv[1], 'a'); f.write('x'); f.flush(); print('up', flush=True); time.sleep(60)"
        command = ["python3", "-c", code, str(file)]
        started.append(
            subprocess.Popen(command, user=uid, group=uid, extra_groups=[], stdout=subprocess.PIPE, cwd="/", text=True)
        )
        assert started[-1].stdout.readline() == "up\n"
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


# --- consent ---------------------------------------------------------------------------------------------------------

WRITE = "import sys; open(sys.argv[1], 'w').write('level: kill\\n')"


def test_somebody_elses_word_in_an_open_folder_is_no_consent(place):
    run = place / "runs" / "ada"
    run.chmod(0o777)
    assert as_user(EVE, WRITE, run / NAME).returncode == 0
    consent = read_consent(run)
    assert consent.level.word == "never"
    assert "belongs to another user" in consent.why


def test_a_link_to_the_owners_own_words_elsewhere_is_no_consent(place):
    run, other = place / "runs" / "ada", place / "runs" / "ada2"
    run.chmod(0o777)
    other.mkdir()
    (other / NAME).write_text("level: kill\n")
    for path in (other, other / NAME):
        os.chown(path, ADA, ADA)
    for trick in ("symlink", "link"):
        code = f"import os, sys; os.{trick}(sys.argv[1], sys.argv[2])"
        if as_user(EVE, code, other / NAME, run / NAME).returncode:
            os.link(other / NAME, run / NAME)  # where the kernel forbids it to her, see what it would have given
        assert read_consent(run).level.word == "never"
        (run / NAME).unlink()


def test_a_pipe_in_place_of_the_word_neither_hangs_nor_consents(place):
    run = place / "runs" / "ada"
    run.chmod(0o777)
    assert as_user(EVE, "import os, sys; os.mkfifo(sys.argv[1], 0o666)", run / NAME).returncode == 0
    begun = time.monotonic()
    assert read_consent(run).level.word == "never"
    assert time.monotonic() - begun < PATIENCE


# --- evidence --------------------------------------------------------------------------------------------------------


def test_only_what_the_owner_alone_could_have_written_is_evidence(place):
    run = place / "runs" / "ada"
    append = "import sys; open(sys.argv[1], 'a').write('loss=nan\\n')"
    for name in ("own.log", "open.log", "linked.log"):
        (run / name).write_text("loss=1\n")
        os.chown(run / name, ADA, ADA)
    (run / "open.log").chmod(0o666)
    os.link(run / "linked.log", place / "second-name")
    (run / "soft.log").symlink_to(run / "own.log")
    assert as_user(EVE, append, run / "own.log").returncode != 0
    assert as_user(EVE, append, run / "open.log").returncode == 0
    assert list(clean(run, ["own.log", "open.log", "linked.log", "soft.log", "none.log"])) == ["own.log"]
    run.chmod(0o777)  # now anybody can put another file in its place
    assert as_user(EVE, append, run / "forged.log").returncode == 0
    assert list(clean(run, ["own.log", "forged.log"])) == []


# --- signals -----------------------------------------------------------------------------------------------------------


def test_who_writes_into_anothers_folder_is_not_signalled_for_that_run(place, training):
    """Eve makes Ada's training write below Eve's folder by a link that Ada's program follows."""
    trap = place / "runs" / "eve" / "out.log"
    trap.touch()
    trap.chmod(0o666)
    os.chown(trap, EVE, EVE)
    (place / "ada-out.log").symlink_to(trap)
    ada = training(ADA, place / "ada-out.log")
    crew = crew_of_folder(str(place / "runs" / "eve"))
    assert [process.pid for process in crew.ranks] == [ada.pid]
    with pytest.raises(Refused, match=f"processes of uid {ADA}, the run is of uid {EVE}"):
        check_crew(crew, EVE)
    mine = training(EVE, place / "runs" / "eve" / "train.log")
    mixed = crew_of_folder(str(place / "runs" / "eve"))
    assert {process.pid for process in mixed.ranks} == {ada.pid, mine.pid}
    with pytest.raises(Refused, match=r"several users|more than one run"):
        check_crew(mixed, EVE)
    assert (ada.poll(), mine.poll()) == (None, None)


def test_a_number_that_came_to_mean_anothers_process_is_not_signalled(place, training):
    from dataclasses import replace

    mine, ada = training(EVE, place / "runs" / "eve" / "x.log"), training(ADA, place / "runs" / "ada" / "x.log")
    known = read_process(mine.pid)
    forged = replace(known, pid=ada.pid)
    with pytest.raises(ProcessLookupError):
        Pin(forged)
    assert ada.poll() is None


# --- copies of checkpoints -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trick", ["link to a folder", "link to a file", "hard link", "pipe", "kept elsewhere"])
def test_a_checkpoint_full_of_tricks_copies_nothing_of_anothers(place, trick):
    private = place / "private"
    private.mkdir(mode=0o700)
    (private / "model.bin").write_text(SECRET)
    for path in (private, private / "model.bin"):
        os.chown(path, ADA, ADA)
    run = place / "runs" / "eve"
    checkpoint = run / "ckpt"
    checkpoint.mkdir()
    tricks = {
        "link to a folder": lambda: (checkpoint / "part").symlink_to(private),
        "link to a file": lambda: (checkpoint / "part").symlink_to(private / "model.bin"),
        "hard link": lambda: os.link(private / "model.bin", checkpoint / "part"),
        "pipe": lambda: os.mkfifo(checkpoint / "part"),
        "kept elsewhere": lambda: (run / ".sentinel-kept").symlink_to(private),
    }
    tricks[trick]()
    os.chown(checkpoint, EVE, EVE)
    begun = time.monotonic()
    with pytest.raises(Refused):
        protect(checkpoint, run)
    assert time.monotonic() - begun < PATIENCE
    assert not [path for path in run.rglob("*") if path.is_file() and path.stat().st_uid == EVE]
    assert sorted(path.name for path in private.iterdir()) == ["model.bin"]


# --- what a peer may see ---------------------------------------------------------------------------------------------


def peer(uid, *gids):
    return Peer(1, uid, uid, str(uid), frozenset(), frozenset((uid, *gids)))


@pytest.mark.parametrize(
    ("home", "run", "log", "gids", "seen"),
    [
        (0o755, 0o755, 0o644, (), True),
        (0o700, 0o755, 0o644, (), False),  # the folder is open, the home above it is not
        (0o755, 0o755, 0o600, (), False),
        (0o755, 0o711, 0o644, (), True),  # by name, as `cat` would
        (0o755, 0o700, 0o644, (), False),
        (0o750, 0o755, 0o640, (ADA,), True),
        (0o750, 0o755, 0o640, (), False),
    ],
)
def test_a_line_is_shown_to_whom_could_have_read_it_and_the_kernel_agrees(place, home, run, log, gids, seen):
    folder = place / "home" / "run"
    folder.mkdir(parents=True)
    (folder / "train.log").write_text(SECRET)
    for path, mode in ((folder / "train.log", log), (folder, run), (folder.parent, home)):
        os.chown(path, ADA, ADA)
        path.chmod(mode)
    assert Sight(peer(EVE, *gids)).sees(str(folder), "train.log") is seen
    assert Sight(peer(ADA)).sees(str(folder), "train.log") is True
    groups = list(gids)

    def eve():
        os.setgroups(groups)
        os.setgid(EVE)
        os.setuid(EVE)

    done = subprocess.run(["cat", folder / "train.log"], preexec_fn=eve, capture_output=True)
    assert (done.returncode == 0) is seen


def test_of_a_run_that_nobody_knows_any_more_no_text_is_shown():
    assert not Sight(peer(EVE)).sees(None)
    assert Sight(peer(0)).sees(None)


# --- the daemon itself, as root, over a folder full of tricks ------------------------------------------------------------


@pytest.fixture
def daemon(place):
    """The real daemon with every right, and everybody in its group."""
    settings = place / "sentinel.toml"
    settings.write_text(settings_in(place))
    state = place / "state"
    out = (place / "out.txt").open("w")
    command = [sys.executable, "-P", "-m", "sentinel", "run", "--settings", str(settings)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(command, cwd="/", stdout=out, stderr=subprocess.STDOUT, env=environment)
    # The socket alone is no sign of life: it is there before anybody listens.
    assert until(lambda: "is up and watching" in (place / "out.txt").read_text(), 40), (place / "out.txt").read_text()
    state.chmod(0o755)
    (state / "control").chmod(0o666)
    yield running
    running.terminate()
    running.wait(PATIENCE)
    out.close()


ASK = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1]); s.sendall(sys.argv[2].encode() + b"\\n")
print(s.makefile().readline())
"""


def ask(place, uid, **request):
    done = as_user(uid, ASK, place / "state" / "control", json.dumps(request))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fill_with_tricks(run, secret):
    os.link(secret, run / "hard.log")
    (run / "soft.log").symlink_to(secret)
    (run / "train.csv").symlink_to("/dev/zero")
    (run / "metrics.jsonl").symlink_to("/proc/self/environ")
    os.mkfifo(run / "pipe.log")
    os.mknod(run / "zero.log", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    with (run / "huge.log").open("wb") as file:
        file.truncate(1 << 40)
    with (run / "config.yaml").open("wb") as file:
        file.truncate(1 << 40)
    (run / "loop").symlink_to(".")
    (run / "$(touch owned).log").write_text("loss=1\n")
    (run / "; touch owned; .log").write_text("loss=1\n")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(run / "s.log"))
    for path in run.iterdir():
        os.chown(path, EVE, EVE, follow_symlinks=False) if path.name != "hard.log" else None


def test_a_folder_full_of_tricks_harms_nobody_and_shows_nothing_of_anothers(place, daemon):
    secret = place / "runs" / "ada" / "secret.log"
    secret.write_text(f"step=1 loss=2.0 {SECRET}\n")
    os.chown(secret, ADA, ADA)
    secret.chmod(0o600)
    os.chmod(place / "runs" / "ada", 0o700)
    fill_with_tricks(place / "runs" / "eve", secret)
    (place / "runs" / "good").mkdir()
    os.chown(place / "runs" / "good", EVE, EVE)
    (place / "runs" / "good" / "train.log").write_text(NAN)
    assert until(
        lambda: any(run["run"] == "good" and run["firing"] for run in ask(place, EVE, ask="status")["runs"]), 40
    )
    assert daemon.poll() is None
    assert "loss" not in ask(place, EVE, ask="status", run="eve").get("names", [])
    assert SECRET not in json.dumps(ask(place, EVE, ask="status", run="eve"))
    assert SECRET not in (place / "out.txt").read_text()
    assert not list(place.rglob("owned"))
    assert not Path("/owned").exists()
    memory = next(line for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines() if "VmRSS" in line)
    assert int(memory.split()[1]) < 400_000
    (place / "runs" / "eve" / "huge.log").unlink()


def test_words_about_anothers_run_are_refused_and_its_lines_are_not_shown(place, daemon):
    run = place / "runs" / "ada"
    run.chmod(0o700)
    assert as_user(ADA, "import sys; open(sys.argv[1], 'w').write(sys.argv[2])", run / "train.log", NAN).returncode == 0
    assert until(lambda: ask(place, ADA, ask="alerts")["alerts"], 40)
    (hers,) = ask(place, ADA, ask="alerts")["alerts"]
    (seen,) = ask(place, EVE, ask="alerts")["alerts"]
    assert hers["say"]
    assert hers["evidence"]
    assert (seen["say"], seen["evidence"], seen["file"]) == ("", [], None)
    assert "folder" not in next(run for run in ask(place, EVE, ask="status")["runs"] if run["run"] == "ada")
    words = [
        {"ask": "ack", "id": hers["id"]},
        {"ask": "mute", "target": hers["id"], "for": "1h"},
        {"ask": "mute", "target": "ada", "for": "1h"},
        {"ask": "mute", "target": "loss-nonfinite/training", "for": "1h"},
        {"ask": "mute", "target": "numerics", "for": "1h"},
        {"ask": "wrong", "id": hers["id"]},
        {"ask": "clear-rule", "rule": "loss-nonfinite/training"},
        {"ask": "outbox-retry"},
        {"ask": "release-gpu", "seconds": 60},
        {"ask": "reload"},
        {"ask": "explain", "id": hers["id"]},
    ]
    answers = {json.dumps(word): ask(place, EVE, **word) for word in words}
    assert {word for word, answer in answers.items() if answer["ok"]} == set()
    assert not any("a bug" in answer["why"] for answer in answers.values())
    assert ask(place, ADA, ask="mute", target="ada", **{"for": "1h"})["ok"]
    assert ask(place, ADA, ask="explain", id=hers["id"])["ok"]
    assert daemon.poll() is None
    os.kill(daemon.pid, signal.SIGHUP)
    assert until(lambda: "reloaded" in (place / "out.txt").read_text(), 40)


def test_a_link_shows_nobody_what_lies_behind_a_closed_door(place):
    """The folder and the link are open, the file's own folder is not; the kernel agrees."""
    run = place / "runs" / "ada"
    closed = run / "private"
    closed.mkdir()
    (closed / "train.log").write_text(SECRET)
    (run / "latest.log").symlink_to("private/train.log")
    for path in (closed, closed / "train.log"):
        os.chown(path, ADA, ADA)
    for mode, seen in ((0o755, True), (0o700, False)):
        closed.chmod(mode)
        assert (as_user(EVE, "import sys; open(sys.argv[1])", run / "latest.log").returncode == 0) is seen
        assert Sight(peer(EVE)).sees(str(run), "latest.log") is seen
    assert Sight(peer(ADA)).sees(str(run), "latest.log")


def test_facts_of_a_config_that_only_its_owner_may_open_are_shown_to_her_alone(place, daemon):
    run = place / "runs" / "ada"
    (run / "config.yaml").write_text(f"lr: 0.001\nnote: {SECRET}\n")
    (run / "train.log").write_text("step=1 loss=2.0\n")
    for path in (run / "config.yaml", run / "train.log"):
        os.chown(path, ADA, ADA)
    (run / "config.yaml").chmod(0o600)

    def facts(uid):
        (shown,) = ask(place, uid, ask="status", run="ada")["runs"] if known(place, uid, "ada") else ({},)
        return shown.get("facts", {})

    assert until(lambda: "config.lr" in facts(ADA), 40)
    assert SECRET in json.dumps(facts(ADA))
    assert "config.lr" not in facts(EVE)
    assert SECRET not in json.dumps(ask(place, EVE, ask="status", run="ada"))


def known(place, uid, name):
    return any(run["run"] == name for run in ask(place, uid, ask="status")["runs"])

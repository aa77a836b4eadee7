"""Command and daemon of different versions: `status`, `mute` and `keep` are still understood, and both say what to restart."""

import contextlib
import json
import socket
import threading

import pytest

from sentinel import __version__
from sentinel.cli.main import main
from sentinel.daemon.control import Control, Refused
from sentinel.daemon.waiting import SelectorWaker
from tests.daemon.test_running import ask as ask_daemon
from tests.daemon.test_running import daemon, place  # noqa: F401 - fixtures

OLDEST_STATUS = {"ok": True, "runs": [{"run": "a", "standing": "doomed"}]}
OLD_RUN = {"run": "a", "watch": "t", "user": "ada", "standing": "fine", "step": 3, "epoch": None, "progress": None}


class OtherDaemon:
    """A daemon of another version: it answers by a table and keeps what it heard."""

    def __init__(self, path, answers):
        self.heard, self.answers = [], answers
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                with connection, connection.makefile("rw") as line:
                    request = json.loads(line.readline())
                    self.heard.append(request)
                    no = {"v": 1, "ok": False, "why": f"this daemon knows no '{request['ask']}'; restart it"}
                    line.write(json.dumps(self.answers.get(request["ask"], no)) + "\n")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)


@pytest.fixture
def other(tmp_path):
    made = []

    def make(answers):
        made.append(OtherDaemon(tmp_path / "s", answers))
        return made[-1]

    yield make
    for daemon in made:  # noqa: F402
        daemon.close()


@pytest.mark.parametrize(
    ("theirs", "version"),
    [({}, "of an older version"), ({"v": 1, "version": "0.0.1"}, "0.0.1"), ({"v": 99, "version": "9.9"}, "9.9")],
)
@pytest.mark.parametrize(
    ("words", "ask", "answer", "shown"),
    [
        (["status"], "status", OLDEST_STATUS, "a"),
        (["status"], "status", {"ok": True, "runs": [OLD_RUN], "new thing": {"deep": [1]}}, "step 3"),
        (["mute", "a", "2h"], "mute", {"ok": True, "said": "quiet", "more": 1}, "quiet"),
        (["keep", "a"], "keep", {"ok": True, "said": "kept"}, "kept"),
    ],
)
def test_a_daemon_of_another_version_is_understood_and_a_restart_is_asked_for(
    tmp_path, other, capsys, theirs, version, words, ask, answer, shown
):
    heard = other({ask: {**theirs, **answer}})
    assert main([*words, "--socket", str(tmp_path / "s")]) == 0
    out, err = capsys.readouterr()
    assert shown in out
    assert f"this command is {__version__}, the daemon is {version}: restart it: systemctl" in err
    assert heard.heard[0] | {"v": 1, "version": __version__} == heard.heard[0]


def test_a_word_that_an_older_daemon_does_not_know_says_restart(tmp_path, other, capsys):
    other({})
    assert main(["outbox", "--socket", str(tmp_path / "s")]) == 2
    assert "restart it" in capsys.readouterr().err


def test_the_same_version_says_nothing_of_it(tmp_path, other, capsys):
    other({"keep": {"v": 1, "ok": True, "version": __version__, "said": "kept"}})
    assert main(["keep", "a", "--socket", str(tmp_path / "s")]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("asker", [{}, {"v": 0}, {"v": 99, "version": "9.9", "new": {"x": 1}}])
def test_the_real_daemon_understands_commands_of_other_versions(place, daemon, asker):  # noqa: F811
    (place / "runs" / "a").mkdir()
    (place / "runs" / "a" / "train.log").write_text("step=1 loss=2\n")
    said = {}
    for _ in range(100):
        said = talk(place, {"ask": "status", **asker})
        if said["runs"]:
            break
    assert said["ok"]
    assert said["version"] == __version__
    assert talk(place, {"ask": "mute", "target": "a", "for": "1h", **asker})["ok"]
    assert talk(place, {"ask": "keep", "target": "a", **asker})["ok"]
    unknown = talk(place, {"ask": "from the future", **asker})
    assert not unknown["ok"]
    assert "restart it so that both are the same: systemctl restart sentinel" in unknown["why"]
    assert "keep run" in ask_daemon(place, "status").stdout


def talk(place, request):  # noqa: F811
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(place / "state" / "control"))
        with connection.makefile("rw") as line:
            line.write(json.dumps(request) + "\n")
            line.flush()
            return json.loads(line.readline())


def test_a_long_answer_to_a_client_that_does_not_read_holds_up_nobody(tmp_path):
    waker = SelectorWaker()
    control = Control(tmp_path / "c", waker, {"long": lambda _r, _p: {"text": "x" * (8 << 20)}, "no": refuse})
    try:
        with socket.socket(socket.AF_UNIX) as slow, socket.socket(socket.AF_UNIX) as quick:
            slow.connect(str(tmp_path / "c"))
            slow.sendall(b'{"ask": "long"}\n')
            for _ in range(5):
                waker.wait(0.05)
            quick.connect(str(tmp_path / "c"))
            quick.sendall(b'{"ask": "no"}\n')
            quick.settimeout(0.01)
            for _ in range(5):
                waker.wait(0.01)
            assert b"only root" in quick.recv(4096)
            slow.setblocking(False)
            heard = b""
            while not heard.endswith(b"\n"):  # what it reads late still comes whole
                waker.wait(0.01)
                with contextlib.suppress(BlockingIOError):
                    heard += slow.recv(1 << 20)
            assert len(json.loads(heard)["text"]) == 8 << 20
    finally:
        control.close()
        waker.close()


def refuse(_request, _peer):
    raise Refused("only root may")

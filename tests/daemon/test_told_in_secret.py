"""No secret ever shows: not in the state, not in status, not in messages, not in what a command prints."""

import contextlib
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sentinel.core.telling_letter import Kind
from sentinel.daemon.alive import Alive
from sentinel.daemon.settings import Channel, Tell
from sentinel.outlets.jobs import Job, Line, job_json
from sentinel.outlets.sample import sample_letter
from sentinel.outlets.secrets import SecretError, redact, resolve, shown
from tests.daemon.test_delivering import Paper, make, settings, turns
from tests.outlets.servers import Web
from tests.outlets.stories import AT, change, effect

SECRETS = ("Pa55w0rd-of-ana", "xoxb-4242424242-abcdefghij", "hook-path-9f8e7d6c", "proxy-secret-77")


def test_secrets_show_nowhere(tmp_path, monkeypatch):
    web = Web({"*": [(404, {}, b"no")], f"/{SECRETS[2]}": [(404, {}, b"you sent " + SECRETS[2].encode())]})
    base = f"127.0.0.1:{web.port}"
    monkeypatch.setenv("HOOK", f"json://ana:{SECRETS[0]}@{base}/{SECRETS[2]}")
    secret_file = tmp_path / "slack"
    secret_file.write_text(f"slack://{SECRETS[1]}/C1?api=http://{base}/api/\n")
    secret_file.chmod(0o600)
    channels = [
        Channel(name="hook", url="env:HOOK"),
        Channel(name="slack", url=f"file:{secret_file}"),
        Channel(name="ntfy", url=f"ntfy://ana:{SECRETS[0]}@{base}/{SECRETS[2]}"),
        Channel(name="far", url="jsons://localhost:1/x", proxy=f"http://u:{SECRETS[3]}@127.0.0.1:1"),
    ]
    office = make(Paper(tmp_path / "s.db"), settings(*channels), "h")
    try:
        office.take([effect(change("r"))], AT)
        turns(office, lambda: len(office.post.failing) == 4)
        shown_all = json.dumps(office.status()) + json.dumps([d.detail for d in office.outbox.deliveries.values()])
    finally:
        office.close(1)
        web.close()
    state = b"".join(path.read_bytes() for path in tmp_path.glob("s.db*"))
    for secret in SECRETS:
        assert secret not in shown_all
        assert secret.encode() not in state


def test_journal_lines_and_webhook_bodies_about_dead_channels_hold_no_secret(tmp_path):
    echo = lambda handler, body: (404, {}, f"no {handler.path} {handler.headers}".encode() + body)  # noqa: E731
    web = Web({"*": [echo], "/well": [(200, {}, b"{}")]})
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind(str(tmp_path / "journal"))
    journal.settimeout(0.2)
    base = f"127.0.0.1:{web.port}"
    channels = [
        Channel(name="well", url=f"json://{base}/well"),
        Channel(name="hook", url=f"json://ana:{SECRETS[0]}@{base}/{SECRETS[2]}"),
        Channel(name="slack", url=f"slack://{SECRETS[1]}/C1?api=http://{base}/api/"),
        Channel(name="ntfy", url=f"ntfy://ana:{SECRETS[0]}@{base}/{SECRETS[2]}"),
        Channel(name="far", url="jsons://localhost:1/x", proxy=f"http://u:{SECRETS[3]}@127.0.0.1:1"),
    ]
    office = make(Paper(), settings(*channels, journal=True), "h", journal_socket=str(tmp_path / "journal"))
    lines = []
    try:
        office.take([effect(change("r"))], AT)
        turns(office, lambda: _drained(journal, lines) and len(office.post.reported) == 3)
        turns(office, lambda: _drained(journal, lines) and len(web.bodies("/well")) == 4)
    finally:
        office.close(1)
        web.close()
        journal.close()
    bodies = b"".join(body for path, _, body in web.requests if path == "/well")
    assert b"takes no messages" in bodies
    assert b"takes no messages" in b"".join(lines)
    assert not [secret for secret in SECRETS if secret.encode() in bodies + b"".join(lines)]


def _drained(journal, lines):
    with contextlib.suppress(TimeoutError):
        while True:
            lines.append(journal.recv(1 << 20))
    return True


@pytest.mark.parametrize("plainly", [(), ("--plainly",)])
@pytest.mark.parametrize(
    "url",
    [
        f"json://ana:{SECRETS[0]}@127.0.0.1:1/{SECRETS[2]}",
        f"ntfy://ana:{SECRETS[0]}@127.0.0.1:1/{SECRETS[2]}",
        f"slack://{SECRETS[1]}/C1?api=http://127.0.0.1:1/api/",
        f"mailto://ana:{SECRETS[0]}@127.0.0.1:1/?to=a@x.org",
        f"nosuch://{SECRETS[0]}@x/{SECRETS[2]}",
        f"json://[{SECRETS[0]}/{SECRETS[2]}",
    ],
)
def test_a_sender_says_no_secret_on_either_of_its_streams(url, plainly):
    job = Job("d1", 1, Kind.POST, Line("c", url, pictures=False), sample_letter("h", AT))
    command = [sys.executable, "-W", "default", "-m", "sentinel.outlets.sender", *plainly]
    given = json.dumps(job_json(job)).encode() + b"\n"
    done = subprocess.run(command, input=given, capture_output=True, timeout=60)
    assert json.loads(done.stdout)["code"] != "sent"
    assert not [secret for secret in SECRETS if secret.encode() in done.stdout + done.stderr]


def test_the_test_command_prints_no_secret(tmp_path):
    toml = tmp_path / "sentinel.toml"
    toml.write_text(f'[[channel]]\nname = "x"\nurl = "json://ana:{SECRETS[0]}@127.0.0.1:1/{SECRETS[2]}"\n')
    command = [sys.executable, "-m", "sentinel", "tell", "--test", "--settings", str(toml)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "x: connection broken" in done.stdout
    assert not [s for s in SECRETS if s in done.stdout + done.stderr]


def test_redaction_knows_quoted_and_unquoted_spellings():
    url = "mailtos://ana:p%40ss%2Fword@smtp.x.org?to=a@x.org"
    assert "p@ss/word" not in redact("login with p@ss/word failed", [url])
    assert shown(url) == "mailtos://***"
    assert shown("credential:slack") == "credential:slack"


def test_a_credential_is_read_from_systemds_folder(tmp_path):
    (tmp_path / "slack").write_text("slack://xoxb-1/C1\n")
    assert resolve("credential:slack", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "slack://xoxb-1/C1"
    with pytest.raises(SecretError, match="LoadCredential"):
        resolve("credential:slack", {})
    with pytest.raises(SecretError):
        resolve("credential:../x", {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_alive_is_pinged_only_while_all_is_well():
    web = Web()
    try:
        alive = Alive(Tell(alive=f"http://127.0.0.1:{web.port}/ping"), time.monotonic)
        alive.beat(well=False)
        assert not web.arrived.wait(0.2)
        alive.beat(well=True)
        assert web.arrived.wait(5)
        alive._thread.join(5)
        assert not alive.trouble
        alive.beat(well=True)
        assert len(web.requests) == 1
    finally:
        web.close()


def test_what_gathered_while_a_channel_was_down_goes_out_as_one_summary(tmp_path):
    web = Web({"/in": [(500, {}, b"")]})
    office = make(Paper(), settings(Channel(name="hook", url=f"json://127.0.0.1:{web.port}/in"), most=""), "h")
    try:
        for i in range(5):
            office.take([effect(change(f"r{i}", id=f"i{i}", signature=f"s{i}"))], AT + i)
            office.turn(AT + i)
        turns(office, lambda: web.requests and office.outbox.queue("hook")[0].state == "waiting")
        web.answers["/in"] = [(200, {}, b"{}")]
        turns(office, lambda: not office.outbox.queue("hook"), AT + 3600)
        bodies = web.bodies("/in")
        assert bodies[-1]["occasion"] == "summary"
        assert all(f"r{i}" in bodies[-1]["text"] for i in range(5))
    finally:
        office.close(1)
        web.close()


def test_a_picture_or_a_library_of_plots_is_never_in_the_daemon():
    code = "import sys, sentinel.daemon.delivering; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = ("apprise", "matplotlib", "slack_sdk", "requests", "smtplib", "numpy")
    assert not [name for name in loaded if name.startswith(heavy)]
    assert Path(__file__).exists()

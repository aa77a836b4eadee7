"""The real daemon speaks to its channels and to nobody else, and listens on nothing but its control socket."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon.test_running import NAN
from tests.outlets.servers import Web
from tests.world.settings import channel_at, settings_in
from tests.world.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
HOOK = """
import sys
out = open(sys.argv[1], "w", buffering=1)
def heard(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname"):
        print(event, repr(args[1] if event.startswith("socket.get") is False else args[0]), file=out)
sys.addaudithook(heard)
sys.argv = ["sentinel", *sys.argv[2:]]
from sentinel.cli.main import main
sys.exit(main())
"""
ADDRESS = re.compile(r"^\d+ +(connect|bind|sendto)\(.*?\{sa_family=AF_(\w+)(?:, .*?)?(?:sin6?_port=htons\((\d+)\))?")


@pytest.fixture
def world(tmp_path):
    web = Web()
    (tmp_path / "runs").mkdir()
    tell = {"alive": f"http://127.0.0.1:{web.port}/alive", "terminal": False}
    text = settings_in(tmp_path, channel=[channel_at(web.port)], tell=tell, gpu={}, host={"kernel_log": ""})
    (tmp_path / "sentinel.toml").write_text(text)
    yield tmp_path, web
    web.close()


def live(place, web, command):
    """Start it, let it tell something and ping, ask it, reload it, end it."""
    environ = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()} | {
        "PYTHONPATH": str(ROOT)
    }
    run = [*command, "run", "--settings", str(place / "sentinel.toml")]
    daemon = subprocess.Popen(run, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ)
    try:
        assert until((place / "state" / "control").exists)
        (place / "runs" / "a").mkdir()
        (place / "runs" / "a" / "train.log").write_text(NAN)
        assert until(lambda: {"/in", "/alive"} <= {path for path, _, _ in web.requests})
        pid = int((place / "state" / "lock").read_text())
        os.kill(pid, signal.SIGHUP)
        ask = [sys.executable, "-m", "sentinel", "status", "--socket", str(place / "state" / "control")]
        assert until(lambda: "reloaded" in subprocess.run(ask, cwd=ROOT, capture_output=True, text=True).stdout)
        os.kill(pid, signal.SIGTERM)
        assert daemon.wait(PATIENCE) == 0
    finally:
        daemon.kill()
        daemon.wait()
        daemon.stdout.close()


def test_the_daemons_own_process_reaches_nothing_but_unix_sockets_and_the_ping(world):
    place, web = world
    heard = place / "heard"
    live(place, web, [sys.executable, "-P", "-c", HOOK, str(heard)])
    events = [line.split(" ", 1) for line in heard.read_text().splitlines()]
    assert ["socket.bind", repr(str(place / "state" / "control"))] in events
    unix = {what for event, what in events if event in {"socket.bind", "socket.sendto"}}
    assert all(what.startswith(("'/", "b'/", "'\\x00")) for what in unix), unix
    reached = {what for event, what in events if event == "socket.connect" and not what.startswith("'/")}
    assert reached == {repr(("127.0.0.1", web.port))}


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_with_all_its_children_it_connects_to_its_channels_alone_and_listens_on_its_control_socket(world):
    place, web = world
    trace = place / "trace"
    watch = ["strace", "-f", "-qq", "-e", "trace=connect,bind,listen,sendto,accept,accept4", "-o", str(trace)]
    if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let processes be traced")
    live(place, web, [*watch, sys.executable, "-P", "-m", "sentinel"])
    text = trace.read_text(errors="replace")
    spoken = [found.groups() for line in text.splitlines() if (found := ADDRESS.match(line))]
    assert {(call, port) for call, family, port in spoken if family in {"INET", "INET6"}} == {
        ("connect", str(web.port))
    }
    assert {family for _, family, _ in spoken} <= {"INET", "INET6", "UNIX", "NETLINK"}
    assert len(re.findall(r"listen\(", text)) == 1
    assert len(re.findall(r"bind\(.*AF_UNIX", text)) == 1

"""One user's own service under a real manager of hers, without root: what it sees, how it reloads, freezes and goes."""

import json
import shlex

import pytest

from tests.service.boot import Machine, cannot_boot
from tests.service.test_booted import NAN, SENTINEL

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(cannot_boot()), reason=cannot_boot() or "-"),
]

ADA, HOME = 12345, "/home/ada"
MANAGER = f"[Service]\nPAMName=\nEnvironment=XDG_RUNTIME_DIR=/run/user/{ADA}\n"  # no PAM and no logind in the container
RUNTIME = f'[Service]\nExecStart=\nExecStart=/bin/sh -c "mkdir -p -m 700 /run/user/{ADA} && chown {ADA}:{ADA} /run/user/{ADA}"\n'
WATCH = f'[[watch]]\nname = "mine"\nruns = "{HOME}/runs/*"\npoll = "100ms"\n'
UNITS = f"{HOME}/.config/systemd/user"


class Ada:
    """A person at her shell on the booted machine."""

    def __init__(self, machine):
        self.machine = machine
        self.settings = machine.root / "home/ada/.config/sentinel/sentinel.toml"

    def says(self, command):
        environ = f"env -i PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C HOME={HOME} XDG_RUNTIME_DIR=/run/user/{ADA} SYSTEMD_PAGER=cat"
        become = f"setpriv --reuid {ADA} --regid {ADA} --clear-groups"
        return self.machine.says(f"cd {HOME} && {become} {environ} /bin/sh -c {shlex.quote(command)}")

    def shows(self, name):
        return self.says(f"systemctl --user show --value -p {name} sentinel.service")

    def until(self, condition, what):
        return self.machine.until(condition, what)

    def runs(self):
        told = json.loads(self.says(f"{SENTINEL} status --json 2>/dev/null") or "{}")
        hers = [run for run in told.get("runs", ()) if run["watch"] == "mine"]  # the first settings watched ./runs
        return {run["run"].rpartition("/")[2]: run["standing"] for run in hers}


@pytest.fixture(scope="module")
def ada(tmp_path_factory):
    with Machine(tmp_path_factory.mktemp("boot")) as machine:
        for name, text in (("passwd", f"ada:x:{ADA}:{ADA}::{HOME}:/bin/sh\n"), ("group", f"ada:x:{ADA}:\n")):
            with (machine.root / "etc" / name).open("a") as file:
                file.write(text)
        machine.write("/etc/systemd/system/user@.service.d/test.conf", MANAGER)
        machine.write("/etc/systemd/system/user-runtime-dir@.service.d/test.conf", RUNTIME)
        machine.run(
            f"mkdir -p {HOME}/runs/a /home/bob/runs/b && chown -R {ADA}:{ADA} {HOME} && chmod 700 {HOME} /home/bob"
        )
        machine.run(f"systemctl daemon-reload && systemctl start user@{ADA}.service")
        person = Ada(machine)
        person.first = person.says(f"{SENTINEL} install --user --command {SENTINEL}")
        yield person


def test_installed_without_root_it_runs_and_says_that_the_watch_ends_at_logout(ada):
    assert ada.shows("ActiveState") == "active", ada.first
    assert "so the watch ends when you log out, until root runs: loginctl enable-linger ada" in ada.first
    assert ada.says("systemctl --user is-enabled sentinel") == "enabled"
    assert ada.machine.says(f"stat -c '%U %a' {HOME}/.local/state/sentinel") == "ada 700"
    again = ada.says(f"{SENTINEL} install --user --command {SENTINEL}")
    assert [line for line in again.splitlines() if line.strip().startswith("done file")] == []


def test_it_watches_her_closed_home_and_nobody_elses(ada):
    first = ada.settings.read_text()
    ada.settings.write_text(first + WATCH + '[[watch]]\nname = "his"\nruns = "/home/bob/runs/*"\n')
    (ada.machine.root / "home/ada/runs/a/train.log").write_text(NAN)
    (ada.machine.root / "home/bob/runs/b/train.log").write_text(NAN)
    assert ada.says("systemctl --user reload sentinel") == ""
    ada.until(lambda: ada.runs() == {"a": "doomed"}, "the verdict")
    assert "NoNewPrivs:\t1" in ada.says(f"cat /proc/{ada.shows('MainPID')}/status")
    said = " ".join(ada.says(f"{SENTINEL} doctor").split())
    assert "MISS watch his /home/bob may not be read" in said
    assert "ok watch mine 1 matches" in said
    assert f"ok unit {UNITS}/sentinel.service is of this version" in said
    assert "ok sentinel.service is active" in said
    assert "MISS the watch ends when you log out -> loginctl enable-linger ada" in said
    assert "nothing watches after a reboot" not in said


def test_a_broken_reload_fails_aloud_and_keeps_what_was_in_force(ada):
    ada.until(lambda: ada.shows("StatusText").startswith("1 run, "), "the status line")
    before, good = ada.shows("StatusText"), ada.settings.read_text()
    ada.settings.write_text(good + "[tel]\n")
    assert "failed" in ada.says("systemctl --user reload sentinel").lower()
    assert ada.shows("StatusText") == before
    ada.settings.write_text(good)


def test_stopped_it_is_missing_to_doctor_and_the_cure_starts_it(ada):
    ada.says("systemctl --user stop sentinel")
    found = [json.loads(line) for line in ada.says(f"{SENTINEL} doctor --json").splitlines()]
    (stopped,) = [thing for thing in found if thing["what"].startswith("sentinel.service is inactive")]
    assert stopped["state"] == "missing"
    ada.says(stopped["cure"])
    assert ada.shows("ActiveState") == "active"


def test_frozen_it_is_killed_and_watches_again(ada):
    ada.machine.write(
        f"{UNITS}/sentinel.service.d/quick.conf", "[Service]\nWatchdogSec=4s\nTimeoutAbortSec=1s\nRestartSec=100ms\n"
    )
    ada.says("systemctl --user daemon-reload; systemctl --user restart sentinel")
    pid = ada.shows("MainPID")
    ada.says(f"kill -STOP {pid}")
    ada.until(lambda: ada.shows("NRestarts") == "1" and ada.shows("ActiveState") == "active", "the recovery")
    assert ada.shows("MainPID") != pid
    ada.until(lambda: ada.runs() == {"a": "doomed"}, "the same verdict as before")


def test_uninstalled_it_leaves_the_settings_alone(ada):
    ada.machine.run(f"rm -rf {UNITS}/sentinel.service.d")
    ada.says(f"{SENTINEL} install --user --uninstall --command {SENTINEL}")
    left = ada.says(
        f"find {HOME} /run/user/{ADA} -iname '*sentinel*' ! -path '{HOME}/.config/sentinel*'" + " 2>/dev/null"
    )
    assert left == ""
    assert ada.settings.exists()

"""Logging out: with a real logind one user's watch ends with her last session, and with lingering it goes on and is there
after a boot. And a machine of these tests ends with the test run that started it.
"""

import os
import shlex
import signal
import subprocess
import sys

import pytest

from tests.service.boot import REPOSITORY, Machine, cannot_boot
from tests.service.test_booted import SENTINEL
from tests.world.waiting import until

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(cannot_boot()), reason=cannot_boot() or "-"),
]
ADA, HOME = 12345, "/home/ada"
QUICK = "[Login]\nUserStopDelaySec=0\n"
IMPATIENT = "[Service]\nTimeoutStopSec=2s\n"  # a container may not hear that the last process of a manager has gone


class Ada:
    """A person who logs in and out of the booted machine."""

    def __init__(self, machine):
        self.machine = machine

    def logs_in(self):
        self.machine.run("systemd-run -q --unit=seat --uid=ada -p PAMName=login -p WorkingDirectory=/ sleep infinity")
        self.machine.until(lambda: self.manager() == "active", "her manager")

    def logs_out(self):
        self.machine.run("systemctl stop seat")

    def says(self, command):
        environ = f"env -i PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C HOME={HOME} XDG_RUNTIME_DIR=/run/user/{ADA} SYSTEMD_PAGER=cat"
        become = f"setpriv --reuid {ADA} --regid {ADA} --clear-groups"
        return self.machine.says(f"cd {HOME} && {become} {environ} /bin/sh -c {shlex.quote(command)}")

    def manager(self):
        return self.machine.says(f"systemctl is-active user@{ADA}.service")

    def sentinel(self):
        return self.says("systemctl --user is-active sentinel")


@pytest.fixture(scope="module")
def ada(tmp_path_factory):
    machine = Machine(tmp_path_factory.mktemp("boot"), logind=True)
    for name, text in (("passwd", f"ada:x:{ADA}:{ADA}::{HOME}:/bin/sh\n"), ("group", f"ada:x:{ADA}:\n")):
        with (machine.root / "etc" / name).open("a") as file:
            file.write(text)
    machine.write("/etc/systemd/logind.conf", QUICK)
    machine.write("/etc/systemd/system/user@.service.d/test.conf", IMPATIENT)
    (machine.root / "home/ada").mkdir(mode=0o700)
    os.chown(machine.root / "home/ada", ADA, ADA)
    machine.__enter__()
    yield Ada(machine)
    machine.__exit__()


def test_install_asks_for_lingering_and_the_watch_goes_on_when_she_logs_out(ada):
    ada.logs_in()
    said = ada.says(f"{SENTINEL} install --user --command {SENTINEL}")
    assert "done     go on after you log out: loginctl enable-linger ada" in said
    assert "the watch ends" not in said
    assert said.endswith("if it ran before: systemctl --user restart sentinel")
    assert ada.machine.says("loginctl show-user ada --value -p Linger") == "yes"
    assert ada.sentinel() == "active", said
    assert "it goes on after you log out" in ada.says(f"{SENTINEL} doctor")
    pid = ada.says("systemctl --user show --value -p MainPID sentinel")
    ada.logs_out()
    ada.machine.until(lambda: ada.machine.says("loginctl list-sessions --no-legend") == "", "the logout")
    assert ada.sentinel() == "active"
    assert ada.says("systemctl --user show --value -p MainPID sentinel") == pid


def test_after_a_boot_it_is_there_before_anybody_logs_in(ada):
    ada.machine.__exit__()
    with ada.machine:
        ada.machine.until(lambda: ada.sentinel() == "active", "the watch after the boot")
        assert ada.machine.says("loginctl list-sessions --no-legend") == ""


def test_without_lingering_it_ends_with_her_last_session(ada):
    with ada.machine:
        ada.logs_in()
        ada.machine.until(lambda: ada.sentinel() == "active", "the watch")
        ada.machine.run("loginctl disable-linger ada")
        ada.logs_out()
        ada.machine.until(lambda: ada.manager() in {"inactive", "failed"}, "the end of her manager")
        assert ada.machine.says(f"pgrep -u {ADA} -f 'sentinel run'") == ""


HOLDER = """
import sys, time
from pathlib import Path
from tests.service.boot import Machine
with Machine(Path(sys.argv[1])) as machine:
    print(machine._leader, flush=True)
    time.sleep(600)
"""


def test_a_machine_ends_with_the_test_run_that_started_it_however_that_ends(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as holder:
        leader = int(holder.stdout.readline())
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert until(lambda: not os.path.exists(f"/proc/{leader}"))

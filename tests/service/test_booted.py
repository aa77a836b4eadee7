"""The service under a real systemd: install, start, reload, freeze, crash, credentials, journal, stop, uninstall."""

import time

import pytest

from tests.service.boot import Machine, cannot_boot

pytestmark = [pytest.mark.systemd, pytest.mark.skipif(bool(cannot_boot()), reason=cannot_boot() or "-")]

SENTINEL = "/opt/sentinel/bin/sentinel"
QUICK = "[Unit]\nStartLimitBurst=30\n[Service]\nWatchdogSec=1s\nRestartSec=100ms\n"
READ_ALL, PTRACE, SYSLOG, KILL = 1 << 2, 1 << 19, 1 << 34, 1 << 5


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with Machine(tmp_path_factory.mktemp("boot")) as booted:
        booted.write("/etc/systemd/system/sentinel.service.d/quick.conf", QUICK)
        yield booted


@pytest.fixture
def service(machine):
    """The machine with the service installed and running."""
    machine.run(f"{SENTINEL} install --rights plain --command {SENTINEL}")
    machine.run("systemctl reset-failed sentinel; systemctl restart sentinel")
    return machine


def capabilities(machine):
    pid = machine.shows("MainPID")
    return int(machine.says(f"sed -n 's/^CapEff:\t//p' /proc/{pid}/status"), 16)


def test_installed_twice_it_runs_and_the_second_time_changes_nothing(service):
    assert service.shows("ActiveState") == "active"
    again = service.says(f"{SENTINEL} install --command {SENTINEL} --no-start").splitlines()
    assert [line for line in again if line.strip().startswith("done") and "daemon-reload" not in line] == []
    assert service.says("systemctl is-enabled sentinel") == "enabled"


def test_start_returns_only_after_the_first_sweep(service):
    service.run("rm -f /run/sentinel/swept; systemctl restart sentinel; test -e /run/sentinel/swept")
    assert service.shows("StatusText") == "watching 1"


def test_it_runs_as_its_own_user_without_any_right_to_write_or_act(service):
    pid = service.shows("MainPID")
    status = service.says(f"cat /proc/{pid}/status")
    assert capabilities(service) == 0
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert service.says(f"stat -c %U /proc/{pid}") == "sentinel"
    assert service.says("stat -c '%a %U' /var/lib/sentinel") == "700 sentinel"


def test_the_drop_ins_give_exactly_the_capabilities_that_they_name(service):
    for rights, expected in (("see-all", READ_ALL | PTRACE | SYSLOG), ("stop", READ_ALL | PTRACE | SYSLOG | KILL)):
        service.run(f"{SENTINEL} install --rights {rights} --command {SENTINEL} && systemctl restart sentinel")
        assert capabilities(service) == expected


def test_a_good_reload_is_taken_and_a_broken_one_fails_aloud_and_changes_nothing(service):
    settings = service.root / "etc/sentinel/sentinel.toml"
    before = settings.read_text()
    pid = service.shows("MainPID")
    try:
        settings.write_text(before + '[[watch]]\nruns = "/a/*"\n[[watch]]\nname = "b"\nruns = "/b/*"\n')
        service.run("systemctl reload sentinel")
        service.until(lambda: service.shows("StatusText") == "watching 2", "the reload")
        settings.write_text(before + '[[watch]]\nrun = "/a/*"\n')
        assert service.run("systemctl reload sentinel", check=False).returncode != 0
        assert "did you mean 'runs'" in service.says("journalctl -u sentinel -n 30 --no-pager")
        assert service.shows("StatusText") == "watching 2"
        assert service.shows("ActiveState") == "active"
    finally:
        settings.write_text(before)
    assert service.shows("MainPID") == pid


def test_a_frozen_loop_is_killed_and_the_watch_goes_on(service):
    pid, restarts = service.shows("MainPID"), int(service.shows("NRestarts"))
    service.run("touch /run/sentinel/freeze")
    service.until(lambda: int(service.shows("NRestarts")) > restarts, "the watchdog")
    service.until(lambda: service.shows("ActiveState") == "active", "the recovery")
    assert service.shows("MainPID") != pid
    assert "Watchdog timeout" in service.says("journalctl -u sentinel -n 50 --no-pager")


def test_a_credential_reaches_the_service_and_nobody_else(service):
    settings = service.root / "etc/sentinel/sentinel.toml"
    before = settings.read_text()
    service.write("/etc/sentinel/credentials/slack", "https://hooks.example/T0/B0/secret", 0o600)
    try:
        settings.write_text(before + '[[channel]]\nname = "slack"\nurl = "credential:slack"\n')
        service.run(f"{SENTINEL} install --command {SENTINEL} && systemctl restart sentinel")
        assert "slack has 34 characters" in service.says("journalctl -u sentinel -n 20 --no-pager")
        assert "hooks.example" not in service.says("journalctl --no-pager; systemctl show sentinel")
    finally:
        settings.write_text(before)


def test_the_journal_can_be_asked_by_field(service):
    line = service.says("journalctl -u sentinel SENTINEL_KIND=start SENTINEL_RUN=nlp/a -o cat -n 1")
    assert line == "up and watching"


def test_who_crashes_again_and_again_stays_down_and_says_so(service):
    service.write("/etc/systemd/system/sentinel.service.d/quick.conf", QUICK.replace("=30", "=3"))
    service.run("touch /run/sentinel/crash; systemctl daemon-reload; systemctl reset-failed sentinel")
    try:
        service.run("systemctl restart sentinel", check=False)
        service.until(lambda: service.shows("ActiveState") == "failed", "the start limit")
        said = "journalctl -p crit SENTINEL_KIND=given-up -o cat --no-pager"
        service.until(lambda: "has given up" in service.says(said), "the last word")
        restarts = service.shows("NRestarts")
        time.sleep(0.5)
        assert service.shows("NRestarts") == restarts
    finally:
        service.run("rm /run/sentinel/crash", check=False)
        service.write("/etc/systemd/system/sentinel.service.d/quick.conf", QUICK)
        service.run("systemctl daemon-reload; systemctl reset-failed sentinel sentinel-failed", check=False)


def test_settings_that_cannot_be_used_are_not_tried_again(service):
    settings = service.root / "etc/sentinel/sentinel.toml"
    before = settings.read_text()
    settings.write_text("[tell]\ngrup = 1\n")
    try:
        service.run("systemctl restart sentinel", check=False)
        assert service.shows("ActiveState") == "failed"
        assert service.shows("ExecMainStatus") == "2"
        assert service.shows("NRestarts") == "0"
    finally:
        settings.write_text(before)


def test_doctor_sees_the_service_with_the_services_rights(service):
    service.run("mkdir -p /home/ada/runs/a && chown -R 12345 /home/ada && chmod 700 /home/ada")
    settings = service.root / "etc/sentinel/sentinel.toml"
    before = settings.read_text()
    try:
        settings.write_text(before + '[[watch]]\nname = "ada"\nruns = "/home/ada/runs/*"\n')
        said = service.says(f"{SENTINEL} doctor --settings /etc/sentinel/sentinel.toml")
    finally:
        settings.write_text(before)
    assert "MISS  watch ada: /home/ada may not be read (mode 700, of uid 12345)" in said
    assert "sentinel install --user" in said
    assert "sentinel.service is active" in said


def test_it_stops_within_two_seconds(service):
    began = time.monotonic()
    service.run("systemctl stop sentinel")
    assert time.monotonic() - began < 2
    assert service.shows("Result") == "success"


def test_uninstalling_leaves_nothing_but_the_settings(service):
    service.run("rm -r /etc/systemd/system/sentinel.service.d/quick.conf")
    service.run(f"{SENTINEL} install --uninstall --command {SENTINEL}")
    left = service.says("find /etc /var /run -xdev -iname '*sentinel*' ! -path '/run/log/*'").split()
    assert [path for path in left if not path.startswith("/etc/sentinel")] == []
    assert (service.root / "etc/sentinel/sentinel.toml").exists()
    assert "no such user" in service.says("id sentinel")
    assert "could not be found" in service.says("systemctl status sentinel")
    service.write("/etc/systemd/system/sentinel.service.d/quick.conf", QUICK)

"""The real daemon under a real systemd: install, start, reload, freeze, crash, credentials, journal, stop, uninstall."""

import json
import time

import pytest

from tests.service.boot import Machine, cannot_boot

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(cannot_boot()), reason=cannot_boot() or "-"),
]

SENTINEL = "/opt/sentinel/bin/sentinel"
QUICK = "[Unit]\nStartLimitBurst=30\n[Service]\nTimeoutAbortSec=1s\nRestartSec=100ms\n"
PERIOD = 4  # of the watchdog in its own test: a busy machine must not starve a healthy loop
READ_ALL, PTRACE, SYSLOG, KILL, BECOME = 1 << 2, 1 << 19, 1 << 34, 1 << 5, 1 << 6 | 1 << 7
SETTINGS = "/etc/sentinel/sentinel.toml"
WATCH = '[[watch]]\nname = "%s"\nruns = "%s/*"\npoll = "100ms"\n'
NAN = "".join(f"step={n} loss={'nan' if n > 5 else 2.5 - n / 10}\n" for n in range(1, 12))
SLACK = '[[channel]]\nname = "slack"\nurl = "credential:slack"\n'
RULE = """signature: mine
title: mine
family: dynamics
rules:
  - {rule: big, when: train.loss > 100, severity: high, say: "loss {train.loss:.0f} is big"}
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with Machine(tmp_path_factory.mktemp("boot")) as booted:
        booted.write("/etc/systemd/system/sentinel.service.d/quick.conf", QUICK)
        yield booted


@pytest.fixture
def service(machine):
    """The machine with the service installed and running with its first settings."""
    machine.run(f"{SENTINEL} install --rights plain --command {SENTINEL} --no-start")
    machine.first = machine.first if hasattr(machine, "first") else settings_of(machine).read_text()
    settings_of(machine).write_text(machine.first)
    machine.run("systemctl reset-failed sentinel; systemctl restart sentinel && systemctl enable sentinel")
    return machine


def settings_of(machine):
    return machine.root / SETTINGS.lstrip("/")


def add(machine, text):
    """To the settings that were installed; what the tests before added is gone."""
    settings_of(machine).write_text(machine.first + text)


def capabilities(machine):
    pid = machine.shows("MainPID")
    return int(machine.says(f"sed -n 's/^CapEff:\t//p' /proc/{pid}/status"), 16)


def runs_of(machine):
    return {
        run["run"]: run
        for run in machine.asks(ask="status").get("runs", ())
        if run.get("kind") != "host" and not run["standing"].startswith("no watch")
    }


def journal(machine, *words, lines=60):
    return machine.says(f"journalctl --no-pager -o cat -n {lines} {' '.join(words)}")


# --- install and start ---------------------------------------------------------------------------------------------


def test_installed_twice_it_runs_and_the_second_time_changes_nothing(service):
    assert service.shows("ActiveState") == "active"
    again = service.says(f"{SENTINEL} install --command {SENTINEL} --no-start").splitlines()
    assert [line for line in again if line.strip().startswith("done") and "daemon-reload" not in line] == []
    assert service.says("systemctl is-enabled sentinel") == "enabled"


def test_start_returns_only_when_the_first_sweep_has_found_what_is_there(service):
    service.run("for n in $(seq 60); do mkdir -p /srv/runs/r$n; echo step=1 loss=2.0 > /srv/runs/r$n/train.log; done")
    add(service, WATCH % ("nlp", "/srv/runs"))
    service.run("systemctl restart sentinel")
    assert service.shows("StatusText").startswith("60 runs, ")
    assert "up and watching: 60 runs" in journal(service, "SENTINEL_KIND=start", lines=1)


def test_it_runs_as_its_own_user_without_any_right_to_write_or_act(service):
    pid = service.shows("MainPID")
    status = service.says(f"cat /proc/{pid}/status")
    assert capabilities(service) == 0
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert service.says(f"stat -c %U /proc/{pid}") == "sentinel"
    assert service.says("stat -c '%a %U' /var/lib/sentinel") == "700 sentinel"
    assert "Read-only file system" in service.says(f"nsenter -t {pid} -m touch /etc/x")


# --- rights: what the drop-ins give and deny -------------------------------------------------------------------------


def test_plain_sees_no_closed_home_and_doctor_says_so_while_see_all_reads_it_and_may_not_signal(service):
    service.run("mkdir -p /home/ada/runs/a && chown -R 12345:12345 /home/ada && chmod 700 /home/ada")
    (service.root / "home/ada/runs/a/train.log").write_text(NAN)
    add(service, WATCH % ("ada", "/home/ada/runs"))
    service.run("systemctl restart sentinel")
    assert runs_of(service) == {}
    said = " ".join(service.says(f"{SENTINEL} doctor --settings {SETTINGS}").split())
    assert "Sentinel 0.1.0, with the rights of sentinel" in said
    assert "MISS watch ada /home/ada may not be read (mode 700, of uid 12345)" in said
    assert "sentinel install --user" in said
    assert "sentinel.service is active" in said
    service.run(f"{SENTINEL} install --rights see-all --command {SENTINEL} && systemctl restart sentinel")
    assert capabilities(service) == READ_ALL | PTRACE | SYSLOG
    service.until(lambda: runs_of(service).get("a", {}).get("standing") == "doomed", "the verdict")
    assert "SENTINEL_RUN=a" in service.says("journalctl --no-pager -o export SENTINEL_RULE=loss-nonfinite/training")
    said = " ".join(service.says(f"{SENTINEL} doctor --settings {SETTINGS}").split())
    assert "ok watch ada 1 matches" in said
    assert may_signal(service) is False


def test_stop_conf_adds_the_rights_to_signal_and_to_write_as_the_runs_owner_and_nothing_else(service):
    service.run(f"{SENTINEL} install --rights stop --command {SENTINEL} && systemctl restart sentinel")
    assert capabilities(service) == READ_ALL | PTRACE | SYSLOG | KILL | BECOME
    assert may_signal(service) is True
    pid = service.shows("MainPID")
    assert "Read-only file system" in service.says(f"nsenter -t {pid} -m touch /home/x")


def test_armed_it_may_write_in_the_folders_of_the_runs_and_doctor_says_so_while_it_may_not(service):
    service.run(f"{SENTINEL} install --rights stop --command {SENTINEL} --no-start")
    service.run("mkdir -p /srv/armed/r && chown -R 12345:12345 /srv/armed/r")
    add(service, '[stop]\nmode = "armed"\n' + WATCH % ("armed", "/srv/armed") + 'stop = "stop"\n')
    said = " ".join(service.says(f"{SENTINEL} doctor --settings {SETTINGS}").split())
    assert "its copies of checkpoints cannot be written below /srv/armed" in said
    assert "sudo sentinel install --rights stop && sudo systemctl restart sentinel" in said
    service.run(f"{SENTINEL} install --rights stop --command {SENTINEL} && systemctl restart sentinel")
    said = " ".join(service.says(f"{SENTINEL} doctor --settings {SETTINGS}").split())
    assert "ok stopping watch armed: copies can be laid down below /srv/armed" in said
    pid = service.shows("MainPID")
    assert service.says(f"nsenter -t {pid} -m touch /srv/armed/r/x") == ""
    assert "Read-only file system" in service.says(f"nsenter -t {pid} -m touch /srv/x")
    settings_of(service).write_text(service.first)
    service.run(f"{SENTINEL} install --rights stop --command {SENTINEL}")
    assert not (service.root / "etc/systemd/system/sentinel.service.d/runs-to-stop.conf").exists()


def may_signal(machine):
    """Whether somebody with the service's user and capabilities can signal another user's process."""
    caps = machine.says(f"sed -n 's/^CapEff:\t//p' /proc/{machine.shows('MainPID')}/status")
    names = [name for name, bit in (("kill", KILL), ("dac_read_search", READ_ALL)) if int(caps, 16) & bit]
    ambient = ",".join(f"+{name}" for name in names) or "-all"
    setpriv = f"setpriv --reuid sentinel --regid sentinel --clear-groups --inh-caps=-all,{ambient} --ambient-caps=-all,{ambient}"
    machine.run("setpriv --reuid 12345 --regid 12345 --clear-groups sleep 60 </dev/null >/dev/null 2>&1 &")
    pid = machine.until(lambda: machine.says("pgrep -u 12345 sleep"), "the sleeper").split()[0]
    done = machine.run(f"{setpriv} kill -TERM {pid}", check=False)
    machine.run("pkill -u 12345 sleep", check=False)
    return done.returncode == 0


# --- reload --------------------------------------------------------------------------------------------------------


def test_good_settings_and_rules_are_taken_by_a_reload_and_nothing_is_forgotten(service):
    service.write("/etc/sentinel/rules/mine.yml", RULE)
    service.run("mkdir -p /srv/one/r /srv/two/s")
    (service.root / "srv/one/r/train.log").write_text("step=1 loss=2.0\n")
    add(service, WATCH % ("one", "/srv/one"))
    service.run("systemctl restart sentinel")
    pid = service.shows("MainPID")
    (service.root / "srv/one/r/train.log").write_text("step=1 loss=2.0\nstep=2 loss=500\n")
    service.until(lambda: "big" in {a["rule"] for a in alerts_of(service)}, "the alert")
    (alert,) = [a for a in alerts_of(service) if a["rule"] == "big"]
    assert "big" in service.says(f"{SENTINEL} alerts")
    service.run(f"{SENTINEL} mute {alert['id']} 2h")
    service.write("/etc/sentinel/rules/mine.yml", RULE + RULE.splitlines()[-1].replace("big", "huge") + "\n")
    add(service, WATCH % ("one", "/srv/one") + WATCH % ("two", "/srv/two"))
    (service.root / "srv/two/s/train.log").write_text("step=1 loss=700\n")
    service.run("systemctl reload sentinel")
    assert "no watch names" not in service.says(
        f"{SENTINEL} status | grep sentinel-test"
    )  # the host's own run lives on
    service.until(lambda: {"r", "s"} <= runs_of(service).keys(), "the new watch")
    with (service.root / "srv/one/r/train.log").open("a") as log:
        log.write("step=3 loss=600\n")
    service.until(lambda: len([a for a in alerts_of(service) if a["rule"] == "huge"]) == 2, "the new rule")
    assert alert["id"] in {a["id"] for a in alerts_of(service)}
    assert "mute" in service.says(f"{SENTINEL} status")
    assert service.shows("MainPID") == pid
    assert "reloaded: 2 watches" in journal(service, "SENTINEL_KIND=reload")
    service.run("rm /etc/sentinel/rules/mine.yml")


def alerts_of(machine):
    return machine.asks(ask="alerts").get("alerts", [])


@pytest.mark.parametrize("trick", ["settings", "rule"])
def test_a_broken_reload_fails_aloud_and_changes_nothing(service, trick):
    add(service, WATCH % ("one", "/srv/one"))
    service.run("systemctl restart sentinel")
    pid, status = service.shows("MainPID"), service.shows("StatusText")
    if trick == "settings":
        add(service, '[[watch]]\nrun = "/a/*"\n')
    else:
        service.write("/etc/sentinel/rules/broken.yml", RULE.replace("when:", "wenn:"))
    said = service.run("systemctl reload sentinel", check=False)
    assert said.returncode != 0
    service.until(lambda: "did you mean" in journal(service, "-u sentinel"), "the fault in the journal")
    assert service.shows("ActiveState") == "active"
    assert service.shows("MainPID") == pid
    assert service.shows("StatusText").split(",")[:2] == status.split(",")[:2]
    if trick == "settings":  # and a signal that goes round systemd's check changes nothing either
        service.run(f"kill -HUP {pid}")
        service.until(lambda: "last reload not taken" in service.shows("StatusText"), "the status line")
        assert "reload not taken, what was in force stays" in journal(service, "SENTINEL_KIND=reload")
    service.run("rm -f /etc/sentinel/rules/broken.yml")


def test_a_rule_file_that_a_user_can_write_is_refused_by_a_service_with_rights(service):
    service.run(f"{SENTINEL} install --rights see-all --command {SENTINEL} && systemctl restart sentinel")
    rules = service.shows("StatusText").split(", ")[1]
    service.write("/etc/sentinel/rules/mine.yml", RULE, 0o666)
    service.run("systemctl reload sentinel")
    service.until(lambda: "can be changed by others" in journal(service, "SENTINEL_KIND=reload"), "the refusal")
    assert service.shows("StatusText").split(", ")[1] == rules
    service.run("systemctl restart sentinel", check=False)
    assert service.shows("ExecMainStatus") == "2"
    assert "mend: chmod go-w /etc/sentinel/rules/mine.yml" in journal(service, "-u sentinel")
    service.run("rm /etc/sentinel/rules/mine.yml")


# --- frozen, crashed, misconfigured -----------------------------------------------------------------------------------


def test_an_idle_loop_feeds_the_watchdog_and_a_frozen_one_is_killed_and_the_watch_goes_on(service):
    drop_in = "/etc/systemd/system/sentinel.service.d/watchdog.conf"
    service.write(drop_in, f"[Service]\nWatchdogSec={PERIOD}s\n")
    service.run("systemctl daemon-reload; systemctl restart sentinel")
    try:
        pid, restarts = service.shows("MainPID"), int(service.shows("NRestarts"))
        time.sleep(2.5 * PERIOD)
        assert int(service.shows("NRestarts")) == restarts
        service.run(f"kill -STOP {pid}")
        service.until(lambda: int(service.shows("NRestarts")) > restarts, "the watchdog")
        service.until(lambda: service.shows("ActiveState") == "active", "the recovery")
        assert service.shows("MainPID") not in {pid, "0"}
        assert "Watchdog timeout" in journal(service, "-u sentinel")
        assert service.run(f"{SENTINEL} status").returncode == 0
    finally:
        service.run(f"rm {drop_in}; systemctl daemon-reload")


def test_a_credential_reaches_the_service_and_nobody_else(service):
    port = service.serve()
    service.write("/etc/sentinel/credentials/hook", f"json://127.0.0.1:{port}/s3cr3t-path", 0o600)
    add(
        service, '[[channel]]\nname = "hook"\nurl = "credential:hook"\n[tell]\ngroup = "0s"\n' + WATCH % ("c", "/srv/c")
    )
    service.run(f"{SENTINEL} install --command {SENTINEL} && systemctl restart sentinel")
    service.run("mkdir -p /srv/c/bad")
    (service.root / "srv/c/bad/train.log").write_text(NAN)
    service.until(lambda: any("NaN" in json.dumps(told) for told in service.told()), "the message")
    assert "s3cr3t" not in service.says("journalctl --no-pager -o export; systemctl show sentinel")
    assert "s3cr3t" not in service.says("cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /run/sentinel/* | tr '\\0' ' '")
    assert "s3cr3t" not in service.says("grep -rao s3cr3t-pat[h] /var/lib/sentinel /run/sentinel")


def test_a_credential_that_went_away_is_trouble_of_its_channel_alone_and_the_cure_brings_it_back(service):
    """Without a stand-in systemd would start neither the service nor what tells of its end."""
    port = service.serve("/root/gone")
    for name in ("stays", "goes"):
        service.write(f"/etc/sentinel/credentials/{name}", f"json://127.0.0.1:{port}/{name}", 0o600)
    add(service, "".join(SLACK.replace("slack", name) for name in ("stays", "goes")))
    service.run(f"{SENTINEL} install --command {SENTINEL}; rm /etc/sentinel/credentials/goes")
    service.run("systemctl restart sentinel")
    assert service.shows("ActiveState") == "active"
    said = service.says(f"{SENTINEL} doctor --settings {SETTINGS} --json").splitlines()
    (finding,) = [thing for thing in map(json.loads, said) if thing["check"] == "channel goes"]
    assert "/etc/sentinel/credentials/goes is missing" in finding["what"]
    service.run(f"{SENTINEL} tell --test stays")
    assert service.run(f"{SENTINEL} tell --test goes", check=False).returncode != 0
    cure = finding["cure"].replace("sudo ", "").replace("sentinel install", f"{SENTINEL} install --command {SENTINEL}")
    service.run(f"echo json://127.0.0.1:{port}/goes | ({cure})")
    assert service.says("stat -c '%a %U' /etc/sentinel/credentials/goes") == "600 root"
    service.run(f"{SENTINEL} tell --test goes")


def test_the_journal_can_be_asked_by_field_and_has_one_line_per_change(service):
    add(service, WATCH % ("j", "/srv/j"))
    service.run("systemctl restart sentinel; mkdir -p /srv/j/worse")
    (service.root / "srv/j/worse/train.log").write_text(NAN)
    asked = "SENTINEL_RUN=worse SENTINEL_RULE=loss-nonfinite/training SENTINEL_USER=root"
    service.until(lambda: journal(service, asked, lines=5), "the entry")
    (entry,) = service.says(f"journalctl --no-pager -o json {asked}").splitlines()
    told = json.loads(entry)
    assert (told["PRIORITY"], told["SENTINEL_SEVERITY"], told["SENTINEL_PHASE"]) == ("2", "critical", "firing")
    assert told["_SYSTEMD_UNIT"] == "sentinel.service"


def test_who_crashes_again_and_again_stays_down_and_every_channel_is_told(service):
    port = service.serve("/root/last")
    add(service, f'[[channel]]\nname = "hook"\nurl = "json://127.0.0.1:{port}/in"\n')
    service.write("/etc/systemd/system/sentinel.service.d/quick.conf", QUICK.replace("=30", "=3"))
    service.run("systemctl daemon-reload; systemctl reset-failed sentinel; systemctl restart sentinel")
    try:
        service.until(lambda: crashed(service), "the start limit", 60)
        said = "journalctl -p crit SENTINEL_KIND=given-up -o cat --no-pager"
        service.until(lambda: "has given up" in service.says(said), "the last word in the journal")
        service.until(lambda: "has given up" in json.dumps(service.told("/root/last")), "the last word on the channel")
        assert "journalctl -u sentinel" in json.dumps(service.told("/root/last"))
        restarts = service.shows("NRestarts")
        time.sleep(1)
        assert service.shows("NRestarts") == restarts
    finally:
        service.write("/etc/systemd/system/sentinel.service.d/quick.conf", QUICK)
        service.run("systemctl daemon-reload; systemctl reset-failed sentinel sentinel-failed", check=False)


def crashed(machine):
    """Kill it whenever it lives; true once systemd has given up."""
    pid = machine.shows("MainPID")
    if pid != "0":
        machine.run(f"kill -KILL {pid}", check=False)
    return machine.shows("ActiveState") == "failed"


def test_settings_that_cannot_be_used_are_not_tried_again_and_told(service):
    port = service.serve("/root/broken")
    service.write("/etc/sentinel/credentials/broken", f"json://127.0.0.1:{port}/in", 0o600)
    add(service, '[[channel]]\nname = "hook"\nurl = "credential:broken"\n')
    service.run(f"{SENTINEL} install --command {SENTINEL} && systemctl restart sentinel")
    add(service, "[tell]\ngrup = 1\n")
    service.run("systemctl restart sentinel", check=False)
    assert service.shows("ActiveState") == "failed"
    assert service.shows("ExecMainStatus") == "2"
    assert service.shows("NRestarts") == "0"
    assert "did you mean 'group'" in journal(service, "-u sentinel")
    service.until(
        lambda: "did you mean 'group'" in json.dumps(service.told("/root/broken")), "the channel that was in force"
    )


# --- the end -------------------------------------------------------------------------------------------------------


def test_it_stops_within_two_seconds_also_while_a_channel_hangs(service):
    port = service.serve("/root/hang")
    service.run("kill -STOP $(cat /root/hang/pid)")
    add(
        service,
        f'[[channel]]\nname = "hook"\nurl = "json://127.0.0.1:{port}/in"\n[tell]\ngroup = "0s"\n'
        + WATCH % ("h", "/srv/h"),
    )
    service.run("systemctl restart sentinel; mkdir -p /srv/h/bad")
    (service.root / "srv/h/bad/train.log").write_text(NAN)
    service.until(lambda: alerts_of(service), "the alert")
    began = time.monotonic()
    service.run("systemctl stop sentinel")
    took = time.monotonic() - began
    service.run("kill -KILL $(cat /root/hang/pid)")
    assert service.shows("Result") == "success"
    assert took < 2


def test_uninstalling_leaves_nothing_but_the_settings(service):
    """Also of one that was armed, with credentials: every drop-in that `install` ever wrote goes."""
    service.run("rm -r /etc/systemd/system/sentinel.service.d/quick.conf; mkdir -p /srv/armed")
    add(service, '[stop]\nmode = "armed"\n' + WATCH % ("armed", "/srv/armed") + 'stop = "stop"\n' + SLACK)
    service.write("/etc/sentinel/credentials/slack", "json://127.0.0.1:9/x", 0o600)
    service.run(f"{SENTINEL} install --rights stop --command {SENTINEL}")
    made = service.says("ls /etc/systemd/system/sentinel.service.d").split()
    assert made == ["credentials.conf", "runs-to-stop.conf", "see-all.conf", "stop.conf"]
    service.run(f"{SENTINEL} install --uninstall --command {SENTINEL}")
    left = service.says("find /etc /var /run -xdev -iname '*sentinel*' ! -path '/run/log/*'").split()
    assert [path for path in left if not path.startswith("/etc/sentinel")] == []
    assert settings_of(service).exists()
    assert "no such user" in service.says("id sentinel")
    assert "could not be found" in service.says("systemctl status sentinel")
    service.write("/etc/systemd/system/sentinel.service.d/quick.conf", QUICK)

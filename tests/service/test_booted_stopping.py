"""Trainings that a real systemd starts again, before the armed daemon in its shipped unit: seen, told, never fought."""

import json
import sys

import pytest

pytest.importorskip("numpy")

from sentinel.core.stopping import BACK
from tests.daemon.stopping_night import RULES, SHORT, SOON
from tests.service.boot import Machine, cannot_boot
from tests.world.settings import channel_at, settings_in, watching

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(cannot_boot()), reason=cannot_boot() or "-"),
]

SENTINEL = "/opt/sentinel/bin/sentinel"
ADA = 12345
ENDS = ("stopped", "failed", "refused", "vetoed")
# The shipped unit with all its limits; only the waits that no setting names are those of a test.
QUICK = """[Service]
ExecStart=
ExecStart={python} -P -m tests.daemon.stopping_night /etc/sentinel/sentinel.toml "{waits}" 0
Environment=PYTHONPATH=/srv/sentinel
ReadWritePaths=/srv/runs
"""
UNIT = """[Service]
User=ada
ExecStartPre=/bin/sh -c 'while [ -e /srv/{name}.held ]; do sleep 0.1; done'
ExecStart={python} /srv/sentinel/tests/outlets/trainings/plain.py /srv/runs/{name} handler,early
Restart=always
RestartSec=1
TimeoutStartSec=infinity
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with Machine(tmp_path_factory.mktemp("boot")) as booted:
        with (booted.root / "etc/passwd").open("a") as users:
            users.write(f"ada:x:{ADA}:{ADA}:ada:/home/ada:/bin/sh\n")
        with (booted.root / "etc/group").open("a") as groups:
            groups.write(f"ada:x:{ADA}:\n")
        rule = RULES.format(name="bad", when="train.loss < 0.05", action="stop", watch="t", sign="terminal")
        booted.write("/etc/sentinel/rules/bad.yml", rule)
        booted.run(f"{SENTINEL} install --rights stop --command {SENTINEL} --no-start")
        booted.write("/etc/sentinel/sentinel.toml", settings_of(booted.serve()))
        waits = json.dumps(SHORT).replace('"', '\\"')
        booted.write(
            "/etc/systemd/system/sentinel.service.d/zz-quick.conf", QUICK.format(python=sys.executable, waits=waits)
        )
        booted.run("mkdir -p /srv/runs && systemctl daemon-reload && systemctl restart sentinel")
        start(booted, "always")
        start(booted, "late")
        (booted.root / "srv/late.held").touch()  # systemd starts it again at once, but it comes back when we let it
        yield booted


def settings_of(port):
    """Armed, and quick about it."""
    places = {"state": "/var/lib/sentinel", "socket": "/run/sentinel/control", "rules": ["/etc/sentinel/rules"]}
    return settings_in(
        "/srv",
        sentinel=places,
        watch=[watching("t", "/srv/runs", stop="kill")],
        host={"poll": "1s"},
        channel=[channel_at(port, pictures=False)],
        stop=SOON | {"mode": "armed", "grace": "1s"},
    )


def start(machine, name):
    """A training of a user of this machine, as a unit of its own."""
    folder = f"/srv/runs/{name}"
    machine.write(f"/etc/systemd/system/{name}.service", UNIT.format(python=sys.executable, name=name))
    machine.run(f"mkdir {folder} && echo 'max_steps: 100000000' > {folder}/config.yaml")
    machine.run(f"echo 'level: kill' > {folder}/.sentinel-allow && chown -R {ADA}:{ADA} {folder}")
    machine.run(f"systemctl daemon-reload && systemctl start {name}")


def plans_of(machine, name):
    plans = machine.asks(ask="status").get("plans", ())
    return [plan for plan in plans if plan["run"].partition("#")[0].endswith(f"/{name}")]


def came(machine, name, what, told):
    """The first plan of that unit of which this can be told."""

    def seen():
        look_at_failures(machine)
        return [plan for plan in plans_of(machine, name) if told(plan)]

    try:
        return machine.until(seen, f"{what} of {name}")[-1]  # the newest stands first
    except AssertionError:
        print(plans_of(machine, name), machine.says("journalctl -u sentinel --no-pager -o cat | tail -30"))
        raise


def ended(machine, name):
    return came(machine, name, "the end", lambda plan: plan["stage"] in ENDS)


def not_fought(machine, name):
    return came(machine, name, "the refusal", lambda plan: "not fought" in plan["why"])


def look_at_failures(machine):
    """A plan that failed holds all others until somebody has looked at it: somebody does."""
    for plan in machine.asks(ask="status").get("plans", ()):
        if plan["stage"] == "failed" and not plan["called"]:
            machine.run(f"{SENTINEL} right {plan['id']}")


def signals(machine, name):
    records = [f"/var/lib/sentinel/plans/{plan['id']}/audit.jsonl" for plan in plans_of(machine, name)]
    lines = machine.says(f"cat {' '.join(records)}").splitlines()
    return [entry["signal"] for line in lines if (entry := json.loads(line))["event"] == "signalling"]


def test_a_unit_that_comes_back_long_after_it_was_stopped_is_not_stopped_again(machine):
    plan = ended(machine, "late")
    assert plan["stage"] == "stopped", plan
    (machine.root / "srv/late.held").unlink(missing_ok=True)
    assert not_fought(machine, "late")["stage"] == "refused"
    machine.until(lambda: "Sentinel tried that before" in json.dumps(machine.told()), "the message")
    assert signals(machine, "late") == ["SIGTERM"]
    assert (machine.shows("NRestarts", "late"), machine.shows("ActiveState", "late")) == ("1", "active")


def test_a_unit_that_systemd_starts_again_at_once_is_told_and_not_fought(machine):
    plan = ended(machine, "always")
    assert (plan["stage"], plan["why"]) == ("failed", BACK)
    machine.until(lambda: BACK in json.dumps(machine.told()), "the message")
    (machine.root / "srv/late.held").unlink(missing_ok=True)
    not_fought(machine, "late")  # there was time to fight it
    assert signals(machine, "always") == ["SIGTERM"]
    assert (machine.shows("NRestarts", "always"), machine.shows("ActiveState", "always")) == ("1", "active")
    assert "stopped" not in {other["stage"] for other in plans_of(machine, "always")}

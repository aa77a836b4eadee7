"""The Debian package: what is in it, and that installing, removing and purging leave what they promise."""

import json
import shutil
import subprocess

import pytest

from tests.service.boot import REPOSITORY, Machine, cannot_boot, put_command
from tests.service.test_booted import RULE, SENTINEL, WATCH

REMAINS = "-iname '*sentinel*' ! -path '*/dpkg/*' ! -path '/run/log/*' ! -path '/run/systemd/*'"
ARMED = '[stop]\nmode = "armed"\n[[watch]]\nname = "a"\nruns = "/srv/runs/*"\nstop = "stop"\n'
pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not installed")


def built(out, **more):
    """The package without its virtual environment, which would have to be downloaded."""
    environ = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEB_OUT": str(out), **more}
    subprocess.run([REPOSITORY / "packaging/deb.sh", "--bare"], check=True, env=environ, capture_output=True)
    return next(out.glob("sentinel_*.deb"))


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return built(tmp_path_factory.mktemp("deb"))


def test_settings_are_a_conffile_and_everything_belongs_to_root(package):
    listed = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}
    for path in ("./etc/sentinel/sentinel.toml", "./lib/systemd/system/sentinel.service", "./usr/bin/sentinel ->"):
        assert path in listed
    conffiles = subprocess.run(["dpkg-deb", "-I", package, "conffiles"], capture_output=True, text=True).stdout
    assert conffiles == "/etc/sentinel/sentinel.toml\n"


@pytest.mark.systemd
@pytest.mark.skipif(bool(cannot_boot()), reason=cannot_boot() or "-")
def test_installed_removed_and_purged_it_leaves_what_it_promises(package, tmp_path):
    with Machine(tmp_path, own_usr=True) as machine:
        shutil.copy(package, machine.root / "sentinel.deb")
        machine.run("mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates /var/log && touch /var/lib/dpkg/status")
        machine.run("dpkg --force-depends -i /sentinel.deb")
        put_command(machine.root / "opt/sentinel/bin/sentinel")
        machine.run("systemctl restart sentinel")
        assert machine.shows("ActiveState") == "active"
        assert machine.says("systemctl is-enabled sentinel") == "enabled"
        assert machine.says("stat -c '%a %U %G' /etc/sentinel/sentinel.toml") == "640 root sentinel"
        (machine.root / "etc/sentinel/sentinel.toml").write_text("# mine\n")
        machine.run("dpkg --force-depends --force-confold -i /sentinel.deb")
        assert machine.says("cat /etc/sentinel/sentinel.toml") == "# mine"
        said = machine.run(f"{SENTINEL} install --uninstall", check=False)
        assert (said.returncode, "sudo apt remove sentinel" in said.stderr) == (2, True)
        machine.run("dpkg -r --force-depends sentinel")
        assert machine.says("ls /etc/sentinel") != ""
        assert machine.says("systemctl is-active sentinel") == "inactive"
        fresh(machine)
        assert machine.shows("ActiveState") == "active"  # taken away and put back: it runs as it did
        machine.write("/etc/sentinel/sentinel.toml", ARMED)
        machine.run(f"mkdir -p /srv/runs; {SENTINEL} install --rights stop --no-start")
        assert "runs-to-stop.conf" in machine.says("ls /etc/systemd/system/sentinel.service.d")
        machine.run("dpkg -P --force-depends sentinel")
        left = machine.says(f"find /etc /opt /lib/systemd /usr/lib/systemd /run /var/lib -xdev {REMAINS} 2>/dev/null")
        assert left == ""
        assert "no such user" in machine.says("id sentinel")


def fresh(machine):
    """Installed once more; the command is put in place as soon as the package has left its folder."""
    machine.run("dpkg --force-depends --force-confold -i /sentinel.deb")
    put_command(machine.root / "opt/sentinel/bin/sentinel")
    machine.run("systemctl reset-failed sentinel; systemctl is-enabled sentinel && systemctl start sentinel")


@pytest.mark.systemd
@pytest.mark.skipif(bool(cannot_boot()), reason=cannot_boot() or "-")
def test_an_upgrade_starts_nothing_that_somebody_switched_off(package, tmp_path):
    with Machine(tmp_path, own_usr=True) as machine:
        machine.run("mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates /var/log && touch /var/lib/dpkg/status")
        install(machine, package)
        for word, left in (("disable", "disabled"), ("mask", "masked")):
            machine.run(f"systemctl {word} --now sentinel")
            machine.run("rm -f /etc/sentinel/sentinel.toml")  # nor does a file that somebody removed break the upgrade
            machine.run("dpkg --force-depends --force-confold -i /sentinel.deb")
            assert machine.says("systemctl is-enabled sentinel") == left
            assert machine.shows("ActiveState") == "inactive"


@pytest.mark.systemd
@pytest.mark.timeout(300)
@pytest.mark.skipif(bool(cannot_boot()), reason=cannot_boot() or "-")
def test_an_upgrade_and_the_way_back_keep_state_words_settings_and_own_rules(package, tmp_path_factory, tmp_path):
    newer = built(tmp_path_factory.mktemp("newer"), DEB_VERSION="9.9.9")
    with Machine(tmp_path, own_usr=True) as machine:
        machine.run(
            "mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates /var/log /srv/runs/a && touch /var/lib/dpkg/status"
        )
        install(machine, package)
        machine.write("/etc/sentinel/rules/mine.yml", RULE)
        settings = machine.root / "etc/sentinel/sentinel.toml"
        settings.write_text(settings.read_text() + WATCH % ("nlp", "/srv/runs"))
        machine.run("systemctl restart sentinel")
        (machine.root / "srv/runs/a/train.log").write_text("step=1 loss=2.0\nstep=2 loss=500\n")
        machine.until(lambda: "mine/big" in machine.says(f"{SENTINEL} alerts"), "the alert")
        machine.run(f"{SENTINEL} mute a 2h && {SENTINEL} keep a")
        before = known(machine)
        for deb, version in ((newer, "9.9.9"), (package, "0.")):
            install(machine, deb)
            assert machine.says("dpkg-query -W -f '${Version}' sentinel").startswith(version)
            machine.until(lambda: known(machine) == before, f"the same after {version}")


def install(machine, deb):
    shutil.copy(deb, machine.root / "sentinel.deb")
    machine.run("dpkg --force-depends --force-confold --force-downgrade -i /sentinel.deb")
    put_command(machine.root / "opt/sentinel/bin/sentinel")
    machine.run("systemctl restart sentinel")


def known(machine):
    told = json.loads(machine.says(f"{SENTINEL} status --json 2>/dev/null") or "{}")
    alerts = sorted((alert["id"], alert["rule"], alert["phase"]) for alert in told.get("alerts", ()))
    words = sorted((word["saying"], word["target"]) for word in told.get("words", ()))
    return alerts, words, told.get("rules"), machine.says("cat /etc/sentinel/sentinel.toml")

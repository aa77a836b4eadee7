"""The Debian package: what is in it, and that installing, removing and purging leave what they promise."""

import shutil
import subprocess

import pytest

from tests.service.boot import REPOSITORY, Machine, cannot_boot, put_command

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not installed")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package without its virtual environment, which would have to be downloaded."""
    out = tmp_path_factory.mktemp("deb")
    environ = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEB_OUT": str(out)}
    subprocess.run([REPOSITORY / "packaging/deb.sh", "--bare"], check=True, env=environ, capture_output=True)
    return next(out.glob("sentinel_*.deb"))


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
        assert machine.says("stat -c '%a %U %G' /etc/sentinel/sentinel.toml") == "640 root sentinel"
        (machine.root / "etc/sentinel/sentinel.toml").write_text("# mine\n")
        machine.run("dpkg --force-depends --force-confold -i /sentinel.deb")
        assert machine.says("cat /etc/sentinel/sentinel.toml") == "# mine"
        machine.run("dpkg -r --force-depends sentinel")
        assert machine.says("ls /etc/sentinel") != ""
        assert machine.says("systemctl is-active sentinel") == "inactive"
        machine.run("dpkg -P sentinel")
        left = machine.says(
            "find /etc /opt /lib/systemd /var/lib -xdev -iname '*sentinel*' ! -path '*/dpkg/*' 2>/dev/null"
        )
        assert left == ""
        assert "no such user" in machine.says("id sentinel")

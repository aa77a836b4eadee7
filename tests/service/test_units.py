"""The shipped units: clean, hardened as promised, and in step with one another."""

import re
import shutil

import pytest

from sentinel.daemon.install_plan import credentials_drop_in, runs_drop_in
from tests.service.scores import UNITS, analyze, laid_out

needs_analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
ALL = sorted(UNITS.rglob("*.service")) + sorted(UNITS.rglob("*.conf"))


def settings(path):
    """Every `key=value` of a unit, in order."""
    lines = (line for line in path.read_text().splitlines() if "=" in line and not line.startswith("#"))
    return [tuple(line.split("=", 1)) for line in lines]


@needs_analyze
@pytest.mark.parametrize(
    ("drop_ins", "threshold"),
    [((), 20), (("see-all.conf",), 29), (("see-all.conf", "stop.conf"), 33)],
    ids=["plain", "see-all", "stop"],
)
def test_the_unit_is_no_more_exposed_than_promised(tmp_path, drop_ins, threshold):
    unit = laid_out(tmp_path, *drop_ins)
    code, said = analyze("security", "--offline=true", f"--threshold={threshold}", unit)
    assert code == 0, said


@needs_analyze
def test_the_pages_name_the_scores_that_systemd_252_gives(tmp_path):
    if " 252 " not in analyze("--version")[1]:
        pytest.skip("other versions count otherwise")
    scores = []
    for n, drop_ins in enumerate(((), ("see-all.conf",), ("see-all.conf", "stop.conf"))):
        place = tmp_path / str(n)
        place.mkdir()
        said = analyze("security", "--offline=true", laid_out(place, *drop_ins))[1]
        scores.append(re.search(r"exposure level for \S+: ([\d.]+)", said)[1])
    root = UNITS.parent
    assert f"`systemd-analyze security`: {', '.join(scores)} of 10" in (root / "SECURITY.md").read_text()
    assert (
        re.findall(r"^\| [a-z ]+ \|.*\| ([\d.]+) \|", (root / "docs/operate/rights.md").read_text(), re.MULTILINE)
        == scores
    )


@needs_analyze
def test_the_unit_that_tells_of_a_failure_is_no_more_exposed_than_the_service(tmp_path):
    code, said = analyze(
        "security", "--offline=true", "--threshold=20", laid_out(tmp_path).with_stem("sentinel-failed")
    )
    assert code == 0, said


@needs_analyze
@pytest.mark.parametrize("drop_ins", [(), ("see-all.conf",), ("see-all.conf", "stop.conf")])
def test_systemd_finds_nothing_to_complain_of(tmp_path, drop_ins):
    unit = laid_out(tmp_path, *drop_ins)
    code, said = analyze("--recursive-errors=yes", "verify", unit, unit.with_stem("sentinel-failed"))
    assert (code, said) == (0, "")


@needs_analyze
def test_the_users_unit_is_clean_too(tmp_path):
    for path in (UNITS / "user").glob("*.service"):
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/sentinel/bin/sentinel", "/bin/true"))
    code, said = analyze(
        "--user", "--recursive-errors=yes", "verify", tmp_path / "sentinel.service", XDG_RUNTIME_DIR=str(tmp_path)
    )
    assert (code, said) == (0, "")


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(UNITS)))
def test_every_file_opens_by_saying_what_it_is_for(path):
    assert path.read_text().startswith("# ")


def test_stopping_adds_the_rights_to_signal_and_to_write_as_the_runs_owner_and_nothing_else():
    assert settings(UNITS / "sentinel.service.d" / "stop.conf") == [
        ("CapabilityBoundingSet", "CAP_KILL CAP_SETUID CAP_SETGID"),
        ("AmbientCapabilities", "CAP_KILL CAP_SETUID CAP_SETGID"),
        ("SystemCallFilter", "@setuid"),
    ]


def test_the_plain_unit_has_no_capability_and_seeing_all_cannot_signal():
    assert ("CapabilityBoundingSet", "") in settings(UNITS / "sentinel.service")
    assert "CAP_KILL" not in dict(settings(UNITS / "sentinel.service.d" / "see-all.conf"))["CapabilityBoundingSet"]


# Since which systemd each setting is known, by its manual pages; what stands in none of the lists is not to be used yet.
ALWAYS = """
    Description After OnFailure WantedBy Type NotifyAccess ExecStart ExecReload Environment TimeoutStartSec TimeoutStopSec KillMode
    Restart RestartSec RestartPreventExitStatus WatchdogSec User Group SupplementaryGroups UMask LimitCORE SyslogIdentifier
    OOMScoreAdjust CapabilityBoundingSet NoNewPrivileges ProtectSystem ProtectHome PrivateTmp PrivateDevices DevicePolicy DeviceAllow
    RestrictAddressFamilies SystemCallArchitectures SystemCallErrorNumber SystemCallFilter RuntimeDirectory RuntimeDirectoryMode
"""  # 219 and before
LATER = {
    227: "TasksMax", 229: "AmbientCapabilities StartLimitBurst", 230: "StartLimitIntervalSec CPUWeight IOWeight",
    231: "MemoryMax MemoryDenyWriteExecute RestrictRealtime ReadWritePaths",
    232: "PrivateUsers ProtectControlGroups ProtectKernelModules ProtectKernelTunables RemoveIPC", 233: "RestrictNamespaces",
    235: "StateDirectory StateDirectoryMode ConfigurationDirectory ConfigurationDirectoryMode RuntimeDirectoryPreserve KeyringMode"
    " LockPersonality",
    239: "PrivateMounts", 240: "LogRateLimitIntervalSec", 242: "ProtectHostname RestrictSUIDSGID", 243: "OOMPolicy",
    244: "ProtectKernelLogs", 245: "ProtectClock", 247: "ProtectProc ProcSubset LoadCredential SetCredential",
}  # fmt: skip
KNOWN_TO_247 = set(ALWAYS.split()).union(*(names.split() for since, names in LATER.items() if since <= 247))
NOT_IN_247 = re.compile(
    r"Type=notify-reload|Type=exec-reload|Restart(Mode|Steps)|%[dD](?![a-zA-Z])|@sandbox|ReadWritePaths=:"
)


@pytest.mark.parametrize(
    "path",
    [path for path in ALL if path.parent.name not in {"sysusers.d", "tmpfiles.d"}],
    ids=lambda path: str(path.relative_to(UNITS)),
)
def test_every_setting_of_a_unit_is_known_to_systemd_247(path):
    assert {key for key, _ in settings(path)} - KNOWN_TO_247 == set()
    assert not NOT_IN_247.search("\n".join("=".join(pair) for pair in settings(path)))


def test_what_install_writes_beside_the_units_is_known_to_systemd_247_too(tmp_path):
    (tmp_path / "slack").write_text("x")
    (tmp_path / "s.toml").write_text('url = "credential:slack"')
    made = credentials_drop_in(tmp_path / "s.toml", tmp_path) + runs_drop_in(["/data/runs"])
    (tmp_path / "x.conf").write_text(made)
    found = {key for key, _ in settings(tmp_path / "x.conf")}
    assert found == {"LoadCredential", "SetCredential", "ReadWritePaths"}
    assert found <= KNOWN_TO_247


def test_a_bad_file_never_loops():
    unit = dict(settings(UNITS / "sentinel.service"))
    assert unit["RestartPreventExitStatus"] == "2"
    assert int(unit["StartLimitBurst"]) <= 5
    assert unit["OnFailure"] == "sentinel-failed.service"

"""The shipped units: clean, hardened as promised, and in step with one another."""

import re
import shutil

import pytest

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


def test_no_unit_asks_for_what_systemd_247_does_not_know():
    newer = re.compile(
        r"^(Type=notify-reload|RestartMode|RestartSteps|ImportCredential|SetCredential|OpenFile)", re.MULTILINE
    )
    assert not [path for path in ALL if newer.search(path.read_text())]


def test_a_bad_file_never_loops():
    unit = dict(settings(UNITS / "sentinel.service"))
    assert unit["RestartPreventExitStatus"] == "2"
    assert int(unit["StartLimitBurst"]) <= 5
    assert unit["OnFailure"] == "sentinel-failed.service"

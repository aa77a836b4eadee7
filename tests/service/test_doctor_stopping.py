"""What `sentinel doctor` says of an armed Sentinel: what is missing for it to act, with the command that mends it."""

from pathlib import Path

import pytest

from sentinel.daemon.doctor.findings import Account, Patient, State
from sentinel.daemon.doctor.stopping import above, armed
from sentinel.daemon.settings import parse_settings

SETTINGS = """[[watch]]
name = "nlp"
runs = "/data/*/runs/*"
stop = "stop"
[[watch]]
name = "told"
runs = "/home/*/runs/*"
[stop]
mode = "armed"
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "sentinel.service.d").mkdir()
    return tmp_path


def found(place, text=SETTINGS, **drop_ins):
    for name, lines in drop_ins.items():
        (place / "sentinel.service.d" / f"{name}.conf").write_text(lines)
    settings, faults = parse_settings(text, "sentinel.toml")
    patient = Patient(Path("/etc/sentinel/sentinel.toml"), settings, faults, Account("a", 1, (1,)), Path("/unit"))
    return [(one.state, one.cure) for one in armed(patient, (str(place),))]


def test_armed_without_the_right_to_signal_it_names_the_command_that_gives_it(place):
    assert found(place) == [(State.MISSING, "sudo sentinel install --rights stop")]


def test_a_folder_that_the_unit_may_not_write_to_is_named_with_its_drop_in(place):
    ((state, cure),) = found(place, stop="[Service]\n")
    assert (state, "ReadWritePaths=/data\\n" in cure, "systemctl restart sentinel" in cure) == (
        State.MISSING,
        True,
        True,
    )


@pytest.mark.parametrize("line", ["ReadWritePaths=/data", "ReadWritePaths=/x -/data/"])
def test_a_folder_that_is_open_is_fine_and_a_watch_that_only_tells_needs_none(place, line):
    assert found(place, stop="[Service]\n", runs=f"[Service]\n{line}\n") == [(State.OK, "")]


def test_a_sentinel_that_rehearses_needs_nothing(place):
    assert found(place, SETTINGS.replace("armed", "rehearse")) == []


def test_the_folder_above_all_matches_is_found_from_the_pattern():
    assert (above("/data/runs/*"), above("/data/*/runs/*"), above("/data/runs/a")) == (
        "/data/runs",
        "/data",
        "/data/runs",
    )

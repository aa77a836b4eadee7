"""`sentinel install` below a prefix and in a user's home: what stands afterwards, and that twice is once."""

import argparse
import os

import pytest

from sentinel.cli import install
from sentinel.cli.exits import Exit
from sentinel.daemon.install_plan import Place, user_plan, user_removal
from sentinel.daemon.install_steps import Command, File, carry_out


def ran(*words):
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    install.configure(parser)
    return install.run(parser.parse_args([str(word) for word in words]))


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def test_the_units_start_the_command_that_was_named(tmp_path):
    assert ran("--prefix", tmp_path, "--command", "/usr/bin/sentinel") == Exit.FINE
    unit = (tmp_path / "etc/systemd/system/sentinel.service").read_text()
    assert "ExecStart=/usr/bin/sentinel run" in unit
    assert "/opt/sentinel" not in unit


def test_twice_is_once_and_says_so(tmp_path, capsys):
    ran("--prefix", tmp_path, "--rights", "see-all")
    first = tree(tmp_path)
    capsys.readouterr()
    ran("--prefix", tmp_path)
    assert tree(tmp_path) == first
    assert "0 done" in capsys.readouterr().out


def test_settings_that_exist_are_never_touched(tmp_path):
    settings = tmp_path / "etc/sentinel/sentinel.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("# mine\n")
    ran("--prefix", tmp_path)
    assert settings.read_text() == "# mine\n"


def test_a_dry_run_changes_nothing(tmp_path, capsys):
    assert ran("--prefix", tmp_path, "--dry-run") == Exit.FINE
    assert list(tmp_path.iterdir()) == []
    assert "would    file" in capsys.readouterr().out


def test_rights_can_be_taken_back(tmp_path):
    folder = tmp_path / "etc/systemd/system/sentinel.service.d"
    ran("--prefix", tmp_path, "--rights", "stop")
    assert sorted(path.name for path in folder.iterdir()) == ["see-all.conf", "stop.conf"]
    ran("--prefix", tmp_path, "--rights", "plain")
    assert list(folder.iterdir()) == []


def test_a_credential_is_loaded_once_its_file_is_there(tmp_path):
    drop_in = tmp_path / "etc/systemd/system/sentinel.service.d/credentials.conf"
    ran("--prefix", tmp_path)
    (tmp_path / "etc/sentinel/sentinel.toml").write_text(
        '[[channel]]\nname = "a"\nurl = "credential:slack"\n[[channel]]\nname = "b"\nurl = "credential:mail"\n'
    )
    (tmp_path / "etc/sentinel/credentials/slack").write_text("https://hooks.example/T/B/x")
    ran("--prefix", tmp_path)
    assert "LoadCredential=slack:/etc/sentinel/credentials/slack" in drop_in.read_text()
    assert "SetCredential=slack:#" in drop_in.read_text()
    assert "mail" not in drop_in.read_text()


def test_uninstalling_leaves_nothing_but_settings_and_what_others_put_there(tmp_path):
    ran("--prefix", tmp_path)
    (tmp_path / "etc/sentinel/sentinel.toml").write_text(ARMED)
    ran("--prefix", tmp_path, "--rights", "stop")
    assert (tmp_path / "etc/systemd/system/sentinel.service.d/runs-to-stop.conf").exists()
    (tmp_path / "etc/systemd/system/sentinel.service.d/override.conf").write_text("[Service]\nNice=1\n")
    (tmp_path / "etc/sentinel/rules/own.yml").write_text("signature: own\n")
    ran("--prefix", tmp_path, "--uninstall")
    assert sorted(tree(tmp_path)) == [
        "etc/sentinel/rules/own.yml",
        "etc/sentinel/sentinel.toml",
        "etc/systemd/system/sentinel.service.d/override.conf",
    ]


def test_a_link_where_a_unit_should_stand_is_replaced_not_followed(tmp_path):
    target = tmp_path / "victim"
    target.write_text("precious")
    place = tmp_path / "unit"
    place.symlink_to(target)
    carry_out([File(place, "new")])
    assert (target.read_text(), place.read_text(), place.is_symlink()) == ("precious", "new", False)


def test_a_command_that_fails_ends_the_installation_unless_it_has_a_cure(tmp_path):
    steps = [Command(("false",), "try", "never mind"), Command(("false",), "try"), File(tmp_path / "x", "x")]
    outcomes = carry_out(steps)
    assert [outcome.fatal for outcome in outcomes] == [False, True]
    assert "never mind" in outcomes[0].trouble
    assert not (tmp_path / "x").exists()


def test_a_users_service_lives_in_the_home_and_goes_again(tmp_path):
    place = Place("/home/ada/.local/bin/sentinel", home=tmp_path, user="ada", runtime="/run/user/7", start=False)
    assert not [outcome.trouble for outcome in carry_out(user_plan(place)) if outcome.trouble]
    unit = (tmp_path / ".config/systemd/user/sentinel.service").read_text()
    assert f"--settings {tmp_path}/.config/sentinel/sentinel.toml" in unit
    assert (tmp_path / ".config/sentinel/sentinel.toml").stat().st_mode & 0o777 == 0o600
    carry_out(user_removal(place))
    assert sorted(tree(tmp_path)) == [".config/sentinel/sentinel.toml"]


def test_who_cannot_keep_it_running_after_logout_is_told_what_root_must_run(tmp_path):
    linger = user_plan(Place("sentinel", home=tmp_path, user="ada"))[-1]
    assert linger.words == ("loginctl", "enable-linger", "ada")
    assert "the watch ends when you log out, until root runs: loginctl enable-linger ada" in linger.cure


def test_the_first_settings_are_good_settings(tmp_path):
    from sentinel.daemon.install_plan import SETTINGS, user_settings
    from sentinel.daemon.settings import parse_settings

    place = Place("sentinel", home=tmp_path, runtime="/run/user/7")
    for text in (SETTINGS, user_settings(place)):
        assert parse_settings(text, "sentinel.toml")[1] == []
        uncommented = "\n".join(line.removeprefix("# ") for line in text.splitlines() if " = " in line or "[" in line)
        assert parse_settings(uncommented, "sentinel.toml")[1] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a file as root")
def test_a_command_that_others_could_change_is_not_started_for_the_machine(tmp_path):
    command = tmp_path / "sentinel"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o775)
    assert "can be changed by others than root" in install.unsafe_command(command)
    os.chown(command, 12345, 0)
    command.chmod(0o755)
    assert "can be changed by others than root" in install.unsafe_command(command)
    assert install.unsafe_command(__import__("pathlib").Path("/usr/bin/env")) == ""


ARMED = '[stop]\nmode = "armed"\n[[watch]]\nname = "a"\nruns = "/data/runs/*"\nstop = "stop"\n[[watch]]\nname = "b"\nruns = "/home/*/b"\n'


def test_an_armed_service_may_write_where_the_runs_are_that_it_may_stop_and_nowhere_else(tmp_path):
    settings = tmp_path / "etc/sentinel/sentinel.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(ARMED)
    opened = tmp_path / "etc/systemd/system/sentinel.service.d/runs-to-stop.conf"
    ran("--prefix", tmp_path, "--rights", "see-all")
    assert not opened.exists()
    ran("--prefix", tmp_path, "--rights", "stop")
    assert [line for line in opened.read_text().splitlines() if "=" in line] == ["ReadWritePaths=-/data/runs"]
    settings.write_text("[stop\n")
    ran("--prefix", tmp_path)
    assert opened.exists()  # what is broken for the moment takes nothing away
    settings.write_text(ARMED.replace("armed", "rehearse"))
    ran("--prefix", tmp_path)
    assert not opened.exists()

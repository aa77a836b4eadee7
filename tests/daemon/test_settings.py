"""sentinel.toml: an empty file is a good file, and every mistake is shown with its line."""

from sentinel.daemon.sections import keys, section_in
from sentinel.daemon.settings import Settings, parse_settings


def faults(text):
    settings, found = parse_settings(text, "sentinel.toml")
    assert (settings is None) == bool(found)
    return [str(fault) for fault in found]


def test_an_empty_file_watches_the_folder_runs():
    settings, found = parse_settings("", "sentinel.toml")
    assert not found
    assert settings.watches()[0].runs == "runs/*"


def test_a_wrong_key_is_named_with_its_line_and_the_key_that_was_meant():
    text = '[sentinel]\nstate = "x"\n\n[[watch]]\nrun = "/data/*"\n'
    assert faults(text) == ["sentinel.toml:5:1: 'watch.run' is no key here; did you mean 'runs'?"]


def test_the_second_watch_is_told_apart_from_the_first():
    text = '[[watch]]\nruns = "a"\n[[watch]]\nstop = "always"\n'
    assert faults(text) == [
        "sentinel.toml:4:1: 'watch.stop' must be 'never', 'checkpoint', 'stop' or 'kill', not 'always'"
    ]


def test_all_faults_come_in_one_pass():
    text = '[tell]\ngroup = "soon"\nrepet = "4h"\n[[channel]]\nname = "x"\n'
    assert faults(text) == [
        "sentinel.toml:2:1: 'tell.group': 'soon' is no duration; write 30s, 10m, 4h or 1h30m",
        "sentinel.toml:3:1: 'tell.repet' is no key here; did you mean 'repeat'?",
        "sentinel.toml:4:1: 'channel.url' is missing",
    ]


def test_broken_toml_is_a_fault_with_a_line():
    assert faults("[tell\n")[0].startswith("sentinel.toml:1:")


def test_every_key_has_a_default_and_says_what_it_means():
    for section in keys(Settings).values():
        assert all(key.says for key in keys(section_in(section.kind)).values())


def test_each_shape_is_asked_for_in_plain_words():
    text = '[host]\nprocesses = "no"\n[tell]\nzone = 2\nadmins = "ada"\n[[watch]]\nlabels = {team = 3}\nfiles = ["a", 1]\n[stop]\nmode = 1\n'
    assert [line.partition("1: ")[2] for line in faults(text)] == [
        "'host.processes' must be true or false, not 'no'",
        "'tell.zone' must be a text, not 2",
        "'tell.admins' must be a list, not 'ada'",
        "'watch.labels.team' must be a text, not 3",
        "'watch.files' must be a text, not 1",
        "'stop.mode' must be 'off', 'rehearse' or 'armed', not 1",
    ]
    assert faults("watch = 3\n")[0].endswith("'watch' must be a list, not 3")
    assert faults("tell = 3\n")[0].endswith("'tell' must be a table, not 3")


def test_a_check_of_a_list_comes_only_where_its_shape_is_right():
    assert faults("[tell]\nquiet = [3]\n")[0].endswith("'tell.quiet' must be a text, not 3")
    (late,) = faults('[tell]\nquiet = ["late"]\n')
    assert "'tell.quiet': " in late


def test_no_table_shares_its_lists_with_another():
    one, other = (parse_settings("", "s")[0] for _ in range(2))
    assert one == other
    assert one.watch is not other.watch

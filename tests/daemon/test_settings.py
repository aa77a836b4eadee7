"""sentinel.toml: an empty file is a good file, and every mistake is shown with its line."""

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
    assert faults(text)[0].startswith("sentinel.toml:4:1: 'watch.stop': Input should be 'never'")


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
    for section in Settings.model_fields.values():
        model = section.annotation
        model = getattr(model, "__args__", (model,))[0]
        assert all(field.description for field in model.model_fields.values())

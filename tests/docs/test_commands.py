"""Every `sentinel ...` that the pages tell a reader to type is one that Sentinel understands."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from sentinel.cli.main import COMMANDS, module_of, parser_of

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/operate").iterdir()]
)
TYPED = re.compile(r"(?:`|^ {4,}|&& |sudo |; |command: )(sentinel [a-z-]+[^`#|;&()\n]*)", re.MULTILINE)


def typed(path):
    for found in TYPED.finditer(path.read_text()):
        plain = re.sub(r"\s{3,}.*", "", found[1]).strip().rstrip(".,:").replace("...", "").replace("LEVEL", "stop")
        words = shlex.split(plain)
        if words[1] in COMMANDS:
            yield words[1:]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_on_a_page_are_understood(path, capsys):
    wrong = []
    for name, *words in typed(path):
        try:
            parser_of(name, module_of(name)).parse_args(words)
        except SystemExit as end:
            if end.code and words:  # a bare name stands for the command, not for a line to type
                wrong.append((name, *words))
    assert wrong == [], capsys.readouterr().err


def test_enough_commands_are_found_to_mean_anything():
    assert sum(len(list(typed(path))) for path in PAGES) > 60


@pytest.mark.parametrize("name", ["compose.yml", "playbook.yml"])
def test_the_examples_are_yaml(name):
    assert yaml.safe_load((ROOT / "docs/operate" / name).read_text())


BY_NAME = re.compile(
    r"pip[x3]? [^`\n;&|]*\b(?:install|download|upgrade|inject)\b[^`\n;&|]*\bsentinel[-_](?!\S*\.whl)\S*"
)
CODE = [*sorted((ROOT / "sentinel").rglob("*.py")), ROOT / "Makefile", *(ROOT / "packaging").rglob("*.sh")]


@pytest.mark.parametrize("path", [*PAGES, *CODE], ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_is_told_to_install_by_name_what_a_stranger_could_publish(path):
    told = [found[0] for found in BY_NAME.finditer(path.read_text())]
    assert [line for line in told if "--no-index" not in line] == []


def test_an_installation_by_name_would_be_found():
    for line in (
        "pipx install sentinel-watch && x",
        "sudo pip install 'sentinel-night-watch[all]'",
        "pipx upgrade sentinel-x",
    ):
        assert BY_NAME.search(line)
    assert not BY_NAME.search("pip install ./sentinel_night_watch-1-py3-none-any.whl")

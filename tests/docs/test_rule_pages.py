"""The pages on rules do what they say: the tutorial is carried out, the reference is fresh."""

import json
import re
import runpy
from pathlib import Path

import pytest

from sentinel.cli.main import main

PAGES = Path(__file__).parents[2] / "docs" / "rules"


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)


def test_the_reference_is_fresh():
    made = runpy.run_path(str(PAGES / "reference_page.py"))
    assert (PAGES / "reference.md").read_text() == made["page"]()


def test_shipped_files_point_at_a_fresh_schema():
    made = runpy.run_path(str(PAGES / "schema_page.py"))
    assert made["PAGE"].read_text() == made["page"](), "python docs/rules/schema_page.py"
    for path in sorted(made["PAGE"].parent.glob("*/*.yml")):
        assert path.read_text() == made["pointed"](path.read_text()), f"{path}: python docs/rules/schema_page.py"


def test_every_released_version_has_its_rules_recorded():
    """So that `sentinel check --since VERSION` can say what an upgrade brought."""
    log = (PAGES.parents[1] / "CHANGELOG.md").read_text()
    recorded = json.loads((PAGES.parents[1] / "rules" / "releases.json").read_text())
    assert set(re.findall(r"^## \[(\d[^\]]*)\]", log, re.MULTILINE)) <= set(recorded), "docs/rules/record_release.py"


def test_the_tutorial_gives_a_working_rule(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    whole, mended = blocks("write.md", "yaml")
    rules = Path("my-rules")
    rules.mkdir()
    file = rules / "bleu-fell.yml"
    file.write_text(whole)
    assert main(["check", "my-rules"]) == 1
    shown = blocks("write.md", "console")[0].splitlines()[1]
    assert shown in capsys.readouterr().out
    file.write_text(re.sub(r"    say: .*\n", lambda _: mended, whole))
    main(["check", "my-rules"])
    assert "my-rules" not in capsys.readouterr().out
    assert main(["test", "my-rules"]) == 0
    assert "2 of 2 trials passed" in capsys.readouterr().out
    file.write_text(file.read_text().replace("fires at epoch 7", "fires at epoch 6"))
    assert main(["test", "my-rules"]) == 1
    assert "▲" in capsys.readouterr().out


@pytest.mark.parametrize("page", ["write.md", "test.md", "tune.md"])
def test_the_pages_point_at_pages_that_there_are(page):
    for target in re.findall(r"\]\(([^)]+\.md)\)", (PAGES / page).read_text()):
        assert (PAGES / target).exists()

"""The house keeps its shape: one-way imports, no clock in pure rooms, small files, a light daemon."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "sentinel"
FILES = sorted(HOUSE.rglob("*.py"))
LONGEST_FILE = 400
LONGEST_BODY = 40
HEAVY = ("pandas", "torch", "matplotlib", "apprise.plugins", "numpy", "pydantic", "_hashlib", "_ssl", "statistics")


def test_imports_point_one_way():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(HOUSE)))
def test_every_file_says_what_lives_there_and_is_no_longer_than_four_hundred_lines(path):
    text = path.read_text()
    if text:
        assert ast.get_docstring(ast.parse(text)), f"{path}: the first line says what lives here"
    assert text.count("\n") <= LONGEST_FILE


def bodies(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body:
                yield node.name, body[-1].end_lineno - body[0].lineno + 1


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(HOUSE)))
def test_no_function_body_is_longer_than_forty_lines(path):
    long = [f"{name} ({size})" for name, size in bodies(ast.parse(path.read_text())) if size > LONGEST_BODY]
    assert not long


def test_no_room_is_called_a_dumping_ground():
    dumps = {"utils", "helpers", "common", "manager", "base", "misc"}
    assert not [path for path in FILES if path.stem in dumps or path.parent.name in dumps]


def test_the_daemons_import_chain_stays_light():
    code = "import sys, sentinel.daemon.assembly, sentinel.cli.run; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not [name for name in loaded.split() if name.startswith(HEAVY)]

"""What the code may not contain at all: shells, unpickling, evaluation, and sockets beyond the named files."""

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2] / "sentinel"
FILES = sorted(HOUSE.rglob("*.py"))
NETWORK = {
    "socket",
    "ssl",
    "http",
    "http.client",
    "urllib.request",
    "smtplib",
    "slack_sdk",
    "apprise",
    "requests",
    "asyncio",
}
# Who may open a socket: systemd and journald (Unix datagrams), the control socket, and what delivers to channels.
MAY = {
    "daemon/systemd.py", "daemon/journal.py", "daemon/control.py", "daemon/peers.py", "daemon/waiting.py",
    "daemon/doctor/channels.py", "daemon/doctor/running.py", "cli/asking.py", "trainer",
}  # fmt: skip
# Rule expressions become code of our own making out of a whitelisted tree; nothing of their text is in it.
MAKES_CODE = {"rulebook/expressions/code.py"}
BANNED_CALLS = {"eval", "exec", "os.system", "os.popen", "pickle.load", "pickle.loads", "marshal.loads", "yaml.load"}


# A rule's expression becomes code, but only out of the compiler's own templates: no text of a rule file reaches `exec`.
ALLOWED_CALLS = {("rulebook/expressions/code.py", "exec")}


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def called(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_nothing_evaluates_text_unpickles_or_starts_a_shell(path):
    for name, node in called(ast.parse(path.read_text())):
        made = name == "exec" and path.relative_to(HOUSE).as_posix() in MAKES_CODE
        assert made or name not in BANNED_CALLS, f"{path}:{node.lineno}: {name}"
        assert not any(word.arg == "shell" for word in node.keywords), f"{path}:{node.lineno}: shell="


def may_talk(place):
    return place in MAY or place.startswith("outlets/") or place.split("/")[0] in MAY


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_no_file_but_the_named_ones_can_reach_the_network(path):
    place = path.relative_to(HOUSE).as_posix()
    reach = {name for name in imported(ast.parse(path.read_text())) if name in NETWORK or name.split(".")[0] in NETWORK}
    reach -= {"http", "urllib.parse", "urllib.error"}
    if not may_talk(place):
        assert reach <= {"socket"}, f"{place} imports {reach}"
        assert not calls_socket(path), f"{place} opens a socket"


def calls_socket(path):
    """`socket.gethostname()` is no conversation."""
    talk = {"socket.socket", "socket.create_connection", "socket.create_server", "socket.socketpair"}
    return any(name in talk for name, _ in called(ast.parse(path.read_text())))

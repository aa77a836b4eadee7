"""What the code may not contain at all: shells, unpickling, evaluation, and sockets beyond the named files."""

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2] / "sentinel"
FILES = sorted(HOUSE.rglob("*.py"))
NETWORK = {
    "socket", "ssl", "http.client", "http.server", "urllib.request", "urllib3", "smtplib", "ftplib", "imaplib", "poplib", "nntplib",
    "telnetlib", "socketserver", "xmlrpc", "webbrowser", "slack_sdk", "apprise", "requests", "httpx", "aiohttp", "asyncio",
    "multiprocessing.connection", "multiprocessing.managers",
}  # fmt: skip
# What a child process could speak with in our stead.
SPEAKERS = {
    "curl",
    "wget",
    "nc",
    "ncat",
    "netcat",
    "socat",
    "ssh",
    "scp",
    "sftp",
    "rsync",
    "ftp",
    "telnet",
    "git",
    "pip",
    "sendmail",
    "mail",
}
# Who may open a socket: systemd and journald (Unix datagrams), the control socket, and what delivers to channels.
MAY = {
    "daemon/systemd.py", "daemon/journal.py", "daemon/control.py", "daemon/peers.py", "daemon/waiting.py",
    "daemon/doctor/channels.py", "daemon/doctor/running.py", "cli/asking.py", "trainer",
}  # fmt: skip
# Rule expressions become code of our own making out of a whitelisted tree; nothing of their text is in it.
MAKES_CODE = {"rulebook/expressions/code.py"}
BANNED_CALLS = {
    "eval", "exec", "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pickle.load", "pickle.loads",
    "pickle.Unpickler", "marshal.load", "marshal.loads", "shelve.open", "yaml.load", "yaml.load_all", "yaml.unsafe_load",
    "yaml.full_load", "asyncio.create_subprocess_shell", "torch.load", "numpy.load", "joblib.load",
}  # fmt: skip
# The proof's short-lived, limited child alone reads tensors, and says how: `weights_only`, no pickled objects.
READS_TENSORS = {"outlets/proof"}


def named(tree):
    """What each name of a file stands for, however it was imported: `from os import system as s` gives s -> os.system."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported(tree):
    """Every module that is imported, and every name out of one, in full."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def called(tree):
    """Every call by the full name of what is called, as far as imports tell."""
    names = named(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, dot, rest = ast.unparse(node.func).partition(".")
            yield names.get(first, first) + dot + rest, node


def dangers(source, place=""):
    """What in this text evaluates, unpickles or starts a shell."""
    for name, node in called(ast.parse(source)):
        made = name == "exec" and place in MAKES_CODE
        tensors = name in {"torch.load", "numpy.load"} and any(place.startswith(folder) for folder in READS_TENSORS)
        if name in BANNED_CALLS and not made and not tensors:
            yield f"{node.lineno}: {name}"
        if any(word.arg == "shell" for word in node.keywords):
            yield f"{node.lineno}: shell="
        if name == "torch.load" and not any(
            w.arg == "weights_only" and ast.unparse(w.value) == "True" for w in node.keywords
        ):
            yield f"{node.lineno}: torch.load without weights_only=True"
        if name == "numpy.load" and any(
            w.arg == "allow_pickle" and ast.unparse(w.value) != "False" for w in node.keywords
        ):
            yield f"{node.lineno}: numpy.load of pickled objects"


def may_talk(place):
    return place in MAY or place.startswith("outlets/") or place.split("/")[0] in MAY


def reaches(source):
    """What in this text could reach the network; `socket.gethostname()` is no conversation."""
    tree = ast.parse(source)
    for name in imported(tree):
        if any(name == known or name.startswith(f"{known}.") for known in NETWORK) and name.split(".")[0] != "socket":
            yield name
    for name, _ in called(tree):
        if name in {
            "socket.socket",
            "socket.create_connection",
            "socket.create_server",
            "socket.socketpair",
            "socket.fromfd",
        }:
            yield name
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple) and node.elts and isinstance(node.elts[0], ast.Constant):
            if node.elts[0].value in SPEAKERS and len(node.elts) > 1 and not isinstance(node.ctx, ast.Store):
                yield f"starts {node.elts[0].value}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_nothing_evaluates_text_unpickles_or_starts_a_shell(path):
    assert list(dangers(path.read_text(), path.relative_to(HOUSE).as_posix())) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_no_file_but_the_named_ones_can_reach_the_network(path):
    place = path.relative_to(HOUSE).as_posix()
    assert may_talk(place) or list(reaches(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "from urllib import request",
        "from http import client",
        "import urllib.request as u",
        "import xmlrpc.client",
        "import requests.sessions",
        "from socket import create_connection as c\nc(('x', 1))",
        "import socket as s\ns.socket()",
        "import socket\nsocket.create_connection(('x', 1))",
        "import subprocess\nsubprocess.run(['curl', 'https://x'])",
        "from multiprocessing.connection import Client",
    ],
)
def test_each_way_to_the_network_would_be_found(source):
    assert list(reaches(source))


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "from os import system\nsystem('x')",
        "import os as o\no.popen('x')",
        "import subprocess\nsubprocess.run('x', shell=True)",
        "from subprocess import getoutput\ngetoutput('x')",
        "import pickle as p\np.loads(b'')",
        "from pickle import Unpickler\nUnpickler(f)",
        "import yaml\nyaml.unsafe_load('')",
        "import torch\ntorch.load('x')",
    ],
)
def test_each_way_to_run_text_would_be_found(source):
    assert list(dangers(source))


def test_what_only_names_a_thing_of_the_network_is_not_found():
    assert not list(reaches("import socket\nsocket.gethostname()"))
    assert not list(
        reaches("from urllib.parse import quote\nfrom http import HTTPStatus\nfrom urllib.error import URLError")
    )

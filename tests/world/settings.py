"""The sentinel.toml of a daemon under test: it looks often, leaves GPUs and host alone and tells at once. A test names only
what differs: `settings_in(folder, host={"poll": "1s"}, channel=[channel_at(port)])`. Nothing is started or written here.
"""

import json

OFF = {"enabled": False}
ALL = {"when": "severity >= info", "pictures": False}  # for a channel that is told everything, and plainly
CHANNELS_ONLY = {"terminal": False, "journal": False}
NO_DIGEST = {"digest": "never"}
UNLIMITED = {"most": "100000 a run and day, 100000 a channel and day"}


def settings_in(folder, *, watch=(), channel=(), rules=False, sentinel=None, tell=None, gpu=OFF, host=OFF, **tables):
    """The text. State, runs and own rules lie in `folder`; `sentinel` and `tell` are added to, other tables replaced."""
    own = {"rules": [f"{folder}/rules"]} if rules else {}
    tables["sentinel"] = {"state": f"{folder}/state"} | own | (sentinel or {})
    tables["tell"] = {"group": "0s"} | (tell or {})
    single = [table(f"[{name}]", keys) for name, keys in (tables | {"gpu": gpu, "host": host}).items()]
    watches = [table("[[watch]]", keys) for keys in watch or [watching("t", f"{folder}/runs")]]
    return "".join([*single, *watches, *(table("[[channel]]", keys) for keys in channel)])


def watching(name, folder, **keys):
    """A watch of all runs in a folder."""
    return {"name": name, "runs": f"{folder}/*", "poll": "100ms"} | keys


def channel_at(port, name="hook", **keys):
    """A channel that posts JSON to a server on this machine."""
    return {"name": name, "url": f"json://127.0.0.1:{port}/in"} | keys


def table(head, keys):
    """One table of TOML; its values are written as in JSON."""
    return "\n".join([head, *(f"{key} = {json.dumps(value)}" for key, value in keys.items()), ""])

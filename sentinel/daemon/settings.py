"""`sentinel.toml`: every key, its default and what it means. An empty file is a good file.

Mistakes are faults with a line and a "did you mean"; `tomllib` knows no places, so `toml_places` finds them.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from sentinel.core.amounts import parse_seconds
from sentinel.core.records import Fault
from sentinel.core.stopping_world import parse_crowd, parse_worth
from sentinel.core.stopping_world import parse_most as parse_stops
from sentinel.core.telling_caps import parse_most
from sentinel.core.telling_routes import parse_condition, parse_quiet
from sentinel.daemon.sections import MISSING, UNKNOWN, KeyPath, Mistake, Section, key, keys, read, section_in
from sentinel.daemon.toml_places import place_of


def _duration(text: str) -> None:
    if parse_seconds(text) is None:
        raise ValueError(f"'{text}' is no duration; write 30s, 10m, 4h or 1h30m")


def _rest(texts: list[str]) -> None:
    for text in texts:
        parse_quiet(text)


def _cap(text: str) -> None:
    if parse_most(text) is None:
        raise ValueError(f"'{text}' is no cap; write 3 a run and day, 20 a channel and day")


def _escalation(text: str) -> None:
    after, _, to = text.partition(" to ")
    if text and (parse_seconds(after) is None or not to.strip()):
        raise ValueError(f"'{text}' is not understood; write 30m to NAME")


Duration = Annotated[str, _duration]


class Sentinel(Section):
    """`[sentinel]`: where rules and state live."""

    rules: list[str] = key(default=[], says="folders of your own rule files, beside the shipped ones")
    state: str = key(default="./state", says="the folder that survives a restart; /var/lib/sentinel as a service")
    keep_runs: Duration = key(default="26w", says="how long a run's record is kept after its end")
    keep_alerts: Duration = key(default="52w", says="how long closed alerts are kept")
    known_for: Duration = key(default="14d", says="how long a new shipped rule tells as info only")
    own_rules: bool = key(default=True, says="false: rules that users put into `.sentinel/rules` of a run are not read")
    users_rules: str = key(
        default="",
        says="a folder of each user's own rules for their runs, such as '/home/{user}/.config/sentinel/rules'",
    )
    socket: str = key(default="", says="the control socket; default: in the state folder")


class Watch(Section):
    """`[[watch]]`: files to read and what may be done about them."""

    name: str = key(default="runs", says="what messages and `only:` call this watch")
    runs: str = key(default="", says="a pattern; each match is one run's folder")
    files: list[str] = key(default=[], says="patterns of single log files, each a run of its own")
    journal: list[str] = key(default=[], says="systemd units whose journal is read")
    read: list[str] = key(default=[], says="file name patterns to read; default: every format that is known")
    config: list[str] = key(default=[], says="config files for facts; default: the usual names")
    sources: list[str] = key(default=[], says="source files that the audit may look into")
    labels: dict[str, str] = key(default={}, says="free labels, for routing")
    stop: Literal["never", "checkpoint", "stop", "kill"] = key(default="never", says="the most that rules may ask for")
    fresh: Duration = key(default="1h", says="a run silent for longer than this at first sight was over before we came")
    home: bool = key(default=False, says="on network folders: this host tells about runs that show no home")
    title: str = key(default="", says="how runs are named, such as '{folder}'; default: contracts 5")
    consent: str = key(default="", says="'owner:UID' counts as that owner's consent if this file is root's or theirs")
    ask: str = key(
        default="", says="how to ask for a checkpoint, over what was found: signal:USR1, file:PATH, command:..."
    )
    poll: Duration = key(default="1s", says="how often files that moved lately are looked at")


class Gpu(Section):
    """`[gpu]`: NVML."""

    poll: Duration = key(default="5s", says="how often the hot set is read; at least 1s")
    health: Duration = key(default="60s", says="how often the health set is read")
    enabled: bool = key(default=True, says="false: do not touch NVML")
    library: str = key(default="", says="path of libnvidia-ml.so.1 where it is in no usual place")


class Host(Section):
    """`[host]`: memory, disks, kernel log."""

    enabled: bool = key(default=True, says="false: do not watch the host")
    poll: Duration = key(default="15s", says="how often memory, disks and processes are read")
    kernel_log: str = key(default="/dev/kmsg", says="where the kernel log is read; '' for nowhere")
    processes: bool = key(default=True, says="false: do not look for training processes")


class Channel(Section):
    """`[[channel]]`: a named address."""

    name: str = key(says="what messages and `tell --test` call it")
    url: str = key(says="an apprise URL, or credential:NAME, file:PATH, env:NAME that holds one")
    when: Annotated[str, parse_condition] = key(default="severity >= high", says="which alerts go here")
    quiet: Annotated[list[str], _rest] = key(
        default=[], says="hours of rest, such as '22:00-07:00 severity < critical'"
    )
    escalate: Annotated[str, _escalation] = key(
        default="", says="'30m to NAME': the channel that is told when nobody acks"
    )
    proxy: str = key(default="", says="http://host:port for this channel; default: that of [tell]")
    no_proxy: bool = key(default=False, says="true: go straight, whatever [tell] says")
    ca: str = key(default="", says="a PEM file to trust besides the system's")
    pictures: bool = key(default=True, says="false: text only")


class Tell(Section):
    """`[tell]`: when people are told."""

    group: Duration = key(default="30s", says="how long to wait for other signs of the same cause")
    repeat: Duration = key(default="4h", says="when to say it again while nobody acks; the interval then doubles")
    quiet: Annotated[list[str], _rest] = key(
        default=[], says="hours of rest for all channels, such as '22:00-07:00 severity < critical'"
    )
    most: Annotated[str, _cap] = key(
        default="3 a run and day, 20 a channel and day", says="the cap; critical alerts are exempt"
    )
    proxy: str = key(default="", says="http://user:password@host:port, credential:NAME or env:NAME")
    no_proxy: list[str] = key(default=[], says="hosts that are reached without the proxy")
    ca: str = key(default="", says="a PEM file to trust besides the system's")
    alive: str = key(default="", says="a URL pinged while all is well")
    alive_every: Duration = key(default="1m", says="how often it is pinged")
    zone: str = key(
        default="", says="the time zone of messages and rest hours, such as Europe/Berlin; default: this machine's"
    )
    digest: Literal["weekly", "daily", "never"] = key(default="weekly", says="the round-up of all that was not told")
    admins: list[str] = key(default=[], says="users and groups who may speak for everyone")
    terminal: bool = key(default=True, says="print alerts when run in the foreground")
    journal: bool = key(default=True, says="write alerts to the journal with structured fields")


class Stop(Section):
    """`[stop]`: asking for checkpoints and stopping runs."""

    mode: Literal["off", "rehearse", "armed"] = key(
        default="rehearse", says="rehearse: plan, tell nobody, touch nothing"
    )
    grace: Duration = key(default="15m", says="how long people have to object, once somebody was reached")
    worth: Annotated[str, parse_worth] = key(default="4 GPU-hours", says="do nothing for less than this")
    lose: Duration = key(default="1h", says="the most work that may be lost when a run cannot be asked")
    most: Annotated[str, parse_stops] = key(default="1 at once, 2 an hour, 6 a day", says="the cap on stops")
    crowd: Annotated[str, parse_crowd] = key(default="30 %", says="stand down when more of the runs match at once")
    settle: Duration = key(default="10m", says="touch nothing for so long after a start or resume")


class Settings(Section):
    """The whole file."""

    sentinel: Sentinel = key(default=Sentinel(), says="where rules and state live")
    watch: list[Watch] = key(default=[], says="files to read")
    gpu: Gpu = key(default=Gpu(), says="NVML")
    host: Host = key(default=Host(), says="memory, disks, kernel log")
    channel: list[Channel] = key(default=[], says="named addresses")
    tell: Tell = key(default=Tell(), says="when people are told")
    stop: Stop = key(default=Stop(), says="asking for checkpoints and stopping runs")

    def watches(self) -> list[Watch]:
        """The watches in force: an empty file watches `./runs`."""
        return self.watch or [Watch(name="runs", runs="runs/*")]


def load_settings(path: Path) -> tuple[Settings | None, list[Fault]]:
    """The settings in a file, or every fault of it with its line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as trouble:
        return None, [Fault(str(path), 0, 0, f"cannot be read: {trouble.strerror}")]
    except UnicodeDecodeError:
        return None, [Fault(str(path), 0, 0, "is not UTF-8 text")]
    return parse_settings(text, str(path))


def parse_settings(text: str, file: str) -> tuple[Settings | None, list[Fault]]:
    """The settings in a text, or its faults."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as trouble:
        return None, [_syntax_fault(str(trouble), text, file)]
    settings, mistakes = read(Settings, tree)
    return settings, sorted(_fault(mistake, text, file) for mistake in mistakes)


def _syntax_fault(message: str, text: str, file: str) -> Fault:
    what, _, place = message.partition(" (at line ")
    numbers = [int(word) for word in place.replace(")", "").replace(",", "").split() if word.isdigit()]
    line, column = (*numbers, 1, 1)[:2] if numbers else (1, 1)
    lines = text.splitlines()
    return Fault(file, line, column, what, source=lines[line - 1] if line <= len(lines) else "")


def _fault(mistake: Mistake, text: str, file: str) -> Fault:
    line, column, source = place_of(mistake.path, text)
    return Fault(file, line, column, _sentence(mistake), source=source)


def _sentence(mistake: Mistake) -> str:
    path, what = mistake
    name = ".".join(str(part) for part in path if isinstance(part, str))
    if what != UNKNOWN:
        return f"'{name}'{'' if what == MISSING or what.startswith('must') else ':'} {what}"
    near = get_close_matches(str(path[-1]), _keys_at(path[:-1]), n=1, cutoff=0.6)
    return f"'{name}' {what}" + (f"; did you mean '{near[0]}'?" if near else "")


def _keys_at(path: KeyPath) -> list[str]:
    section: type[Section] | None = Settings
    for part in path:
        if isinstance(part, str) and section is not None:
            section = section_in(keys(section)[part].kind)
    return list(keys(section)) if section is not None else []

"""`sentinel.toml`: every key, its default and what it means. An empty file is a good file.

Mistakes are faults with a line and a "did you mean"; `tomllib` knows no places, so `toml_places` finds them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from sentinel.core.amounts import GRAMMAR, parse_amount, parse_seconds
from sentinel.core.records import Fault
from sentinel.core.stopping_world import parse_crowd, parse_worth
from sentinel.core.stopping_world import parse_most as parse_stops
from sentinel.core.telling_caps import parse_most
from sentinel.core.telling_routes import parse_condition, parse_quiet
from sentinel.daemon.toml_places import place_of


def _duration(text: str) -> str:
    if parse_seconds(text) is None:
        raise ValueError(f"'{text}' is no duration; write 30s, 10m, 4h or 1h30m")
    return text


def _amount(text: str) -> str:
    if parse_amount(text) is None:
        raise ValueError(f"'{text}' is not {GRAMMAR}")
    return text


def _condition(text: str) -> str:
    parse_condition(text)
    return text


def _rest(texts: list[str]) -> list[str]:
    for text in texts:
        parse_quiet(text)
    return texts


def _cap(text: str) -> str:
    if parse_most(text) is None:
        raise ValueError(f"'{text}' is no cap; write 3 a run and day, 20 a channel and day")
    return text


def _escalation(text: str) -> str:
    after, _, to = text.partition(" to ")
    if text and (parse_seconds(after) is None or not to.strip()):
        raise ValueError(f"'{text}' is not understood; write 30m to NAME")
    return text


def _form(parse: Callable[[str], object]) -> AfterValidator:
    """A text that the stop plan's own reader must understand."""

    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


Duration = Annotated[str, AfterValidator(_duration)]


class Section(BaseModel):
    """One table of the file. A key that nobody knows is a fault, for a typo must not switch a watch off."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sentinel(Section):
    """`[sentinel]`: where rules and state live."""

    rules: list[str] = Field([], description="folders of your own rule files, beside the shipped ones")
    state: str = Field("./state", description="the folder that survives a restart; /var/lib/sentinel as a service")
    keep_runs: Duration = Field("26w", description="how long a run's record is kept after its end")
    keep_alerts: Duration = Field("52w", description="how long closed alerts are kept")
    known_for: Duration = Field("14d", description="how long a new shipped rule tells as info only")
    own_rules: bool = Field(
        True, description="false: rules that users put into `.sentinel/rules` of a run are not read"
    )
    users_rules: str = Field(
        "",
        description="a folder of each user's own rules for their runs, such as '/home/{user}/.config/sentinel/rules'",
    )
    socket: str = Field("", description="the control socket; default: in the state folder")


class Watch(Section):
    """`[[watch]]`: files to read and what may be done about them."""

    name: str = Field("runs", description="what messages and `only:` call this watch")
    runs: str = Field("", description="a pattern; each match is one run's folder")
    files: list[str] = Field([], description="patterns of single log files, each a run of its own")
    journal: list[str] = Field([], description="systemd units whose journal is read")
    read: list[str] = Field([], description="file name patterns to read; default: every format that is known")
    config: list[str] = Field([], description="config files for facts; default: the usual names")
    sources: list[str] = Field([], description="source files that the audit may look into")
    labels: dict[str, str] = Field({}, description="free labels, for routing")
    stop: Literal["never", "checkpoint", "stop", "kill"] = Field("never", description="the most that rules may ask for")
    fresh: Duration = Field(
        "1h", description="a run silent for longer than this at first sight was over before we came"
    )
    home: bool = Field(False, description="on network folders: this host tells about runs that show no home")
    title: str = Field("", description="how runs are named, such as '{folder}'; default: contracts 5")
    consent: str = Field("", description="'owner:UID' counts as that owner's consent if this file is root's or theirs")
    ask: str = Field(
        "", description="how to ask for a checkpoint, over what was found: signal:USR1, file:PATH, command:..."
    )
    poll: Duration = Field("1s", description="how often files that moved lately are looked at")


class Gpu(Section):
    """`[gpu]`: NVML."""

    poll: Duration = Field("5s", description="how often the hot set is read; at least 1s")
    health: Duration = Field("60s", description="how often the health set is read")
    enabled: bool = Field(True, description="false: do not touch NVML")
    library: str = Field("", description="path of libnvidia-ml.so.1 where it is in no usual place")


class Host(Section):
    """`[host]`: memory, disks, kernel log."""

    enabled: bool = Field(True, description="false: do not watch the host")
    poll: Duration = Field("15s", description="how often memory, disks and processes are read")
    kernel_log: str = Field("/dev/kmsg", description="where the kernel log is read; '' for nowhere")
    processes: bool = Field(True, description="false: do not look for training processes")


class Channel(Section):
    """`[[channel]]`: a named address."""

    name: str = Field(description="what messages and `tell --test` call it")
    url: str = Field(description="an apprise URL, or credential:NAME, file:PATH, env:NAME that holds one")
    when: Annotated[str, AfterValidator(_condition)] = Field("severity >= high", description="which alerts go here")
    quiet: Annotated[list[str], AfterValidator(_rest)] = Field(
        [], description="hours of rest, such as '22:00-07:00 severity < critical'"
    )
    escalate: Annotated[str, AfterValidator(_escalation)] = Field(
        "", description="'30m to NAME': the channel that is told when nobody acks"
    )
    proxy: str = Field("", description="http://host:port for this channel; default: that of [tell]")
    no_proxy: bool = Field(False, description="true: go straight, whatever [tell] says")
    ca: str = Field("", description="a PEM file to trust besides the system's")
    pictures: bool = Field(True, description="false: text only")


class Tell(Section):
    """`[tell]`: when people are told."""

    group: Duration = Field("30s", description="how long to wait for other signs of the same cause")
    repeat: Duration = Field("4h", description="when to say it again while nobody acks; the interval then doubles")
    quiet: Annotated[list[str], AfterValidator(_rest)] = Field(
        [], description="hours of rest for all channels, such as '22:00-07:00 severity < critical'"
    )
    most: Annotated[str, AfterValidator(_cap)] = Field(
        "3 a run and day, 20 a channel and day", description="the cap; critical alerts are exempt"
    )
    proxy: str = Field("", description="http://user:password@host:port, credential:NAME or env:NAME")
    no_proxy: list[str] = Field([], description="hosts that are reached without the proxy")
    ca: str = Field("", description="a PEM file to trust besides the system's")
    alive: str = Field("", description="a URL pinged while all is well")
    alive_every: Duration = Field("1m", description="how often it is pinged")
    zone: str = Field(
        "", description="the time zone of messages and rest hours, such as Europe/Berlin; default: this machine's"
    )
    digest: Literal["weekly", "daily", "never"] = Field("weekly", description="the round-up of all that was not told")
    admins: list[str] = Field([], description="users and groups who may speak for everyone")
    terminal: bool = Field(True, description="print alerts when run in the foreground")
    journal: bool = Field(True, description="write alerts to the journal with structured fields")


class Stop(Section):
    """`[stop]`: asking for checkpoints and stopping runs."""

    mode: Literal["off", "rehearse", "armed"] = Field(
        "rehearse", description="rehearse: plan, tell nobody, touch nothing"
    )
    grace: Duration = Field("15m", description="how long people have to object, once somebody was reached")
    worth: Annotated[str, _form(parse_worth)] = Field("4 GPU-hours", description="do nothing for less than this")
    lose: Duration = Field("1h", description="the most work that may be lost when a run cannot be asked")
    most: Annotated[str, _form(parse_stops)] = Field("1 at once, 2 an hour, 6 a day", description="the cap on stops")
    crowd: Annotated[str, _form(parse_crowd)] = Field(
        "30 %", description="stand down when more of the runs match at once"
    )
    settle: Duration = Field("10m", description="touch nothing for so long after a start or resume")


class Settings(Section):
    """The whole file."""

    sentinel: Sentinel = Sentinel()
    watch: list[Watch] = []
    gpu: Gpu = Gpu()
    host: Host = Host()
    channel: list[Channel] = []
    tell: Tell = Tell()
    stop: Stop = Stop()

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
    try:
        return Settings.model_validate(tree), []
    except ValidationError as trouble:
        return None, sorted(_fault(error, text, file) for error in trouble.errors())


def _syntax_fault(message: str, text: str, file: str) -> Fault:
    what, _, place = message.partition(" (at line ")
    numbers = [int(word) for word in place.replace(")", "").replace(",", "").split() if word.isdigit()]
    line, column = (*numbers, 1, 1)[:2] if numbers else (1, 1)
    lines = text.splitlines()
    return Fault(file, line, column, what, source=lines[line - 1] if line <= len(lines) else "")


def _fault(error: ErrorDetails, text: str, file: str) -> Fault:
    path = error["loc"]
    line, column, source = place_of(path, text)
    return Fault(file, line, column, _sentence(error, path), source=source)


def _sentence(error: ErrorDetails, path: tuple[int | str, ...]) -> str:
    key = ".".join(str(part) for part in path if isinstance(part, str))
    if error["type"] == "extra_forbidden":
        near = get_close_matches(str(path[-1]), _keys_at(path[:-1]), n=1, cutoff=0.6)
        return f"'{key}' is no key here" + (f"; did you mean '{near[0]}'?" if near else "")
    if error["type"] == "missing":
        return f"'{key}' is missing"
    return f"'{key}': {error['msg'].removeprefix('Value error, ')}"


def _keys_at(path: tuple[int | str, ...]) -> list[str]:
    model: Any = Settings
    for part in path:
        if isinstance(part, str):
            annotation = model.model_fields[part].annotation
            model = next((arg for arg in getattr(annotation, "__args__", ()) if isinstance(arg, type)), annotation)
    return list(getattr(model, "model_fields", {}))

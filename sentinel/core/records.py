"""The records that pass between rooms: what was read, what was decided, what is to be done.

Nothing here computes. The records that are made once per line (`Line`, `Row`) are named tuples because making one
costs a quarter of making a frozen dataclass; all others are frozen dataclasses. `docs/contracts.md` is made from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Literal, NamedTuple

Scalar = str | float | int | bool
Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


# --- in: what sources and formats hand to the core ---------------------------------------------------------------


class Line(NamedTuple):
    """One decoded line of text, freed of wrappers (Docker, syslog, rank prefixes) and of terminal escapes."""

    text: str
    number: int  # newlines counted from 1 in the file's present content
    offset: int  # where its first byte stands in the file
    arrival: float | None  # when its bytes came; None for history met at first sight
    end: Literal["\n", "\r", ""] = "\n"  # "" is a last line that has no newline yet
    rank: int | None = None  # from a wrapper such as Slurm's "3:" or torchrun's "[default3]:"
    stamp: float | None = None  # from a wrapper such as Docker's or journald's
    cut: bool = False  # the line was longer than the cap and its rest was dropped


class Row(NamedTuple):
    """One look: all readings of one line, table row or object, judged at once. Without readings it is mere text."""

    names: tuple[str, ...]  # canonical names; a reader hands in the same tuple object for the same layout
    values: tuple[float, ...]
    step: int | None  # the trainer's own; never made up
    epoch: float | None
    at: float | None  # the time the engine runs on (contracts 3): arrival when live, stamp in plain replay
    file: str  # relative to the run's folder
    line: int
    text: str = ""  # the line itself, for patterns; "" for the rows of tables
    rank: int | None = None
    stamp: float | None = None  # what the line said, for people; `at` is what counts


class Reading(NamedTuple):
    """One named number, the view of a row at the seams (`tail --json`, evidence)."""

    run: str
    name: str
    value: float
    step: int | None
    epoch: float | None
    at: float | None
    file: str
    line: int


class Origin(StrEnum):
    """Where a fact was read. The log outranks the config when the two contradict one another (contracts 2)."""

    LOG = "log"
    CONFIG = "config"
    TOKENIZER = "tokenizer"
    SOURCE = "source"
    COMMAND = "command"
    PROCESS = "process"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something about a run that does not change. Names start with `config.`, `fact.` or `process.`."""

    name: str
    value: Scalar | tuple[Scalar, ...]
    file: str
    line: int
    origin: Origin = Origin.CONFIG


class MarkKind(StrEnum):
    """What a line can say about the run as a whole, apart from numbers."""

    RESET = "reset"  # the table was rewritten: its rows come again from the first one
    HEADER = "header"  # a new header or banner: a new start, if the step also falls to the start
    RESUMED = "resumed"  # "Resuming from ...": `detail` is the checkpoint or run named
    FINISHED = "finished"  # a closing line: the plan was reached
    FATAL = "fatal"  # a traceback's last line or a fatal line: the run died
    STOPPED = "stopped"  # KeyboardInterrupt, CANCELLED, TIME LIMIT, PREEMPTED: somebody or something stopped it
    SAVING = "saving"  # a checkpoint is being written
    SAVED = "saved"  # ... and is complete; `detail` is its path
    EVALUATING = "evaluating"  # a pause with no training steps is normal now
    CAUGHT_UP = "caught up"  # the history met at first sight was read; from here on lines are live


@dataclass(frozen=True, slots=True)
class Mark:
    """Something a line or file says about the run's course."""

    kind: MarkKind
    file: str
    line: int
    at: float | None
    detail: str = ""


Item = Row | Fact | Mark


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as its finder first describes it (contracts 5)."""

    key: str  # (watch, path, generation) in one string; `host:NAME` for what belongs to no run
    name: str  # what people call it
    folder: str  # absolute; "" for a host
    watch: str
    labels: Mapping[str, str] = field(default_factory=dict)
    uid: int | None = None  # owner of the folder
    fresh: bool = True  # False: it was over before we came; listed, never judged or told
    home: bool = True  # False: another host tells about it
    continues: str | None = None  # the key of the run whose work it goes on with
    batch: str = ""  # runs started together as one search share this
    kind: Literal["run", "notebook", "host"] = "run"


class How(StrEnum):
    """How a run went (contracts 5)."""

    ENDED = "ended"
    DIED = "died"
    STOPPED = "stopped by someone"
    UNCLEAR = "cannot tell"


@dataclass(frozen=True, slots=True)
class Found:
    """A run came into view."""

    info: RunInfo
    at: float | None
    history: bool = False  # what it wrote before comes first, and ends with the mark CAUGHT_UP


@dataclass(frozen=True, slots=True)
class Over:
    """A run is over: its process went, its closing line came, or it was silent too long."""

    how: How
    at: float | None
    detail: str = ""  # the line or exit code that says so


@dataclass(frozen=True, slots=True)
class Batch:
    """What one source hands in at one turn, in order, about one run."""

    run: str
    items: tuple[Item | Found | Over, ...]


# --- judged: what the core decides -------------------------------------------------------------------------------

Answer = bool | None  # yes, no, unknown


@dataclass(frozen=True, slots=True)
class Evidence:
    """One number behind a verdict: a part of the expression, or a reading with its place."""

    what: str  # the sub-expression or series name as written in the rule
    value: float | bool | str | None
    step: int | None = None
    epoch: float | None = None
    at: float | None = None
    file: str = ""
    line: int = 0
    note: str = ""  # "about" for thinned windows; why it is unknown


@dataclass(frozen=True, slots=True)
class Verdict:
    """Yes, no or unknown, with the numbers that say so."""

    answer: Answer
    value: float | None = None  # the left side of the comparison that decided
    limit: float | None = None  # its right side
    evidence: tuple[Evidence, ...] = ()
    why: str = ""  # for unknown: what is missing ("needs val.f1; the run has val.accuracy")


class Severity(IntEnum):
    """How loudly a rule speaks."""

    INFO = 0
    WARNING = 1
    HIGH = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """The word as rule files and messages spell it."""
        return self.name.lower()


class Phase(StrEnum):
    """Where an alert stands in its life."""

    CLEAR = "clear"
    PENDING = "pending"
    FIRING = "firing"
    ENDED = "ended"


class Action(StrEnum):
    """The most that a rule may ask for."""

    TELL = "tell"
    CHECKPOINT = "checkpoint"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Change:
    """An alert moved between phases. Its JSON form is contracts 7; keys are only ever added."""

    id: str  # given by the store; "" until then
    run: str
    run_name: str
    instance: str  # "" for the run itself, else "gpu.3", "rank.2", "disk./data"
    host: str
    signature: str
    family: str
    rule: str
    severity: Severity
    doom: float
    phase: Phase
    at: float | None
    step: int | None
    epoch: float | None
    progress: float | None
    file: str
    line: int
    value: float | None
    limit: float | None
    evidence: tuple[Evidence, ...]
    say: str
    n: int = 1  # which firing of this rule on this instance: part of the effect's key
    reason: str = ""  # "held for 3 readings", "run ended", "ended before it was certain", "cleared"
    stale: bool = False
    hidden_by: str | None = None
    since: float | None = None  # when it began to fire
    action: Action = Action.TELL


class EffectKind(StrEnum):
    """What the core can ask the rim to do."""

    TELL = "tell"
    CHECKPOINT = "checkpoint"
    STOP = "stop"


class EffectKey(NamedTuple):
    """An effect with a key that is there already is not made again (contracts 6)."""

    run: str
    rule: str
    instance: str
    n: int
    phase: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What the core asks the rim to do: written down first, then done."""

    kind: EffectKind
    key: EffectKey
    change: Change


# --- faults: mistakes of users, as values with a place -----------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A mistake in a rule or settings file, with its place and its mending."""

    file: str
    line: int  # from 1; 0 when the file as a whole is meant
    column: int  # from 1
    what: str  # one sentence, with "did you mean" where there is a near name
    rule: str = ""  # "signature/rule" it was found in
    source: str = ""  # the line as it stands in the file, for the caret
    note: bool = False  # True: worth saying, but the rule loads

    def __str__(self) -> str:
        """`file:line:column: what, in rule`, as contracts and editors want it."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.what}" + (f", in {self.rule}" if self.rule else "")

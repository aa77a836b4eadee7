"""What the stop plan looks at: one frozen snapshot of a run, its signs, its people, the limits. Nothing here decides.

Times are seconds of one steady clock that lives as long as the machine is up; what is not known is None and never
counts as good news.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum

from sentinel.core.amounts import parse_seconds
from sentinel.core.records import Action, Severity


class Level(IntEnum):
    """How far one may go: a watch's `stop`, a consent and a plan speak in these."""

    NEVER = 0
    CHECKPOINT = 1
    STOP = 2
    KILL = 3

    @property
    def word(self) -> str:
        """As settings and consent files spell it."""
        return self.name.lower()


def level_of(word: str) -> Level | None:
    """The level that a word names, or None."""
    return Level[word.upper()] if word.upper() in Level.__members__ else None


class Mode(StrEnum):
    """`[stop] mode`."""

    OFF = "off"
    REHEARSE = "rehearse"
    ARMED = "armed"


@dataclass(frozen=True, slots=True)
class Limits:
    """`[stop]` of the settings, understood, and the waits that nobody needs to set."""

    grace: float = 900.0
    worth: float = 4.0  # GPU-hours
    lose: float = 3600.0
    at_once: int = 1
    an_hour: int = 2
    a_day: int = 6
    crowd: float = 0.3
    settle: float = 600.0
    lasting: float = 300.0  # a sign younger than this is no evidence yet
    fresh: float = 600.0  # data older than this says nothing about now
    surveyed: float = 60.0  # a look at the processes older than this is no identity
    doom: float = 0.7
    rehearsals: int = 3
    save_wait: float = 120.0  # after the request, and after the last byte that was written
    save_most: float = 1800.0
    exit_wait: float = 30.0
    still: float = 10.0  # what was written last is looked at after so long
    launcher_wait: float = 300.0  # a launcher without ranks ends, or starts them again, within so long
    quiet_after: float = 60.0  # no process of the run for so long: it is over


_MOST = re.compile(r"(\d+) at once, (\d+) an hour, (\d+) a day", re.ASCII)
_WORTH = re.compile(r"(\d+(?:\.\d+)?)\s*GPU-hours?", re.ASCII)
_CROWD = re.compile(r"(\d+(?:\.\d+)?)\s*%", re.ASCII)


def parse_most(text: str) -> tuple[int, int, int]:
    """How many stops at once, in an hour, in a day; ValueError with the form that is wanted."""
    found = _MOST.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text}' is no cap on stops; write 1 at once, 2 an hour, 6 a day")
    return int(found[1]), int(found[2]), int(found[3])


def parse_worth(text: str) -> float:
    """GPU-hours; ValueError with the form that is wanted."""
    found = _WORTH.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text}' is no amount of GPU time; write 4 GPU-hours")
    return float(found[1])


def parse_crowd(text: str) -> float:
    """A share of the runs; ValueError with the form that is wanted."""
    found = _CROWD.fullmatch(text.strip())
    if found is None or float(found[1]) > 100:
        raise ValueError(f"'{text}' is no share of the runs; write 30 %")
    return float(found[1]) / 100


def parse_limits(
    grace: str, worth: str, lose: str, most: str, crowd: str, settle: str, waits: Limits | None = None
) -> Limits:
    """`[stop]` as the settings write it, over the waits that no setting names; ValueError with the form wanted."""
    seconds = [parse_seconds(text) for text in (grace, lose, settle)]
    if None in seconds:
        raise ValueError("grace, lose and settle are durations: 15m, 1h")
    known = [second for second in seconds if second is not None]
    at_once, an_hour, a_day = parse_most(most)
    return replace(
        waits or Limits(),
        grace=known[0],
        worth=parse_worth(worth),
        lose=known[1],
        at_once=at_once,
        an_hour=an_hour,
        a_day=a_day,
        crowd=parse_crowd(crowd),
        settle=known[2],
    )


@dataclass(frozen=True, slots=True)
class Sign:
    """One firing alert on the run, as far as stopping cares."""

    rule: str  # "signature/rule"
    signature: str
    fingerprint: str
    action: Action
    doom: float
    severity: Severity
    since: float  # when it began to fire
    n: int = 1
    reads: frozenset[str] = frozenset()  # the series behind it: two signs that share one are not independent
    terminal: bool = False  # enough alone, such as NaN in the weights
    nonfinite: bool = False  # the numbers are broken: a save would save the breakage
    hung: bool = False  # the run stands still: it cannot hear a request
    stale: bool = False
    hidden: bool = False
    may_act: bool = True
    owned: bool = True  # every file of its evidence is the run owner's alone (contracts 8)
    files: frozenset[str] = frozenset()  # those files, relative to the run's folder
    alert: str = ""  # the alert's id, for people


@dataclass(frozen=True, slots=True)
class Survey:
    """What the hands saw when they looked at the run's processes; they look again before every deed."""

    at: float
    pids: tuple[int, ...] = ()  # the ranks that would be signalled
    uids: frozenset[int] = frozenset()  # real uids of every process of the run
    runs: int = 1  # how many runs these processes have carried: only 1 is an identity
    trouble: tuple[str, ...] = ()  # pid 1, a shell, a notebook, a debugger, ...: each in words
    elsewhere: bool = False  # ranks on other nodes: a signal here would hang them there
    way: str = ""  # how it can be asked ("signal TERM"); "" when it cannot
    ends: bool = True  # the way also ends the run
    remote: bool = False  # the way reaches all nodes (a stop file, Slurm, the owner's command)
    by_hand: str = ""  # the exact words for a person, when it cannot be asked
    stuck: bool = False  # stopped or sleeping in the kernel: it cannot hear a request
    saving: bool = False  # a rank has a checkpoint open for writing
    carries: tuple[str, ...] = ()  # other runs that these processes carry or may have carried: each in words
    named: bool = False  # the owner of the watch has named the way: he knows that it saves
    starts: tuple[tuple[int, float], ...] = ()  # each rank and when it was started
    vanished: bool = False  # the run's folder is no longer there
    gone: float | None = None  # since when nobody is found, though somebody was there; None while one is, or never was


@dataclass(frozen=True, slots=True)
class Proven:
    """What was found when the run's checkpoints were proven, newest first."""

    good: str = ""  # the newest one that is complete and sane
    saved: float | None = None  # when that one was written
    tainted: str = ""  # the newest one, if it is not sane
    copy: str = ""  # where the good one was copied to, out of the trainer's reach
    step: int | None = None
    unclear: str = ""  # the newest one, where none is good and this one could not be judged


UNPROVEN = Proven()


@dataclass(frozen=True, slots=True)
class Consent:
    """The owner's word, as it stands now; an invalid one gives nothing and says why."""

    level: Level = Level.NEVER
    owner: int | None = None
    why: str = "no consent was given"


@dataclass(frozen=True, slots=True)
class People:
    """What people said, and whether they can be reached."""

    kept: str = ""  # who keeps it, or which file; also of a run that this one continues
    wrong: frozenset[str] = frozenset()  # rules called wrong on this run
    muted: bool = False
    quiet: bool = False  # hours of rest: nobody reads
    announced: float | None = None  # when a channel that reaches a person confirmed the announcement
    channels: int = 0  # how many such channels there are


@dataclass(frozen=True, slots=True)
class Tally:
    """What else goes on, so that one broken rule does not empty a machine."""

    at_once: int = 0  # other plans past their grace
    last_hour: int = 0  # runs ended by Sentinel
    last_day: int = 0
    before: int = 0  # plans that stopped this very run or failed to, and nobody has called right
    failed: int = 0  # plans that failed in the last day and nobody has looked at
    matching: int = 0  # runs that have such a sign now, this one too
    runs: int = 1


@dataclass(frozen=True, slots=True)
class RunView:
    """The run, as far as stopping cares."""

    key: str
    name: str
    watch: str
    uid: int | None
    kind: str = "run"
    home: bool = True
    over: bool = False
    warm: bool = False  # past warm-up: a rule that speaks of its progress has said yes or no
    evaluating: bool = False
    saving: bool = False
    began: float | None = None  # found, resumed or begun anew, whichever came last
    newest: float | None = None  # arrival of the newest data
    left: float | None = None  # GPU-hours left
    broken: bool = False  # the last reading of something that it trains on is not finite
    gpus: int = 0  # how many are known to work for it; with none, `left` counts one


@dataclass(frozen=True, slots=True)
class Saving:
    """What is seen of the save that was asked for."""

    grew: float | None = None  # when bytes were last written by the ranks or into a checkpoint
    found: bool = False  # a checkpoint that is new against the snapshot and stands still
    gone: float | None = None  # since when no process of the run is there; None while one is
    back: bool = False  # it was gone and came back: something restarts it
    looked: float | None = None  # when somebody last looked
    launcher: bool = False  # its ranks have gone and their launcher has not: it ends too, or starts them again
    left: str = ""  # who is still there, for people


class Ended(StrEnum):
    """What came of a deed."""

    DONE = "done"
    FAILED = "failed"
    UNSURE = "unsure"  # begun, and cut off: never begun again


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the hands or the proof report of one deed of the plan."""

    deed: str
    ended: Ended
    detail: str = ""
    proven: Proven | None = None


@dataclass(frozen=True, slots=True)
class World:
    """All that a plan may look at in one turn."""

    now: float
    boot: str  # changes when the machine restarts: every process of before is gone then
    started: float  # when Sentinel itself started
    mode: Mode
    watch_level: Level
    limits: Limits
    run: RunView
    signs: tuple[Sign, ...] = ()
    consent: Consent = Consent()
    # (rule, fingerprint) -> rehearsed plans of it in this watch that a person called right. Each rule earns its own.
    called_right: Mapping[tuple[str, str], int] = field(default_factory=dict)
    survey: Survey | None = None
    people: People = People()
    tally: Tally = Tally()
    saving: Saving = Saving()
    outcomes: tuple[Outcome, ...] = ()
    lost: frozenset[str] = field(default=frozenset())  # deeds that nobody works on since a restart of Sentinel
    rival: str = ""  # who else acts on the run now: another Sentinel, or a person's own command
    present: float = 0.0  # since when an objection would have been heard without a gap: Sentinel's start, or its waking

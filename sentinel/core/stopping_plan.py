"""The stop plan as a record: its stages, its deeds, and what was written down about each. Moves live in `stopping`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from sentinel.core.stopping_world import UNPROVEN, Ended, Level, Proven, Sign, World


class Stage(StrEnum):
    """Where a plan stands. All from `stopped` on are ends."""

    EVIDENCE = "evidence"
    ANNOUNCED = "announced"
    GRACE = "grace"
    ASKED = "asked"
    VERIFIED = "verified"
    STOPPED = "stopped"
    SAVED = "saved"  # asked and proven, at level checkpoint: the run goes on
    VETOED = "vetoed"
    REFUSED = "refused"
    FAILED = "failed"
    REHEARSED = "rehearsed"
    UNREAD = "unread"  # never written: what another version wrote and this one does not understand


OPEN = (Stage.EVIDENCE, Stage.ANNOUNCED, Stage.GRACE, Stage.ASKED, Stage.VERIFIED)
BEFORE_ASKING = OPEN[:3]


class Deed(StrEnum):
    """What a plan can want done. Each is written down before it is done."""

    PROVE = "prove"  # find the newest good checkpoint; reads only
    PROTECT = "protect"  # copy it out of the trainer's reach, and prove the copy
    ANNOUNCE = "announce"
    GATHER = "gather"  # stacks, last lines, GPU state
    ASK = "ask"  # snapshot the checkpoints, then ask
    CHECK = "check"  # prove what the run saved
    END = "end"  # TERM to the ranks
    KILL = "kill"
    TELL = "tell"
    WITHDRAW = "withdraw"  # take back a request that nobody has answered: the next run must not find it


ONCE = frozenset({Deed.ASK, Deed.END, Deed.KILL})  # the hands claim these: whoever comes second does nothing


class Route(StrEnum):
    """How the run will be brought to its end."""

    OPEN = ""
    ASK = "ask"  # ask for a checkpoint, prove it, end
    DIRECT = "direct"  # end without asking, on a checkpoint that is good already


@dataclass(frozen=True, slots=True)
class Step:
    """One deed in one stage: intended at that time, and what came of it."""

    stage: Stage
    deed: Deed
    at: float
    ended: Ended | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan for one run, made for one firing of one rule."""

    id: str
    run: str
    watch: str
    lead: str  # the rule, "signature/rule"
    fingerprint: str
    n: int
    wanted: Level
    rehearsal: bool
    boot: str
    born: float
    entered: float
    stage: Stage = Stage.EVIDENCE
    route: Route = Route.OPEN
    graced: float | None = None
    steps: tuple[Step, ...] = ()
    proven: Proven = UNPROVEN
    waits: tuple[str, ...] = ()  # conditions that do not hold now, for `status`
    missing: tuple[str, ...] = ()  # what leave a rehearsal lacked
    why: str = ""

    @property
    def open(self) -> bool:
        """Whether it still goes on."""
        return self.stage in OPEN

    def step(self, deed: Deed, stage: Stage | None = None) -> Step | None:
        """What is written down about a deed in a stage; by default the present one."""
        wanted = self.stage if stage is None else stage
        return next((step for step in self.steps if step.deed is deed and step.stage is wanted), None)

    def ever(self, deed: Deed) -> Step | None:
        """What is written down about a deed in any stage, the last time."""
        return next((step for step in reversed(self.steps) if step.deed is deed), None)

    def lead_sign(self, world: World) -> Sign | None:
        """The sign it was made for, while that still fires unhidden and its rule is unchanged."""
        key = (self.lead, self.n, self.fingerprint)
        return next((s for s in world.signs if (s.rule, s.n, s.fingerprint) == key and not s.hidden), None)


def written(plan: Plan, step: Step) -> Plan:
    """The plan with that step put in the place of an older one of the same stage and deed."""
    others = tuple(s for s in plan.steps if (s.stage, s.deed) != (step.stage, step.deed))
    return replace(plan, steps=(*others, step))

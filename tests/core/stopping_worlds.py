"""Random worlds for the stop plan: runs, people, crashes and clocks, with a truth of their own.

The truth is a flat dictionary of what is so; it knows nothing of the conditions' table. `harms` says, from the truth
alone, which deeds on a run would be a harm. The plan sees only the `World` made from it.
"""

import random
from dataclasses import replace

from sentinel.core.records import Action, Severity
from sentinel.core.stopping import turn
from sentinel.core.stopping_birth import birth
from sentinel.core.stopping_conditions import CONDITIONS
from sentinel.core.stopping_plan import ONCE, Deed
from sentinel.core.stopping_world import (
    Consent,
    Ended,
    Level,
    Limits,
    Mode,
    Outcome,
    People,
    Proven,
    RunView,
    Saving,
    Sign,
    Survey,
    Tally,
    World,
)
from tests.core.stopping_truths import OWNER

TICK = 45.0
NO_SAVE = Saving()
LIMITS = Limits()


def world_of(truth, now, boot, outcomes=(), lost=frozenset(), announced=None, saving=NO_SAVE):
    """What the plan is shown of the truth."""

    def ago(key):
        return None if truth[key] is None else now - truth[key]

    lead = Sign(
        "numerics/lead", "lead", truth["fingerprint"], truth["action"], truth["doom"], Severity.CRITICAL,
        now - truth["sign_age"], reads=frozenset({"train.loss"}), nonfinite=truth["nonfinite"], hung=truth["hung"],
        stale=truth["stale"], may_act=truth["may_act"], owned=truth["owned"],
    )  # fmt: skip
    kind = truth["second"]
    second = Sign(
        "collapse/second", "lead" if kind == "same signature" else "second", "x", Action.TELL, 0.8,
        Severity.WARNING if kind == "weak" else Severity.HIGH, now - truth["second_age"],
        reads=frozenset({"train.loss" if kind == "same series" else "val.f1"}), hidden=kind == "hidden",
        hung=truth["second_hung"],
    )  # fmt: skip
    signs = ((lead,) if truth["fires"] else ()) + (() if kind == "none" else (second,))
    survey = None if truth["survey_age"] is None else Survey(
        now - truth["survey_age"], () if truth["gone_age"] else truth["pids"], truth["uids"], truth["carried"], truth["trouble"], truth["elsewhere"],
        truth["way"], truth["ends"], False, "send it yourself", truth["stuck"], carries=truth["carries"],
        starts=tuple((pid, now if pid in truth["younger"] else 0.0) for pid in truth["pids"]), gone=ago("gone_age"),
        vanished=truth["vanished"],
    )  # fmt: skip
    return World(
        now, boot, now - truth["sentinel_age"], truth["mode"], truth["watch"], LIMITS,
        RunView(
            "nlp:/runs/a", "a", "nlp", OWNER, truth["kind"], truth["home"], truth["over"], truth["warm"],
            truth["evaluating"], truth["saving"], ago("run_age"), ago("newest_age"), truth["left"], truth["broken"],
        ),
        signs, Consent(truth["consent"], truth["consent_owner"], ""), _credit(truth), survey,
        People(
            truth["kept"], frozenset({"numerics/lead"} if truth["wrong"] else ()), truth["muted"], truth["quiet"],
            announced, truth["channels"],
        ),
        Tally(truth["others_at_once"], truth["last_hour"], truth["last_day"], truth["before"], truth["failed"],
              truth["matching"], truth["runs"]),
        replace(saving, looked=now), tuple(outcomes), lost, truth["rival"],
    )  # fmt: skip


def _credit(truth):
    """The other rule has earned all that one can: it is worth nothing to this one."""
    return {("numerics/lead", truth["fingerprint"]): _rehearsed(truth), ("collapse/second", "x"): 9}


def _rehearsed(truth):
    return truth["rehearsed"] if truth["fingerprint"] == "a" else 0  # a changed rule starts again


def harms(deed, truth, memory):
    """Why doing this to the run now would be a harm; "" when it would not."""
    t = truth
    least = {Deed.ASK: Level.CHECKPOINT, Deed.END: Level.STOP, Deed.KILL: Level.KILL}[deed]
    if deed is Deed.ASK and t["ends"] and t["way"]:
        least = Level.STOP
    gone = t["over"]
    checks = (
        (t["mode"] is not Mode.ARMED, "not armed"),
        (t["watch"] < least, "the watch does not allow it"),
        (t["consent"] < least or t["consent_owner"] != OWNER, "the owner does not allow it"),
        ({Action.TELL: 0, Action.CHECKPOINT: 1, Action.STOP: 2}[t["action"]] < min(least, 2), "the rule may not"),
        (not t["may_act"], "a user's own rule acts"),
        (t["doom"] < 0.7, "not sure enough"),
        (_rehearsed(t) < 3, "not rehearsed"),
        (not t["fires"] and not gone, "the run is healthy"),
        (bool(t["kept"]) or t["wrong"], "a person forbade it"),
        (not t["pids"] or bool(t["gone_age"]), "nobody is there"),
        (t["survey_age"] is None or t["survey_age"] > 60, "nobody looked who is there"),
        (t["uids"] != {OWNER}, "a foreign process"),
        (t["carried"] != 1 or bool(t["carries"]), "the process carried other runs"),
        (bool(t["rival"]), "somebody else acts on it"),
        (bool(t["trouble"]), "a process that must never be signalled"),
        (t["elsewhere"], "some ranks would hang elsewhere"),
        (memory["reached"] is None, "nobody was reached"),
        (memory["reached"] is not None and memory["now"] - memory["reached"] < LIMITS.grace, "no time to object"),
    )
    first = memory["first"]  # what led to the first signal need not still hold for the last one
    before = (
        (t["vanished"], "its folder has gone"),
        (bool(t["younger"]), "a process that was never judged"),
        (t["kind"] != "run", "not a run"),
        (t["good"] and not memory["copied"], "the last good checkpoint is within reach"),
        (t["second"] != "independent", "one sign alone"),
        (min(t["sign_age"], t["second_age"]) < LIMITS.lasting, "a sign of a moment"),
        (t["stale"], "on stale signs"),
        (not t["owned"], "on evidence that others can write"),
        (not t["hung"] and not (t["newest_age"] is not None and 0 <= t["newest_age"] <= 600), "on old data"),
        (not t["home"], "not at home"),
        (not t["warm"], "in warm-up"),
        (t["evaluating"], "while evaluating"),
        (t["saving"], "while saving"),
        (t["over"], "it was over"),
        (t["run_age"] is None or t["run_age"] < LIMITS.settle, "just begun"),
        (t["sentinel_age"] < LIMITS.settle, "Sentinel just started"),
        (t["left"] is None or t["left"] < LIMITS.worth, "not worth it"),
        (t["others_at_once"] >= LIMITS.at_once, "too many at once"),
        (t["last_hour"] >= LIMITS.an_hour, "too many in an hour"),
        (t["last_day"] >= LIMITS.a_day, "too many in a day"),
        (t["before"] > 0, "a fight against what starts it again"),
        (t["matching"] > 0.3 * t["runs"], "a crowd"),
        (t["failed"] > 0, "after a failure"),
        (t["muted"] or t["quiet"], "while nobody reads"),
        (memory["held"], "grace went on while nobody read"),
    )
    deaf = t["hung"] or t["stuck"] or (t["second_hung"] and t["second"] not in ("none", "hidden"))
    ask = (
        (
            t["ends"] and (t["good"] is not True or t["save_age"] is None or t["save_age"] > LIMITS.lose),
            "a handler that nobody knows was trusted with much work",
        ),
        (t["nonfinite"] or t["broken"] or t["tainted"], "a save would save the breakage"),
        (deaf, "it cannot hear"),
        (not t["way"], "no way is known"),
    )
    worthless = t["nonfinite"] or t["tainted"] or deaf
    kept_work = t["save_age"] is not None and t["save_age"] <= LIMITS.lose
    direct = (
        (t["good"] is not True, "no good checkpoint"),
        (not worthless and not kept_work, "too much is lost"),
        (deaf and min(t["watch"], t["consent"]) < Level.KILL, "ending one that hangs without leave to kill"),
    )
    asked = ask if deed is Deed.ASK else () if memory["saved"] else direct
    table = checks + (before if first else ()) + asked
    return next((why for wrong, why in table if wrong), "")


class Play:
    """One world played through: the plan is stored before its deeds are done, and Sentinel may crash anywhere."""

    def __init__(self, truth, seed, conditions=CONDITIONS, switch=None, crashes=0.0):
        self.truth, self.random, self.conditions = dict(truth), random.Random(seed), conditions
        self.switch = switch or {}  # tick -> changes of the truth
        self.crashes = crashes
        self.now, self.boot = 100_000.0, "boot"
        self.stored, self.outcomes = [], []
        self.claims, self.sent, self.harm = set(), [], ""
        self.memory = {"reached": None, "asked": False, "saved": False, "held": False, "copied": False}
        self.announced, self.counted = None, set()
        self.saving = Saving()
        self.lost = frozenset()

    def play(self, ticks=150):
        last_switch = max(self.switch, default=0)
        for tick in range(ticks):
            self.truth.update(self.switch.get(tick, {}))
            self._tick()
            self._note()
            if self.harm or (self.stored and not self.stored[-1].open and tick > last_switch + 60):
                break
        if not self.harm and self._forgotten():
            self.harm = "it waits for processes that have gone"
        return self

    def _forgotten(self):
        """A plan that goes on though the truth's processes went long before the end of the play."""
        plan = self.stored[-1] if self.stored else None
        seen = self.truth["survey_age"] is not None  # of what nobody has looked at nobody can know that it went
        left = self.truth["gone_age"] and seen and not self.memory["asked"] and not self.crashes
        waits = plan is not None and any(wait.startswith("processes") for wait in plan.waits)
        return bool(left and waits and plan.open and self.now - plan.entered > 40 * TICK)

    def _note(self):
        """Which conditions have counted so far, by name."""
        for plan in self.stored[-1:]:
            for text in (*plan.waits, *plan.missing, *plan.why.split("; ")):
                self.counted.add(text.partition(":")[0])

    @property
    def end(self):
        return self.stored[-1].stage if self.stored else None

    def _tick(self):
        self.now += TICK
        self.memory["now"] = self.now
        if (self.truth["muted"] or self.truth["quiet"]) and not self.memory["asked"]:
            self.memory["reached"] = self.now if self.memory["reached"] else None
        crash = self.random.random() < self.crashes
        where = self.random.choice(("before writing", "before doing", "after doing"))
        world = world_of(self.truth, self.now, self.boot, self.outcomes, self.lost, self.announced, self.saving)
        todo = self._decide(world)
        if crash and where == "before writing":
            return self._crash()
        self._commit(todo)
        if crash and where == "before doing":
            return self._crash()
        for deed in todo[1]:
            self._do(deed)
        if crash:
            return self._crash()
        self._pass()
        return None

    def _decide(self, world):
        plan = self.stored[-1] if self.stored and self.stored[-1].open else None
        if plan is None:
            if self.stored and self.stored[-1].step(Deed.TELL):
                last = turn(self.stored[-1], world, self.conditions)
                if last.deeds:
                    return last.plan, last.deeds
            plan = birth(world, self.stored, f"p{len(self.stored)}", self.conditions)
            return plan, ()
        made = turn(plan, world, self.conditions)
        return made.plan, made.deeds

    def _commit(self, todo):
        plan, _ = todo
        self.outcomes, self.lost = [], frozenset()
        if plan is None:
            return
        if self.stored and self.stored[-1].id == plan.id:
            self.stored[-1] = plan
        else:
            self.stored.append(plan)

    def _crash(self):
        """What was in memory is gone; what was written stays; deeds that were begun go on or not."""
        plan = self.stored[-1] if self.stored else None
        self.outcomes = []
        open_steps = [s.deed.value for s in plan.steps if s.ended is None] if plan else []
        self.lost = frozenset(open_steps)

    def _do(self, deed):
        plan = self.stored[-1]
        if deed is Deed.ASK and self.truth["tainted"]:  # the hands look once more
            self.outcomes.append(Outcome(deed.value, Ended.FAILED, "tainted by now", Proven("", None, "bad.pt")))
            return
        if deed in ONCE:
            claim = (plan.id, deed)
            if claim in self.claims:
                self.outcomes.append(Outcome(deed.value, Ended.UNSURE, "begun before"))
                return
            self.claims.add(claim)
            self.memory["first"] = not self.sent
            self.sent.append(claim)
            self.harm = self.harm or harms(deed, self.truth, self.memory)
            if plan.rehearsal:
                self.harm = self.harm or "a rehearsal acted"
        self.outcomes.append(self._done(deed))

    def _done(self, deed):
        t = self.truth
        fine = t["good"] is True
        good = Proven("ckpt.pt" if fine else "", None if t["save_age"] is None else self.now - t["save_age"],
                      "bad.pt" if t["tainted"] else "", unclear="odd.pt" if t["good"] == "unclear" else "")  # fmt: skip
        if deed is Deed.PROTECT:
            if fine and not t["copies"]:
                return Outcome(deed.value, Ended.FAILED, "no room", good)
            self.memory["copied"] = fine
            return Outcome(deed.value, Ended.DONE, "", replace(good, copy="kept/ckpt.pt" if fine else ""))
        if deed is Deed.PROVE:
            return Outcome(deed.value, Ended.DONE, "", good)
        if deed is Deed.ANNOUNCE and t["delivers"] and t["channels"]:
            self.announced = self.now
            self.memory["reached"] = self.now
        if deed is Deed.ASK:
            self.memory["asked"] = True
            if t["saves"]:
                self.saving = replace(self.saving, grew=self.now, found=True)
        if deed is Deed.CHECK:
            if t["saves"] == "badly":
                self.saving = replace(self.saving, found=False)
                return Outcome(deed.value, Ended.FAILED, "tainted", Proven("", None, "new.pt"))
            self.memory["saved"] = True
            if t["exits"] == "save":
                self._leave()
            return Outcome(deed.value, Ended.DONE, "", Proven("new.pt", self.now, "", "kept/ckpt.pt"))
        if (deed is Deed.END and t["exits"] in ("term", "save")) or (deed is Deed.KILL and t["exits"] == "kill"):
            self._leave()
        return Outcome(deed.value, Ended.DONE)

    def _leave(self):
        self.saving = replace(self.saving, gone=self.now)
        self.truth["over"] = True

    def _pass(self):
        for key in ("sign_age", "second_age", "run_age", "sentinel_age"):
            if self.truth[key] is not None and self.truth[key] >= 600:
                self.truth[key] += TICK
        if self.truth["comes_back"] and self.saving.gone is not None:
            self.saving = Saving(grew=self.saving.grew, found=self.saving.found, gone=None, back=True)

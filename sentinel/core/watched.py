"""One run under the rules: lets rows in, judges the rules that they move, and says which alerts moved. Pure."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Iterable

from sentinel.core import watched_state
from sentinel.core.alert import Alert, advance, answer_in_firing, end, reopen
from sentinel.core.amounts import Unit
from sentinel.core.bound import Bound, applies, bind, instances_touched, patterns_of, timed
from sentinel.core.grouping import Grouping
from sentinel.core.hold import Spot
from sentinel.core.homes import HOME, NOTEBOOK, as_known, told_here
from sentinel.core.looking import HOT, Plan
from sentinel.core.records import Answer, Change, Fact, Json, Mark, Phase, Row, RunInfo, Severity
from sentinel.core.rule import Judge, Rule, Rulebook
from sentinel.core.run import OF_THE_END, Run
from sentinel.core.saying import Moved, change_of

SETTLE_AFTER = 60.0  # facts are settled at the first reading, or so long after the run was found (contracts 2)
RECENT_MARKS = 32

Bug = Callable[[str, str, str], None]  # (run, rule, what happened)


class Watched:
    """A run, its rules and their alerts."""

    def __init__(self, run: Run, book: Rulebook, host: str, bug: Bug) -> None:
        """A run that was just found."""
        self.run = run
        self.host = host
        self.bug = bug
        self.found_at: float | None = None
        self.looks = 0
        self.fine_at = -1  # the look at which a rule on a loss or target last said "no"
        self.settled = False
        self.over: str = ""  # how it went, once it is over
        self.catching_up = False  # history is being read: what fires is told at its end, in one message
        self.marks: deque[Mark] = deque(maxlen=RECENT_MARKS)
        self.bounds: dict[tuple[str, str], Bound] = {}
        self.fired: dict[tuple[str, str], int] = {}  # how often a rule fired that is gone, should it come back
        self._layouts: dict[tuple[str, ...], tuple[Bound, ...]] = {}
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._passing: list[Bound] | None = None  # the rules that time alone can move, as the run stands
        self._known = 0  # series and facts that `_plans` was made for
        self._restless = False  # whether any alert is not clear
        self._firing: list[Bound] | None = None  # what `firing` said last, until an alert moves
        self.moved: list[Moved] = []  # since `changes` was last called
        self.last: Row | None = None
        self.adopt(book)

    # --- rules ---------------------------------------------------------------------------------------------------

    def adopt(self, book: Rulebook) -> None:
        """Take a rulebook into force; the phases of rules whose fingerprint stayed live on."""
        before = self.bounds
        self._firing = None
        self.book = book
        self.rules = [rule for rule in book.rules if applies(rule, self.run)]
        self.bounds = {}
        self._layouts = {}
        self._plan_anew()
        for (key, instance), bound in before.items():
            rule = next((rule for rule in self.rules if rule.key == key), None)
            if rule is not None and rule.fingerprint == bound.rule.fingerprint:
                self.bound_to(rule, instance, bound.alert).ready = bound.ready
            else:
                self.retire(bound, "rule changed" if rule is not None else "rule gone")
                if rule is not None and bound.alert.n:
                    self.bound_to(rule, instance)
        self._timed = [self.bound_to(rule, "") for rule in self.rules if timed(rule) and not rule.each]
        self._of_facts = [self.bound_to(rule, "") for rule in self.rules if rule.of_facts_alone or rule.of_words]
        self._of_parts = [self.bound_to(rule, "") for rule in self.rules if rule.parts]
        self._hearing: dict[str, list[Rule]] = {}
        for rule in self.rules:
            for pattern in patterns_of(rule):
                self._hearing.setdefault(pattern, []).append(rule)
        self.grouping = Grouping(self.rules, self.bounds)
        self._feel()

    def bound_to(self, rule: Rule, instance: str, alert: Alert | None = None) -> Bound:
        """This rule on this instance, bound at most once; its alert lives on if there was one."""
        known = self.bounds.get((rule.key, instance))
        if known is None:
            alert = alert or Alert(n=self.fired.get((rule.key, instance), 0))
            known = self.bounds[rule.key, instance] = bind(rule, self.run, instance, alert)
            if timed(rule) and rule.each:
                self._timed.append(known)
                self._passing = None
        return known

    def _looking_at(self, names: tuple[str, ...]) -> tuple[Bound, ...]:
        """The rules that look when these series move, found once per layout."""
        found = self._layouts.get(names)
        if found is None:
            rules = [rule for rule in self.rules if not rule.of_facts_alone]
            found = tuple(self.bound_to(r, i) for r in rules for i in sorted(instances_touched(r, names)))
            self._layouts[names] = found
        return found

    def _plan(self, names: tuple[str, ...]) -> Plan:
        """Which of them can move an alert, as the run stands."""
        known = len(self.run.series) + len(self.run.facts)
        if known != self._known:
            self._known = known
            self._plan_anew()
        found = self._plans.get(names)
        if found is None or (not found.hunched and self.looks >= HOT):
            found = self._plans[names] = Plan(self._looking_at(names), self.run, self.looks >= HOT)
        return found

    def _plan_anew(self) -> None:
        """Something about the run or its rules is not what the plans were made for."""
        self._plans.clear()
        self._passing = None

    # --- looks ---------------------------------------------------------------------------------------------------

    def look(self, row: Row) -> None:
        """One line, row or object: all its readings enter, then each rule that reads one of them is judged once."""
        names = self.run.enter(row)
        self.last = row
        plan = self._plan(names)
        if plan.warming.is_over(self.run, self.looks) and plan.warming.ready(self.run, self.looks):
            self._plan_anew()
            plan = self._plan(names)
        bounds = plan.awake(self.run, self._restless)
        if row.text and self.book.matcher is not None:
            bounds = self._hear(row, plan, bounds)
        if names:
            self.looks += 1
            if not self.settled:
                self.settle()
        if bounds:
            self._judge(bounds, counts=True)
        if plan.witnesses and self.fine_at != self.looks:
            self._find_witness(plan)

    def _find_witness(self, plan: Plan) -> None:
        """A rule on a loss or target that says no is what makes a run fine."""
        for bound in plan.witnesses:
            if self._ask(bound) is False:
                self.fine_at = self.looks
                plan.saw(bound)
                return

    def _hear(self, row: Row, plan: Plan, bounds: list[Bound]) -> list[Bound]:
        assert self.book.matcher is not None
        patterns = self.book.matcher.match(row.text)
        if not patterns:
            return bounds
        for known in self._plans.values():
            known.look_again()
        heard: dict[Bound, None] = {}
        for pattern in patterns:
            self.run.hear(pattern, row)
            heard.update(
                dict.fromkeys(self.bound_to(rule, "") for rule in self._hearing.get(pattern, ()) if not rule.each)
            )
        return plan.with_heard(bounds, heard)

    def pass_time(self, now: float) -> None:
        """Time alone went on: rules that it can change look."""
        self.run.pass_time(now)
        if not self.settled and self.found_at is not None and now - self.found_at >= SETTLE_AFTER:
            self.settle()
        if self._passing is None:
            self._passing = self._find_passing()
        self._judge(self._passing, counts=False)

    def _find_passing(self) -> list[Bound]:
        for bound in self._timed:
            bound.waits = bound.waits or bound.is_hopeless
        return [bound for bound in self._timed if not bound.is_hopeless]

    def narrow_to_time(self) -> list[Bound]:
        """Before the run is only let live on: of the rules on time those stay that can move an alert without any row."""
        self._timed = [bound for bound in self._timed if not bound.alert.at_rest or self._may_come_true(bound)]
        self._passing = None
        return self._timed

    def _may_come_true(self, bound: Bound) -> bool:
        if bound.broken or not all(self.run.has(name) for name in bound.wants):
            return False
        after = bound.rule.after
        return (
            bound.ready
            or any(each.unit is Unit.SECONDS for each in after)
            or self.run.reached(after, bound.reads) is True
        )

    def learn(self, fact: Fact) -> None:
        """Take a fact in; once facts are settled, a rule that was still unknown for want of it is judged."""
        news = self.run.learn(fact)
        if news:
            self._plan_anew()
        if news and fact.name in (NOTEBOOK, HOME):
            self._know(as_known(self.run.info, fact))
        if news and self.settled:
            waiting = [
                b for b in self._of_facts if fact.name in _facts(b.rule) and (not b.alert.n or fact.name in OF_THE_END)
            ]
            self._judge(waiting, counts=True)

    def _know(self, info: RunInfo) -> None:
        """Its processes say what kind of run it is, or that this host is its home: then what fires is told here."""
        before, self.run.info = self.run.info, info
        if info.kind != before.kind:
            self.adopt(self.book)
        if info.home and not before.home:
            spot = self._spot(counts=False)
            self.moved += [Moved(b, "came to light", spot) for b in self.firing() if not told_here(before, b.rule)]

    def settle(self) -> None:
        """The facts are settled: rules over facts alone are judged, once in a generation."""
        self.settled = True
        self._judge(self._of_facts, counts=True)

    # --- judging -------------------------------------------------------------------------------------------------

    def _judge(self, bounds: Iterable[Bound], counts: bool) -> None:
        spot: Spot | None = None
        clear = Phase.CLEAR
        for bound in bounds:
            ask = bound.asked
            try:
                answer = self._begin(bound) if ask is None else ask()
            except Exception:  # a bug in one rule must not end the watch over all others
                self._set_aside(bound)
                answer = None
            bound.said = answer
            if answer is False and bound.on_target:
                self.fine_at = self.looks
            if answer is not True and bound.alert.phase is clear:
                continue
            if spot is None:
                spot = self._spot(counts)
            self._advance(bound, answer, spot)
        if self.moved and self._of_parts:
            self._judge_parts(spot or self._spot(counts))

    def _ask(self, bound: Bound, question: Judge | None = None) -> Answer:
        question = question or bound.asked
        try:
            return self._begin(bound) if question is None else question()
        except Exception:  # a bug in one rule must not end the watch over all others
            self._set_aside(bound)
            return None

    def _begin(self, bound: Bound) -> Answer:
        """Ask a rule that was not ready so far; from when it is, `asked` is the short way."""
        if not bound.ready:
            bound.ready = self.run.reached(bound.rule.after, bound.reads) is True
            if not bound.ready:
                return None
            self._plan_anew()
        if not bound.judges or bound.broken:
            return None
        bound.asked = bound.when()
        return bound.asked()

    def _set_aside(self, bound: Bound) -> None:
        bound.asked = None
        bound.broken = traceback.format_exc(limit=4)
        self._plan_anew()
        self.bug(self.run.info.key, bound.rule.key, bound.broken)

    def _advance(self, bound: Bound, answer: Answer, spot: Spot) -> None:
        alert, rule = bound.alert, bound.rule
        if alert.phase is Phase.FIRING:
            answer = answer_in_firing(answer, self._ask(bound, bound.clear), rule.clear is not None)
            if rule.of_facts_alone:
                return  # it fires once per generation, and only the run's end closes it
        move = advance(alert, rule, answer, spot)
        if alert.phase is not Phase.CLEAR:
            self._restless = True
        elif self._restless:
            self._feel()
        if move is not None:
            self._firing = None
            self.moved.append(Moved(bound, move.value, spot))

    def _feel(self) -> None:
        """Work out anew whether any alert is not clear."""
        self._restless = any(bound.alert.phase is not Phase.CLEAR for bound in self.bounds.values())

    def _judge_parts(self, spot: Spot) -> None:
        for bound in self._of_parts:
            bound.said = self.grouping.parts_answer(bound.rule)
            if bound.said is True or not bound.alert.at_rest:
                self._advance(bound, bound.said, spot)

    def _spot(self, counts: bool) -> Spot:
        """Where this look stands: at the row's own step where it has one, not at the furthest that the run has come."""
        run, row = self.run, self.last if counts else None
        step = run.step if row is None or row.step is None else row.step
        epoch = run.epoch if row is None or row.epoch is None else row.epoch
        return Spot(run.now, step, epoch, run.progress, counts)

    # --- the run's course ----------------------------------------------------------------------------------------

    def close(self, at: float | None, how: str) -> None:
        """The run is over: what fires is ended, which is not "resolved"."""
        just_now = {moved.bound.key for moved in self.moved}
        spot = Spot(at if at is not None else self.run.now, self.run.step, self.run.epoch, self.run.progress)
        self.over = how
        self._firing = None
        for bound in self.bounds.values():
            before = end(bound.alert)
            if before is Phase.FIRING and bound.key not in just_now:
                self.moved.append(Moved(bound, f"run {how}", spot))
            elif before is Phase.PENDING and bound.rule.severity is Severity.CRITICAL:
                bound.alert.n += 1
                self.moved.append(Moved(bound, "ended before it was certain", spot))
        self._feel()

    def retire(self, bound: Bound, why: str) -> None:
        """Its rule is not what it was: what fires by the old one ends, and when it fires again, that is another alert."""
        if bound.alert.n:
            self.fired[bound.key] = bound.alert.n
        if end(bound.alert) is Phase.FIRING:
            self.moved.append(Moved(bound, why, self._spot(counts=False)))

    def go_back(self, row: Row, per_epoch: bool) -> None:
        """The run went on from an earlier place, or its steps turned out to count anew in each epoch."""
        self._plan_anew()
        if per_epoch:
            self.run.forget_steps(row.file)
        else:
            self.run.resume(row)
            self.resume()

    def resume(self) -> None:
        """The run goes on: what was firing when it ended fires again, but for what told of that end."""
        self.over = ""
        self._firing = None
        self.run.forget_end()
        for bound in self.bounds.values():
            reopen(bound.alert, anew=bool(OF_THE_END & _facts(bound.rule)))
        self._plan_anew()
        self._feel()

    def was_away(self, now: float) -> None:
        """Sentinel itself was away until now: that gap is not the run's silence, and holds in time stand still over it."""
        before = self.run.now
        if before is None or now <= before:
            return
        self.run.absent(now - before)
        self.run.pass_time(now)
        for bound in self.bounds.values():
            bound.alert.hold.pause()

    def catch_up_done(self) -> None:
        """History was read: of what moved meanwhile only what still fires is worth telling."""
        self.catching_up = False
        spot = self._spot(counts=False)
        firing = [b for b in self.bounds.values() if b.alert.phase is Phase.FIRING]
        self.moved = [Moved(bound, "first look", spot) for bound in firing]

    def changes(self) -> list[Change]:
        """What moved since the last call, with what is hidden behind what."""
        if not self.moved or self.catching_up:
            return []
        moved, self.moved = self.moved, []
        moved = self.grouping.settle_hidden(moved)
        self._firing = None
        info = self.run.info
        return [change_of(m, self.run, self.host, self.last) for m in moved if told_here(info, m.bound.rule)]

    def firing(self) -> list[Bound]:
        """Alerts that fire and are hidden by none."""
        if self._firing is None:
            bounds = self.bounds.values()
            self._firing = [b for b in bounds if b.alert.phase is Phase.FIRING and not b.alert.hidden_by]
        return list(self._firing)

    def last_word(self) -> list[Bound]:
        """Alerts that fire, or fired when the run ended, and are hidden by none."""
        told = [b for b in self.bounds.values() if b.alert.phase is Phase.FIRING or b.alert.ended_firing]
        return [b for b in told if not b.alert.hidden_by]

    # --- the store -----------------------------------------------------------------------------------------------

    def save(self) -> Json:
        """Everything that a restart must not change."""
        return watched_state.save(self)

    def restore(self, saved: Json) -> None:
        """As it was saved; alerts of rules that changed meanwhile end, and may begin anew."""
        watched_state.restore(self, saved)
        self._firing = None
        self._plan_anew()
        self._feel()


def _facts(rule: Rule) -> frozenset[str]:
    return rule.when.facts if rule.when else frozenset()

"""The five post-mortems' runs, armed: the real engine, rules and view, the pure plan; hands and people are played.

`python -m tests.stories.armed` writes the table into docs/operate/stopping.md; a test holds it to what comes out here.
All leave is given (armed, watch and owner allow kill, three rehearsals called right), a person confirms every
announcement at once and nobody objects, a request is answered with a good checkpoint: what holds a plan back is the
evidence, the limits and the run's own course.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from sentinel.core.engine import Engine
from sentinel.core.records import Batch, Found, Over, Row
from sentinel.core.stopping import explained, supposed, turn
from sentinel.core.stopping_birth import birth
from sentinel.core.stopping_plan import Deed, Plan
from sentinel.core.stopping_world import Consent, Ended, Level, Limits, Mode, Outcome, Proven, Saving, Survey
from sentinel.core.telling_routes import Local
from sentinel.core.telling_words import Standing
from sentinel.daemon.books import Books, open_books
from sentinel.daemon.settings import Watch
from sentinel.daemon.stopping_view import View
from sentinel.sources.replay import replay_run
from tests.stories import tales

PAGE = Path(__file__).parents[2] / "docs" / "operate" / "stopping.md"
BEGIN, END = "<!-- the five, armed: python -m tests.stories.armed -->", "<!-- end of the five -->"
START, TICK = 1_000_000.0, 30.0
HOUR = 3600.0
# What is played, and how long the written part took: documented for the second (20 minutes), a guess for the others.
FIVE = (
    ("one head over two vocabularies, 35,000 of 862,318 steps", tales.mixed_vocabulary, 4 * HOUR),
    ("a countdown loss that drowns the spans, 100 epochs", tales.countdown, HOUR / 3),
    ("a config that could not work (nothing was trained)", tales.research_config, 60.0),
    ("the class that flips, stopped by hand after 3 epochs", tales.val_flip, 600.0),
    ("the score that is stuck, 12 of 20 epochs", tales.stuck_f1, 1800.0),
    ("a vocabulary of 32,000 for 423 tokens, 500 steps", tales.vocabulary_mismatch, 600.0),
)


@dataclass
class Clock:
    now: float = START

    def wall(self) -> float:
        return self.now

    def steady(self) -> float:
        return self.now


@dataclass
class People:
    """Everybody reads at once."""

    channels: tuple[str, ...] = ("phone",)

    def confirmed(self, plan: Plan) -> bool:
        return plan.ever(Deed.ANNOUNCE) is not None

    def resting(self, words: object, local: object) -> bool:
        return False


@dataclass
class Armed:
    """One run played through under its plan."""

    books: Books
    folder: Path
    seconds: float
    clock: Clock = field(default_factory=Clock)
    plans: list[Plan] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    saving: Saving = field(default_factory=Saving)
    sent: list[tuple[str, str]] = field(default_factory=list)
    held: str = ""
    waited: str = ""
    credit: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.engine = Engine(self.books.book, self.books.names, "host")
        watches = {"replay": Watch(name="replay", stop="kill")}
        self.view = View(
            self.engine,
            self.clock,
            "boot",
            START - 10 * HOUR,
            People(),
            Mode.ARMED,
            Limits(),
            watches,  # type: ignore[arg-type]
        )

    def play(self) -> Armed:
        replayed = replay_run(self.folder, self.books.names)
        items = [item for turned in replayed.turns for item in turned.batch.items]
        self.key, self.uid = replayed.info.key, replayed.info.uid
        self.engine.feed([Batch(self.key, (Found(replayed.info, START),))])
        rows = sum(isinstance(item, Row) for item in items) or 1
        for item in items:
            if isinstance(item, Found | Over):
                continue
            if isinstance(item, Row):
                self._wait(self.clock.now + self.seconds / rows)
            stamped = item._replace(at=self.clock.now) if isinstance(item, Row) else item
            self.engine.feed([Batch(self.key, (stamped,))])
            if self.saving.gone is not None:
                break
        for _ in range(20):
            self._wait(self.clock.now + TICK)
        if self.saving.gone is None:
            over = next((item for item in items if isinstance(item, Over)), None)
            self.engine.feed([Batch(self.key, (replace(over, at=self.clock.now),) if over else ())])
            self._wait(self.clock.now + TICK)
        return self

    def _wait(self, until: float) -> None:
        while self.clock.now < until:
            self.clock.now = min(until, self.clock.now + TICK)
            self.engine.tick(self.clock.now)
            self.view.look()
            self._turn()

    def _turn(self) -> None:
        watched = self.engine.runs[self.key]
        plan = self.plans[-1] if self.plans else None
        world = self.view.world(watched, plan if plan and plan.open else None, Standing(), Local(600, 1, 1))
        self.credit |= {(sign.rule, sign.fingerprint): 3 for sign in world.signs}
        world = replace(
            world,
            signs=tuple(replace(sign, owned=True) for sign in world.signs),
            consent=Consent(Level.KILL, self.uid, "all leave is given"),
            called_right=self.credit,
            survey=Survey(self.clock.now, (4242,), frozenset({self.uid or 0}), way="signal TERM"),
            saving=replace(self.saving, looked=self.clock.now),
            outcomes=tuple(self.outcomes),
        )
        self.outcomes = []
        if plan is None or not plan.open:
            born = birth(world, self.plans, f"p{len(self.plans)}")
            self.plans += [born] if born else []
            if not self.plans and world.signs:
                lead = supposed(world)
                held = next(f.text for f in explained(lead, world) if f.condition.name == "signs")
                self.held = max(self.held, held, key=len)
            return
        made = turn(plan, world)
        self.waited = "; ".join(made.plan.waits) or self.waited
        self.plans[-1] = made.plan
        for deed in made.deeds:
            self._do(deed)

    def _do(self, deed: Deed) -> None:
        good = Proven("ckpt.pt", self.clock.now - 300, "", "kept/ckpt.pt")
        if deed is Deed.ASK:
            self.saving = Saving(grew=self.clock.now, found=True)
        if deed in (Deed.ASK, Deed.END, Deed.KILL):
            run = self.engine.runs[self.key].run
            self.sent.append((deed.value, f"step {run.step:,}" if run.step is not None else f"epoch {run.epoch:g}"))
        if deed in (Deed.CHECK, Deed.END):
            self.saving = replace(self.saving, gone=self.clock.now)
        self.outcomes.append(Outcome(deed.value, Ended.DONE, "", good))


def row(name: str, played: Armed) -> str:
    """One line of the table."""
    plan = played.plans[-1] if played.plans else None
    asked = ", ".join(f"{deed} at {where}" for deed, where in played.sent) or "nothing"
    if plan is None:
        why = f"no plan: {played.held or 'no sign that lasts'}"
        return f"| {name} | - | {asked} | {why} |"
    said = plan.why or "under way"
    said += f"; until then it waited for {played.waited}" if not played.sent and played.waited else ""
    return f"| {name} | `{plan.lead}` | {asked} | {plan.stage.value}: {said} |"


def table(books: Books, folder: Path) -> str:
    """The whole table."""
    lines = ["| run | led by | what was done | how the plan ended |", "|---|---|---|---|"]
    for number, (name, tale, seconds) in enumerate(FIVE):
        place = folder / str(number)
        place.mkdir()
        lines.append(row(name, Armed(books, tale(place), seconds).play()))
    return "\n".join(lines)


def page_with(text: str) -> str:
    """The page with the table put in its place."""
    page = PAGE.read_text()
    head, rest = page.split(BEGIN)
    return f"{head}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        text = table(open_books([]), Path(folder))
    print(text)
    if "--print" not in sys.argv:
        PAGE.write_text(page_with(text))
    os._exit(0)

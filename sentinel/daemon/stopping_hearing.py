"""A person's word about stop plans over the control socket: show me the conditions, this rehearsal was right."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel.core.stopping_plan import Plan, Stage
from sentinel.core.watched import Watched
from sentinel.daemon.control import Handler, Refused, Request
from sentinel.daemon.peers import Peer
from sentinel.daemon.stopping_rounds import Rounds
from sentinel.keep import plans

if TYPE_CHECKING:
    from sentinel.daemon.loop import Daemon

Answer = dict[str, Any]
LATELY = 90 * 86400.0
CALLABLE = (Stage.REHEARSED, Stage.FAILED, Stage.STOPPED)


class PlanHearing:
    """Answers about plans, and takes what people call them."""

    def __init__(self, daemon: Daemon, rounds: Rounds) -> None:
        """Who may is decided as for every other word on a run (contracts 7)."""
        self._daemon, self._rounds = daemon, rounds

    def handlers(self) -> dict[str, Handler]:
        """The words that this file answers to."""
        return {"plan": self.plan, "right": self.right}

    def plan(self, request: Request, peer: Peer) -> Answer:
        """Every condition of the stop plan's table for one run, with its value; nothing is touched."""
        watched = self._run(str(request.get("run", "")))
        self._may(peer, watched.run.info.uid)
        return {"run": watched.run.info.name, "folder": watched.run.info.folder, **self._rounds.table(watched)}

    def right(self, request: Request, peer: Peer) -> Answer:
        """A rehearsal was right (or wrong); a plan that failed, or stopped what has come back, was looked at."""
        plan = self._plan(str(request.get("target", "")))
        watched = self._daemon.engine.awake(plan.run)
        self._may(peer, watched.run.info.uid if watched is not None else None)
        word = "wrong" if request.get("wrong") else "right"
        try:
            with self._daemon.store.turn() as connection:
                plans.call(connection, plan.id, word)
                counts = plans.called_right(connection, plan.watch)
        except sqlite3.Error as trouble:
            raise Refused(f"it could not be written down, so it is not in force: {trouble}") from None
        right, needs = counts.get((plan.lead, plan.fingerprint), 0), self._rounds.view.limits.rehearsals
        said = f"plan {plan.id} ({plan.stage.value}) is called {word}"
        return {"said": f"{said}: {right} of {needs} for {plan.lead} in watch {plan.watch}", "right": right}

    def _run(self, name: str) -> Watched:
        folder = os.path.realpath(name) if "/" in name else ""
        engine = self._daemon.engine
        for key, info in engine.infos().items():
            if name in {info.name, info.key} or (folder and info.folder and Path(info.folder) == Path(folder)):
                if (watched := engine.awake(key)) is not None:
                    return watched
        raise Refused(f"no run is called '{name}'; sentinel status lists them")

    def _plan(self, target: str) -> Plan:
        connection = self._daemon.store.connection
        plan = plans.plan_of(connection, target)
        if plan is None:
            since = self._daemon.clock.wall() - LATELY
            names = {key: info.name for key, info in self._daemon.engine.infos().items()}
            recent = [plan for plan, called in plans.recent(connection, since) if not called]
            plan = next((plan for plan in recent if target in {plan.run, names.get(plan.run)}), None)
        if plan is None:
            raise Refused(f"there is no plan or run '{target}' to be called; sentinel status lists them")
        if plan.stage not in CALLABLE:
            raise Refused(
                f"plan {plan.id} is {plan.stage.value}: only a rehearsal that went to its end, a stop, a failure"
            )
        return plan

    def _may(self, peer: Peer, uid: int | None) -> None:
        if not peer.is_admin(self._daemon.admins) and not peer.owns(uid):
            raise Refused("only the run's own user, the settings' admins and root may do this")

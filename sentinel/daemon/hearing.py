"""A person's word over the control socket: who may say it (contracts 7), what it is about, on disk before the answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sentinel.core.amounts import parse_seconds, seconds_text
from sentinel.core.records import Json, Severity
from sentinel.core.telling_answers import CURES, Code
from sentinel.core.telling_letter import letter_from
from sentinel.core.telling_words import WRONG_RUNS, Saying, Scope, Word
from sentinel.core.wire import timestamp
from sentinel.daemon.control import Handler, Refused, Request
from sentinel.daemon.peers import Peer

if TYPE_CHECKING:
    from sentinel.core.watched import Watched
    from sentinel.daemon.delivering import Office
    from sentinel.daemon.loop import Daemon

Answer = dict[str, Any]
LONGEST_MUTE = 90 * 86400.0
LONGEST_WHY = 500


class Hearing:
    """Takes words and says what came of them."""

    def __init__(
        self, daemon: Daemon, office: Office, admins: list[str], plan_word: Callable[[str], str] = lambda _run: ""
    ) -> None:
        """`admins` are the users and groups of `[tell] admins`; `plan_word` says of a run what its stop plan will do."""
        self._daemon, self._office, self._admins, self._plan_word = daemon, office, admins, plan_word

    def handlers(self) -> dict[str, Handler]:
        """The words that this file answers to."""
        return {
            "ack": self.ack,
            "mute": self.mute,
            "unmute": self.unmute,
            "keep": self.keep,
            "wrong": self.wrong,
            "clear-rule": self.clear_rule,
            "outbox": self.outbox,
            "outbox-retry": self.retry,
        }

    # --- the words ------------------------------------------------------------------------------------------------

    def ack(self, request: Request, peer: Peer) -> Answer:
        """Somebody has seen an alert: no reminders, no escalation."""
        alert, watched = self._alert(request, peer)
        word = self._word(Saying.ACK, Scope.ALERT, str(alert["id"]), peer, request, watched, _rule(alert))
        self._say(word)
        plan = self._plan_word(watched.run.info.key) if watched is not None else ""
        return {"said": f"ack of {alert['id']}: no reminders until it changes" + (f"; {plan}" if plan else "")}

    def mute(self, request: Request, peer: Peer) -> Answer:
        """Be quiet about an alert, a run, a rule or a family, for a time that always ends."""
        seconds = parse_seconds(str(request.get("for", "")))
        if seconds is None or not 0 < seconds <= LONGEST_MUTE:
            raise Refused("say for how long: 30m, 2h, 3d; at most 90d")
        scope, target, watched = self._target(str(request.get("target", "")), peer)
        word = self._word(Saying.MUTE, scope, target, peer, request, watched, until=self._now() + seconds)
        self._say(word)
        return {
            "said": f"{scope} {request.get('target')} is quiet for {seconds_text(seconds)}",
            "until": timestamp(word.until),
        }

    def unmute(self, request: Request, peer: Peer) -> Answer:
        """End a mute; what still fires is told at once."""
        _scope, target, _watched = self._target(str(request.get("target", "")), peer)
        count = self._take_back(Saying.MUTE, target)
        if not count:
            raise Refused(f"nothing mutes '{request.get('target')}'; sentinel status lists what is muted")
        return {"said": "unmuted; what still fires is told now"}

    def keep(self, request: Request, peer: Peer) -> Answer:
        """Do not stop this run; anyone who may speak to the daemon can say so, and `off` takes it back."""
        watched = self._run(str(request.get("target", "")))
        if watched is None:
            raise Refused(f"no run is called '{request.get('target')}'; sentinel status lists them")
        key = watched.run.info.key
        if request.get("off"):
            self._may(peer, watched)
            return {"said": "no longer kept" if self._take_back(Saying.KEEP, key) else "it was not kept"}
        self._say(self._word(Saying.KEEP, Scope.RUN, key, peer, request, watched))
        return {"said": f"{watched.run.info.name} will not be stopped by Sentinel"}

    def wrong(self, request: Request, peer: Peer) -> Answer:
        """A false alarm: counted per rule, quiet on that run from now on, with the override that would mend the rule."""
        alert, watched = self._alert(request, peer)
        rule, now = _rule(alert), self._now()
        book_rule = self._daemon.engine.rule_of(watched.run.info.key if watched is not None else "", rule)
        mark = book_rule.fingerprint if book_rule is not None else ""
        before = self._office.words.standing().demoted(rule, now, mark)
        self._say(self._word(Saying.WRONG, Scope.ALERT, str(alert["id"]), peer, request, watched, rule, mark))
        standing = self._office.words.standing()
        count = len(standing.wrong_runs(rule, now, mark))
        if standing.demoted(rule, now, mark) and not before:
            lines = (f"it was marked wrong on {count} runs in 30 days, last by {peer.user}",
                     f"edit its file, or: sentinel wrong --clear {rule}")  # fmt: skip
            self._office.say(f"Rule {rule} is told as info only from now on", lines, now, Severity.HIGH)
        text = override(rule, alert, watched.run.info.name if watched else str(alert["run"]))
        said = f"{rule} is quiet on {alert['run']} now; marked wrong on {count} run(s) in 30 days"
        return {"said": said, "override": text, "count": count, "demoted_at": WRONG_RUNS}

    def clear_rule(self, request: Request, peer: Peer) -> Answer:
        """Somebody looked at a rule that was marked wrong too often: it may speak again."""
        self._may_for_all(peer)
        rule = str(request.get("rule", ""))
        if all(rule != known.key for known in self._daemon.engine.rules()):
            raise Refused(f"there is no rule '{rule}'; write it as signature/rule")
        self._say(self._word(Saying.CLEARED, Scope.RULE, rule, peer, request, None, rule))
        return {"said": f"{rule} speaks with its own severity again"}

    def outbox(self, _request: Request, _peer: Peer) -> Answer:
        """What waits and what was given up, without a word that its reader may not see: heads only."""
        box = self._office.outbox
        waiting: list[Json] = [
            {"id": d.id, "channel": d.channel, "kind": d.kind, "head": _head(d.letter), "made": timestamp(d.made),
             "attempts": d.attempts, "due": timestamp(d.due), "state": d.state, "code": d.code, "detail": d.detail}
            for d in box.deliveries.values() if d.open
        ]  # fmt: skip
        dead: list[Json] = [
            {"id": d["id"], "channel": d["channel"], "head": _head(d["letter"]), "made": timestamp(_float(d["made"])),
             "attempts": d["attempts"], "code": d["code"], "detail": d["detail"], "cure": CURES[Code(str(d["code"] or "sent"))]}
            for d in box.dead()
        ]  # fmt: skip
        return {"waiting": waiting, "dead": dead, **self._office.status()}

    def retry(self, request: Request, peer: Peer) -> Answer:
        """Dead letters go to the end of their queues again."""
        self._may_for_all(peer)
        count = self._office.retry(self._now(), str(request.get("id", "")))
        return {"said": f"{count} message(s) are sent again" if count else "there is nothing to send again"}

    # --- what it is about, and who may ------------------------------------------------------------------------------

    def _alert(self, request: Request, peer: Peer) -> tuple[dict[str, Json], Watched | None]:
        wanted = str(request.get("id", ""))
        alert = self._daemon.store.alert(wanted)
        if alert is None:
            raise Refused(f"there is no alert '{wanted}'; sentinel alerts lists them")
        watched = self._run(str(alert["run"]))
        self._may(peer, watched)
        return alert, watched

    def _target(self, text: str, peer: Peer) -> tuple[Scope, str, Watched | None]:
        """An alert's id, a run's name, a rule or a family, in this order."""
        alert = self._daemon.store.alert(text) if text else None
        if alert is not None:
            watched = self._run(str(alert["run"]))
            self._may(peer, watched)
            return Scope.ALERT, text, watched
        watched = self._run(text)
        if watched is not None:
            self._may(peer, watched)
            return Scope.RUN, watched.run.info.key, watched
        rules = list(self._daemon.engine.rules())
        if any(text in {rule.key, rule.signature} for rule in rules):
            self._may_for_all(peer)
            return Scope.RULE, text, None
        if any(text == rule.family for rule in rules):
            self._may_for_all(peer)
            return Scope.FAMILY, text, None
        raise Refused(f"'{text}' is no alert, run, rule or family; sentinel alerts and sentinel status list them")

    def _run(self, name: str) -> Watched | None:
        return self._daemon.engine.named(name)

    def _may(self, peer: Peer, watched: Watched | None) -> None:
        if peer.is_admin(self._admins) or (watched is not None and peer.owns(watched.run.info.uid)):
            return
        raise Refused("only the run's own user, the settings' admins and root may say this")

    def _may_for_all(self, peer: Peer) -> None:
        if not peer.is_admin(self._admins):
            raise Refused("this concerns everyone's runs: only the settings' admins and root may say it")

    # --- on paper -------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return self._daemon.clock.wall()

    def _word(
        self, saying: Saying, scope: Scope, target: str, peer: Peer, request: Request, watched: Watched | None,
        rule: str = "", fingerprint: str = "", until: float | None = None,
    ) -> Word:  # fmt: skip
        why = str(request.get("why", ""))[:LONGEST_WHY]
        run = watched.run.info.key if watched is not None else ""
        return Word(0, saying, scope, target, peer.user, self._now(), until, why, None, run, rule, fingerprint)

    def _say(self, word: Word) -> None:
        try:
            self._office.words.say(word)
        except sqlite3.Error as trouble:
            raise Refused(f"it could not be written down, so it is not in force: {trouble}") from None
        self._office.heard()

    def _take_back(self, saying: Saying, target: str) -> int:
        try:
            count = self._office.words.take_back(saying, target, self._now())
        except sqlite3.Error as trouble:
            raise Refused(f"it could not be written down, so nothing has changed: {trouble}") from None
        self._office.heard()
        return count


def words_json(office: Office, now: float) -> list[Json]:
    """All words in force, with who and when, for `status`."""
    return [
        {"saying": w.saying.value, "scope": w.scope.value, "target": w.target, "rule": w.rule or None, "who": w.who,
         "at": timestamp(w.at), "until": timestamp(w.until), "why": w.why}
        for w in office.words.standing().words if w.in_force(now)
    ]  # fmt: skip


def override(rule: str, alert: dict[str, Json], run: str) -> str:
    """The override file that would have kept this rule from firing here: the least change that says the same."""
    signature, _, name = rule.partition("/")
    value, limit = alert.get("value"), alert.get("limit")
    measured = f"  # it fired at {value} against a limit of {limit}" if value is not None and limit is not None else ""
    return (
        f'signature: {signature}\nrules:\n  - rule: {name}{measured}\n    only: {{run: "{run}"}}\n    severity: info\n'
    )


def _rule(alert: dict[str, Json]) -> str:
    return f"{alert['signature']}/{alert['rule']}"


def _head(letter: Any) -> str:
    thing = letter_from(letter)
    return thing.head or (f"{thing.change.run_name}: {thing.story.title or thing.change.rule}" if thing.change else "")


def _float(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) else None

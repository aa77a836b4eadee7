"""What the daemon answers on the control socket about what it sees: `status`, `alerts`, `explain`."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, Any

from sentinel import __version__
from sentinel.core.asleep import Asleep
from sentinel.core.bound import Bound, waits_for
from sentinel.core.records import Evidence, Json, Phase
from sentinel.core.rule import Rule
from sentinel.core.run import Run
from sentinel.core.standing import standing
from sentinel.core.watched import Watched
from sentinel.core.wire import evidence_json, number, timestamp
from sentinel.daemon.control import Handler, Refused, Request
from sentinel.daemon.peers import Peer, user_name
from sentinel.daemon.sight import Sight

if TYPE_CHECKING:
    from sentinel.daemon.loop import Daemon

Answer = dict[str, Any]
MOST_RUNS = 500


def handlers(daemon: Daemon) -> dict[str, Handler]:
    """The words that this file answers to."""
    return {
        "status": lambda request, peer: status(daemon, request, peer),
        "alerts": lambda request, peer: {"alerts": alerts(daemon, request, peer)},
        "explain": lambda request, peer: explain(daemon, request, peer),
        "reload": lambda _request, peer: reload(daemon, peer),
    }


def status(daemon: Daemon, request: Request, peer: Peer) -> Answer:
    """All that is watched, or one run in full."""
    wanted = request.get("run")
    now = daemon.clock.wall()
    engine = daemon.engine
    runs: list[Watched | Asleep] = [*engine.runs.values(), *engine.sleepers.runs.values()]
    if wanted:
        one = engine.named(str(wanted))
        if one is None:
            raise Refused(f"no run is called '{wanted}'; sentinel status lists them")
        runs = [one]
    runs.sort(key=_first_shown)
    sight = Sight(peer)
    return {
        "version": __version__,
        "pid": os.getpid(),
        "host": daemon.engine.host,
        "since": timestamp(daemon.began),
        "at": timestamp(now),
        "rules": len(daemon.engine.book.rules),
        "held": list(daemon.engine.book.held),
        "faults": [str(fault) for fault in daemon.engine.book.faults if not fault.note],
        "own_faults": own_faults(daemon, peer, sight),
        "told": list(daemon.told),
        "troubles": daemon.troubles(),
        "runs": [run_answer(watched, now, sight, full=bool(wanted)) for watched in runs[:MOST_RUNS]],
        "more_runs": max(0, len(runs) - MOST_RUNS),
        "listed": len(daemon.engine.listed),
        "alerts": alerts(daemon, request, peer),
        **daemon.extra_status(),
    }


def own_faults(daemon: Daemon, peer: Peer, sight: Sight) -> list[Json]:
    """What is wrong with rules that runs bring themselves, for those who may read them: faults quote them."""
    return [
        {"run": folder, "fault": str(fault)}
        for folder, uid, fault in islice(daemon.own_faults(), MOST_RUNS)
        if peer.owns(uid) or sight.sees(folder, fault.file)
    ]


def _first_shown(run: Watched | Asleep) -> tuple[bool, bool, float]:
    """Where something fires before the rest, for of thousands not all are shown; else what grew last."""
    firing, grew = (run.firing(), run.run.grew) if isinstance(run, Watched) else (run.firing, run.grew)
    return bool(run.over), not firing, -(grew or 0.0)


def run_answer(watched: Watched | Asleep, now: float, sight: Sight, full: bool = False) -> dict[str, Json]:
    """One run in `status`; of another user's run that the peer may not read only what anyone can see."""
    run: Run | Asleep
    if isinstance(watched, Asleep):
        run, series, firing, word = watched, watched.series, watched.firing, watched.standing(now)
    else:
        run, series, firing, word = watched.run, len(watched.run.series), len(watched.firing()), standing(watched, now)
    info = run.info
    answer: dict[str, Json] = {
        "run": info.name,
        "watch": info.watch,
        "user": user_name(info.uid),
        "standing": watched.over or word,
        "step": run.step,
        "epoch": number(run.epoch),
        "progress": number(run.progress),
        "last": timestamp(run.grew),
        "firing": firing,
    }
    if not sight.sees(info.folder):
        return answer
    answer |= {"folder": info.folder, "series": series, "kind": info.kind}
    return answer | (coverage(watched, sight) if full and isinstance(watched, Watched) else {})


def coverage(watched: Watched, sight: Sight) -> dict[str, Json]:
    """Which rules apply to a run, and which are unknown for want of what; facts from files that the peer could open."""
    folder = watched.run.info.folder
    known = sorted({b.rule.key for b in watched.bounds.values() if b.answer is not None})
    unknown: list[Json] = [
        {"rule": rule.key, "why": rule.when.explain(watched.run).why}
        for rule in watched.rules
        if rule.key not in known and rule.when is not None
    ]
    return {
        "applies": known,
        "own": sorted(rule.key for rule in watched.rules if rule.own),
        "unknown": unknown,
        "names": sorted(watched.run.series),
        "facts": {
            fact.name: str(fact.value)
            for fact in watched.run.facts.values()
            if not fact.file or sight.sees(folder, fact.file)
        },
    }


def alerts(daemon: Daemon, request: Request, peer: Peer) -> list[dict[str, Json]]:
    """Open alerts, or all of late; evidence only for those who may read the run's files."""
    found = daemon.store.alerts(open_only=not request.get("all"))
    folders = {info.name: info.folder for info in daemon.engine.infos().values()}
    sight = Sight(peer)
    return [alert if _seen(sight, folders.get(str(alert["run"])), alert) else _without_text(alert) for alert in found]


def _seen(sight: Sight, folder: str | None, alert: dict[str, Json]) -> bool:
    """Every file that the alert quotes is one that the peer could read."""
    evidence = alert["evidence"] if isinstance(alert["evidence"], list) else []
    files = {str(item["file"]) for item in [alert, *evidence] if isinstance(item, dict) and item.get("file")}
    return sight.sees(folder) and all(sight.sees(folder, file) for file in files)


def _without_text(alert: dict[str, Json]) -> dict[str, Json]:
    return {**alert, "evidence": [], "say": "", "file": None, "line": None}


def explain(daemon: Daemon, request: Request, peer: Peer) -> Answer:
    """Why an alert fires, on what the run holds now."""
    wanted = str(request.get("id", ""))
    alert = daemon.store.alert(wanted)
    if alert is None:
        raise Refused(f"there is no alert '{wanted}'; sentinel alerts lists them")
    watched = daemon.engine.named(str(alert["run"]))
    if watched is not None:
        bound = watched.bounds.get((f"{alert['signature']}/{alert['rule']}", str(alert["instance"] or "")))
        if bound is not None and (bound.rule.when is not None or bound.rule.parts is not None):
            sight, folder = Sight(peer), watched.run.info.folder
            if not _seen(sight, folder, alert) or (bound.rule.own and not sight.sees(folder, bound.rule.file)):
                raise Refused("its files are not yours to read, so their text is not shown to you")
            return {"alert": alert, **_stands(bound), **(_asked(watched, bound) or _made_of(watched, bound))}
    shown = alert if Sight(peer).sees(None) else _without_text(alert)
    return {
        "alert": shown,
        "expression": "",
        "evidence": shown["evidence"],
        "why": "the run is no longer held in memory",
    }


def _stands(bound: Bound) -> Answer:
    phase = bound.alert.phase
    return {"origin": origin(bound.rule), "phase": phase.value, "pending": phase is Phase.PENDING}


def _asked(watched: Watched, bound: Bound) -> Answer:
    """A rule with an expression, on what the run holds now."""
    when = bound.rule.when
    if when is None:
        return {}
    verdict = when.explain(watched.run, bound.instance)
    outline = when.outline(watched.run, bound.instance)
    return {
        "expression": when.text,
        "answer": verdict.answer,
        "why": verdict.why if bound.ready else waits_for(bound.rule),
        "evidence": [evidence_json(item) for item in verdict.evidence],
        "tree": [{"depth": depth, **evidence_json(item)} for depth, item in outline],
    }


def _made_of(watched: Watched, bound: Bound) -> Answer:
    """A rule that is made of others: what each of them says now."""
    assert bound.rule.parts is not None
    least, parts = bound.rule.parts.at_least, watched.grouping.parts(bound.rule)
    head = f"at least {least} of {len(parts)} fire"
    answer = watched.grouping.parts_answer(bound.rule)
    tree = [(0, head, answer), *((1, key, said) for key, said in parts.items())]
    return {
        "expression": f"{head}: {', '.join(parts)}",
        "answer": answer,
        "why": "" if bound.ready else waits_for(bound.rule),
        "evidence": [],
        "tree": [{"depth": depth, **evidence_json(Evidence(what, said))} for depth, what, said in tree],
    }


def origin(rule: Rule) -> str:
    """Where a rule is stated, and for whom it is in force."""
    place = f"{rule.file}:{rule.line}"
    return f"{place}, brought by the run itself: it may tell, and nothing else" if rule.own else place


def reload(daemon: Daemon, peer: Peer) -> Answer:
    """Read rules and settings again now."""
    if not peer.is_admin(daemon.admins):
        raise Refused("only admins and root may reload; the settings' [tell] admins names them")
    daemon.ask_reload()
    return {"reloading": True}

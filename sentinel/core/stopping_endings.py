"""What the stop plan's conditions look at in the run's processes, its checkpoints and the way to its end.

The sister of `stopping_findings`: one small function each, from a case to whether it holds and the value that says so.
"""

from __future__ import annotations

from sentinel.core.amounts import seconds_text
from sentinel.core.stopping_findings import Case, Finding
from sentinel.core.stopping_world import Level, Survey

NOBODY: Finding = True, "nobody was found, which `processes` judges"


def surveyed(case: Case) -> Finding:
    """Its processes were looked at just now."""
    survey = case.world.survey
    if survey is None:
        return False, "its processes were not looked at"
    age = case.world.now - survey.at
    return 0 <= age <= case.world.limits.surveyed, f"looked at {seconds_text(max(age, 0))} ago"


def _survey(case: Case) -> Survey:
    return case.world.survey or Survey(at=float("-inf"), pids=(), uids=frozenset(), runs=0)


def processes(case: Case) -> Finding:
    """It has processes here."""
    pids = _survey(case).pids
    return bool(pids), f"ranks {', '.join(map(str, pids)) or 'none found'}"


def there(case: Case) -> Finding:
    """Its processes and its folder have not gone."""
    gone = _survey(case).gone
    if _survey(case).vanished:
        return False, "its folder has gone"
    passed = 0.0 if gone is None else case.world.now - gone
    if gone is None or passed < case.world.limits.quiet_after:
        return True, "not gone"
    return False, f"its processes have gone: nobody was found for {seconds_text(passed)}"


def same(case: Case) -> Finding:
    """They are those that were judged."""
    younger = [pid for pid, start in _survey(case).starts if start > case.plan.born]
    pids = ", ".join(map(str, younger))
    return not younger, f"pid {pids} was started after this plan was made" if younger else "older than this plan"


def alone(case: Case) -> Finding:
    """Nobody else acts on it now."""
    return not case.world.rival, case.world.rival or "nobody else acts on it"


def one_run(case: Case) -> Finding:
    """They have carried this run alone."""
    if not _survey(case).pids:
        return NOBODY
    carries = _survey(case).carries
    alone = _survey(case).runs == 1 and not carries
    return alone, "; ".join(carries) or f"these processes have carried {_survey(case).runs} run(s)"


def own_user(case: Case) -> Finding:
    """They are the run owner's."""
    uids = _survey(case).uids
    if not _survey(case).pids:
        return NOBODY
    return uids == {case.world.run.uid}, f"uids {', '.join(map(str, sorted(uids)))}, folder of {case.world.run.uid}"


def untroubled(case: Case) -> Finding:
    """Nothing speaks against signalling them."""
    trouble = _survey(case).trouble if _survey(case).pids else ()
    return not trouble, "; ".join(trouble) or "nothing against it"


def _broken_numbers(case: Case) -> bool:
    return any(s.nonfinite for s in case.world.signs)


def finite(case: Case) -> Finding:
    """Its numbers and newest checkpoint are sane."""
    if _broken_numbers(case) or case.world.run.broken:
        return False, "its numbers are not finite: a save would save that"
    return not case.plan.proven.tainted, (
        case.plan.proven.tainted and f"{case.plan.proven.tainted} is tainted"
    ) or "finite"


def _cannot_hear(case: Case) -> bool:
    return _survey(case).stuck or any(sign.hung and not sign.hidden for sign in case.world.signs)


def hears(case: Case) -> Finding:
    """It can hear a request."""
    deaf = _cannot_hear(case)
    return not deaf, "it hangs: it cannot hear a request" if deaf else "it moves"


def way(case: Case) -> Finding:
    """A way to ask it is known."""
    survey = _survey(case)
    return bool(survey.way), survey.way or survey.by_hand or "no way to ask is known"


def fallback(case: Case) -> Finding:
    """Little is lost if the request kills it unsaved."""
    survey, saved = _survey(case), case.plan.proven.saved if case.plan.proven.good else None
    if survey.named or not survey.ends or not survey.way:
        return True, "the way is the owner's own" if survey.named else "it ends nothing"
    since = saved if saved is not None else min((start for _, start in survey.starts), default=None)
    lost = None if since is None else max(case.world.now - since, 0)
    said = "?" if lost is None else seconds_text(lost)
    most = case.world.limits.lose
    words = f"{said} since its last good checkpoint or its start, at most {seconds_text(most)}"
    if lost is not None and lost <= most:
        return True, words
    return (
        False,
        f'{words}: that it catches a signal is no proof that it saves; if it does, write ask = "{_as_ask(survey)}"',
    )


def _as_ask(survey: Survey) -> str:
    return survey.way.replace(" ", ":", 1)


def all_ranks(case: Case) -> Finding:
    """The request reaches all ranks."""
    survey = _survey(case)
    whole = survey.remote or not survey.elsewhere
    return whole, "reaches all ranks" if whole else "ranks on other nodes: a signal here would hang them"


def gentle(case: Case) -> Finding:
    """The way does no more than is allowed."""
    fits = case.plan.wanted > Level.CHECKPOINT or not _survey(case).ends
    return fits, "" if fits else "this way to save also ends the run: that needs level stop"


def protected(case: Case) -> Finding:
    """Its last good checkpoint is out of reach."""
    proven = case.plan.proven
    if proven.unclear and not proven.good:
        return False, f"{proven.unclear} could not be judged, and a save might replace it"
    safe = case.plan.rehearsal or not proven.good or bool(proven.copy)
    return safe, proven.copy or ("nothing to lose" if safe else f"{proven.good} could not be copied")


def may_end(case: Case) -> Finding:
    """It may be ended."""
    return case.plan.wanted >= Level.STOP, f"wanted {case.plan.wanted.word}"


def here(case: Case) -> Finding:
    """All its ranks are here."""
    return not _survey(case).elsewhere, "ranks on other nodes" if _survey(case).elsewhere else "all ranks are here"


def good(case: Case) -> Finding:
    """A good checkpoint exists."""
    return bool(case.plan.proven.good), case.plan.proven.good or "no checkpoint was found complete and sane"


def copied(case: Case) -> Finding:
    """The good checkpoint is out of the trainer's reach."""
    copied = bool(case.plan.proven.copy) or case.plan.rehearsal or not case.plan.proven.good
    return copied, case.plan.proven.copy or "not copied: what ends the run may also make it save"


def lose(case: Case) -> Finding:
    """Little enough work is lost."""
    if _broken_numbers(case) or case.plan.proven.tainted or _cannot_hear(case):
        return True, "nothing since then is of use"
    saved = case.plan.proven.saved
    age = None if saved is None else case.world.now - saved
    lost = "?" if age is None else seconds_text(max(age, 0))
    return (
        age is not None and age <= case.world.limits.lose,
        f"{lost} of work, at most {seconds_text(case.world.limits.lose)}",
    )


def may_kill(case: Case) -> Finding:
    """Watch and owner allow level kill."""
    level = Level.KILL if case.plan.rehearsal else min(case.world.watch_level, case.world.consent.level)
    return level >= Level.KILL, f"watch and owner allow {level.word}"


def kill_if_deaf(case: Case) -> Finding:
    """Ending one that hangs needs level kill."""
    if not _cannot_hear(case):
        return True, "it moves"
    return may_kill(case)

"""The page `docs/detection.md`: every rule's false alarms and lead, and what is lost when a family of runs is left out."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

from sentinel.core.records import Severity

HEAD = """# Detection, measured

Made by `python bench/detection.py --zoo ZOO --corpus CORPUS --page docs/detection.md`: all shipped rules over labelled runs,
with the arrival times of the zoo at 60 times their length. A doomed run counts as caught when its first alert of severity high
or more names one of the families that its label allows, before 60 % of what is left after the onset has gone, and no more than
two families speak that loudly. Hidden alerts count nowhere. "Lead" is the share of the run that was still to come.

The limits were chosen on these runs, so the figures flatter them; how much they lean on single kinds of failure shows in the
last table. What they stand on are causes and the run's own baseline, not these files' levels."""


WILD = """## Other kinds

`python -m bench.wild OUT` trains tiny models of other tasks (two players, rewards, densities, preferences, boosted trees) and
writes them in ten habits of the field. Its first measurement, before any rule had seen one of these kinds, caught 26 of 48 and
alarmed on 3 of 45 healthy runs; rules were then mended by cause, and three makers that did not do what they say (not a number,
policy breaks, parity). A target among the features is loud only where the config names a data set that is known to be hard: no number
tells a leak from an easy task, and easy tasks are well. The runs below (`--first 900`) were made when all rules stood: the first look
at them caught 42 of 48 and alarmed on 1 of 45, a diffusion model whose validation on one batch differed from itself by as much as from
its best; that rule was mended since."""


STRANGERS = """## Strangers

`python -m bench.strangers OUT` is a second measurement, made apart from the first: each healthy set-up stands beside itself with
one thing broken, written as some thirty frameworks write (transformers, Lightning and TensorBoard write their bytes themselves;
the others are imitated). The first look, before any rule or reader had seen one of these runs, caught 63 of 123 and alarmed on 3
of 81 healthy runs, two of them by a rule that may stop: batches of one, whose losses differ by decades, and the folds of a
cross-validation. What was mended, by cause: a level must be a level before a loss can be back at it; epochs that begin again
without steps are a new fold; a bar that shows the last validation again is no new one; the first redraw of a bar is no resume
(Lightning's log beside its CSV had been wiped at each epoch); a test set stands in where a run has no validation. Six makers did
not break what they said and were mended too. The first look at the runs below (`--first 900`), made when all rules stood, caught 91
of 123 and alarmed on none of 81; a detector that reports the terms of its loss alone was thrown out without a word, and is seen now.

Not seen, and why: without a validation or a score, a loss that never falls cannot be told from a model that was good before
(diffusion at 1.0, a teacher who sees other rows); targets that belong to no input, where the loss is noisy and the score has no
known floor; most components without their sum; a policy that gives one answer and is paid for it."""


ODD = """## Well and odd

`python -m bench.odd OUT` is a third measurement, above all of runs that are well and do not look it: rates that restart, fade early or
are printed with too few places, losses below zero or at it, harder stages, tasks in turn, validations on a handful of rows or not made
at all, scales found by trial, pruning, codebooks, queues of negatives, scores that leap; and of faults in the frameworks that the first
two lack. Its first look alarmed on 43 of 116 such runs, nine times by a rule that may stop or save, and caught 38 of 47. What was mended,
by cause: a rate is zero only where it faded away, or where nothing changes any more; a validation that was not made is no failed one; a
best is only beaten where the readings do not scatter as far as they rose; both losses rising together is the rate's doing; a loss is not
back at its beginning while the validation stays good; a scaler looks for its level before it loses it; perfection is suspect only where
the data set is known to be hard. The first look at the runs below (`--first 900`), made when all rules stood, caught 45 of 51 and alarmed
on 1 of 116: a model that was good before and is only polished stands where it began; that rule was mended since.

Not seen, and why: answers without a name (`Val: 0.31`); labels that belong to no input where the loss is a sum of parts or the score has no
known floor. Told for nothing, and known: a second descent of the validation after forty epochs, and a sum whose parts all fall while their
weights grow."""


UNSEEN = """## Unseen

`python -m bench.unseen OUT` is a fourth measurement: fifty-two faults as one would plant them to test a night watch, forty-eight proved when
they are made (the run keeps less than half of what its healthy twin gains over chance), and forty-five healthy runs, told in thirty-five habits. It was
written by somebody who had not read the rules; the runs are short, ten to twenty validations each. Its first look caught 13 of 52 and alarmed
on 1 of 45. What was mended, by cause: a remark between two rows ended a table, a table in thick strokes and Chinese words were not read,
one line an epoch of Keras counted as a whole plan, and lines that begin with a split in capitals, or are wrapped as services wrap them, landed
in the training; a score without epochs waited for twenty readings before it could be believed, though its other split had long been settled.
New causes that are told: a loss that grows at each step, that falls without a floor, or that zero solves; a judge that is certain; a policy
worse than the first one; a temperature or values without end; answers that are those of a guess; a decoder fed with what it is to say.
Six makers did not do what they say and were mended too: the one healthy run of that alarm did overfit. The runs below (`--first 9`) are
of the same kinds with other numbers, made when all rules stood: none was mended by. Four such folders (`--first 5`, 6, 8 and 9) caught 31 to
33 of 52; one alarmed once, on an order of clicks that came late, and that rule was mended since.

Not seen, and why: a target among the features, a forecast that copies the last day, a judge that pays for length, one mode of a generator and one
code of many leave no number that a healthy run could not show; short runs end before ten evaluations have come."""


REAL = """## Real logs, once

Not repeatable here, for the logs are other people's and not kept: 421 logs of some 170 public repositories that no rule and no reader
had met were replayed and each loud alert was looked at beside its log. First look: 32 files alarmed rightly, 16 falsely, four of these by
rules that may stop, and 20 because a log held several starts with silence between. Mended by cause since: a gradient norm taken after the
gradients were cleared, a loss that is on its way down again, batches of two rows, an opponent's part in the sum, norms that lag, a rate
that shakes the validation, the next trial in the same log, a clock that stands. Left: two false ones, and one on the border. Of what failed
without a word (8 files) three are told now. About 270 further logs were compared by eye with what was read from them; some seventy forms of
lines were misread or not read, the gravest of them timm's, whose epoch had been taken for a score."""


def render(found: dict, rules) -> str:
    zoo, corpus = found.get("zoo", []), found.get("corpus", [])
    parts = [
        HEAD,
        overall(zoo, corpus),
        wild(found.get("wild", []), WILD),
        wild(found.get("strangers", []), STRANGERS),
        wild(found.get("odd", []), ODD),
        wild(found.get("unseen", []), UNSEEN),
        REAL,
        per_rule(zoo, corpus, rules),
        per_kind(zoo),
        left_out(zoo),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def loud_run(run) -> bool:
    return bool(run["loud"])


def overall(zoo, corpus) -> str:
    doomed = [r for r in zoo if r["label"] == "doomed"]
    healthy = [r for r in zoo if r["label"] == "healthy"]
    failed = [f for f in corpus if f["label"] == "failed" and f["kind"] not in ("interrupted", "quality_target_missed")]
    fine = [f for f in corpus if f["label"] == "healthy"]
    rows = [
        ("zoo: doomed runs caught in time, rightly named", sum(r["caught"] for r in doomed), len(doomed)),
        ("zoo: healthy runs with an alert of high or more", sum(map(loud_run, healthy)), len(healthy)),
        ("corpus: failed files with an alert of high or more", sum(map(loud_run, failed)), len(failed)),
        ("corpus: healthy files with an alert of high or more", sum(map(loud_run, fine)), len(fine)),
    ]
    lines = [f"| {what} | {hits} of {of} | {hits / of:.1%} |" for what, hits, of in rows if of]
    return "\n".join(["## In all", "", "| what | count | share |", "|---|---|---|", *lines])


def wild(runs, head: str) -> str:
    """What the rules say of runs that nobody labelled for them."""
    if not runs:
        return ""
    doomed, healthy = ([r for r in runs if r["label"] == label] for label in ("doomed", "healthy"))
    lines = []
    for kind in sorted({r["kind"] for r in doomed}):
        mine = [r for r in doomed if r["kind"] == kind]
        names = ", ".join(f"`{name}`" for name in sorted({r["loud"][0]["rule"] for r in mine if r["loud"]})) or "-"
        lines.append(f"| {kind} | {sum(r['caught'] for r in mine)} of {len(mine)} | {names} |")
    for kind in sorted({r["kind"] for r in healthy}):
        mine = [r for r in healthy if r["kind"] == kind]
        names = ", ".join(f"`{name}`" for name in sorted({r["loud"][0]["rule"] for r in mine if r["loud"]})) or "quiet"
        lines.append(f"| healthy: {kind} | {sum(map(loud_run, mine))} of {len(mine)} | {names} |")
    return "\n".join([
        head, "", (f"Doomed runs caught: {sum(r['caught'] for r in doomed)} of {len(doomed)}; healthy runs with an alert of high "
        f"or more: {sum(map(loud_run, healthy))} of {len(healthy)}."), "", "| kind | caught, or alarmed | first alert |", "|---|---|---|", *lines,
    ])  # fmt: skip


def per_rule(zoo, corpus, rules) -> str:
    hits, false, leads = defaultdict(int), defaultdict(int), defaultdict(list)
    for run in [*zoo, *corpus]:
        bad = run["label"] in ("doomed", "failed")
        firsts = {a["rule"]: a for a in reversed(run["alerts"])}
        for rule, alert in firsts.items():
            (hits if bad else false)[rule] += 1
            last = run.get("last_step")
            if bad and alert["step"] is not None and last:
                leads[rule].append(max(0.0, 1 - alert["step"] / last))
    lines = []
    for rule in sorted(rules, key=lambda r: (r.family, r.key)):
        lead = f"{median(leads[rule.key]):.0%}" if leads[rule.key] else "-"
        word = Severity(rule.severity).word
        lines.append(
            f"| {rule.family} | `{rule.key}` | {word} | {rule.action.value} | {hits[rule.key]} | {false[rule.key]} | {lead} |"
        )
    head = [
        "## Every rule",
        "",
        "| family | rule | severity | action | doomed or failed | healthy | lead, median |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *lines])


def per_kind(zoo) -> str:
    kinds = defaultdict(list)
    for run in zoo:
        if run["label"] == "doomed":
            kinds[run["kind"]].append(run)
    lines = []
    for kind, runs in sorted(kinds.items()):
        first = sorted({r["loud"][0]["rule"] for r in runs if r["loud"]})
        names = ", ".join(f"`{name}`" for name in first) or "-"
        lines.append(f"| {kind} | {sum(r['caught'] for r in runs)} of {len(runs)} | {names} |")
    return "\n".join(
        ["## Every kind of failure in the zoo", "", "| kind | caught | first alert |", "|---|---|---|", *lines]
    )


def left_out(zoo) -> str:
    """Without the rules that only this kind of run ever needed: is its kind still seen, by rules that others vouch for?"""
    doomed = [r for r in zoo if r["label"] == "doomed"]
    kinds = sorted({r["kind"] for r in doomed})
    lines, kept, of = [], 0, 0
    for kind in kinds:
        vouched = {
            a["rule"] for r in doomed if r["kind"] != kind for a in r["alerts"] if a["severity"] >= Severity.HIGH
        }
        mine = [r for r in doomed if r["kind"] == kind]
        seen = sum(any(a["rule"] in vouched and a["family"] in r["right"] for a in r["alerts"]) for r in mine)
        kept, of = kept + seen, of + len(mine)
        lines.append(f"| {kind} | {seen} of {len(mine)} |")
    head = [
        "## Leave one family out", "",
        "Only rules that fire on some other kind of doomed run may speak, hidden or not: what a kind would keep if it had never",
        "been seen. It is a lower bound: a rule that follows from the cause of one documented failure is left out with it.", "",
        "| kind left out | still seen by rules that others vouch for |", "|---|---|",
    ]  # fmt: skip
    return "\n".join([*head, *lines, f"| all | {kept} of {of} |"]) if of else ""

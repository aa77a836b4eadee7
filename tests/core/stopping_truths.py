"""What may be so of a run, its people and Sentinel: a flat dictionary, what each entry is when all allow a stop, and what
it is when it does not; and how random worlds are drawn from it. It knows nothing of the conditions' table.
"""

from sentinel.core.records import Action
from sentinel.core.stopping_world import Level, Mode

OWNER = 1000

# What must be so for a run to be asked or ended, and what it is when it is not. `None` stands for "not known".
GOOD = {
    "mode": Mode.ARMED,
    "watch": Level.KILL,
    "action": Action.STOP,
    "may_act": True,
    "doom": 0.9,
    "consent": Level.KILL,
    "consent_owner": OWNER,
    "rehearsed": 3,
    "fires": True,
    "fingerprint": "a",
    "second": "independent",
    "sign_age": 3600.0,
    "second_age": 3600.0,
    "stale": False,
    "owned": True,
    "newest_age": 10.0,
    "kind": "run",
    "over": False,
    "home": True,
    "warm": True,
    "evaluating": False,
    "saving": False,
    "run_age": 7200.0,
    "sentinel_age": 7200.0,
    "left": 100.0,
    "others_at_once": 0,
    "last_hour": 0,
    "last_day": 0,
    "before": 0,
    "matching": 1,
    "runs": 10,
    "failed": 0,
    "kept": "",
    "wrong": False,
    "channels": 1,
    "delivers": True,
    "muted": False,
    "quiet": False,
    "survey_age": 1.0,
    "pids": (4242,),
    "uids": frozenset({OWNER}),
    "carried": 1,
    "carries": (),
    "trouble": (),
    "younger": (),
    "gone_age": None,
    "vanished": False,
    "rival": "",
    "nonfinite": False,
    "broken": False,  # its numbers are not finite, and no rule says so
    "tainted": False,
    "hung": False,
    "second_hung": False,  # a sign says that it hangs, and another one leads
    "stuck": False,
    "way": "signal TERM",
    "ends": True,
    "elsewhere": False,
    "copies": True,
    "good": True,
    "save_age": 600.0,
    "saves": True,  # whether it saves when asked
    "exits": "term",  # "save": by itself after the save; "term"; "kill"; "never"
    "comes_back": False,
}
BAD = {
    "mode": [Mode.REHEARSE, Mode.OFF],
    "watch": [Level.NEVER, Level.CHECKPOINT, Level.STOP],
    "action": [Action.TELL, Action.CHECKPOINT],
    "may_act": [False],
    "doom": [0.5],
    "consent": [Level.NEVER, Level.CHECKPOINT, Level.STOP],
    "consent_owner": [1001, None],
    "rehearsed": [0, 2],
    "fires": [False],
    "fingerprint": ["b"],
    "second": ["none", "same series", "same signature", "weak", "hidden"],
    "sign_age": [10.0],
    "second_age": [10.0],
    "stale": [True],
    "owned": [False],
    "newest_age": [4000.0, None, -500.0],
    "kind": ["notebook"],
    "over": [True],
    "home": [False],
    "warm": [False],
    "evaluating": [True],
    "saving": [True],
    "run_age": [60.0, None],
    "sentinel_age": [30.0],
    "left": [1.0, None],
    "others_at_once": [1],
    "last_hour": [2],
    "last_day": [6],
    "before": [1],
    "matching": [5],
    "failed": [1],
    "kept": ["kept by ada"],
    "wrong": [True],
    "channels": [0],
    "delivers": [False],
    "muted": [True],
    "quiet": [True],
    "survey_age": [900.0, None],
    "pids": [()],
    "uids": [frozenset({1001}), frozenset({OWNER, 1001}), frozenset()],
    "carried": [2],
    "carries": [("pid 7 also writes for b",)],
    "trouble": [("pid 7 is a shell",)],
    "younger": [(4242,)],
    "gone_age": [300.0],
    "vanished": [True],
    "rival": ["pid 7 of uid 1000 is at it"],
    "nonfinite": [True],
    "broken": [True],
    "tainted": [True],
    "hung": [True],
    "second_hung": [True],
    "stuck": [True],
    "way": [""],
    "ends": [False],
    "elsewhere": [True],
    "copies": [False],
    "good": [False, "unclear"],
    "save_age": [9000.0, None],
    "saves": [False, "badly"],
    "exits": ["save", "kill", "never"],
    "comes_back": [True],
}
# Two things wrong at once, where the first alone leads elsewhere.
TOGETHER = (
    {"way": "", "save_age": 9000.0},
    {"way": "", "good": False},
    {"way": "", "copies": False},
    {"way": "", "consent": Level.CHECKPOINT},
    {"way": "", "elsewhere": True},
    {"hung": True, "consent": Level.STOP},
    {"second_hung": True, "consent": Level.STOP},
    {"broken": True, "save_age": 9000.0},
    {"hung": True, "good": False, "copies": False},
    {"stuck": True, "watch": Level.STOP},
    {"exits": "kill", "consent": Level.STOP},
    {"exits": "kill", "watch": Level.STOP},
    {"nonfinite": True, "copies": False},
    {"nonfinite": True, "good": False},
    {"nonfinite": True, "consent": Level.CHECKPOINT, "ends": False},
    {"tainted": True, "elsewhere": True},
    {"action": Action.CHECKPOINT, "ends": False},
    {"consent": Level.CHECKPOINT, "ends": False},
    {"saves": False, "save_age": 9000.0},
    {"saves": False, "consent": Level.STOP, "exits": "never"},
)


def random_truth(rng, factor=None):
    """All allow it, but for one thing, or two, or none; and perhaps one that changes on the way."""
    truth = dict(GOOD)
    truth.update(exits=rng.choice(("term", "term", "save", "kill")), watch=rng.choice((Level.STOP, Level.KILL)))
    names = list(BAD)
    roll = rng.random()
    if factor is None and roll < 0.2:
        truth.update(rng.choice(TOGETHER))
    else:
        for name in [factor or rng.choice(names)] + ([rng.choice(names)] if roll > 0.8 else []):
            truth[name] = rng.choice(BAD[name])
    return truth


def random_switch(rng, ticks=90):
    """A change of the world while the plan runs: a veto, a recovery, a withdrawn consent, a dead channel."""
    name = rng.choice([n for n in BAD if n not in ("exits", "saves", "comes_back", "good", "save_age")])
    begin = rng.randrange(1, ticks)
    switch = {begin: {name: rng.choice(BAD[name])}}
    if rng.random() < 0.3:
        switch.setdefault(begin + rng.randrange(1, 20), {})[name] = GOOD[name]
    return switch

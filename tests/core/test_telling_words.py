"""Mutes by alert, run, rule, signature and family; keeps."""

import pytest

from sentinel.core.telling_letter import member_of
from sentinel.core.telling_words import Saying, Scope, Standing, Word
from tests.outlets.stories import AT, change, story

MEMBER = member_of(change(id="7f3a"), story())


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        (Scope.ALERT, "7f3a"),
        (Scope.RUN, "w/swift-fox"),
        (Scope.RULE, "probability-collapse/no-separation"),
        (Scope.RULE, "probability-collapse"),
        (Scope.FAMILY, "collapse"),
    ],
)
def test_a_mute_holds_until_it_ends(scope, target):
    standing = Standing((Word(1, Saying.MUTE, scope, target, "ana", AT, AT + 60),))
    assert standing.muted(MEMBER, AT + 59)
    assert not standing.muted(MEMBER, AT + 60)


def test_a_word_that_was_taken_back_holds_no_more():
    standing = Standing((Word(1, Saying.KEEP, Scope.RUN, "w/swift-fox", "ana", AT, over=AT + 5),))
    assert not standing.kept("w/swift-fox", AT + 6)

"""Marks of what something says."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.digest import digest


@given(st.binary(max_size=200), st.integers(1, 64))
def test_a_mark_is_the_one_that_every_python_gives(data, size):
    assert digest(data, size) == hashlib.blake2b(data, digest_size=size).hexdigest()

"""The five post-mortems' runs, armed, end as the table in docs/operate/stopping.md says."""

from sentinel.daemon.books import open_books
from tests.stories import armed


def test_the_five_end_as_the_page_says(tmp_path):
    text = armed.table(open_books([]), tmp_path)
    assert armed.page_with(text) == armed.PAGE.read_text(), "python -m tests.stories.armed"

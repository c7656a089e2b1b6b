"""Pages: cursors in base64, every row once, and an end that can be told."""

from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.venue.sandbox.server.clob.pages import END, START, page_of
from polyarb.venue.sandbox.server.errors import RejectedError


@settings(derandomize=True, database=None)
@given(st.integers(0, 40), st.integers(1, 15), st.sampled_from(["", START]))
def test_every_row_is_on_exactly_one_page(count: int, size: int, cursor: str) -> None:
    rows, seen, pages = list(range(count)), [], 0
    while True:
        page = page_of(rows, cursor, size)
        assert (page.limit, page.count) == (size, len(page.data))
        seen += page.data
        pages += 1
        cursor = page.next_cursor
        if cursor == END:
            break
        assert page.count == size
    assert seen == rows
    assert pages == max(1, -(-count // size))


def test_the_cursors_are_those_of_the_venue() -> None:
    assert (b64encode(b"0").decode(), b64encode(b"-1").decode()) == (START, END)
    assert page_of(range(5), START, 2).next_cursor == b64encode(b"2").decode()
    assert page_of(range(5), END, 2).data == range(0)
    assert page_of(range(5), b64encode(b"99").decode(), 2).next_cursor == END


@pytest.mark.parametrize("cursor", ["MA", "!!", "LTI=", "eA==", "MA==" * 9, "wrong", "ä"])
def test_a_cursor_that_was_never_given_out_is_refused(cursor: str) -> None:
    with pytest.raises(RejectedError) as raised:
        page_of([1], cursor, 2)
    assert (raised.value.status, str(raised.value)) == (400, "invalid next_cursor")

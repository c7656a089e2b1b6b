"""Derived ids: the same content, the same id; nothing else does."""

import re

from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.ids import derive_id


def test_an_id_is_its_prefix_and_32_hex_digits() -> None:
    assert re.fullmatch(r"plan-[0-9a-f]{32}", derive_id("plan", "a", "b"))


def test_an_id_is_the_same_in_every_process() -> None:
    assert derive_id("plan", "a", "b") == "plan-" + derive_id("order", "a", "b")[6:]
    assert derive_id("x") == "x-e3b0c44298fc1c149afbf4c8996fb924"


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_ids_are_alike_only_for_the_same_parts(one: list[str], other: list[str]) -> None:
    assert (derive_id("x", *one) == derive_id("x", *other)) == (one == other)


def test_where_parts_are_cut_matters() -> None:
    assert derive_id("x", "ab", "c") != derive_id("x", "a", "bc")

"""Values are read strictly from their text: nothing is coerced, nothing is rounded."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.config.document import parse_node
from polyarb.config.figures import Choice, Figure, Unit, read_id, read_ids, read_text, read_texts
from polyarb.config.nodes import Layer, Node, Origin
from polyarb.domain.plan import Family
from pydantic_core import PydanticCustomError

USD = Figure(Unit.USD, 1, 1_000_000_000, is_decimal=True)
COUNT = Figure(Unit.COUNT, 1, 100)
FAMILIES = Choice(tuple(Family))


def node(text: str) -> Node | None:
    return parse_node(text, Origin(Layer.CONFIG, "a.yaml"))


@pytest.mark.parametrize(
    ("text", "micros"),
    [("1", 1_000_000), ("0.000001", 1), ("2.50", 2_500_000), ("1000.0", 1_000_000_000)],
)
def test_money_is_read_exactly(text: str, micros: int) -> None:
    assert USD.read(node(text)) == micros


@given(st.integers(1, 1_000_000_000))
def test_every_amount_survives_writing_and_reading(micros: int) -> None:
    text = USD.write(micros)
    assert USD.read(node(text)) == micros
    assert Decimal(text) == Decimal(micros) / 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        *(
            "'1'",
            '"1"',
            "-1",
            "+1",
            "1e3",
            "1.5e0",
            "1_000",
            "0x10",
            "010",
            "0o7",
            ".5",
            "1.",
            "1:30",
        ),
        *(
            "0.0000001",
            "0",
            "1000.000001",
            ".inf",
            ".nan",
            "true",
            "yes",
            "null",
            "",
            "[1]",
            "{a: 1}",
        ),
        *("one", "1 USD", "$1", "2026-11-24"),
    ],
)
def test_what_is_no_plain_decimal_in_range_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError, match=r"a plain decimal from 0.000001 to 1000"):
        USD.read(node(text))


@pytest.mark.parametrize(
    "text", ["0", "101", "1.0", "1.5", "'5'", "true", "-1", "1_0", "[5]", "007"]
)
def test_what_is_no_whole_number_in_range_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="a whole number from 1 to 100"):
        COUNT.read(node(text))


@pytest.mark.parametrize("text", ["1", "100"])
def test_bounds_are_inclusive(text: str) -> None:
    assert COUNT.read(node(text)) == int(text)


@pytest.mark.parametrize("text", ["5", "1.0", "true", "null", "[a]", "2026-11-24"])
def test_a_text_is_never_something_else(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="quote what looks like a number"):
        read_text(node(text))
    assert read_text(node("'1.0'")) == "1.0"


def test_an_id_may_look_like_a_number_but_has_no_white_space() -> None:
    assert read_id(node("0x00ff")) == "0x00ff"
    assert read_id(node("'0x00ff'")) == "0x00ff"
    for text in ("'a b'", "''", "null", "[a]", "true"):
        with pytest.raises(PydanticCustomError, match="an id without white space"):
            read_id(node(text))


def test_lists_hold_each_entry_once() -> None:
    assert read_texts(node("[b, a]")) == ("b", "a")
    assert read_ids(node("[0x1, 2]")) == ("0x1", "2")
    for read in (read_texts, read_ids):
        with pytest.raises(PydanticCustomError, match="each entry once"):
            read(node("[a, b, a]"))
        with pytest.raises(PydanticCustomError, match="a list of"):
            read(node("a"))


def test_words_are_put_into_the_order_of_their_enumeration() -> None:
    found = FAMILIES.read_list(node("[ladder, binary]"))
    assert found == (Family.BINARY, Family.LADDER)
    assert all(isinstance(word, Family) for word in found)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "a list of binary, negrisk_yes"),
        ("binary", "a list of binary"),
        ("[binary, binary]", "each entry once"),
        ("[negrisk_yess]", r"negrisk_yes \(the nearest\), found the text negrisk_yess"),
        ("[zzz]", "one of binary, negrisk_yes"),
        ("[1]", "one of binary"),
    ],
)
def test_a_wrong_word_is_told_with_the_nearest(text: str, told: str) -> None:
    with pytest.raises(PydanticCustomError, match=told):
        FAMILIES.read_list(node(text))


def test_no_word_must_be_written_out() -> None:
    assert FAMILIES.read_or_none(node("null")) is None
    assert FAMILIES.read_or_none(node("ladder")) is Family.LADDER
    for missing in ("''", "{a: }"):
        with pytest.raises(PydanticCustomError):
            FAMILIES.read_or_none(node(missing))

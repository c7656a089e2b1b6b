"""Markets: what makes one untradable, and the mirror of a price."""

import msgspec
import pytest
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.market import Market, Untradable, mirror
from polyarb.domain.units import ONE
from tests.worlds import market


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"is_closed": True}, Untradable.CLOSED),
        ({"is_accepting_orders": False}, Untradable.NOT_ACCEPTING),
        ({"fee": None}, Untradable.UNKNOWN_FEE),
        ({"version": None}, Untradable.UNKNOWN_VERSION),
        ({"tick": None}, Untradable.UNKNOWN_TICK),
        ({"size_min": None}, Untradable.UNKNOWN_SIZE_MIN),
    ],
)
def test_a_market_names_why_no_order_may_be_sent(
    facts: dict[str, object], reason: Untradable | None
) -> None:
    assert market("A", **facts).untradable() is reason


def test_every_reason_has_its_turn_from_the_gravest_on() -> None:
    facts = {
        "is_closed": True,
        "is_accepting_orders": False,
        "fee": None,
        "version": None,
        "tick": None,
        "size_min": None,
    }
    good, seen = market("A"), []
    one = market("A", **facts)
    for name in facts:
        seen.append(one.untradable())
        one = msgspec.structs.replace(one, **{name: getattr(good, name)})
    assert set(seen) == set(Untradable)
    assert one.untradable() is None


def test_a_market_of_which_nothing_is_known_takes_no_order() -> None:
    bare = Market(condition_id=ConditionId("A"), yes=TokenId("Y"), no=TokenId("N"))
    assert bare.untradable() is Untradable.NOT_ACCEPTING
    assert not bare.is_closed


@pytest.mark.parametrize("price", [1, 100, 470_000, 500_000, 999_900])
def test_the_mirror_of_the_mirror_is_the_price(price: int) -> None:
    assert mirror(mirror(price)) == price
    assert mirror(price) + price == ONE

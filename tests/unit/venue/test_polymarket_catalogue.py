"""Catalogues from sidecars of every shape, and from a tape alone."""

import json
from pathlib import Path

import pytest
from polyarb.domain.errors import VenueError
from polyarb.domain.fees import NO_FEE, FeeSchedule
from polyarb.domain.market import Catalogue, Market, MarketVersion, Untradable
from polyarb.venue.polymarket.instruments.catalogue import (
    NO_EVENT_BODY,
    CatalogueBuilder,
    infer_catalogue,
    load_catalogue,
)
from wire_cases import NO, OTHER_NO, OTHER_YES, YES, Json, book, entry, line, price_change, trade

CONDITION = "0x" + "ab" * 32
GROUP = "0x" + "cd" * 31 + "00"


def gamma(**changed: Json) -> dict[str, Json]:
    """A market that may be traded, as Gamma tells it."""
    return {
        "id": "1",
        "version": "v1",
        "slug": "will-it",
        "question": "Will it?",
        "conditionId": CONDITION,
        "outcomes": '["Yes", "No"]',
        "clobTokenIds": json.dumps([YES, NO]),
        "positionIds": None,
        "active": True,
        "closed": False,
        "archived": False,
        "acceptingOrders": True,
        "enableOrderBook": True,
        "negRisk": False,
        "orderPriceMinTickSize": 0.01,
        "orderMinSize": 5,
        "secondsDelay": 0,
        "feesEnabled": True,
        "feeSchedule": {"exponent": 1, "rate": 0.05, "takerOnly": True, "rebateRate": 0.25},
        **changed,
    }


def neg_risk_event(count: int = 3, **changed: Json) -> dict[str, Json]:
    """An event whose outcomes are complete."""
    return {
        "id": "9",
        "title": "Who?",
        "slug": "who",
        "closed": False,
        "negRisk": True,
        "negRiskAugmented": False,
        "negRiskMarketID": GROUP,
        "negRiskFeeBips": 20,
        "cumulativeMarkets": False,
        "markets": [outcome(number) for number in range(count)],
        **changed,
    }


def outcome(number: int, **changed: Json) -> dict[str, Json]:
    """One outcome of the event."""
    return gamma(
        conditionId=f"0x{number:064x}",
        clobTokenIds=json.dumps([f"{number}01", f"{number}02"]),
        negRisk=True,
        negRiskMarketID=GROUP,
        questionID=f"{GROUP[:-2]}{number:02x}",
        negRiskOther=False,
        **changed,
    )


def read(*bodies: Json) -> Catalogue:
    """Read bodies as sidecars."""
    builder = CatalogueBuilder()
    for body in bodies:
        builder.add(json.dumps(body).encode(), "sidecar.json")
    return builder.catalogue()


def read_one(body: Json) -> Market:
    """Read the only market of a sidecar."""
    (market,) = read(body).markets.values()
    return market


def refusal(*bodies: Json) -> str:
    """Read sidecars that must be refused; return why."""
    with pytest.raises(VenueError) as fault:
        read(*bodies)
    return str(fault.value)


def test_a_gamma_market_is_read_whole() -> None:
    market = read_one({"markets": [gamma()], "next_cursor": "x"})
    assert market == Market(
        condition_id=market.condition_id,
        yes=market.yes,
        no=market.no,
        question="Will it?",
        slug="will-it",
        outcomes=("Yes", "No"),
        version=MarketVersion.V1,
        tick=market.tick,
        size_min=market.size_min,
        fee=FeeSchedule(rate=500, exponent=1),
        is_accepting_orders=True,
    )
    assert (market.condition_id, market.yes, market.no) == (CONDITION, YES, NO)
    assert (market.tick, market.size_min) == (10_000, 5_000_000)
    assert market.untradable() is None


@pytest.mark.parametrize("body", [gamma(), [gamma()], {"markets": [gamma()]}])
def test_a_market_alone_in_a_list_or_in_a_page_is_the_same(body: Json) -> None:
    assert read_one(body) == read_one(gamma())


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": None}, Untradable.UNKNOWN_VERSION),
        ({"version": "v3"}, Untradable.UNKNOWN_VERSION),
        ({"orderPriceMinTickSize": None}, Untradable.UNKNOWN_TICK),
        ({"orderPriceMinTickSize": 0.02}, Untradable.UNKNOWN_TICK),
        ({"orderPriceMinTickSize": 0.0100000001}, Untradable.UNKNOWN_TICK),
        ({"orderMinSize": None}, Untradable.UNKNOWN_SIZE_MIN),
        ({"orderMinSize": -5}, Untradable.UNKNOWN_SIZE_MIN),
        ({"orderMinSize": 1e300}, Untradable.UNKNOWN_SIZE_MIN),
        ({"feeSchedule": None}, Untradable.UNKNOWN_FEE),
        ({"feeSchedule": None, "feesEnabled": None}, Untradable.UNKNOWN_FEE),
        ({"feeSchedule": {"rate": 0.05}}, Untradable.UNKNOWN_FEE),
        ({"feeSchedule": {"rate": 0.00001, "exponent": 1}}, Untradable.UNKNOWN_FEE),
        ({"feeSchedule": {"rate": 0.05, "exponent": 3}}, Untradable.UNKNOWN_FEE),
        ({"feeSchedule": {"rate": 0.05, "exponent": 1.5}}, Untradable.UNKNOWN_FEE),
        ({"feeSchedule": {"rate": 2, "exponent": 1}}, Untradable.UNKNOWN_FEE),
        ({"feeSchedule": {"rate": "NaN", "exponent": 1}}, Untradable.UNKNOWN_FEE),
        ({"closed": True}, Untradable.CLOSED),
        ({"closed": None}, Untradable.NOT_ACCEPTING),
        ({"archived": True}, Untradable.NOT_ACCEPTING),
        ({"acceptingOrders": None}, Untradable.NOT_ACCEPTING),
        ({"enableOrderBook": False}, Untradable.NOT_ACCEPTING),
        ({"active": False}, Untradable.NOT_ACCEPTING),
    ],
)
def test_what_is_not_known_cannot_be_traded(changed: dict[str, Json], reason: Untradable) -> None:
    assert read_one(gamma(**changed)).untradable() is reason


@pytest.mark.parametrize(
    ("changed", "fee"),
    [
        ({"feesEnabled": False, "feeSchedule": None}, NO_FEE),
        (
            {"feesEnabled": False, "feeSchedule": {"rate": 0.04, "exponent": 1}},
            FeeSchedule(rate=400),
        ),
        ({"feeSchedule": {"rate": "0.0725", "exponent": 2}}, FeeSchedule(rate=725, exponent=2)),
        ({"feeSchedule": {"rate": 0, "exponent": 0}}, FeeSchedule(rate=0, exponent=0)),
    ],
)
def test_a_fee_is_none_only_where_it_is_said_to_be_off(
    changed: dict[str, Json], fee: FeeSchedule
) -> None:
    assert read_one(gamma(**changed)).fee == fee


def test_a_number_is_read_from_its_text_and_not_through_a_float() -> None:
    exact = b'{"conditionId": "0x1", "clobTokenIds": "[\\"1\\",\\"2\\"]", "orderMinSize": '
    builder = CatalogueBuilder()
    builder.add(exact + b"9007199254740993.000001}", "exact.json")
    (market,) = builder.catalogue().markets.values()
    assert market.size_min == 9_007_199_254_740_993_000_001


def test_the_version_chooses_the_ids_even_if_both_are_there() -> None:
    both = {"clobTokenIds": json.dumps([YES, NO]), "positionIds": [OTHER_YES, OTHER_NO]}
    assert read_one(gamma(**both)).yes == YES
    assert read_one(gamma(**both, version="v2")).yes == OTHER_YES
    assert read_one(gamma(**both, version=None)).yes == YES
    assert read_one(gamma(version=None, clobTokenIds=None, positionIds=[YES, NO])).yes == YES


def test_a_condition_id_of_31_bytes_is_brought_to_the_form_of_the_clob() -> None:
    assert read_one(gamma(conditionId="0x" + "ab" * 31)).condition_id == "0x" + "ab" * 31 + "00"


def test_the_taker_hold_is_in_milliseconds() -> None:
    assert read_one(gamma(secondsDelay=3)).hold_ms == 3_000
    assert read_one(gamma(secondsDelay=None)).hold_ms == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"conditionId": None},
        {"conditionId": ""},
        {"clobTokenIds": None},
        {"clobTokenIds": ""},
        {"clobTokenIds": '["1"]'},
        {"clobTokenIds": '["1", "2", "3"]'},
        {"clobTokenIds": '["1", "1"]'},
    ],
)
def test_a_market_without_two_tokens_is_left_out(changed: dict[str, Json]) -> None:
    assert read(gamma(**changed)).markets == {}


def test_a_compact_market_is_read_and_says_less() -> None:
    body = {
        "c": CONDITION,
        "t": [{"t": YES, "o": "Up"}, {"t": NO, "o": "Down"}],
        "mos": 5,
        "mts": 0.0025,
        "ao": True,
        "itode": True,
        "fd": {"r": 0.05, "e": 1, "to": True},
    }
    market = read_one(body)
    assert market.outcomes == ("Up", "Down")
    assert (market.tick, market.size_min, market.hold_ms) == (2_500, 5_000_000, 250)
    assert market.fee == FeeSchedule(rate=500)
    assert market.untradable() is Untradable.UNKNOWN_VERSION
    assert read_one({**body, "v": "v1"}).untradable() is None
    assert read_one({**body, "fd": None}).fee is None
    assert read({**body, "t": [{"t": YES}]}).markets == {}
    for nothing in ({"c": ""}, {"c": None}):
        assert "expected a compact market that says its condition" in refusal({**body, **nothing})


def test_two_descriptions_of_one_market_are_put_together() -> None:
    compact = {"c": CONDITION, "t": [{"t": YES}, {"t": NO}], "mts": 0.001, "ao": True,
               "itode": True}  # fmt: skip
    market = read_one([gamma(orderPriceMinTickSize=None), compact])
    assert (market.tick, market.size_min, market.hold_ms) == (1_000, 5_000_000, 250)
    assert market.is_accepting_orders
    assert not read_one([gamma(), {**compact, "ao": False}]).is_accepting_orders
    assert read_one([gamma(), gamma(closed=True)]).is_closed


def test_a_token_of_two_markets_is_refused() -> None:
    reason = refusal([gamma(), gamma(conditionId="0xelse")])
    for part in ("sidecar.json", YES, CONDITION, "0xelse"):
        assert part in reason


def test_a_market_with_other_tokens_is_refused() -> None:
    assert OTHER_YES in refusal([gamma(), gamma(clobTokenIds=json.dumps([OTHER_YES, OTHER_NO]))])
    assert CONDITION in refusal([gamma(), gamma(clobTokenIds=json.dumps([NO, YES]))])


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ({"markets": [gamma(), gamma(closed="no")]}, ("$.markets[1].closed", "bool", "str")),
        ([gamma(), gamma(slug=5)], ("element 1", "$.slug", "str", "int")),
        (gamma(clobTokenIds="[1"), ("clobTokenIds", "[1")),
        (gamma(orderMinSize=[]), ("$.orderMinSize", "array")),
        ({"events": [{"markets": 5}]}, ("$.events[0].markets", "array", "int")),
        ({"token_a": "1", "token_b": "2"}, ("market",)),
        ({"unheard": "of"}, ("expected", "found")),
        ([5], ("element 0", "object", "int")),
        (5, ("object", "int")),
    ],
)
def test_a_malformed_sidecar_is_refused_with_its_place(body: Json, parts: tuple[str, ...]) -> None:
    reason = refusal(body)
    for part in ("sidecar.json", *parts):
        assert part in reason


@pytest.mark.parametrize("content", [b"", b"{", b"[", b"\xff", b"{" * 100_000])
def test_a_sidecar_that_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(VenueError, match=r"sidecar\.json"):
        CatalogueBuilder().add(content, "sidecar.json")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VenueError, match=r"none\.json.*check the path"):
        load_catalogue([tmp_path / "none.json"])


def test_a_complete_event_is_a_certified_group() -> None:
    for body in (neg_risk_event(), {"events": [neg_risk_event()]}, [neg_risk_event()]):
        catalogue = read(body)
        (group,) = catalogue.groups.values()
        assert group.group_id == GROUP
        assert group.condition_ids == tuple(catalogue.markets)
        assert (group.title, group.incomplete, group.convert_fee_bips) == ("Who?", "", 20)
        assert {market.group_id for market in catalogue.markets.values()} == {GROUP}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (neg_risk_event(negRiskAugmented=True), "negRiskAugmented"),
        (neg_risk_event(negRiskAugmented=None), "negRiskAugmented"),
        (neg_risk_event(cumulativeMarkets=True), "cumulativeMarkets"),
        (neg_risk_event(closed=True), "closed"),
        (neg_risk_event(closed=None), "closed"),
        (neg_risk_event(1), "fewer than two"),
        (neg_risk_event(markets=[outcome(0), outcome(1), gamma()]), "outside of the group"),
        (
            neg_risk_event(
                markets=[outcome(0), {**outcome(1), "negRiskMarketID": "0x" + "ee" * 32}]
            ),
            "outside of the group",
        ),
        (
            neg_risk_event(markets=[outcome(0), {**outcome(1), "negRiskOther": True}]),
            "negRiskOther",
        ),
        (
            neg_risk_event(markets=[outcome(0), outcome(1), {**outcome(2), "conditionId": None}]),
            "conditionId",
        ),
        (neg_risk_event(markets=[outcome(0), outcome(1), outcome(1)]), "twice"),
        (
            neg_risk_event(markets=[outcome(0), outcome(1), {**outcome(2), "clobTokenIds": ""}]),
            "two tokens",
        ),
        (
            neg_risk_event(markets=[outcome(0), outcome(1), {**outcome(2), "closed": True}]),
            "closed",
        ),
        (
            neg_risk_event(
                markets=[outcome(0), outcome(1), {**outcome(2), "acceptingOrders": False}]
            ),
            "takes no orders",
        ),
        (neg_risk_event(markets=[outcome(0), outcome(2)]), "questionID"),
        (neg_risk_event(markets=[outcome(1), outcome(2)]), "questionID"),
        (
            neg_risk_event(markets=[outcome(0), {**outcome(1), "questionID": None}]),
            "questionID",
        ),
    ],
)
def test_a_group_that_is_not_proven_complete_says_why(event: Json, reason: str) -> None:
    assert reason in read(event).groups[GROUP].incomplete


def test_the_convert_fee_may_be_unknown() -> None:
    assert read(neg_risk_event(negRiskFeeBips=None)).groups.popitem()[1].convert_fee_bips is None


def test_an_event_that_is_no_neg_risk_is_no_group() -> None:
    assert read(neg_risk_event(negRisk=False, markets=[gamma()])).groups == {}
    nameless = neg_risk_event(negRiskMarketID=None, markets=[gamma(negRisk=True)])
    assert read(nameless).groups == {}


def test_a_group_known_from_its_markets_alone_is_not_certified() -> None:
    page = {"markets": [outcome(0), outcome(1), outcome(1)]}
    (group,) = read(page).groups.values()
    assert group.incomplete == NO_EVENT_BODY
    assert len(group.condition_ids) == 2
    for order in ([page, neg_risk_event()], [neg_risk_event(), page]):
        (group,) = read(*order).groups.values()
        assert (group.incomplete, len(group.condition_ids)) == ("", 3)


def test_token_pairs_tell_the_tokens_and_nothing_else() -> None:
    market = read_one([{"market": "m", "token_a": "1", "token_b": "2"}])
    assert market == Market(condition_id=market.condition_id, yes=market.yes, no=market.no)
    assert (market.condition_id, market.yes, market.no) == ("m", "1", "2")
    assert market.untradable() is Untradable.NOT_ACCEPTING


def test_a_list_without_tokens_is_no_catalogue_and_no_fault() -> None:
    assert read([{"market_id": "0x", "payout_up": 1.0, "payout_down": 0.0}]) == Catalogue()


def test_tokens_of_one_market_id_are_taken_as_its_outcomes_in_order_of_appearance() -> None:
    change = {**price_change(entry(OTHER_NO, "0.4", "1", "BUY")), "market": "m2"}
    lines = [
        b"?",
        line({"event_type": "weather"}),
        line({**trade(NO), "market": "m1"}),
        line([{**book(YES, [], []), "market": "m1"}, change]),
        line({**trade(OTHER_YES), "market": "m1"}),
        line({**trade(NO), "market": "m3"}),
    ]
    catalogue = infer_catalogue(lines)
    assert [(m.condition_id, m.yes, m.no) for m in catalogue.markets.values()] == [
        ("m1", NO, YES),
        ("m2", OTHER_NO, ""),
    ]
    assert all(market.untradable() for market in catalogue.markets.values())

"""Pages of Gamma events as instruments: what is wrong is left out, and a torn page stops it all."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.errors import VenueError
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, GroupId
from polyarb.domain.instruments import Instruments
from polyarb.domain.market import Untradable
from polyarb.venue.polymarket.instruments.listing import LISTED_TWICE, REFUSED_LEG, TORN, Listing
from tests.gamma_pages import Body, condition, event, group, market, page, tokens

READ_MS = 1_795_000_000_000
END_MS = 1_811_808_000_000


def read(*pages: bytes) -> Instruments:
    listing = Listing(READ_MS)
    for content in pages:
        listing.add_page(content, "a page")
    return listing.instruments()


def refused(found: Instruments) -> dict[str, str]:
    return {each.subject: each.reason for each in found.refused}


def group_id_of(body: Body) -> GroupId:
    return GroupId(str(body["negRiskMarketID"]))


def legs(body: Body) -> list[Body]:
    found = body["markets"]
    assert isinstance(found, list)
    return found


def test_a_market_is_read_with_its_turnover_and_dates() -> None:
    found = read(page(event("e", market("a"))))
    instrument = found.instruments[ConditionId(condition("a"))]
    assert instrument.market.untradable() is None
    assert (instrument.market.yes, instrument.market.no) == tokens("a")
    assert instrument.market.fee == FeeSchedule(rate=400)
    assert instrument.volume_24h == 5_000_123_456
    assert instrument.liquidity == 2_000_500_000
    assert instrument.end_time_ms == END_MS
    assert (instrument.fee_time_ms, found.read_time_ms) == (READ_MS, READ_MS)
    assert not instrument.is_confirmed
    assert found.refused == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"endDate": None}, (None, 5_000_123_456, 2_000_500_000)),
        ({"endDate": "soon"}, (None, 5_000_123_456, 2_000_500_000)),
        ({"endDate": "2027-06-01"}, (END_MS, 5_000_123_456, 2_000_500_000)),
        ({"endDate": "2027-06-01T02:00:00+02:00"}, (END_MS, 5_000_123_456, 2_000_500_000)),
        ({"volume24hr": None}, (END_MS, None, 2_000_500_000)),
        ({"volume24hr": -1}, (END_MS, None, 2_000_500_000)),
        ({"volume24hr": 1e30}, (END_MS, None, 2_000_500_000)),
        ({"volume24hr": 1e-30}, (END_MS, 0, 2_000_500_000)),
        ({"liquidityNum": None}, (END_MS, 5_000_123_456, 2_000_500_000)),
        ({"liquidityNum": None, "liquidity": None}, (END_MS, 5_000_123_456, None)),
        ({"liquidityNum": 7}, (END_MS, 5_000_123_456, 7_000_000)),
    ],
)
def test_what_is_not_told_or_absurd_is_not_known(
    changes: Body, expected: tuple[int | None, int | None, int | None]
) -> None:
    (found,) = read(page(event("e", market("a", **changes)))).instruments.values()
    assert (found.end_time_ms, found.volume_24h, found.liquidity) == expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": None}, Untradable.UNKNOWN_VERSION),
        ({"version": "v3"}, Untradable.UNKNOWN_VERSION),
        ({"feeSchedule": None}, Untradable.UNKNOWN_FEE),
        ({"orderPriceMinTickSize": 0.02}, Untradable.UNKNOWN_TICK),
        ({"orderMinSize": None}, Untradable.UNKNOWN_SIZE_MIN),
        ({"acceptingOrders": False}, Untradable.NOT_ACCEPTING),
        ({"closed": True}, Untradable.CLOSED),
    ],
)
def test_a_market_that_cannot_be_traded_is_listed_with_the_reason(
    changes: Body, reason: Untradable
) -> None:
    (found,) = read(page(event("e", market("a", **changes)))).instruments.values()
    assert found.market.untradable() is reason
    assert (found.fee_time_ms is None) == (reason is Untradable.UNKNOWN_FEE)


def test_a_v2_market_has_its_position_ids() -> None:
    body = market("a", version="v2", positionIds=["5", "6"], conditionId=f"0x{'ab' * 31}")
    (found,) = read(page(event("e", body))).instruments.values()
    assert (found.market.yes, found.market.no) == ("5", "6")
    assert found.market.condition_id == f"0x{'ab' * 31}00"


def test_a_whole_group_is_complete_and_numbered() -> None:
    body = group("g")
    listing = Listing(READ_MS)
    assert listing.add_page(page(body, event("e", market("a"))), "a page") == 2
    assert len(listing) == 4
    found = listing.instruments()
    assert found.groups[group_id_of(body)].incomplete == ""
    assert len(found.groups[group_id_of(body)].condition_ids) == 3
    assert listing.numbered == {group_id_of(body)}


@pytest.mark.parametrize("question", ["", "0x" + "ab" * 31 + "01", "0x00"])
def test_question_ids_of_something_else_number_nothing(question: str) -> None:
    body = group("g")
    legs(body)[1]["questionID"] = question
    listing = Listing(READ_MS)
    listing.add_page(page(body), "a page")
    assert listing.numbered == set()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"events": [',
        b"[]",
        b'{"markets": []}',
        b'{"events": {}}',
        b'{"events": null}',
        b"<html>502 Bad Gateway</html>",
        page(event("e", market("a")))[:-40],
    ],
)
def test_a_torn_page_is_refused_whole_with_its_name(content: bytes) -> None:
    with pytest.raises(VenueError, match="page 7: expected a page of Gamma events, found"):
        Listing(READ_MS).add_page(content, "page 7")


def test_a_market_of_the_wrong_form_is_left_out_and_its_neighbours_stay() -> None:
    wrong = market("wrong", orderMinSize="five")
    lists = market("lists", clobTokenIds="[1, 2]")
    found = read(page(event("e", market("a"), wrong, lists), event("f", market("b"))))
    assert {each.market.slug for each in found.instruments.values()} == {"a", "b"}
    told = refused(found)
    assert "orderMinSize" in told[condition("wrong")]
    assert "clobTokenIds" in told[condition("lists")]
    assert len(told) == 2


def test_an_event_of_the_wrong_form_is_left_out_with_its_name() -> None:
    wrong = event("wrong", market("w"), closed="perhaps")
    found = read(page(wrong, {"markets": 5}, event("e", market("a"))))  # type: ignore[dict-item]
    assert [each.market.slug for each in found.instruments.values()] == ["a"]
    assert list(refused(found)) == ["wrong", "a body without a name"]


def test_something_else_in_place_of_an_event_is_shown() -> None:
    found = read(b'{"events": ["x", 5, {"markets": [{"slug": 7, "question": 8}]}]}')
    assert [each.subject for each in found.refused] == ['"x"', "5", "7"]


@pytest.mark.parametrize("field", [{"orderMinSize": []}, {"clobTokenIds": "[1, 2]"}])
def test_a_group_with_an_outcome_that_cannot_be_read_is_not_complete(field: Body) -> None:
    body = group("g")
    legs(body)[2].update(field)
    found = read(page(body))
    known = found.groups[group_id_of(body)]
    assert known.incomplete == TORN
    assert len(known.condition_ids) == 2


def test_a_market_without_two_tokens_is_left_out() -> None:
    body = group("g")
    legs(body)[0]["clobTokenIds"] = '["1"]'
    found = read(page(body, event("e", market("a", clobTokenIds=None, conditionId=None))))
    assert set(refused(found).values()) == {"it has no two tokens"}
    assert found.groups[group_id_of(body)].incomplete == "an outcome has no two tokens"


def test_a_page_that_comes_twice_changes_nothing() -> None:
    one = page(group("g"), event("e", market("a")))
    assert read(one, one) == read(one)


def test_a_market_that_comes_again_is_taken_as_it_is_now() -> None:
    found = read(page(event("e", market("a"))), page(event("e", market("a", orderMinSize=7))))
    (instrument,) = found.instruments.values()
    assert instrument.market.size_min == 7_000_000


def test_a_token_in_two_markets_leaves_out_both() -> None:
    thief = market("thief", clobTokenIds=json.dumps([tokens("a")[0], "9"]))
    found = read(page(event("e", market("a"), market("b"), thief)))
    assert [each.market.slug for each in found.instruments.values()] == ["b"]
    told = refused(found)
    assert set(told) == {condition("a"), condition("thief")}
    assert condition("a") in told[condition("thief")]


def test_a_condition_with_two_pairs_of_tokens_is_left_out() -> None:
    other = market("a", clobTokenIds='["1", "2"]')
    found = read(page(event("e", market("a"), other, market("b"))))
    assert [each.market.slug for each in found.instruments.values()] == ["b"]
    assert refused(found) == {condition("a"): "it is listed with different tokens"}


def test_a_market_in_two_groups_is_left_out_and_neither_group_is_complete() -> None:
    first, second = group("g"), group("h")
    legs(second)[0] = legs(first)[0] | {"negRiskMarketID": second["negRiskMarketID"]}
    found = read(page(first, second))
    assert list(refused(found).values()) == ["it is listed in two groups"]
    assert [each.incomplete for each in found.groups.values()] == [REFUSED_LEG, REFUSED_LEG]
    assert [len(each.condition_ids) for each in found.groups.values()] == [2, 2]


def test_a_group_of_which_nothing_is_left_is_not_listed() -> None:
    body = group("g", legs=2)
    thieves = [
        market(f"t{number}", clobTokenIds=leg["clobTokenIds"])
        for number, leg in enumerate(legs(body))
    ]
    found = read(page(body, event("e", *thieves)))
    assert found.groups == {} and found.instruments == {}


def test_two_events_that_list_a_group_differently_do_not_make_it_complete() -> None:
    body, more = group("g", legs=2), group("g", legs=3)
    found = read(page(body), page(more))
    assert found.groups[group_id_of(body)].incomplete == LISTED_TWICE
    assert len(found.groups[group_id_of(body)].condition_ids) == 3


@given(cut=st.integers(0, 3_000), junk=st.binary(max_size=4), seed=st.integers(0, 9))
def test_a_damaged_page_is_refused_or_leaves_only_sound_markets(
    cut: int, junk: bytes, seed: int
) -> None:
    whole = page(group("g"), event("e", market("a")))
    place = (cut * (seed + 1)) % len(whole)
    damaged = whole[:place] + junk + whole[place + len(junk) :]
    try:
        found = read(damaged)
    except VenueError:
        return
    for condition_id, instrument in found.instruments.items():
        assert condition_id == instrument.market.condition_id
        assert instrument.market.yes != instrument.market.no


def events_of(paths: Iterable[Path]) -> list[Body]:
    found: list[Body] = []
    for path in paths:
        body = json.loads(path.read_text(encoding="utf-8"))
        found += body if isinstance(body, list) else body.get("events", [body])
    return found


def test_recorded_negrisk_events_are_read_whole(recorded: Path) -> None:
    paths = sorted((recorded / "artbreguez-negrisk").glob("events_negrisk_*.json"))
    bodies = events_of(paths[:1])
    found = read(page(*bodies))
    assert found.refused == ()
    assert len(found.groups) == len(bodies)
    assert len(found.instruments) == sum(len(legs(body)) for body in bodies)
    assert all(each.market.untradable() is None for each in found.instruments.values())


def test_a_recorded_gamma_event_is_read_with_its_figures(recorded: Path) -> None:
    (body,) = events_of([recorded / "trebuchet-fed-negrisk" / "gamma-event.json"])
    listing = Listing(READ_MS)
    listing.add_page(page(body), "a page")
    found = listing.instruments()
    assert listing.numbered == set(found.groups)
    assert [each.incomplete for each in found.groups.values()] == [""]
    assert sum(each.volume_24h or 0 for each in found.instruments.values()) // 10**6 == 1_076_855
    assert {each.end_time_ms for each in found.instruments.values()} == {1_781_654_400_000}
    assert {each.market.untradable() for each in found.instruments.values()} == {
        Untradable.UNKNOWN_VERSION
    }


def test_recorded_bodies_of_other_projects_are_read_or_left_out(recorded: Path) -> None:
    folder = recorded / "nautilus-fixtures"
    names = ["rust/gamma_event.json", "py/http_responses/event.json"]
    (augmented, old) = events_of(folder / name for name in names)
    found = read(page(augmented, old))
    (known,) = found.groups.values()
    assert known.incomplete == "outcomes may be added (negRiskAugmented)"
    assert len(found.instruments) + len(found.refused) == len(legs(augmented)) + len(legs(old))


def test_recorded_closed_markets_are_listed_as_closed(recorded: Path) -> None:
    path = recorded / "ligengxin-btc5m" / "BTC-5m-markets-2026-06-08.jsonl.gz"
    with gzip.open(path) as lines:
        bodies = [json.loads(line)["raw"] for line in lines]
    found = read(page(*(event(str(body["id"]), body) for body in bodies)))
    assert len(found.instruments) == 292 and found.refused == ()
    assert {each.market.untradable() for each in found.instruments.values()} == {Untradable.CLOSED}
    assert {each.market.fee for each in found.instruments.values()} == {FeeSchedule(rate=700)}

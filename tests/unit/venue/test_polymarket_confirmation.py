"""Two sources on one market and one group: what they agree on is known, the rest is not."""

import json
from pathlib import Path

import pytest
from polyarb.domain.fees import NO_FEE, FeeSchedule
from polyarb.domain.ids import ConditionId
from polyarb.domain.instruments import Instrument, Instruments, Refusal
from polyarb.domain.market import MarketGroup, MarketVersion, Untradable
from polyarb.venue.polymarket.instruments.confirmation import (
    NOT_ACCEPTED,
    ONE_SOURCE,
    OTHER_TOKENS,
    Answer,
    Unanswered,
    confirm,
)
from polyarb.venue.polymarket.instruments.listing import Listing
from tests.gamma_pages import Body, condition, event, group, info, infos, market, page

READ_MS = 1_795_000_000_000
A = ConditionId(condition("a"))


def held(listing: Listing, answers: dict[str, Body | Answer]) -> Instruments:
    told: dict[ConditionId, Answer] = {
        ConditionId(name): json.dumps(each).encode() if isinstance(each, dict) else each
        for name, each in answers.items()
    }
    return confirm(listing.instruments(), listing.numbered, told)


def listed(*events: Body) -> Listing:
    listing = Listing(READ_MS)
    listing.add_page(page(*events), "a page")
    return listing


def one(body: Body, answer: Body | Answer) -> Instrument:
    return held(listed(event("e", body)), {A: answer}).instruments[A]


def group_of(body: Body, answers: dict[str, Body | Answer]) -> MarketGroup:
    (found,) = held(listed(body), answers).groups.values()
    return found


def legs(body: Body) -> list[Body]:
    found = body["markets"]
    assert isinstance(found, list)
    return found


def without_numbers(body: Body) -> Body:
    for leg in legs(body):
        leg["questionID"] = None
    return body


def test_a_market_on_which_both_agree_is_confirmed() -> None:
    found = one(market("a"), info(market("a")))
    assert found.is_confirmed and found.doubts == ()
    assert found.market.untradable() is None
    assert (found.market.fee, found.fee_time_ms) == (FeeSchedule(rate=400), READ_MS)


def test_a_market_that_was_not_asked_for_stays_as_listed() -> None:
    listing = listed(event("e", market("a")))
    assert held(listing, {}) == listing.instruments()


def test_a_market_info_may_leave_out_its_own_condition() -> None:
    answer = info(market("a"))
    del answer["c"]
    assert one(market("a"), answer).is_confirmed


FEE = {"feeSchedule": {"rate": 0.04, "exponent": 1}}
FREE: Body = {"feeSchedule": None, "feesEnabled": False}
UNTOLD: Body = {"feeSchedule": None, "feesEnabled": None}


@pytest.mark.parametrize(
    ("gamma", "fd", "fee", "doubt"),
    [
        (FEE, {"r": 0.04, "e": 1}, FeeSchedule(rate=400), ""),
        (FEE, {"r": 0.05, "e": 1}, None, "0.04 (exponent 1) in Gamma and 0.05 (exponent 1)"),
        (FEE, {"r": 0.04, "e": 2}, None, "0.04 (exponent 1) in Gamma and 0.04 (exponent 2)"),
        (FEE, {"r": 0.04}, None, "in Gamma and of an unknown form in the CLOB"),
        (FEE, None, None, "0.04 (exponent 1) in Gamma and 0 (exponent 1) in the CLOB"),
        (FREE, None, NO_FEE, ""),
        (FREE, {"r": 0, "e": 0}, NO_FEE, ""),
        (FREE, {"r": 0.01, "e": 1}, None, "0 (exponent 1) in Gamma and 0.01"),
        (UNTOLD, {"r": 0.05, "e": 1}, FeeSchedule(rate=500), ""),
        (UNTOLD, None, None, ""),
    ],
)
def test_a_fee_is_known_when_nobody_contradicts_it(
    gamma: Body, fd: Body | None, fee: FeeSchedule | None, doubt: str
) -> None:
    answer = info(market("a"), fd=fd)
    if fd is None:
        del answer["fd"]
    found = one(market("a", **gamma), answer)
    assert found.market.fee == fee
    assert (found.fee_time_ms is None) == (fee is None)
    assert doubt in "".join(found.doubts)
    assert found.is_confirmed == (not doubt)


@pytest.mark.parametrize(
    ("gamma", "told", "field", "expected"),
    [
        ({}, {"mts": 0.001}, "tick", 1_000),
        ({}, {"mts": 0.3}, "tick", 10_000),
        ({}, {"mos": 15}, "size_min", 15_000_000),
        ({}, {"mos": None}, "size_min", 5_000_000),
        ({}, {"itode": True}, "hold_ms", 250),
        ({"secondsDelay": 3}, {"itode": True}, "hold_ms", 3_000),
        ({}, {"ao": False}, "is_accepting_orders", False),
        ({"acceptingOrders": False}, {}, "is_accepting_orders", False),
        ({"version": None}, {"v": "v1"}, "version", MarketVersion.V1),
        ({}, {"v": "v1"}, "version", MarketVersion.V1),
        ({}, {"v": "v2"}, "version", None),
    ],
)
def test_every_other_fact_is_put_together(
    gamma: Body, told: Body, field: str, expected: object
) -> None:
    found = one(market("a", **gamma), info(market("a"), **told))
    assert getattr(found.market, field) == expected


def test_two_versions_are_a_doubt_and_no_trade() -> None:
    found = one(market("a"), info(market("a"), v="v2"))
    assert found.doubts == ("version v1 is v2 in its market info",)
    assert found.market.untradable() is Untradable.UNKNOWN_VERSION
    assert not found.is_confirmed


@pytest.mark.parametrize(
    ("answer", "doubt"),
    [
        (Unanswered("nobody answers"), "nobody answers"),
        (b"<html>", "its market info cannot be read"),
        (b'{"t": 5}', "its market info cannot be read"),
        (b'{"t": [{"t": "\xff"}]}', "its market info cannot be read"),
        (info(market("b")), "its market info is of another market"),
        (info(market("a"), t=[]), "its market info is of another market"),
    ],
)
def test_a_market_without_a_usable_answer_is_not_traded(answer: Body | Answer, doubt: str) -> None:
    found = one(market("a"), answer)
    assert found.doubts[0].startswith(doubt)
    assert found.market.untradable() is Untradable.NOT_ACCEPTING
    assert not found.is_confirmed


def test_a_market_with_other_tokens_is_refused() -> None:
    answer = info(market("a"), t=[{"t": "1", "o": "Yes"}, {"t": "2", "o": "No"}])
    found = held(listed(event("e", market("a"), market("b"))), {A: answer})
    assert list(found.instruments) == [condition("b")]
    assert found.refused == (Refusal(subject=A, reason=OTHER_TOKENS),)


@pytest.mark.parametrize("neg_risk", [True, False])
def test_a_membership_that_only_one_source_knows_is_a_doubt(neg_risk: bool) -> None:
    body = legs(group("a", legs=1))[0] if neg_risk else market("a")
    body["conditionId"] = A
    found = one(body, info(body, nr=not neg_risk))
    assert found.doubts == ("the sources differ on whether it is in a neg-risk group",)


def test_a_group_is_complete_by_its_numbers_or_by_the_market_info_of_every_outcome() -> None:
    body = group("g")
    assert group_of(body, {}).incomplete == ""
    bare = without_numbers(group("g"))
    assert group_of(bare, {}).incomplete == ONE_SOURCE
    assert group_of(bare, dict(infos(bare))).incomplete == ""
    first, *others = infos(bare)
    assert group_of(bare, {each: infos(bare)[each] for each in others}).incomplete == ONE_SOURCE
    assert first


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"ao": False}, NOT_ACCEPTED),
        ({"nr": False}, "market info does not count an outcome to a neg-risk group"),
        ({"t": [{"t": "1"}, {"t": "2"}]}, f"an outcome was refused ({OTHER_TOKENS})"),
        ({"c": condition("else")}, NOT_ACCEPTED),
    ],
)
def test_an_outcome_that_the_second_source_doubts_makes_a_numbered_group_incomplete(
    told: Body, reason: str
) -> None:
    body = group("g")
    answers: dict[str, Body | Answer] = dict(infos(body))
    answers[str(legs(body)[1]["conditionId"])] = info(legs(body)[1], **told)
    assert group_of(body, answers).incomplete == reason


def test_what_gamma_says_against_a_group_stays() -> None:
    body = group("g", closed=None)
    assert group_of(body, dict(infos(body))).incomplete == "the event is closed or does not say"


def test_a_group_of_which_every_outcome_is_refused_is_gone() -> None:
    body = group("g")
    answers: dict[str, Body | Answer] = {
        str(leg["conditionId"]): info(leg, t=[{"t": "1"}, {"t": "2"}]) for leg in legs(body)
    }
    found = held(listed(body), answers)
    assert found.groups == {} and found.instruments == {} and len(found.refused) == 3


def test_the_recorded_sources_agree_on_the_recorded_group(recorded: Path) -> None:
    folder = recorded / "trebuchet-fed-negrisk"
    body = json.loads((folder / "gamma-event.json").read_text(encoding="utf-8"))
    told = json.loads((folder / "clob-markets.json").read_text(encoding="utf-8"))
    answers = {ConditionId(each["c"]): json.dumps(each).encode() for each in told}
    listing = listed(without_numbers(body))
    found = confirm(listing.instruments(), listing.numbered, answers)
    assert [each.incomplete for each in found.groups.values()] == [""]
    assert all(each.is_confirmed for each in found.instruments.values())
    assert {each.market.fee for each in found.instruments.values()} == {FeeSchedule(rate=500)}

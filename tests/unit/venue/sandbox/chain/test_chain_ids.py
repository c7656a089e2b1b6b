"""Ids are formed as the contracts form them: real markets come out of their condition ids."""

import json
from pathlib import Path
from typing import Any

import pytest
from chain_cases import account
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import ZERO_BYTES32, Bytes32
from polyarb.venue.sandbox.chain.ids import (
    UnknownCollectionError,
    collection_id,
    condition_id,
    market_id,
    position_id,
    question_id,
    token_pair,
)

FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583
CONDITIONS = st.binary(min_size=32, max_size=32).map(lambda word: ConditionId("0x" + word.hex()))
INDEX_SETS = st.integers(1, 2)


def recorded_markets(recorded: Path) -> list[dict[str, Any]]:
    bodies = sorted((recorded / "nautilus-fixtures").rglob("gamma*market*.json"))
    bodies += sorted((recorded / "nautilus-fixtures").rglob("market_slug.json"))
    found: list[dict[str, Any]] = []
    for body in bodies:
        decoded = json.loads(body.read_text())
        found += decoded if isinstance(decoded, list) else [decoded]
    return [market for market in found if market.get("clobTokenIds")]


def tokens_of(market: dict[str, Any]) -> tuple[TokenId, ...]:
    listed = market["clobTokenIds"]
    return tuple(json.loads(listed) if isinstance(listed, str) else listed)


def test_real_neg_risk_markets_come_out_of_their_question_ids(samples: Path) -> None:
    event = json.loads((samples / "event_fed_negrisk.json").read_text())
    markets = event["markets"]
    assert len(markets) == 5
    for market in markets:
        condition = condition_id(CONTRACTS.neg_risk_adapter, Bytes32(market["questionID"]))
        assert condition == market["conditionId"]
        assert token_pair(CONTRACTS.wrapped_collateral, condition) == tokens_of(market)
    asked = {market["questionID"] for market in markets}
    group = event["negRiskMarketID"]
    assert asked <= {question_id(group, index) for index in range(256)}
    assert min(asked) == question_id(group, 0)


def test_real_plain_markets_come_out_of_their_condition_ids(recorded: Path) -> None:
    markets = [market for market in recorded_markets(recorded) if not market.get("negRisk")]
    assert len(markets) >= 5
    for market in markets:
        pair = token_pair(CONTRACTS.usdc_bridged, market["conditionId"])
        assert pair == tokens_of(market), market["slug"]


def test_the_collateral_decides_which_token_it_is(samples: Path) -> None:
    event = json.loads((samples / "event_fed_negrisk.json").read_text())
    market = event["markets"][0]
    for collateral in (CONTRACTS.usdc_bridged, CONTRACTS.pusd):
        pair = token_pair(collateral, market["conditionId"])
        assert not set(pair) & set(tokens_of(market))


@given(condition=CONDITIONS, index_set=INDEX_SETS)
def test_a_collection_is_a_point_whose_y_is_as_odd_as_its_mark(
    condition: ConditionId, index_set: int
) -> None:
    number = int(collection_id(condition, index_set), 16)
    x, is_odd = number & ((1 << 254) - 1), number >> 254
    y = pow(x**3 + 3, (FIELD + 1) // 4, FIELD)
    assert x < FIELD and y * y % FIELD == (x**3 + 3) % FIELD
    assert is_odd in (0, 1)


@given(condition=CONDITIONS)
def test_the_first_point_follows_the_hash_of_condition_and_set(condition: ConditionId) -> None:
    seed = keccak256(bytes.fromhex(condition[2:]) + (1).to_bytes(32, "big"))
    x = (int.from_bytes(seed, "big") + 1) % FIELD
    while pow(x**3 + 3, (FIELD - 1) // 2, FIELD) not in (0, 1):
        x = (x + 1) % FIELD
    number = int(collection_id(condition, 1), 16)
    assert number & ((1 << 254) - 1) == x
    assert bool(number >> 254) == bool(seed[0] >> 7)


@given(first=CONDITIONS, second=CONDITIONS, third=CONDITIONS)
def test_collections_add_in_any_order(
    first: ConditionId, second: ConditionId, third: ConditionId
) -> None:
    a, b = collection_id(first, 1), collection_id(second, 2)
    assert collection_id(second, 2, a) == collection_id(first, 1, b)
    ab_c = collection_id(third, 1, collection_id(second, 2, a))
    c = collection_id(third, 1)
    assert collection_id(first, 1, collection_id(second, 2, c)) == ab_c


@given(condition=CONDITIONS)
def test_a_collection_on_top_of_itself_is_the_doubled_point(condition: ConditionId) -> None:
    once = collection_id(condition, 1)
    twice = collection_id(condition, 1, once)
    thrice = collection_id(condition, 1, twice)
    other = collection_id(ConditionId("0x" + "77" * 32), 1)
    on_other = collection_id(condition, 1, collection_id(condition, 1, other))
    assert len({once, twice, thrice}) == 3
    assert collection_id(ConditionId("0x" + "77" * 32), 1, twice) == on_other


def test_a_collection_and_its_opposite_cancel_out() -> None:
    condition = ConditionId("0x" + "31" * 32)
    opposite = Bytes32(f"0x{int(collection_id(condition, 1), 16) ^ (1 << 254):064x}")
    assert collection_id(condition, 1, opposite) == ZERO_BYTES32


@pytest.mark.parametrize("parent", [4, FIELD, FIELD + 1], ids=["no-root", "field", "above"])
def test_a_parent_that_is_no_point_is_refused(parent: int) -> None:
    with pytest.raises(UnknownCollectionError):
        collection_id(ConditionId("0x" + "31" * 32), 1, Bytes32(f"0x{parent:064x}"))


def test_a_market_id_covers_oracle_fee_and_metadata_and_leaves_its_last_byte_free() -> None:
    oracle = CONTRACTS.neg_risk_operator
    base = market_id(oracle, 0, b"who wins")
    others = {
        market_id(oracle, 1, b"who wins"),
        market_id(oracle, 0, b"who loses"),
        market_id(account("another oracle"), 0, b"who wins"),
        market_id(oracle, 0, b"who wins\x00"),
    }
    assert base not in others and len(others) == 4
    assert all(group.endswith("00") and len(group) == 66 for group in {base, *others})
    assert int(question_id(base, 255), 16) - int(base, 16) == 255


def test_a_position_id_hashes_collateral_and_collection() -> None:
    collection = collection_id(ConditionId("0x" + "31" * 32), 1)
    packed = bytes.fromhex(CONTRACTS.pusd[2:] + collection[2:])
    expected = int.from_bytes(keccak256(packed), "big")
    assert position_id(CONTRACTS.pusd, collection) == str(expected)


def test_a_market_id_is_the_hash_of_its_abi_words() -> None:
    from eth_abi.abi import encode

    oracle, metadata = CONTRACTS.neg_risk_operator, b"x" * 45
    digest = keccak256(encode(["address", "uint256", "bytes"], [oracle, 37, metadata]))
    assert market_id(oracle, 37, metadata) == "0x" + digest[:-1].hex() + "00"

"""Logins, keyed hashes, wallets, positions, relays and amounts are those of the vectors."""

from typing import Any

import pytest
from polyarb.domain.plan import Side
from polyarb.domain.secret import Secret
from polyarb.domain.units import parse_micros
from polyarb.venue.polymarket.signing.amounts import (
    AMOUNT_STEP,
    Amounts,
    is_on_grid,
    lattice_step,
    limit_amounts,
    market_buy_amounts,
    market_sell_amounts,
)
from polyarb.venue.polymarket.signing.digests import login_digest, login_hash
from polyarb.venue.polymarket.signing.mac import login_headers, request_mac
from polyarb.venue.polymarket.signing.positions import decode_position, is_protocol_v2
from polyarb.venue.polymarket.signing.relays import (
    Call,
    ProxyTransaction,
    SafeTransaction,
    WalletBatch,
    batch_digest,
    batch_signer,
    proxy_digest,
    proxy_signer,
    safe_digest,
    safe_signer,
    sign_batch,
    sign_proxy,
    sign_safe,
)
from polyarb.venue.polymarket.signing.signatures import Signer, recover
from polyarb.venue.polymarket.signing.wallets import wallets_of
from tests.signing_cases import ALICE, read_vectors

LOGINS = read_vectors("clob_auth.json")["vectors"]
MACS = read_vectors("l2_hmac.json")["vectors"]
WALLETS = read_vectors("wallets.json")["vectors"]
POSITIONS = read_vectors("position_ids.json")["vectors"]
RELAYS = {row["name"]: row for row in read_vectors("relayer.json")["vectors"]}
AMOUNTS = read_vectors("amounts.json")


def named(rows: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=[row["name"] for row in rows])


def numbered(rows: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=[str(at) for at in range(len(rows))])


@named(LOGINS)
def test_a_login_is_signed_as_published(row: dict[str, Any]) -> None:
    given, expected = row["input"], row["expected"]
    signer = Signer(Secret(given["private_key"]))
    stamp, nonce, chain_id = given["timestamp_s"], given["nonce"], given["chain_id"]
    digest = login_digest(signer.address, str(stamp), nonce, chain_id=chain_id)
    assert login_hash(signer.address, str(stamp), nonce).hex() == expected["struct_hash"][2:]
    assert digest.hex() == expected["digest"][2:]
    signature = signer.sign_login(stamp, nonce, chain_id=chain_id)
    assert signature == expected["signature"]
    assert recover(digest, bytes.fromhex(signature[2:])) == expected["address"]
    if chain_id == 137:
        assert login_headers(signer, stamp, nonce) == expected["headers"]


@named(MACS)
def test_a_request_has_the_published_keyed_hash(row: dict[str, Any]) -> None:
    given = row["input"]
    found = request_mac(
        Secret(given["secret"]),
        str(given["timestamp_s"]),
        method=given["method"],
        path=given["path"],
        body=(given["body"] or "").encode(),
    )
    assert found == row["expected"]["signature"]


@numbered(WALLETS)
def test_the_wallets_of_an_account_stand_where_published(row: dict[str, Any]) -> None:
    signer, expected = Signer(Secret(row["input"]["private_key"])), row["expected"]
    wallets = wallets_of(signer.address)
    assert wallets.owner == expected["eoa"]
    assert wallets.proxy == expected["proxy_wallet"]
    assert wallets.safe == expected["safe_wallet"]
    assert wallets.uups == expected["deposit_wallet_uups"]
    assert wallets.beacon == expected["deposit_wallet_beacon"]


@numbered(POSITIONS)
def test_a_protocol_v2_position_is_told_and_read(row: dict[str, Any]) -> None:
    token, expected = row["input"]["position_id"], row["expected"]
    assert is_protocol_v2(token) is expected["is_protocol_v2"]
    position = decode_position(token)
    is_readable = "fields" in expected and "decode_error" not in expected
    assert (position is not None) is is_readable
    if position is not None:
        fields = expected["fields"]
        for name in ("module", "arity", "resolution_chain", "condition_index", "outcome_index"):
            assert getattr(position, name) == fields[name]
        assert hex(position.base_hash) == fields["base_hash"]
        assert position.condition_id == expected["condition_id_32_bytes"]


def test_a_batch_of_a_deposit_wallet_is_signed_as_published() -> None:
    given, expected = (RELAYS["deposit wallet batch"][part] for part in ("input", "expected"))
    calls = tuple(
        Call(target=call["target"], value=int(call["value"]), data=bytes.fromhex(call["data"][2:]))
        for call in given["calls"]
    )
    batch = WalletBatch(
        wallet=given["wallet"],
        nonce=int(given["nonce"]),
        deadline_s=int(given["deadline"]),
        calls=calls,
    )
    assert batch_digest(batch).hex() == expected["digest"][2:]
    assert sign_batch(ALICE, batch).hex() == expected["signature"][2:]
    assert batch_signer(batch, bytes.fromhex(expected["signature"][2:])) == ALICE.address


def test_a_transaction_of_a_safe_is_signed_as_published() -> None:
    given, expected = (RELAYS["safe transaction"][part] for part in ("input", "expected"))
    transaction = SafeTransaction(
        safe=given["safe"],
        call=Call(target=given["to"], data=bytes.fromhex(given["data"][2:])),
        operation=given["operation"],
        nonce=int(given["nonce"]),
    )
    assert safe_digest(transaction).hex() == expected["digest"][2:]
    assert sign_safe(ALICE, transaction).hex() == expected["signature"][2:]
    assert safe_signer(transaction, bytes.fromhex(expected["signature"][2:])) == ALICE.address


def test_a_transaction_of_a_proxy_is_signed_as_published() -> None:
    given, expected = (RELAYS["proxy transaction"][part] for part in ("input", "expected"))
    transaction = ProxyTransaction(
        owner=given["from"],
        to=given["to"],
        data=bytes.fromhex(given["data"][2:]),
        nonce=int(given["nonce"]),
        gas_limit=int(given["gasLimit"]),
        gas_price=int(given["gasPrice"]),
        relayer_fee=int(given["relayerFee"]),
        relay=given["relay"],
        relay_hub=given["relayHub"],
    )
    assert proxy_digest(transaction).hex() == expected["hash"][2:]
    assert sign_proxy(ALICE, transaction).hex() == expected["signature"][2:]
    assert proxy_signer(transaction, bytes.fromhex(expected["signature"][2:])) == ALICE.address


def amounts_of(given: dict[str, str]) -> Amounts:
    tick = parse_micros(given["tick_size"])
    if given["kind"] == "limit":
        return limit_amounts(
            price=parse_micros(given["price"]),
            shares=parse_micros(given["size"]),
            side=Side(given["side"]),
            tick=tick,
        )
    price = parse_micros(given["limit_price"])
    if given["side"] == "BUY":
        collateral = parse_micros(given["collateral"])
        return market_buy_amounts(price=price, collateral=collateral, tick=tick)
    return market_sell_amounts(price=price, shares=parse_micros(given["shares"]), tick=tick)


@numbered(AMOUNTS["limit"] + AMOUNTS["market"])
def test_price_and_size_become_the_published_amounts(row: dict[str, Any]) -> None:
    found, expected = amounts_of(row["input"]), row["expected"]
    assert (str(found.maker), str(found.taker)) == (
        expected["makerAmount"],
        expected["takerAmount"],
    )
    assert found.fits_market_caps is expected["fits_market_caps"]


@numbered(AMOUNTS["price_grid"])
def test_a_price_is_on_the_grid_as_published(row: dict[str, Any]) -> None:
    price, tick = (parse_micros(row["input"][name]) for name in ("price", "tick_size"))
    assert is_on_grid(price, tick) is row["expected"]["valid"]


@numbered(AMOUNTS["safe_lattice"]["rows"])
def test_sizes_of_the_lattice_meet_every_cap(row: dict[str, Any]) -> None:
    tick, shares = parse_micros(row["tick_size"]), parse_micros(row["example_shares"])
    assert lattice_step(tick) == parse_micros(row["share_step"])
    for name, side in (("buy_at_highest_price", Side.BUY), ("sell_at_lowest_price", Side.SELL)):
        edge = row[name]
        found = limit_amounts(
            price=parse_micros(edge["price"]), shares=shares, side=side, tick=tick
        )
        assert (str(found.maker), str(found.taker)) == (edge["makerAmount"], edge["takerAmount"])
        assert found.fits_market_caps


def test_every_tick_of_the_venue_has_its_decimals() -> None:
    table = AMOUNTS["rounding_decimals"]
    steps = {parse_micros(tick): 10 ** (6 - row["amount"]) for tick, row in table.items()}
    assert steps == AMOUNT_STEP

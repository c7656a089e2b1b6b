"""Addresses are written in checksum case, read in any, and the table of contracts has no slip."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.ids import TokenId
from polyarb.venue.polymarket.signing.contracts import (
    CONTRACTS,
    ZERO_ADDRESS,
    Contracts,
    address_bytes,
    address_of,
    checksum,
)
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.positions import decode_position, is_protocol_v2
from polyarb.venue.polymarket.signing.wallets import wallets_of
from polyarb.venue.polymarket.signing.words import address_word, bytes32_word, hex_bytes, uint_word

ADDRESSES = {
    name: value
    for name, value in msgspec.structs.asdict(CONTRACTS).items()
    if name not in ("chain_id", "safe_init_code_hash")
}


def test_every_contract_is_written_in_checksum_case() -> None:
    assert len(ADDRESSES) == len(Contracts.__struct_fields__) - 2 == 39
    for address in ADDRESSES.values():
        assert checksum(address) == checksum(address.lower()) == address


def test_no_two_contracts_share_an_address() -> None:
    assert len(set(ADDRESSES.values())) == len(ADDRESSES)


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
    ],
)
def test_the_examples_of_eip_55_are_written_as_there(address: str) -> None:
    assert checksum(address.lower()) == checksum("0x" + address[2:].upper()) == address


@given(st.binary(min_size=20, max_size=20))
def test_an_address_is_read_as_it_was_written(account: bytes) -> None:
    assert address_bytes(address_of(account)) == account
    assert address_word(address_of(account)) == b"\0" * 12 + account


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "0x" + "0" * 39,
        "0x" + "0" * 41,
        "0X" + "0" * 40,
        "0" * 42,
        "0x" + "g" * 40,
        "0x" + " 0" * 20,
        "0x" + "\u0661" * 40,
        "0x" + "_0" * 20,
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert checksum(text) is None
    assert address_bytes(text) is None
    with pytest.raises(ValueError, match="40 hex digits"):
        address_word(text)


@pytest.mark.parametrize("text", ["", "0x", "0x" + "0" * 62, "0x" + "0" * 63, "0x" + "g" * 64, "1"])
def test_what_is_no_word_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="64 hex digits"):
        bytes32_word(text)


def test_words_are_32_bytes_and_take_what_fits() -> None:
    assert uint_word(0) == b"\0" * 32
    assert uint_word((1 << 256) - 1) == b"\xff" * 32
    for number in (-1, 1 << 256):
        with pytest.raises(OverflowError):
            uint_word(number)
    assert hex_bytes("0x") == b""
    assert hex_bytes("0xAb") == b"\xab"
    assert hex_bytes("0xa b") is None


def test_the_zero_address_is_one() -> None:
    assert checksum(ZERO_ADDRESS) == ZERO_ADDRESS


@given(st.binary(min_size=20, max_size=20))
def test_an_account_has_four_different_wallets(account: bytes) -> None:
    owner = address_of(account)
    wallets = wallets_of(owner)
    found = {wallets.owner, wallets.proxy, wallets.safe, *wallets.deposit}
    assert len(found) == 5
    assert all(checksum(address) == address for address in found)


def test_what_is_no_account_has_no_wallets() -> None:
    with pytest.raises(ValueError, match="40 hex digits"):
        wallets_of(Address("0x12"))


def test_an_outcome_beyond_the_second_is_no_position() -> None:
    binary = (1 << 248) + 2
    assert is_protocol_v2(TokenId(str(binary)))
    assert decode_position(TokenId(str(binary))) is None
    assert decode_position(TokenId(str(binary - 1))) is not None


def test_any_reserved_bit_makes_a_token_a_classic_one() -> None:
    position = 1 << 248
    told = [is_protocol_v2(TokenId(str(position | 1 << bit))) for bit in range(248)]
    assert [bit for bit, is_v2 in enumerate(told) if not is_v2] == list(range(40, 104))
    assert decode_position(TokenId(str(position | 1 << 40))) is None

"""Signed transactions are read as a node reads them, and refused in its words."""

from typing import Any

import calldata
import pytest
import rlp
from chain_cases import ALICE, BOB, ONE, chain_of, contents, mine
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.raw import decode_raw
from polyarb.venue.sandbox.chain.transactions import ChainRefused, Kind, Transaction
from rpc_cases import OWNER, SIGNER, signed
from tests.signing_cases import read_vectors

VECTOR: dict[str, Any] = read_vectors("abi.json")["raw_transaction"]
RAW = bytes.fromhex(VECTOR["expected"]["raw"][2:])
GIVE = calldata.transfer(BOB, ONE)
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def founded() -> Chain:
    chain = chain_of()
    chain.found(OWNER, pusd=500 * ONE, is_approved=True)
    return chain


def read(raw: bytes) -> Transaction:
    found = decode_raw(raw, chain_id=137)
    assert isinstance(found, Transaction), found
    return found


def why(raw: bytes) -> str:
    found = decode_raw(raw, chain_id=137)
    assert isinstance(found, ChainRefused) and found.code == -32_000
    return found.message


def dynamic(**fields: Any) -> bytes:
    transaction = {
        "type": 2,
        "chainId": 137,
        "nonce": 0,
        "to": CONTRACTS.pusd,
        "value": 0,
        "data": GIVE,
        "gas": 100_000,
        "maxFeePerGas": 60_000_000_000,
        "maxPriorityFeePerGas": 25_000_000_000,
        **fields,
    }
    raw: bytes = SIGNER.sign_transaction(transaction).raw_transaction
    return raw


def test_the_published_raw_transaction_is_read_back() -> None:
    found, expected = read(RAW), VECTOR["expected"]
    wanted = VECTOR["input"]["transaction"]
    assert (found.hash, found.sender) == (expected["hash"], expected["sender"])
    assert (found.to, found.nonce, found.value) == (wanted["to"], 0, 0)
    assert "0x" + found.data.hex() == wanted["data"]
    assert (found.gas_limit, found.gas_price) == (wanted["gas"], wanted["gasPrice"])
    assert found.signature.v == expected["v"] and found.kind is Kind.LEGACY and found.is_signed


@given(
    key=st.binary(min_size=32, max_size=32).filter(lambda key: 0 < int.from_bytes(key) < ORDER),
    nonce=st.integers(0, 2**32),
    price=st.integers(0, 2**60),
    value=st.integers(0, 2**80),
    data=st.binary(max_size=200),
    is_dynamic=st.booleans(),
)
def test_what_any_wallet_signs_comes_back_with_its_signer(
    key: bytes, nonce: int, price: int, value: int, data: bytes, *, is_dynamic: bool
) -> None:
    wallet = Account.from_key(key)
    fees: dict[str, object] = (
        {"type": 2, "maxFeePerGas": price, "maxPriorityFeePerGas": price // 2}
        if is_dynamic
        else {"gasPrice": price}
    )
    made = wallet.sign_transaction(
        {
            "to": CONTRACTS.pusd,
            "nonce": nonce,
            "value": value,
            "data": data,
            "gas": 90_000,
            "chainId": 137,
            **fees,
        }
    )
    found = read(made.raw_transaction)
    assert found.hash == "0x" + made.hash.hex() and found.sender == wallet.address
    assert (found.nonce, found.value, found.data) == (nonce, value, data)
    assert found.gas_price == price
    assert found.priority_price == (price // 2 if is_dynamic else price)
    assert (found.signature.r, found.signature.s, found.signature.v) == (made.r, made.s, made.v)


@given(at=st.integers(0, len(RAW) - 1), flip=st.integers(1, 255))
def test_no_changed_byte_passes_as_the_same_transaction(at: int, flip: int) -> None:
    changed = bytearray(RAW)
    changed[at] ^= flip
    found = decode_raw(bytes(changed), chain_id=137)
    assert isinstance(found, ChainRefused) or found.sender != VECTOR["expected"]["sender"]


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_not_raised(raw: bytes) -> None:
    for each in (raw, b"\x02" + raw, b"\x02" + rlp.encode([raw] * 12), rlp.encode([raw] * 9)):
        assert isinstance(decode_raw(each, chain_id=137), ChainRefused | Transaction)


def legacy_fields() -> list[Any]:
    return list(rlp.decode(RAW))


def changed(place: int, value: Any) -> bytes:
    fields = legacy_fields()
    fields[place] = value
    encoded: bytes = rlp.encode(fields)
    return encoded


def high_s() -> bytes:
    fields = legacy_fields()
    flipped = ORDER - int.from_bytes(fields[8], "big")
    assert flipped > HALF_ORDER
    fields[8] = flipped.to_bytes(32, "big")
    fields[6] = (309 + 310 - int.from_bytes(fields[6], "big")).to_bytes(2, "big")
    encoded: bytes = rlp.encode(fields)
    return encoded


def with_fields(place: int, value: Any) -> bytes:
    fields = list(rlp.decode(dynamic()[1:]))
    fields[place] = value
    encoded: bytes = rlp.encode(fields)
    return b"\x02" + encoded


REFUSALS = [
    ("empty", b"", "typed transaction too short"),
    ("blob", b"\x03" + RAW, "transaction type not supported"),
    ("access-list", b"\x01" + RAW, "transaction type not supported"),
    ("cut", RAW[:-1], "rlp:"),
    ("too-long", RAW + b"\0", "rlp:"),
    ("few-fields", rlp.encode([b""] * 8), "wrong number of fields"),
    ("no-list", b"\x02\x05", "wrong number of fields"),
    ("unprotected", changed(6, b"\x1b"), "only replay-protected (EIP-155)"),
    ("other-chain", changed(6, b"\x25"), "invalid chain id for signer: have 1 want 137"),
    ("other-chain-2", with_fields(0, b"\x01"), "have 1 want 137"),
    ("no-signature", changed(7, b""), "invalid transaction v, r, s values"),
    ("high-s", high_s(), "invalid transaction v, r, s values"),
    ("parity", with_fields(9, b"\x02"), "invalid transaction v, r, s values"),
    ("leading-zero", changed(0, b"\x00"), "leading zero"),
    ("large", changed(4, b"\x01" * 33), "value too large"),
    ("short-address", changed(3, b"\x01" * 19), "common.Address"),
    ("list-for-bytes", changed(5, [b"\x01"]), "expected input string"),
    ("access-bytes", with_fields(8, b"\x01"), "AccessList"),
]


@pytest.mark.parametrize(
    ("raw", "message"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_what_is_no_transaction_is_refused_with_its_fault(raw: bytes, message: str) -> None:
    assert message in why(raw)


def refused(chain: Chain, raw: bytes | str) -> str:
    """Send what must be refused; the pool and the state stay as they were."""
    before, due = contents(chain), chain.next_due_ns
    answer = chain.send_raw(bytes.fromhex(raw[2:]) if isinstance(raw, str) else raw)
    assert isinstance(answer, ChainRefused) and answer.code == -32_000
    assert (contents(chain), chain.next_due_ns) == (before, due)
    return answer.message


GWEI = 10**9
POOR = [
    ({"to": None, "data": b"\x60"}, "contract creation is refused"),
    ({"gas": 30_000_001}, "exceeds block gas limit"),
    ({"gas": 20_999}, "intrinsic gas too low: gas 20999, minimum needed 2"),
    ({"gasPrice": 25 * GWEI - 1}, "transaction underpriced: gas tip cap"),
    ({"value": 100 * 10**18}, "insufficient funds for gas * price + value: balance 1000000"),
    ({"gas": 2_000_000, "gasPrice": 51_000 * GWEI}, "tx cost 102000000000000000000, overshot 2"),
]


@pytest.mark.parametrize(
    ("fields", "message"), POOR, ids=["create", "block", "intrinsic", "tip", "value", "gas"]
)
def test_a_node_refuses_what_cannot_be_mined(fields: dict[str, Any], message: str) -> None:
    chain = founded()
    assert message in refused(
        chain, signed(chain, **{"to": CONTRACTS.pusd, "data": GIVE, **fields})
    )


DYNAMIC = [
    ({"maxFeePerGas": 26 * GWEI, "maxPriorityFeePerGas": 27 * GWEI}, "higher than max fee per gas"),
    ({"maxPriorityFeePerGas": 24 * GWEI}, "transaction underpriced: gas tip cap 24000000000"),
]


@pytest.mark.parametrize(("fields", "message"), DYNAMIC, ids=["above", "tip"])
def test_a_node_refuses_fees_that_make_no_sense(fields: dict[str, Any], message: str) -> None:
    assert message in refused(founded(), dynamic(**fields))


def test_a_fee_below_the_base_fee_is_refused() -> None:
    chain = chain_of(gas_price_wei=90 * GWEI)
    chain.found(OWNER, pusd=ONE, is_approved=False)
    message = refused(chain, dynamic(maxFeePerGas=60 * GWEI))
    assert message.startswith("max fee per gas less than block base fee")


def test_a_mined_transaction_is_already_known() -> None:
    chain = founded()
    raw = bytes.fromhex(signed(chain, CONTRACTS.pusd, GIVE)[2:])
    sent = chain.send_raw(raw)
    mine(chain)
    assert isinstance(sent, str) and chain.is_mined(sent) is True
    assert refused(chain, raw) == "already known"


def test_the_price_of_a_replacement_must_be_a_tenth_higher() -> None:
    chain = founded()

    def raw(price: int) -> bytes:
        made = signed(chain, CONTRACTS.pusd, GIVE, gasPrice=price, nonce=0)
        return bytes.fromhex(made[2:])

    first = chain.send_raw(raw(30 * GWEI))
    assert isinstance(first, str)
    assert refused(chain, raw(33 * GWEI - 1)) == "replacement transaction underpriced"
    second = chain.send_raw(raw(33 * GWEI))
    assert isinstance(second, str) and second != first
    mine(chain)
    assert chain.transaction(first) is None and chain.is_mined(second) is True


def test_too_little_gas_reverts_and_takes_what_was_offered() -> None:
    chain = founded()
    raw = signed(chain, CONTRACTS.pusd, GIVE, gas=25_000)
    sent = chain.send_raw(bytes.fromhex(raw[2:]))
    assert isinstance(sent, str)
    mine(chain)
    receipt = chain.receipt(sent)
    assert receipt is not None and not receipt.is_success
    assert (receipt.gas_used, receipt.reason) == (25_000, "out of gas")
    left = 100 * 10**18 - 25_000 * 30 * GWEI
    assert chain.state.read(("pol", OWNER)) == left and chain.collateral(BOB) == 1_000 * ONE


def test_pol_moves_with_a_transaction_unless_it_reverts() -> None:
    chain = founded()
    raw = signed(chain, ALICE, value=10**18, gas=21_000)
    sent = chain.send_raw(bytes.fromhex(raw[2:]))
    assert isinstance(sent, str)
    mine(chain)
    assert chain.state.read(("pol", ALICE)) == 101 * 10**18
    paid = 21_000 * 30 * GWEI
    assert chain.state.read(("pol", OWNER)) == 99 * 10**18 - paid
    poor = chain.send(BOB, ALICE, b"", 101 * 10**18)
    mine(chain)
    receipt = chain.receipt(poor)
    assert receipt is not None and receipt.reason == "insufficient funds for transfer"
    assert chain.state.read(("pol", BOB)) == 100 * 10**18


def test_gas_of_relayed_calls_is_not_the_wallets() -> None:
    chain = founded()
    chain.send(OWNER, CONTRACTS.pusd, GIVE)
    mine(chain)
    assert chain.state.read(("pol", OWNER)) == 100 * 10**18
    assert chain.pending_nonce(OWNER) == 0 and chain.collateral(BOB) == 1_001 * ONE


def test_a_reorg_gives_nonce_and_gas_back_until_they_are_spent_again() -> None:
    chain = founded()
    for _ in range(3):
        chain.send_raw(bytes.fromhex(signed(chain, CONTRACTS.pusd, GIVE)[2:]))
    mine(chain)
    after = contents(chain)
    chain.reorg(1)
    assert chain.pending_nonce(OWNER) == 3 and chain.state.read(("nonce", OWNER)) == 0
    assert chain.state.read(("pol", OWNER)) == 100 * 10**18
    mine(chain)
    assert contents(chain) == after and chain.pending_nonce(OWNER) == 3

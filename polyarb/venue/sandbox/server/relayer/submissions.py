"""What is submitted to the relayer, read strictly, as calls that a wallet's owner has signed.

No clock, no I/O. Source: polymarket-chain 4.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from polyarb.venue.polymarket.signing.contracts import CONTRACTS, address_of, checksum
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.relays import (
    Call,
    ProxyTransaction,
    SafeTransaction,
    WalletBatch,
    batch_signer,
    proxy_signer,
    safe_signer,
)
from polyarb.venue.polymarket.signing.signatures import unwrap_session
from polyarb.venue.polymarket.signing.wallets import wallets_of
from polyarb.venue.polymarket.signing.words import UINT256_MAX, hex_bytes
from polyarb.venue.sandbox.server.errors import WRONG_SIGNATURE, RejectedError

RELAY: Final = address_of(bytes.fromhex("face5".zfill(40)))
"""Who sends what is relayed, and pays for it."""
CALLS_MAX = 100
METADATA_LENGTH_MAX = 500
_MULTI_SEND: Final = keccak256(b"multiSend(bytes)")[:4]
_PROXY: Final = keccak256(b"proxy((uint8,address,uint256,bytes)[])")[:4]
_PROXY_CALLS: Final[tuple[str]] = ("(uint8,address,uint256,bytes)[]",)
_PLAIN_CALL, _DELEGATE_CALL = 0, 1
_PROXY_PLAIN_CALL = 1
_DIGITS_MAX = 78


class CallBody(msgspec.Struct, frozen=True):
    """One call of a batch."""

    target: str
    value: str
    data: str


class WalletParams(msgspec.Struct, frozen=True, rename="camel"):
    """What a deposit wallet's batch consists of."""

    deposit_wallet: str
    deadline: str
    calls: tuple[CallBody, ...]


class SafeParams(msgspec.Struct, frozen=True, rename="camel"):
    """What of a safe's transaction is signed beside the call."""

    base_gas: str
    gas_price: str
    gas_token: str
    operation: str
    refund_receiver: str
    safe_txn_gas: str


class ProxyParams(msgspec.Struct, frozen=True, rename="camel"):
    """What of a proxy's transaction is signed beside the calls."""

    gas_limit: str
    gas_price: str
    relay: str
    relay_hub: str
    relayer_fee: str


class WalletSubmission(msgspec.Struct, frozen=True, tag_field="type", tag="WALLET", rename="camel"):
    """A batch of a deposit wallet."""

    from_: str = msgspec.field(name="from")
    to: str
    nonce: str
    signature: str
    deposit_wallet_params: WalletParams
    metadata: str = ""


class SafeSubmission(msgspec.Struct, frozen=True, tag_field="type", tag="SAFE", rename="camel"):
    """A transaction of a safe."""

    from_: str = msgspec.field(name="from")
    to: str
    proxy_wallet: str
    data: str
    nonce: str
    signature: str
    signature_params: SafeParams
    value: str = "0"
    metadata: str = ""


class ProxySubmission(msgspec.Struct, frozen=True, tag_field="type", tag="PROXY", rename="camel"):
    """Calls of a proxy wallet."""

    from_: str = msgspec.field(name="from")
    to: str
    proxy_wallet: str
    data: str
    nonce: str
    signature: str
    signature_params: ProxyParams
    metadata: str = ""


class CreationSubmission(
    msgspec.Struct, frozen=True, tag_field="type", tag="WALLET-CREATE", rename="camel"
):
    """The wish for a deposit wallet; nothing is signed."""

    from_: str = msgspec.field(name="from")
    to: str
    metadata: str = ""


Submission = WalletSubmission | SafeSubmission | ProxySubmission | CreationSubmission
_SUBMISSIONS: msgspec.json.Decoder[Submission] = msgspec.json.Decoder(Submission)


class Relayed(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of a wallet whose owner signed them; nonce and deadline_s are None for a creation."""

    owner: Address
    wallet: Address
    calls: tuple[Call, ...] = ()
    nonce: int | None = None
    deadline_s: int | None = None
    is_creation: bool = False


def read_submission(content: bytes) -> Submission:
    """Read a submission. Errors: RejectedError 400."""
    try:
        submission = _SUBMISSIONS.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise RejectedError(400, f"invalid request payload: {problem}") from problem
    if len(submission.metadata) > METADATA_LENGTH_MAX:
        raise RejectedError(400, f"metadata must be at most {METADATA_LENGTH_MAX} characters")
    return submission


def verify(submission: Submission) -> Relayed:
    """Check who signed a submission, and for which wallet. Errors: RejectedError 400."""
    match submission:
        case WalletSubmission():
            return _verified_batch(submission)
        case SafeSubmission():
            return _verified_safe(submission)
        case ProxySubmission():
            return _verified_proxy(submission)
        case CreationSubmission():
            return _verified_creation(submission)


def _verified_batch(submission: WalletSubmission) -> Relayed:
    owner, params = _address(submission.from_, "from"), submission.deposit_wallet_params
    wallet = _address(params.deposit_wallet, "depositWallet")
    _same(submission.to, CONTRACTS.deposit_wallet_factory, "to")
    if wallet not in wallets_of(owner).deposit:
        raise RejectedError(400, "depositWallet does not belong to from")
    batch = WalletBatch(
        wallet=wallet,
        nonce=_number(submission.nonce, "nonce"),
        deadline_s=_number(params.deadline, "deadline"),
        calls=_calls(params.calls),
    )
    signature = _bytes(submission.signature, "signature")
    session = unwrap_session(signature)
    inner = signature if session is None else session[1]
    _signed(batch_signer(batch, inner), owner)
    return Relayed(
        owner=owner,
        wallet=wallet,
        calls=batch.calls,
        nonce=batch.nonce,
        deadline_s=batch.deadline_s,
    )


def _verified_safe(submission: SafeSubmission) -> Relayed:
    owner, params = _address(submission.from_, "from"), submission.signature_params
    wallet = _address(submission.proxy_wallet, "proxyWallet")
    if wallet != wallets_of(owner).safe:
        raise RejectedError(400, "proxyWallet does not belong to from")
    call = Call(
        target=_address(submission.to, "to"),
        value=_number(submission.value, "value"),
        data=_bytes(submission.data, "data"),
    )
    transaction = SafeTransaction(
        safe=wallet,
        call=call,
        operation=_number(params.operation, "operation"),
        nonce=_number(submission.nonce, "nonce"),
        gas_token=_address(params.gas_token, "gasToken"),
        refund_receiver=_address(params.refund_receiver, "refundReceiver"),
        safe_gas=_number(params.safe_txn_gas, "safeTxnGas"),
        base_gas=_number(params.base_gas, "baseGas"),
        gas_price=_number(params.gas_price, "gasPrice"),
    )
    _signed(safe_signer(transaction, _bytes(submission.signature, "signature")), owner)
    calls = (call,) if transaction.operation == _PLAIN_CALL else _delegated(transaction)
    return Relayed(owner=owner, wallet=wallet, calls=calls, nonce=transaction.nonce)


def _verified_proxy(submission: ProxySubmission) -> Relayed:
    owner, params = _address(submission.from_, "from"), submission.signature_params
    wallet = _address(submission.proxy_wallet, "proxyWallet")
    if wallet != wallets_of(owner).proxy:
        raise RejectedError(400, "proxyWallet does not belong to from")
    _same(submission.to, CONTRACTS.proxy_factory, "to")
    _same(params.relay_hub, CONTRACTS.relay_hub, "relayHub")
    transaction = ProxyTransaction(
        owner=owner,
        to=CONTRACTS.proxy_factory,
        data=_bytes(submission.data, "data"),
        nonce=_number(submission.nonce, "nonce"),
        gas_limit=_number(params.gas_limit, "gasLimit"),
        relay=_address(params.relay, "relay"),
        relayer_fee=_number(params.relayer_fee, "relayerFee"),
        gas_price=_number(params.gas_price, "gasPrice"),
    )
    _same(params.relay, RELAY, "relay")
    _signed(proxy_signer(transaction, _bytes(submission.signature, "signature")), owner)
    return Relayed(
        owner=owner, wallet=wallet, calls=_proxied(transaction.data), nonce=transaction.nonce
    )


def _verified_creation(submission: CreationSubmission) -> Relayed:
    owner = _address(submission.from_, "from")
    _same(submission.to, CONTRACTS.deposit_wallet_factory, "to")
    return Relayed(owner=owner, wallet=wallets_of(owner).beacon, is_creation=True)


def _delegated(transaction: SafeTransaction) -> tuple[Call, ...]:
    """Read the calls of a safe's delegate call, which may only go to the multisend contract."""
    call = transaction.call
    if transaction.operation != _DELEGATE_CALL or call.target != CONTRACTS.safe_multisend:
        raise RejectedError(400, "call blocked: a safe may only delegate to the multisend contract")
    packed = _argument(call.data, _MULTI_SEND, ("bytes",), "a call of multiSend(bytes)")
    assert isinstance(packed, bytes)
    return _unpacked(packed)


def _proxied(data: bytes) -> tuple[Call, ...]:
    """Read the calls of a proxy transaction."""
    rows = _argument(data, _PROXY, _PROXY_CALLS, "calls of the proxy factory")
    assert isinstance(rows, tuple)
    if not 1 <= len(rows) <= CALLS_MAX or any(row[0] != _PROXY_PLAIN_CALL for row in rows):
        raise RejectedError(400, f"data: expected 1 to {CALLS_MAX} plain calls")
    return tuple(
        Call(target=_address(target, "target"), value=value, data=content)
        for _, target, value, content in rows
    )


def _argument(data: bytes, selector: bytes, kinds: tuple[str], expected: str) -> object:
    """Read the only argument of a call of a known method."""
    try:
        (found,) = decode(kinds, data.removeprefix(selector))
    except (DecodingError, OverflowError, ValueError) as problem:
        raise RejectedError(400, f"data: expected {expected}") from problem
    if not data.startswith(selector):
        raise RejectedError(400, f"data: expected {expected}")
    return found


def _unpacked(packed: bytes) -> tuple[Call, ...]:
    """Read packed calls: operation, target, value, length and content of each."""
    calls: list[Call] = []
    head = 1 + 20 + 32 + 32
    while packed:
        length = int.from_bytes(packed[53:head], "big")
        is_whole = len(packed) >= head and length <= len(packed) - head
        if not is_whole or packed[0] != _PLAIN_CALL or len(calls) == CALLS_MAX:
            raise RejectedError(400, f"data: expected 1 to {CALLS_MAX} packed plain calls")
        calls.append(
            Call(
                target=_address("0x" + packed[1:21].hex(), "target"),
                value=int.from_bytes(packed[21:53], "big"),
                data=packed[head : head + length],
            )
        )
        packed = packed[head + length :]
    if not calls:
        raise RejectedError(400, f"data: expected 1 to {CALLS_MAX} packed plain calls")
    return tuple(calls)


def _calls(bodies: Sequence[CallBody]) -> tuple[Call, ...]:
    if not 1 <= len(bodies) <= CALLS_MAX:
        raise RejectedError(400, f"calls: expected 1 to {CALLS_MAX}, found {len(bodies)}")
    return tuple(
        Call(
            target=_address(body.target, "target"),
            value=_number(body.value, "value"),
            data=_bytes(body.data, "data"),
        )
        for body in bodies
    )


def _signed(signer: Address | None, owner: Address) -> None:
    if signer != owner:
        raise RejectedError(400, WRONG_SIGNATURE)


def _same(found: str, expected: Address, name: str) -> None:
    if checksum(found) != expected:
        raise RejectedError(400, f"{name}: expected {expected}")


def _address(text: str, name: str) -> Address:
    found = checksum(text)
    if found is None:
        raise RejectedError(400, f"{name}: expected 0x and 40 hex digits")
    return found


def _number(text: str, name: str) -> int:
    is_plain = text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX
    if not is_plain or int(text) > UINT256_MAX:
        raise RejectedError(400, f"{name}: expected a whole number in a text")
    return int(text)


def _bytes(text: str, name: str) -> bytes:
    found = hex_bytes(text)
    if found is None:
        raise RejectedError(400, f"{name}: expected 0x and hex digits")
    return found

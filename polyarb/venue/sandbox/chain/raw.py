"""PURE: signed transactions as they come over the wire: legacy (EIP-155) and type 2 (EIP-1559)."""

from collections.abc import Sequence
from typing import Final, cast

import rlp
from rlp.exceptions import RLPException

from polyarb.venue.polymarket.signing.contracts import address_of
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.signatures import recover
from polyarb.venue.polymarket.signing.words import UINT256_MAX, uint_word
from polyarb.venue.sandbox.chain.transactions import ChainRefused, Kind, Signature, Transaction

SERVER_ERROR: Final = -32_000

_DYNAMIC_BYTE: Final = 0x02
_FIRST_LIST_BYTE: Final = 0xC0
_LEGACY_FIELDS: Final = 9
_DYNAMIC_FIELDS: Final = 12
_SIGNATURE_FIELDS: Final = 3
_ADDRESS_BYTES: Final = 20
_V_OFFSET: Final = 35
_UNPROTECTED_V: Final = (27, 28)


class _MalformedError(Exception):
    """The bytes are no transaction."""


def decode_raw(raw: bytes, *, chain_id: int) -> Transaction | ChainRefused:
    """Read a signed transaction and who signed it, or say as a node does why it is none."""
    if not raw:
        return _refused("typed transaction too short")
    try:
        if raw[0] >= _FIRST_LIST_BYTE:
            return _legacy(raw, chain_id)
        if raw[0] == _DYNAMIC_BYTE:
            return _dynamic(raw, chain_id)
    except _MalformedError as malformed:
        return _refused(str(malformed))
    return _refused("transaction type not supported")


def _legacy(raw: bytes, chain_id: int) -> Transaction | ChainRefused:
    fields = _fields(raw, _LEGACY_FIELDS)
    v = _number(fields[6])
    if v in _UNPROTECTED_V:
        return _refused("only replay-protected (EIP-155) transactions allowed over RPC")
    parity = v - _V_OFFSET - 2 * chain_id
    if parity not in (0, 1):
        return _wrong_chain((v - _V_OFFSET) // 2, chain_id)
    unsigned = [*fields[:6], _bytes(chain_id), b"", b""]
    sender = _sender(rlp.encode(unsigned), fields[7:], parity)
    if isinstance(sender, ChainRefused):
        return sender
    price = _number(fields[1])
    return Transaction(
        hash="0x" + keccak256(raw).hex(),
        sender=sender,
        to=_target(fields[3]),
        data=_content(fields[5]),
        value=_number(fields[4]),
        nonce=_number(fields[0]),
        gas_limit=_number(fields[2]),
        gas_price=price,
        priority_price=price,
        signature=Signature(v=v, r=_number(fields[7]), s=_number(fields[8])),
        is_signed=True,
    )


def _dynamic(raw: bytes, chain_id: int) -> Transaction | ChainRefused:
    fields = _fields(raw[1:], _DYNAMIC_FIELDS)
    if _number(fields[0]) != chain_id:
        return _wrong_chain(_number(fields[0]), chain_id)
    parity = _number(fields[9])
    unsigned = raw[:1] + rlp.encode(fields[:-_SIGNATURE_FIELDS])
    sender = _sender(unsigned, fields[10:], parity)
    if isinstance(sender, ChainRefused):
        return sender
    if not isinstance(fields[8], list):
        raise _MalformedError("rlp: expected List for types.AccessList")
    return Transaction(
        hash="0x" + keccak256(raw).hex(),
        sender=sender,
        to=_target(fields[5]),
        data=_content(fields[7]),
        value=_number(fields[6]),
        nonce=_number(fields[1]),
        gas_limit=_number(fields[4]),
        gas_price=_number(fields[3]),
        priority_price=_number(fields[2]),
        kind=Kind.DYNAMIC_FEE,
        signature=Signature(v=parity, r=_number(fields[10]), s=_number(fields[11])),
        is_signed=True,
    )


def _fields(encoded: bytes, count: int) -> list[object]:
    try:
        decoded = rlp.decode(encoded)
    except RLPException as error:
        raise _MalformedError(f"rlp: {error}") from None
    if not isinstance(decoded, list) or len(decoded) != count:
        raise _MalformedError("rlp: wrong number of fields for a transaction")
    return cast(list[object], decoded)


def _content(field: object) -> bytes:
    if not isinstance(field, bytes):
        raise _MalformedError("rlp: expected input string or byte")
    return field


def _number(field: object) -> int:
    content = _content(field)
    if content[:1] == b"\0":
        raise _MalformedError("rlp: non-canonical integer (leading zero bytes)")
    number = int.from_bytes(content, "big")
    if number > UINT256_MAX:
        raise _MalformedError("rlp: value too large")
    return number


def _target(field: object) -> Address | None:
    content = _content(field)
    if not content:
        return None
    if len(content) != _ADDRESS_BYTES:
        raise _MalformedError("rlp: input string of wrong size for common.Address")
    return address_of(content)


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _sender(unsigned: bytes, point: Sequence[object], parity: int) -> Address | ChainRefused:
    r, s = (_number(field) for field in point)
    sender = None
    if parity in (0, 1):
        signature = uint_word(r) + uint_word(s) + bytes((parity,))
        sender = recover(keccak256(unsigned), signature)
    return sender or _refused("invalid sender: invalid transaction v, r, s values")


def _wrong_chain(found: int, expected: int) -> ChainRefused:
    return _refused(f"invalid sender: invalid chain id for signer: have {found} want {expected}")


def _refused(message: str) -> ChainRefused:
    return ChainRefused(code=SERVER_ERROR, message=message)

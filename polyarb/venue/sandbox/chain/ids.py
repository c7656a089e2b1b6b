"""PURE: ids of conditions, collections, positions and neg-risk markets, as the contracts form them.

Source: the arithmetic of the conditional tokens contract (Gnosis, `CTHelpers`) and of the neg-risk
adapter (`NegRiskIdLib`). A collection id is a point of the curve alt_bn128, written as its x with
the parity of y above it, so that the ids of two conditions can be added.
"""

from functools import lru_cache
from typing import Final

from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import ZERO_BYTES32, Address, Bytes32

OUTCOMES: Final = 2
YES_INDEX_SET: Final = 1
NO_INDEX_SET: Final = 2
FULL_PARTITION: Final = (YES_INDEX_SET, NO_INDEX_SET)

_FIELD: Final = 21888242871839275222246405745257275088696311157297823662689037894645226208583
_CURVE_B: Final = 3
_ROOT_EXPONENT: Final = (_FIELD + 1) // 4
_WORD: Final = 32
_ADDRESS_BYTES: Final = 20
_ODD_BIT: Final = 1 << 254
_X_MASK: Final = _ODD_BIT - 1
_CACHED_IDS: Final = 65_536

Point = tuple[int, int]


class UnknownCollectionError(ValueError):
    """A parent collection id is no point of the curve."""


def condition_id(oracle: Address, question_id: Bytes32, outcomes: int = OUTCOMES) -> ConditionId:
    """Return the id of the condition that an oracle reports a question's payouts to."""
    packed = _address(oracle) + bytes.fromhex(question_id[2:]) + _word(outcomes)
    return ConditionId(_hex(keccak256(packed)))


@lru_cache(maxsize=_CACHED_IDS)
def collection_id(
    condition: ConditionId, index_set: int, parent: Bytes32 = ZERO_BYTES32
) -> Bytes32:
    """Return the id of a set of a condition's outcomes, on top of a parent collection.

    Errors: UnknownCollectionError when the parent is no collection id.
    """
    seed = int.from_bytes(keccak256(bytes.fromhex(condition[2:]) + _word(index_set)), "big")
    point = _first_point(seed)
    if int(parent, 16):
        point = _sum(point, _point_of(int(parent, 16)))
    x, y = point
    return Bytes32(_hex(_word(x ^ _ODD_BIT if y % 2 else x)))


@lru_cache(maxsize=_CACHED_IDS)
def position_id(collateral: Address, collection: Bytes32) -> TokenId:
    """Return the ERC-1155 token id of a collection held against a collateral token."""
    packed = _address(collateral) + bytes.fromhex(collection[2:])
    return TokenId(str(int.from_bytes(keccak256(packed), "big")))


def token_pair(collateral: Address, condition: ConditionId) -> tuple[TokenId, TokenId]:
    """Return the YES and the NO token of a condition without a parent."""
    return (
        position_id(collateral, collection_id(condition, YES_INDEX_SET)),
        position_id(collateral, collection_id(condition, NO_INDEX_SET)),
    )


def market_id(oracle: Address, fee_bips: int, metadata: bytes) -> GroupId:
    """Return the id of a neg-risk market (a group of questions); its last byte is free.

    Units: fee_bips are parts of 10,000 that converting costs.
    """
    head = bytes(_WORD - _ADDRESS_BYTES) + _address(oracle) + _word(fee_bips)
    tail = _word(3 * _WORD) + _word(len(metadata)) + metadata + bytes(-len(metadata) % _WORD)
    return GroupId(_hex(keccak256(head + tail)[:-1] + b"\x00"))


def question_id(market: GroupId, index: int) -> Bytes32:
    """Return the id of one question of a neg-risk market."""
    return Bytes32(_hex(_word(int(market, 16) + index)))


def _first_point(seed: int) -> Point:
    """Return the first point whose x follows the seed, y as odd as the seed's top bit says."""
    x = seed
    while True:
        x = (x + 1) % _FIELD
        if (y := _root(x)) is not None:
            return x, y if bool(seed >> 255) == bool(y % 2) else _FIELD - y


def _point_of(collection: int) -> Point:
    x = collection & _X_MASK
    y = _root(x)
    if x >= _FIELD or y is None:
        raise UnknownCollectionError(f"no collection has the id {collection:#066x}")
    return x, y if bool(collection >> 254) == bool(y % 2) else _FIELD - y


def _root(x: int) -> int | None:
    square = (x * x * x + _CURVE_B) % _FIELD
    y = pow(square, _ROOT_EXPONENT, _FIELD)
    return y if y * y % _FIELD == square else None


def _sum(first: Point, second: Point) -> Point:
    """Add two points as the precompile at address 6 does; (0, 0) is the point at infinity."""
    (x1, y1), (x2, y2) = first, second
    if x1 == x2 and (y1 + y2) % _FIELD == 0:
        return 0, 0
    if first == second:
        slope = 3 * x1 * x1 * pow(2 * y1, -1, _FIELD) % _FIELD
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, _FIELD) % _FIELD
    x3 = (slope * slope - x1 - x2) % _FIELD
    return x3, (slope * (x1 - x3) - y1) % _FIELD


def _address(address: Address) -> bytes:
    return bytes.fromhex(address[2:])


def _word(number: int) -> bytes:
    return number.to_bytes(_WORD, "big")


def _hex(content: bytes) -> str:
    return "0x" + content.hex()

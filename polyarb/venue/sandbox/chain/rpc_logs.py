"""PURE: `eth_getLogs`: the logs of a range of blocks that pass a filter."""

from collections.abc import Iterator
from typing import Final, cast

import msgspec

from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.events import encode_log, topics_of
from polyarb.venue.sandbox.chain.rpc_params import (
    INVALID_PARAMS,
    RpcError,
    address_of,
    invalid,
    word_of,
)
from polyarb.venue.sandbox.chain.rpc_shapes import Json, log_json
from polyarb.venue.sandbox.chain.rpc_view import SERVER_ERROR, View

LOGS_MAX: Final = 10_000
"""How many logs are answered at once; providers refuse more."""
TOPICS_MAX: Final = 4
LIMIT_EXCEEDED: Final = -32_005


class LogFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which logs pass. Shape: no addresses let all pass; a topic set of None lets any stand."""

    addresses: frozenset[Address]
    topics: tuple[frozenset[str] | None, ...]

    def passes_head(self, address: Address, topic: str) -> bool:
        """Tell by its contract and event alone whether a log may pass."""
        if self.addresses and address not in self.addresses:
            return False
        return not self.topics or self.topics[0] is None or topic in self.topics[0]

    def passes(self, topics: tuple[str, ...]) -> bool:
        """Tell by all its topics whether a log passes."""
        if len(topics) < len(self.topics):
            return False
        pairs = zip(self.topics, topics, strict=False)
        return all(wanted is None or topic in wanted for wanted, topic in pairs)


def logs_between(view: View, record: dict[str, object]) -> list[Json]:
    """Return the logs that a filter object asks for, in the order of the chain."""
    wanted = LogFilter(
        addresses=_addresses(record.get("address")), topics=_topics(record.get("topics"))
    )
    first, last = _range(view, record)
    found: list[Json] = []
    for number in view.chain.made_between(first, last):
        for shape in _of_block(view, number, wanted):
            found.append(shape)
            if len(found) > LOGS_MAX:
                message = f"query returned more than {LOGS_MAX} results"
                raise RpcError(LIMIT_EXCEEDED, message)
    return found


def _of_block(view: View, number: int, wanted: LogFilter) -> Iterator[Json]:
    block = view.block(number)
    assert block is not None
    index = 0
    for receipt in view.chain.receipts_of(number):
        for emitted in view.chain.emitted_by(receipt):
            is_wanted = wanted.passes_head(emitted[0], emitted[1].topic)
            if is_wanted and wanted.passes(topics_of(emitted)):
                yield log_json(encode_log(emitted), receipt, block, index=index)
            index += 1


def _range(view: View, record: dict[str, object]) -> tuple[int, int]:
    block_hash = record.get("blockHash")
    if block_hash is None:
        first = view.number(record.get("fromBlock"), 0)
        last = view.number(record.get("toBlock"), 0)
        if first > last:
            raise RpcError(INVALID_PARAMS, "invalid block range params")
        view.need_history(first, last)
        return first, min(last, view.head)
    if record.get("fromBlock") is not None or record.get("toBlock") is not None:
        raise invalid(0, "cannot specify both BlockHash and FromBlock/ToBlock, choose one")
    block = view.block_by_hash(word_of(block_hash, 0))
    if block is None:
        raise RpcError(SERVER_ERROR, "unknown block")
    return block.number, block.number


def _addresses(value: object) -> frozenset[Address]:
    if value is None:
        return frozenset()
    listed = cast(list[object], value) if isinstance(value, list) else [value]
    return frozenset(address_of(each, 0) for each in listed)


def _topics(value: object) -> tuple[frozenset[str] | None, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > TOPICS_MAX:
        raise invalid(0, f"expected a list of at most {TOPICS_MAX} topics")
    return tuple(_topic(each) for each in cast(list[object], value))


def _topic(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        return frozenset({word_of(value, 0)})
    listed = cast(list[object], value)
    if not listed or None in listed:
        return None
    return frozenset(word_of(each, 0) for each in listed)

"""What a node answers is read strictly; what it cannot be is a fault that shows no address."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from eth_abi.abi import encode
from polyarb.domain.errors import UsageError, VenueError
from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.domain.market import MarketVersion
from polyarb.domain.plan import Side
from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.words import address_word
from polyarb.venue.polymarket.wallet.abi import read_number, read_numbers, revert_reason
from polyarb.venue.polymarket.wallet.actions import Action, Condition, Convert, Question, Split
from polyarb.venue.polymarket.wallet.answers import (
    LogSeen,
    quantity,
    read_block,
    read_logs,
    read_receipt,
)
from polyarb.venue.polymarket.wallet.checks import WalletRefusal, refuse_action
from polyarb.venue.polymarket.wallet.fills import fill_of
from polyarb.venue.polymarket.wallet.limits import WalletLimits
from polyarb.venue.polymarket.wallet.node import Ask, Node, NodeError, NodeFault

OWNER = CONTRACTS.relay_hub
ERROR = keccak256(b"Error(string)")[:4]
PANIC = keccak256(b"Panic(uint256)")[:4]
TOPIC = "0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee"
LOG = LogSeen(
    address=CONTRACTS.exchange,
    topics=(
        TOPIC,
        "0x" + "0a" * 32,
        "0x" + address_word(OWNER).hex(),
        "0x" + address_word(CONTRACTS.exchange).hex(),
    ),
    content=encode(
        ["uint8", *["uint256"] * 4, *["bytes32"] * 2],
        [1, 77, 5_000_000, 2_000_000, 7, b"\1" * 32, b"\2" * 32],
    ),
    block_number=3,
    block_hash="0xbb",
    transaction_hash="0xcc",
    index=9,
)


def test_a_log_is_read_as_a_fill() -> None:
    fill = fill_of(LOG, OWNER)
    assert (fill.side, fill.token_id, fill.shares, fill.cash) == (
        Side.SELL,
        "77",
        5_000_000,
        2_000_000,
    )
    assert (fill.fee, fill.builder, fill.metadata) == (7, "0x" + "01" * 32, "0x" + "02" * 32)
    assert (fill.maker, fill.taker, fill.log_index) == (OWNER, CONTRACTS.exchange, 9)


@pytest.mark.parametrize(
    "changed",
    [
        {"address": CONTRACTS.pusd},
        {"topics": LOG.topics[:3]},
        {"topics": ("0x" + "00" * 32, *LOG.topics[1:])},
        {"topics": (*LOG.topics[:2], LOG.topics[3], LOG.topics[3])},
        {"topics": (*LOG.topics[:2], "0x" + "ff" * 32, LOG.topics[3])},
        {"topics": (*LOG.topics[:2], "0x12", LOG.topics[3])},
        {"content": LOG.content[:-32]},
        {"content": LOG.content + bytes(32)},
        {"content": b"\1" + LOG.content[1:]},
        {"content": LOG.content[:31] + b"\2" + LOG.content[32:]},
    ],
    ids=range(10),
)
def test_what_is_no_fill_of_ours_is_a_fault(changed: dict[str, object]) -> None:
    with pytest.raises(VenueError, match="expected"):
        fill_of(msgspec.structs.replace(LOG, **changed), OWNER)


@pytest.mark.parametrize(
    ("message", "content", "reason"),
    [
        ("execution reverted: x", "0x" + (ERROR + encode(["string"], ["no"])).hex(), "no"),
        ("execution reverted", "0x" + (PANIC + encode(["uint256"], [17])).hex(), "panic 0x11"),
        ("execution reverted", "0x" + keccak256(b"EnforcedPause()")[:4].hex(), "EnforcedPause()"),
        ("execution reverted", "0x12345678", "error 0x12345678"),
        ("execution reverted", "0x" + ERROR.hex() + "01", "unreadable error 0x08c379a0"),
        ("execution reverted: Paused", "", "Paused"),
        ("execution reverted", "", "no reason"),
        ("execution reverted", None, "no reason"),
        ("execution reverted", "0xzz", "no reason"),
    ],
    ids=range(9),
)
def test_a_revert_has_a_reason(message: str, content: object, reason: str) -> None:
    assert revert_reason(message, content) == reason


BAD_READS: tuple[Callable[[], object], ...] = (
    lambda: read_number("0x01"),
    lambda: read_number(None),
    lambda: read_numbers("0x01", 1),
    lambda: read_numbers("0x" + encode(["uint256[]"], [[1]]).hex(), 2),
    lambda: quantity("12"),
    lambda: quantity("0xzz"),
    lambda: quantity(3),
    lambda: quantity(NodeFault(code=-32_000, message="header not found")),
    lambda: read_block({"number": "0x1"}),
    lambda: read_block([]),
    lambda: read_receipt({"transactionHash": 3}),
    lambda: read_logs({}),
    lambda: read_logs([{}]),
    lambda: read_logs([log_of(address="0x12")]),
    lambda: read_logs([log_of(data="12")]),
)


def log_of(**more: object) -> dict[str, object]:
    return {
        "address": CONTRACTS.exchange,
        "topics": [],
        "data": "0x",
        "blockNumber": "0x1",
        "blockHash": "0x1",
        "transactionHash": "0x1",
        "logIndex": "0x0",
        **more,
    }


@pytest.mark.parametrize("read", BAD_READS, ids=range(len(BAD_READS)))
def test_what_is_no_answer_is_a_fault(read: Callable[[], object]) -> None:
    with pytest.raises(VenueError, match="expected"):
        read()


def test_nothing_is_none_and_removed_logs_are_left_out() -> None:
    assert read_block(None) is None and read_receipt(None) is None
    assert read_logs([log_of(removed=True)]) == ()


@pytest.mark.parametrize("address", ["", "ftp://x/secret", "secret", "http://[secret", "http://"])
def test_an_address_that_is_none_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(UsageError) as told:
        Node(Secret(address), request_ms_max=100)
    assert "secret" not in str(told.value)


ANSWERS = (
    b"",
    b"<html>",
    b"[]",
    b"3",
    b"null",
    b"{}",
    b"\xff\xfe",
    b'{"id":0,"jsonrpc":"2.0"}',
    b'{"id":0,"jsonrpc":"2.0","error":3}',
    b'[{"id":0,"jsonrpc":"2.0","result":"0x1"}]',
    b'[{"id":0,"result":"0x1"},{"id":1}]',
    b'[3,{"id":1,"result":"0x1"}]',
    b'[{"id":0,"result":"0x1"},{"id":0,"result":"0x2"}]',
    b'[{"id":0,"result":"0x1"},{"id":2,"result":"0x2"}]',
)


@pytest.mark.parametrize("body", ANSWERS, ids=range(len(ANSWERS)))
def test_a_node_that_answers_nonsense_is_a_fault_that_shows_only_its_host(body: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async def main() -> str:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            node = Node(Secret(f"http://127.0.0.1:{port}/v2/secret"), request_ms_max=5_000)
            ask = Ask(method="eth_blockNumber")
            try:
                with pytest.raises(NodeError) as told:
                    await node.ask_all([ask, ask])
            finally:
                await node.close()
            shown = f"{told.value} {node!r}"
            assert f"127.0.0.1:{port}" in shown and told.value.retryable
            return shown

    assert "secret" not in asyncio.run(main())


PLAIN = Condition(
    condition_id=ConditionId("0x" + "ab" * 32),
    yes=TokenId(str(2**250 + 2**60)),
    no=TokenId(str(2**251 + 2**60)),
    is_neg_risk=False,
    version=MarketVersion.V1,
)


def split(**more: object) -> Split:
    return Split(condition=msgspec.structs.replace(PLAIN, **more), shares=1)


def convert(*indices: int, group: str = "0x" + "cd" * 32) -> Convert:
    questions = tuple(Question(index=index, no=PLAIN.no) for index in indices)
    return Convert(group_id=GroupId(group), questions=questions, shares=1, version=MarketVersion.V1)


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (split(), None),
        (convert(0, 3), None),
        (split(condition_id="0x12"), WalletRefusal.MALFORMED),
        (split(yes="seven"), WalletRefusal.MALFORMED),
        (split(yes=str(1 << 248)), WalletRefusal.UNKNOWN_VERSION),
        (split(version=None), WalletRefusal.UNKNOWN_VERSION),
        (convert(), WalletRefusal.MALFORMED),
        (convert(1, 1), WalletRefusal.MALFORMED),
        (convert(-1), WalletRefusal.MALFORMED),
        (convert(256), WalletRefusal.MALFORMED),
        (convert(1, group="0x1"), WalletRefusal.MALFORMED),
    ],
    ids=range(11),
)
def test_an_action_is_judged_by_itself(action: Action, reason: WalletRefusal | None) -> None:
    told = refuse_action(action, WalletLimits(envelope=10))
    assert (told.reason if told else None) is reason


def test_an_owner_in_any_case_is_the_same_account() -> None:
    assert fill_of(LOG, Address(OWNER)).maker == OWNER

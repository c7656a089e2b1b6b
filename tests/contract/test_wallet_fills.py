"""The drop copy over a real socket: every fill of ours once, whatever strikes."""

import asyncio
from typing import cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.wallet.fills import (
    ChainFill,
    DropCopy,
    DropCopyReader,
    FillCursor,
)
from polyarb.venue.polymarket.wallet.node import NodeError
from polyarb.venue.sandbox.chain import rpc_logs
from polyarb.venue.sandbox.terms.faults import FaultKind
from tests.wallet_cases import ONE, WalletVenue, fill, match, play

START = FillCursor(next_block=0)


class Copy:
    """A consumer who does what a drop copy tells him, over restarts."""

    def __init__(self, venue: WalletVenue, *, confirmations: int = 0, blocks_max: int = 50) -> None:
        self.reader = DropCopyReader(
            venue.node(), venue.account, confirmations=confirmations, blocks_max=blocks_max
        )
        self.fills: list[ChainFill] = []
        self.cursor = START

    async def read(self) -> DropCopy:
        """Read once and keep what was found; the cursor goes through its record form."""
        found = await self.reader.read(self.cursor)
        if found.withdrawn_from is not None:
            self.fills = [one for one in self.fills if one.block_number < found.withdrawn_from]
        self.fills += found.fills
        self.cursor = msgspec.json.decode(msgspec.json.encode(found.cursor), type=FillCursor)
        return found

    async def catch_up(self) -> None:
        """Read until there is nothing more, and once again: a fault may strike in between."""
        for _ in range(50):
            try:
                if (await self.read()).is_complete:
                    return
            except NodeError:
                continue
        raise AssertionError("the drop copy does not come to an end")

    @property
    def keys(self) -> list[tuple[str, int]]:
        return [(one.transaction_hash, one.log_index) for one in self.fills]


def trade(venue: WalletVenue, number: int, *, slug: str = "rain", fee: int = 0) -> str:
    """Let our account buy YES from a trader, or the trader from us, settled in the next block."""
    market, shares = venue.market(slug), (number + 1) * ONE
    other = venue.traders[0].address
    ours = fill(venue.account, market, Side.BUY, shares, order=f"{number:02x}", fee=fee)
    theirs = fill(other, market, Side.SELL, shares, order=f"{number + 100:02x}")
    settled = match(market, ours, theirs, trade_id=f"trade-{slug}-{number}")
    if number % 2:
        settled = match(market, theirs, ours, trade_id=f"trade-{slug}-{number}")
    return venue.chain.submit_match(settled, is_ghost=False)


def endowed(venue: WalletVenue) -> None:
    for slug in ("rain", "ada"):
        market = venue.market(slug)
        venue.chain.endow(venue.traders[0].address, market.condition_id, 10_000 * ONE)
    venue.mine()


def on_chain(venue: WalletVenue, hashes: list[str]) -> list[tuple[str, int]]:
    """Return which settlements stand, in their blocks, by the chain itself."""
    receipts = [venue.chain.receipt(each) for each in hashes]
    return sorted(
        (one.transaction.hash, one.block_number) for one in receipts if one and one.is_success
    )


def test_a_fill_is_told_with_its_amounts_as_taker_and_as_maker_on_both_exchanges() -> None:
    async def acts(venue: WalletVenue) -> None:
        endowed(venue)
        hashes = [trade(venue, 2, fee=1_234), trade(venue, 3), trade(venue, 4, slug="ada")]
        venue.mine()
        copy = Copy(venue)
        await copy.catch_up()
        taken, made, group = copy.fills
        rain, ada = venue.market("rain"), venue.market("ada")
        assert [each.transaction_hash for each in copy.fills] == hashes
        assert (taken.order_id, made.order_id) == ("0x" + "02" * 32, "0x" + "03" * 32)
        assert (taken.side, taken.token_id, taken.maker) == (Side.BUY, rain.yes, venue.account)
        assert (taken.shares, taken.cash, taken.fee) == (3 * ONE, 1_200_000, 1_234)
        assert (made.shares, made.cash, made.fee) == (4 * ONE, 1_600_000, 0)
        assert taken.taker == CONTRACTS.exchange and made.taker == venue.traders[0].address
        assert (taken.is_neg_risk, group.is_neg_risk) == (False, True)
        assert group.token_id == ada.yes and group.exchange == CONTRACTS.neg_risk_exchange
        assert venue.chain.collateral(venue.account) == 1_000 * ONE - sum(
            each.cash + each.fee for each in copy.fills
        )

    play(acts, is_approved=True)


def test_reading_goes_on_where_it_was_left_in_ranges_as_long_as_allowed() -> None:
    async def acts(venue: WalletVenue) -> None:
        endowed(venue)
        copy = Copy(venue, blocks_max=3)
        for number in range(4):
            trade(venue, number)
            venue.mine(4)
        found = await copy.read()
        assert not found.is_complete and found.cursor.next_block == 3
        await copy.catch_up()
        assert len(copy.fills) == 4 == len(set(copy.keys))
        trade(venue, 4)
        venue.mine()
        again = Copy(venue)
        again.fills, again.cursor = list(copy.fills), copy.cursor
        await again.catch_up()
        assert len(again.fills) == 5 == len(set(again.keys))

    play(acts, is_approved=True)


def test_a_range_that_holds_too_much_is_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    async def acts(venue: WalletVenue) -> None:
        endowed(venue)
        for number in range(6):
            trade(venue, number)
            venue.mine()
        monkeypatch.setattr(rpc_logs, "LOGS_MAX", 2)
        copy = Copy(venue)
        await copy.catch_up()
        assert len(copy.fills) == 6 == len(set(copy.keys))

    play(acts, is_approved=True)


def test_what_a_reorganisation_undid_is_withdrawn_and_read_anew() -> None:
    async def acts(venue: WalletVenue) -> None:
        endowed(venue)
        first = trade(venue, 0)
        venue.mine(5)
        second = trade(venue, 1)
        venue.mine()
        copy = Copy(venue)
        await copy.catch_up()
        before = copy.fills[1]
        venue.chain.reorg(2)
        found = await copy.read()
        assert found.withdrawn_from is not None
        assert first in {one.transaction_hash for one in copy.fills}
        venue.mine(2)
        await copy.catch_up()
        assert [one.transaction_hash for one in copy.fills] == [first, second]
        assert copy.fills[1].block_hash != before.block_hash

    play(acts, is_approved=True)


def test_with_confirmations_nothing_young_is_told() -> None:
    async def acts(venue: WalletVenue) -> None:
        endowed(venue)
        trade(venue, 0)
        venue.mine()
        copy = Copy(venue, confirmations=3)
        await copy.catch_up()
        assert not copy.fills
        venue.mine(3)
        await copy.catch_up()
        assert len(copy.fills) == 1

    play(acts, is_approved=True)


def test_a_node_that_lags_behind_the_cursor_is_told_and_the_cursor_holds() -> None:
    async def acts(venue: WalletVenue) -> None:
        venue.mine(10)
        copy = Copy(venue)
        await copy.catch_up()
        venue.fault(FaultKind.RPC_LAG, 3)
        with pytest.raises(NodeError, match="lags"):
            await copy.read()
        venue.mine(4)
        venue.fault(FaultKind.RPC_LAG, 5, skip=1)
        with pytest.raises(NodeError, match="lags"):
            await copy.read()
        await copy.catch_up()

    play(acts, is_approved=True)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), st.just(0)),
        st.tuples(st.just("mine"), st.integers(1, 4)),
        st.tuples(st.just("read"), st.just(0)),
        st.tuples(st.just("reorg"), st.integers(1, 5)),
        st.tuples(st.just("lag"), st.integers(1, 6)),
        st.tuples(st.just("strike"), st.integers(0, 4)),
        st.tuples(st.just("lost"), st.integers(0, 2)),
    ),
    min_size=4,
    max_size=14,
)


async def take(venue: WalletVenue, copy: Copy, hashes: list[str], step: tuple[str, int]) -> None:
    name, amount = step
    match name:
        case "trade":
            hashes.append(trade(venue, len(hashes)))
        case "mine":
            venue.mine(amount)
        case "reorg":
            venue.chain.reorg(amount)
        case "lag":
            venue.fault(FaultKind.RPC_LAG, amount, skip=amount % 2)
        case "strike":
            venue.fault(FaultKind.REORG, amount + 1, skip=amount % 3)
        case "lost":
            venue.fault(FaultKind.LOST_RESPONSE, skip=amount)
        case _:
            try:
                await copy.read()
            except NodeError:
                await asyncio.sleep(0)


@settings(max_examples=25)
@given(steps=STEPS)
def test_whatever_strikes_the_copy_ends_as_the_chain(steps: list[tuple[str, int]]) -> None:
    async def acts(venue: WalletVenue) -> None:
        endowed(venue)
        copy, hashes = Copy(venue, blocks_max=5), cast(list[str], [])
        for step in steps:
            await take(venue, copy, hashes, step)
        venue.faults.clear()
        venue.mine(2)
        await copy.catch_up()
        told = sorted((one.transaction_hash, one.block_number) for one in copy.fills)
        assert told == on_chain(venue, hashes) and len(told) == len(hashes)

    play(acts, is_approved=True)

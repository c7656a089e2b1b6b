"""No sequence of calls, settlements, failures, verdicts and reorgs makes or loses money."""

from typing import Any

import calldata
from chain_cases import (
    ALICE,
    BOB,
    CAROL,
    ONE,
    UNLIMITED,
    chain_of,
    contents,
    fill,
    group_markets,
    match,
    mine,
    plain_market,
    supplies,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.addresses import NO_TOKEN_BURN
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.conditional import DENOMINATOR, NUMERATOR, held_slot
from polyarb.venue.sandbox.chain.tokens import SUPPLY
from polyarb.venue.sandbox.terms.instruments import ListedMarket

COUNT = 4
OWNERS = st.sampled_from([ALICE, BOB, CAROL])
AMOUNTS = st.one_of(st.integers(0, 30 * ONE), st.integers(0, 3), st.just(2_000 * ONE))
PLACES = st.integers(0, COUNT)
PUSD, USDC, WCOL = CONTRACTS.pusd, CONTRACTS.usdc_bridged, CONTRACTS.wrapped_collateral
CTF = CONTRACTS.conditional_tokens


class Money(RuleBasedStateMachine):
    """A chain under random use; after every step the books must balance."""

    chain: Chain
    markets: tuple[ListedMarket, ...]
    released: dict[str, int]

    @initialize(fee_bips=st.sampled_from([0, 1, 100, 10_000]))
    def found(self, fee_bips: int) -> None:
        self.chain = chain_of(COUNT, fee_bips)
        group = group_markets(COUNT, fee_bips)
        self.markets = (plain_market(), *group)
        self.pending_converts: dict[str, int] = {}
        self.redemptions = 0
        for owner in (ALICE, BOB):
            for market in self.markets:
                self.chain.endow(owner, market.condition_id, 20 * ONE)
            for token in (PUSD, USDC):
                for spender in (CONTRACTS.onramp, CONTRACTS.offramp, CTF):
                    self.chain.send(owner, token, calldata.approve(spender, UNLIMITED))
            self.chain.send(owner, USDC, calldata.approve(CONTRACTS.neg_risk_adapter, UNLIMITED))
        mine(self.chain)
        self.snapshots = {self.chain.head.number: contents(self.chain)}

    def _send(self, sender: Address, to: Address, data: bytes) -> str:
        return self.chain.send(sender, to, data)

    def _adapter(self, market: ListedMarket, *, is_direct: bool) -> Address:
        if is_direct:
            return CONTRACTS.neg_risk_adapter if market.is_neg_risk else CTF
        if market.is_neg_risk:
            return CONTRACTS.neg_risk_collateral_adapter
        return CONTRACTS.collateral_adapter

    @rule(
        owner=OWNERS,
        place=PLACES,
        amount=AMOUNTS,
        is_direct=st.booleans(),
        what=st.sampled_from(["split", "merge", "redeem"]),
    )
    def use(self, owner: Address, place: int, amount: int, is_direct: bool, what: str) -> None:
        market = self.markets[place]
        to = self._adapter(market, is_direct=is_direct)
        asset = USDC if is_direct else PUSD
        if what == "redeem":
            self.redemptions += 1
            self._send(owner, to, calldata.redeem(market.condition_id, asset))
        elif what == "split":
            self._send(owner, to, calldata.split(market.condition_id, amount, asset))
        else:
            self._send(owner, to, calldata.merge(market.condition_id, amount, asset))

    @rule(owner=OWNERS, index_set=st.integers(0, 2**COUNT), amount=AMOUNTS, is_direct=st.booleans())
    def convert(self, owner: Address, index_set: int, amount: int, is_direct: bool) -> None:
        group = self.markets[1].group_id
        assert group is not None
        to = self._adapter(self.markets[1], is_direct=is_direct)
        sent = self._send(owner, to, calldata.convert(group, index_set, amount))
        self.pending_converts[sent] = amount

    @rule(owner=OWNERS, receiver=OWNERS, place=PLACES, amount=AMOUNTS, is_yes=st.booleans())
    def give(
        self, owner: Address, receiver: Address, place: int, amount: int, is_yes: bool
    ) -> None:
        market = self.markets[place]
        token = market.yes if is_yes else market.no
        self._send(owner, CTF, calldata.send_shares(owner, receiver, token, amount))
        self._send(owner, PUSD, calldata.transfer(receiver, amount))

    @rule(owner=OWNERS, amount=AMOUNTS, is_wrap=st.booleans())
    def change_money(self, owner: Address, amount: int, is_wrap: bool) -> None:
        verb = "wrap" if is_wrap else "unwrap"
        to = CONTRACTS.onramp if is_wrap else CONTRACTS.offramp
        data = calldata.call(f"{verb}(address,address,uint256)", USDC, owner, amount)
        self._send(owner, to, data)

    @rule(owner=OWNERS, place=PLACES, is_allowed=st.booleans())
    def change_rights(self, owner: Address, place: int, is_allowed: bool) -> None:
        to = self._adapter(self.markets[place], is_direct=False)
        for spender in (to, CONTRACTS.exchange, CONTRACTS.neg_risk_exchange):
            allowed = UNLIMITED if is_allowed else 5 * ONE
            self._send(owner, PUSD, calldata.approve(spender, allowed))
            self._send(owner, CTF, calldata.allow_all(spender, is_allowed))

    @rule(
        taker=OWNERS,
        maker=OWNERS,
        place=PLACES,
        shares=AMOUNTS,
        price=st.integers(1, 99),
        way=st.sampled_from(["buy", "sell", "mint", "merge"]),
        is_ghost=st.booleans(),
        fee=st.integers(0, 10_000),
    )
    def trade(self, taker: Address, maker: Address, place: int, shares: int, **terms: Any) -> None:
        market, price, way = self.markets[place], terms["price"] * 10_000, terms["way"]
        side = Side.BUY if way in ("buy", "mint") else Side.SELL
        is_direct = way in ("buy", "sell")
        other = Side.SELL if side is Side.BUY else Side.BUY
        token = market.yes if is_direct else market.no
        shares -= shares % 100
        made = fill(
            maker, token, other if is_direct else side, shares, price if is_direct else ONE - price
        )
        took = fill(taker, market.yes, side, shares, price, fee=terms["fee"], order="aa")
        self.chain.submit_match(match(market, took, made), is_ghost=terms["is_ghost"])

    @rule(place=PLACES, verdict=st.sampled_from([(ONE, 0), (0, ONE), (ONE // 2, ONE // 2)]))
    def decide(self, place: int, verdict: tuple[int, int]) -> None:
        market = self.markets[place]
        if not market.is_neg_risk or ONE in verdict:
            self.chain.report_payouts(market.condition_id, verdict)

    @rule(blocks=st.integers(1, 3))
    def pass_time(self, blocks: int) -> None:
        for _ in range(blocks):
            mine(self.chain)
            self.snapshots[self.chain.head.number] = contents(self.chain)

    @precondition(lambda self: self.chain.head.number > 1)
    @rule(depth=st.integers(1, 5))
    def reorg(self, depth: int) -> None:
        kept = max(self.chain.head.number - depth, 1)
        self.chain.reorg(self.chain.head.number - kept)
        assert contents(self.chain) == self.snapshots[kept]
        for number in range(kept, self.chain.head.number + 1):
            self.snapshots[number] = self.snapshots[kept]

    @invariant()
    def money_adds_up(self) -> None:
        totals, read = supplies(self.chain), self.chain.state.read
        for token in (PUSD, USDC, WCOL):
            assert totals[token] == read((SUPPLY, token))
        assert totals[PUSD] == read((USDC, PUSD)), "pUSD is backed one to one"
        assert all(number > 0 for _, number in self.chain.state.items())

    @invariant()
    def sets_are_backed(self) -> None:
        totals, read = supplies(self.chain), self.chain.state.read
        held = {USDC: 0, WCOL: 0}
        for market in self.markets:
            collateral = WCOL if market.is_neg_risk else USDC
            backing = read(held_slot(collateral, market.condition_id))
            held[collateral] += backing
            yes, no = totals[market.yes], totals[market.no]
            if not (denominator := read((DENOMINATOR, market.condition_id))):
                assert yes == no == backing
                continue
            pays = [read((NUMERATOR, market.condition_id, str(at))) for at in (0, 1)]
            owed = yes * pays[0] + no * pays[1]
            dust = backing * denominator - owed
            assert 0 <= dust <= 2 * denominator * self.redemptions
        assert held[USDC] == read((USDC, CTF)) and held[WCOL] == read((WCOL, CTF))

    @invariant()
    def converting_releases_what_it_locks(self) -> None:
        receipts = (self.chain.receipt(sent) for sent in self.pending_converts)
        converted = sum(
            self.pending_converts[receipt.transaction.hash]
            for receipt in receipts
            if receipt and receipt.is_success
        )
        read = self.chain.state.read
        assert read((SUPPLY, WCOL)) - read((USDC, WCOL)) == converted * (COUNT - 1)

    @invariant()
    def the_group_can_pay_whoever_wins(self) -> None:
        totals, read = supplies(self.chain), self.chain.state.read
        group = self.markets[1:]
        decided = {
            at: read((NUMERATOR, market.condition_id, "0"))
            for at, market in enumerate(group)
            if read((DENOMINATOR, market.condition_id))
        }
        for winner in (*range(COUNT), None):
            if any(is_yes != (at == winner) for at, is_yes in decided.items()):
                continue
            owed = sum(
                totals[market.yes]
                if at == winner
                else totals[market.no] - read((market.no, NO_TOKEN_BURN))
                for at, market in enumerate(group)
            )
            assert owed <= read((USDC, WCOL))


Money.TestCase.settings = settings(max_examples=40, stateful_step_count=30)
TestMoneyIsConserved = Money.TestCase

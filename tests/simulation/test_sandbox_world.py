"""Strangers do what they like for a while, on the exchange and behind its back on the chain; then
every trade has its last word, the money adds up, and the exchange and the chain agree.
"""

from collections import Counter
from hashlib import sha256
from pathlib import Path
from random import Random

import msgspec
import pytest
from polyarb.config.scenarios import load_scenario
from polyarb.domain.ids import OrderId
from polyarb.domain.order import TimeInForce, TradeStatus
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO
from polyarb.store.workspace import Workspace
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import SignedOrder
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.flow.founding import Founded, found
from polyarb.venue.sandbox.terms.announcements import Announcement, TradeChanged
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from polyarb.venue.sandbox.terms.orders import OrderRequest, Placement, Refused
from polyarb.venue.sandbox.terms.trades import sides_of

ROOT = Path(__file__).resolve().parents[2]
STARTS_NS = 1_800_000_000_000_000_000
MS = 1_000_000
STEPS = 400
APPROVE = bytes.fromhex("095ea7b3")
SET_APPROVAL = bytes.fromhex("a22cb465")
TRANSFER = bytes.fromhex("a9059cbb")
FINAL = {TradeStatus.CONFIRMED, TradeStatus.FAILED}


def word(number: int | str) -> bytes:
    return (number if isinstance(number, int) else int(number, 16)).to_bytes(32, "big")


class Strangers:
    """Three accounts that place, cancel, move money away and take approvals back at random."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.board = FaultBoard(seed)
        self.founded: Founded = found(
            load_scenario("quiet", Workspace(ROOT)),
            seed=seed,
            starts_ns=STARTS_NS,
            faults=self.board,
        )
        self.world = self.founded.world
        self.markets = self.founded.listing.markets
        self.told: list[Announcement] = []
        self.answers: Counter[str] = Counter()
        self.placed = 0
        self.now_ns = STARTS_NS
        for account in self.founded.accounts:
            for market in self.markets:
                self.world.chain.endow(account.address, market.condition_id, 100 * MICRO)
                for token in (market.yes, market.no):
                    self.world.refresh(account.address, token)

        self.backing = self.held_of(CONTRACTS.usdc_bridged)

    def run(self, steps: int) -> None:
        acts = (self.place, self.cancel, self.move_money, self.change_approval, self.arm)
        for _ in range(steps):
            self.chance.choices(acts, weights=(80, 10, 3, 4, 3))[0]()
            self.now_ns += self.chance.randint(0, 900) * MS
            self.world.advance(self.now_ns)
            self.told.extend(self.world.drain())

    def settle(self) -> None:
        """Wait until nothing is in flight any more."""
        self.board.clear()
        self.now_ns += 600_000 * MS
        self.world.advance(self.now_ns)
        self.told.extend(self.world.drain())

    def place(self) -> None:
        market = self.chance.choice(self.markets)
        account = self.chance.choice(self.founded.accounts)
        side = self.chance.choice((Side.BUY, Side.SELL))
        steps = MICRO // market.tick
        price = self.chance.randint(steps // 4, 3 * steps // 4) * market.tick
        shares = self.chance.randint(5, 60) * MICRO
        money = price * shares // MICRO
        self.placed += 1
        answer = self.world.place(
            OrderRequest(
                order_id=OrderId(f"0x{self.placed:064x}"),
                order=SignedOrder(
                    salt=self.placed,
                    maker=account.address,
                    signer=account.address,
                    token_id=self.chance.choice((market.yes, market.no)),
                    maker_amount=money if side is Side.BUY else shares,
                    taker_amount=shares if side is Side.BUY else money,
                    side=side,
                    timestamp_ms=self.now_ns // MS,
                ),
                owner=account.address,
                time_in_force=self.chance.choice(
                    (TimeInForce.GTC, TimeInForce.GTC, TimeInForce.FAK, TimeInForce.FOK)
                ),
            )
        )
        kind = answer.reason if isinstance(answer, Refused) else answer.status
        self.answers[kind.value] += 1
        assert isinstance(answer, Placement | Refused)

    def cancel(self) -> None:
        owner = self.chance.choice(self.founded.accounts).address
        self.world.exchange.cancel_all(owner)

    def move_money(self) -> None:
        """Send pUSD to another of the three: what the exchange believes is out of date at once."""
        giver, taker = self.chance.sample(self.founded.accounts, 2)
        amount = self.world.chain.collateral(giver.address) * self.chance.randint(1, 9) // 10
        data = TRANSFER + word(taker.address) + word(amount)
        self.world.chain.send(giver.address, CONTRACTS.pusd, data)

    def change_approval(self) -> None:
        owner = self.chance.choice(self.founded.accounts).address
        spender = self.chance.choice((CONTRACTS.exchange, CONTRACTS.neg_risk_exchange))
        is_given = self.chance.random() < 0.6
        if self.chance.random() < 0.5:
            data = APPROVE + word(spender) + word(2**256 - 1 if is_given else 0)
            self.world.chain.send(owner, CONTRACTS.pusd, data)
        else:
            data = SET_APPROVAL + word(spender) + word(int(is_given))
            self.world.chain.send(owner, CONTRACTS.conditional_tokens, data)
        self.world.refresh(owner, None)

    def arm(self) -> None:
        kind = self.chance.choice((FaultKind.GHOST_FILL, FaultKind.SETTLEMENT_DELAY))
        amount = 4_000 if kind is FaultKind.SETTLEMENT_DELAY else self.chance.choice((0, 1, 2))
        self.board.arm(Fault(kind=kind, times=1, amount=amount))
        if self.chance.random() < 0.3:
            self.world.chain.reorg(1)

    def held_of(self, token: str) -> int:
        """Sum what every account that there is holds of a token, contracts included."""
        chain = self.world.chain
        with chain.state_at(chain.head.number) as state:
            return sum(
                amount
                for slot, amount in state.items()
                if len(slot) == 2 and slot[0] == token and slot[1].startswith("0x")
            )

    def trades(self) -> dict[str, list[TradeChanged]]:
        by_id: dict[str, list[TradeChanged]] = {}
        for announced in self.told:
            if isinstance(announced, TradeChanged):
                by_id.setdefault(announced.trade.match.trade_id, []).append(announced)
        return by_id


@pytest.fixture(scope="module", params=range(4))
def strangers(request: pytest.FixtureRequest) -> Strangers:
    strangers = Strangers(request.param)
    strangers.run(STEPS)
    strangers.settle()
    return strangers


def test_much_happened_and_much_of_it_was_refused_or_failed(strangers: Strangers) -> None:
    last = Counter(told[-1].trade.status for told in strangers.trades().values())
    assert strangers.answers["matched"] > 20
    assert strangers.answers["live"] > 20
    assert last[TradeStatus.CONFIRMED] > 10
    assert last[TradeStatus.FAILED] > 0


def test_every_trade_has_a_last_word_and_no_word_after_it(strangers: Strangers) -> None:
    for told in strangers.trades().values():
        statuses = [change.trade.status for change in told]
        assert statuses[0] is TradeStatus.MATCHED
        assert statuses[-1] in FINAL
        assert not FINAL & set(statuses[:-1])
    assert strangers.world.settlement.open_count == 0


def test_no_pusd_is_made_or_lost_and_every_share_has_its_other_half(strangers: Strangers) -> None:
    dollars = 0
    for market in strangers.markets:
        yes, no = strangers.held_of(market.yes), strangers.held_of(market.no)
        assert yes == no > 0
        dollars += yes
    backing = strangers.held_of(CONTRACTS.usdc_bridged)
    assert strangers.held_of(CONTRACTS.pusd) + dollars == backing == strangers.backing


def test_a_confirmed_trade_is_on_chain_fill_by_fill_and_a_failed_one_is_not(
    strangers: Strangers,
) -> None:
    chain = strangers.world.chain
    for told in strangers.trades().values():
        trade = told[-1].trade
        receipt = chain.receipt(trade.transaction_hash)
        assert receipt is not None
        if trade.status is TradeStatus.FAILED:
            assert not receipt.is_success
            continue
        assert receipt.is_success
        filled = [
            arguments
            for _, event, arguments in chain.emitted_by(receipt)
            if event.name == "OrderFilled"
        ]
        fills = sides_of(trade.match)
        assert sorted(str(each[0]) for each in filled) == sorted(fill.order_id for fill in fills)
        amounts = {str(each[0]): (each[5], each[6], each[7]) for each in filled}
        for fill in fills:
            assert amounts[fill.order_id] == (fill.given, fill.got, fill.fee)


def test_after_a_refresh_the_exchange_and_the_chain_agree_on_every_balance(
    strangers: Strangers,
) -> None:
    world = strangers.world
    for account in strangers.founded.accounts:
        world.exchange.refresh(account.address, None)
        assert world.exchange.balance(account.address, None) == world.chain.collateral(
            account.address
        )
        for market in strangers.markets:
            for token in (market.yes, market.no):
                world.exchange.refresh(account.address, token)
                assert world.exchange.balance(account.address, token) == world.chain.shares(
                    account.address, token
                )


def test_the_same_seed_tells_the_same_story_byte_for_byte() -> None:
    def digest(seed: int) -> str:
        strangers = Strangers(seed)
        strangers.run(STEPS // 2)
        strangers.settle()
        return sha256(b"".join(msgspec.json.encode(each) for each in strangers.told)).hexdigest()

    assert digest(7) == digest(7)
    assert digest(7) != digest(8)

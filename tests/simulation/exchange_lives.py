"""Seeded lives of an exchange beside its oracle and a chain: requests, time, settlement, laws."""

import random
from fractions import Fraction

import msgspec
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import TokenId
from polyarb.domain.order import TimeInForce, TradeStatus
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO, ONE
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.terms.announcements import (
    Announcement,
    LevelChanged,
    Printed,
    TradeChanged,
)
from polyarb.venue.sandbox.terms.orders import OrderRequest, Placement, Refused
from polyarb.venue.sandbox.terms.settings import ExchangeSettings
from polyarb.venue.sandbox.terms.trades import Fill, Match, sides_of
from tests.exchange_cases import (
    ACCOUNTS,
    CONDITION,
    MS_NS,
    NO,
    OPENED_NS,
    SECOND_NS,
    YES,
    Trading,
    fingerprint,
    owner_of,
)
from tests.simulation.exchange_oracle import Bargain, Oracle, Wish

TICKS = (100_000, 10_000, 5_000, 2_500, 1_000, 100)
TOKENS = (YES, NO)
KINDS = (TimeInForce.GTC,) * 5 + (
    TimeInForce.GTD,
    TimeInForce.FOK,
    TimeInForce.FAK,
    TimeInForce.FAK,
)
MAKERS_MAX = 3
RATE = 700
LEAD_S = 60
WATCHED_SHARE = 0.15
"""So many refusals are watched for what they leave behind: writing all of a state takes long."""


class Life:
    """One exchange, one oracle, one chain; every step is taken by all and compared."""

    def __init__(self, seed: int, *, hold_ms: int = 0) -> None:
        self.draw = random.Random(seed)
        self.tick = self.draw.choice(TICKS)
        self.trading = Trading(
            settings=ExchangeSettings(makers_per_trade_max=MAKERS_MAX),
            held=self.draw.choice((60, 100, 150, 1_000)) * MICRO,
            tick=self.tick,
            fee=FeeSchedule(rate=RATE),
            hold_ms=hold_ms,
        )
        self.exchange = self.trading.exchange
        self.funds = self.trading.funds
        self.started = self._supply()
        self.fees = 0
        self.moved: set[tuple[Address, TokenId | None]] = set()
        self.told: list[Announcement] = []
        self.ids: list[tuple[str, Address]] = []
        self.requests: list[OrderRequest] = []
        self.flying: list[Match] = []
        self.mirror: dict[tuple[bool, int], int] = {}
        self.oracle = Oracle(
            yes=YES,
            no=NO,
            tick=Fraction(self.tick, MICRO),
            size_min=self.trading.market.size_min,
            rate=Fraction(RATE, 10_000),
            balances={},
            hold_ns=hold_ms * MS_NS,
            makers_max=MAKERS_MAX,
            now_ns=OPENED_NS,
        )
        for account in ACCOUNTS:
            for token in (None, *TOKENS):
                self._oracle_reads(account, token)

    def step(self) -> None:
        """Do one thing, and check everything."""
        acts = (self.order,) * 10 + (self.cancel,) * 3 + (self.wait, self.settle, self.settle)
        rare = (self.withdraw, self.withdraw, self.change_tick, self.close, self.again)
        is_closed = not self.oracle.is_accepting and self.draw.random() < 0.3
        self.draw.choice(acts if self.draw.random() < 0.95 else rare)()
        if is_closed:
            self.reopen()
        self.check()

    def order(self) -> None:
        """Place an order that is mostly sound."""
        draw = self.draw
        account, token = draw.choice(ACCOUNTS), draw.choice(TOKENS)
        side, kind = draw.choice(tuple(Side)), draw.choice(KINDS)
        price = self._price()
        if kind in (TimeInForce.GTC, TimeInForce.GTD):
            shares = draw.randrange(4, 60) * MICRO + draw.choice((0, 0, 10_000, 370_000))
            collateral = shares * price // MICRO
        elif side is Side.BUY:
            collateral = draw.randrange(1, 3_000) * 10_000
            shares = collateral * MICRO // price // 100 * 100
        else:
            shares = draw.randrange(1, 6_000) * 10_000
            collateral = shares * price // MICRO // 100 * 100
        if draw.random() < 0.03:
            shares += draw.choice((1, 50, -shares))
        amounts = (collateral, shares) if side is Side.BUY else (shares, collateral)
        expiration_s = 0
        if kind is TimeInForce.GTD:
            expiration_s = self.exchange.now_ns // SECOND_NS + draw.choice((60, 61, 70, 90, 59))
        request = self.trading.request(
            account,
            token,
            side,
            amounts,
            kind,
            expiration_s=expiration_s,
            is_post_only=draw.random() < 0.1,
        )
        self.requests.append(request)
        self.place(request)

    def again(self) -> None:
        """Send an order once more."""
        if self.requests:
            self.place(self.draw.choice(self.requests))

    def place(self, request: OrderRequest) -> None:
        """Place an order with both, and compare the answers."""
        before = fingerprint(self.exchange) if self.draw.random() < WATCHED_SHARE else ""
        answer = self.exchange.place(request)
        expected = self.oracle.place(_wish(request))
        if isinstance(answer, Refused):
            assert answer.reason == expected, (answer, expected)
            assert before in ("", fingerprint(self.exchange))
            return
        assert answer.status == expected, (answer, expected)
        self.ids.append((request.order_id, request.order.maker))
        mine = [self.oracle.bargains[at] for at in self._new_bargains(answer)]
        is_buy = request.order.side is Side.BUY
        shares = sum(bargain.shares for bargain in mine)
        collateral = sum(bargain.collateral for bargain in mine)
        assert (answer.making, answer.taking) == (
            (collateral, shares) if is_buy else (shares, collateral)
        )
        assert collateral <= request.order.maker_amount or not is_buy

    def cancel(self) -> None:
        """Cancel one order, sometimes somebody else's, or one that is long over."""
        if not self.ids:
            return
        order_id, account = self.draw.choice(self.ids[-40:])
        asker = account if self.draw.random() < 0.9 else self.draw.choice(ACCOUNTS)
        answer = self.exchange.cancel((order_id,), owner_of(asker))
        assert not isinstance(answer, Refused)
        assert bool(answer.canceled) == self.oracle.cancel(order_id, owner_of(asker))

    def wait(self) -> None:
        """Let time pass."""
        now_ns = self.exchange.now_ns + self.draw.choice((1, 100, 250, 3_000, 11_000)) * MS_NS
        self.exchange.advance(now_ns)
        self.oracle.advance(now_ns)

    def settle(self) -> None:
        """Let the chain say something about a trade; it fails where somebody cannot pay."""
        if not self.flying:
            return
        match = self.draw.choice(self.flying)
        record = self.exchange.trade(match.trade_id)
        assert record
        if record.status is TradeStatus.MINED:
            self._say(match, TradeStatus.CONFIRMED)
        elif self.draw.random() < 0.1 or not self._can_pay(match):
            word = TradeStatus.FAILED if record.status is TradeStatus.RETRYING else None
            self._say(match, word or TradeStatus.RETRYING)
        else:
            for fill in sides_of(match):
                self._pay(fill)
            self._say(match, TradeStatus.MINED)

    def withdraw(self) -> None:
        """Let an account move its money on chain, and the exchange hear of it, or not yet."""
        account, token = self.draw.choice(ACCOUNTS), self.draw.choice((None, *TOKENS))
        held = self._held(account, token)
        amount = held * self.draw.choice((1, 5, 9)) // 10
        other = self.draw.choice(ACCOUNTS)
        self._move(account, token, -amount)
        self._move(other, token, amount)
        for who in (account, other):
            self.moved.add((who, token))
            if self.draw.random() < 0.7:
                self.exchange.refresh(who, token)
                self._oracle_reads(who, token)

    def change_tick(self) -> None:
        """Change the grid of prices."""
        self.tick = self.draw.choice(TICKS)
        self.exchange.change_tick(CONDITION, self.tick)
        self.oracle.change_tick(Fraction(self.tick, MICRO))

    def close(self) -> None:
        """Close the market for a while."""
        self.exchange.close(CONDITION)
        self.oracle.is_accepting = False

    def reopen(self) -> None:
        """Take orders again."""
        self.exchange.reopen(CONDITION)
        self.oracle.is_accepting = True

    def check(self) -> None:
        """Compare every book, order and commitment; nothing may have come from nowhere."""
        self.told += self._hear()
        for is_bid in (True, False):
            levels = self.trading.bids() if is_bid else self.trading.asks()
            assert dict(levels) == self.oracle.levels(is_bid=is_bid)
            assert dict(levels) == {
                price: size for (bid, price), size in self.mirror.items() if bid is is_bid
            }
            mirrored = self.trading.asks(NO) if is_bid else self.trading.bids(NO)
            assert mirrored == tuple((ONE - price, size) for price, size in levels)
        bids, asks = self.trading.bids(), self.trading.asks()
        assert not bids or not asks or bids[-1][0] < asks[-1][0]
        for account in ACCOUNTS:
            for token in (None, *TOKENS):
                free = self.exchange.free(account, token)
                assert free == self.oracle.free(account, token or "pusd")
                assert free >= 0 or (account, token) in self.moved
                assert self._held(account, token) >= 0
        self._check_orders()
        assert self._supply() == self.started

    def _check_orders(self) -> None:
        open_ids = {
            record.order_id
            for account in ACCOUNTS
            for record in self.exchange.open_orders(owner_of(account))
        }
        assert open_ids == {wish.order_id for wish in self.oracle.wishes}
        for wish in self.oracle.wishes:
            record = self.exchange.order(wish.order_id)
            assert record
            assert record.state == ("DELAYED" if wish.is_held else "LIVE")
            assert record.shares_matched == wish.matched
        for order_id, _account in self.ids[-5:]:
            record = self.exchange.order(order_id)
            assert record
            if order_id not in open_ids:
                assert record.state == self.oracle.ends[order_id]

    def _hear(self) -> list[Announcement]:
        """Drain announcements into the mirrored book, and matches into the air."""
        self.flying += self.exchange.take_matches()
        told = self.exchange.drain()
        for each in told:
            if isinstance(each, LevelChanged):
                self.mirror[each.is_bid, each.price] = each.size
                if not each.size:
                    del self.mirror[each.is_bid, each.price]
            elif isinstance(each, TradeChanged) and not each.trade.transaction_hash:
                _check_sums(each.trade.match)
                self._mirror_trade(each.trade.match)
            assert not isinstance(each, Printed) or each.size > 0
        return told

    def _mirror_trade(self, match: Match) -> None:
        for fill in match.makers:
            is_yes = fill.token_id == YES
            key = ((fill.side is Side.BUY) is is_yes, fill.price if is_yes else ONE - fill.price)
            self.mirror[key] -= fill.shares
            if not self.mirror[key]:
                del self.mirror[key]

    def _new_bargains(self, answer: Placement) -> range:
        """Compare the trades of a placement with the oracle's last ones, and point to them."""
        last = len(self.oracle.bargains)
        span = range(last - len(answer.trade_ids), last)
        for at, trade_id in zip(span, answer.trade_ids, strict=True):
            record = self.exchange.trade(trade_id)
            assert record
            _compare(record.match, self.oracle.bargains[at])
        return span

    def _say(self, match: Match, status: TradeStatus) -> None:
        self.exchange.settle(match.trade_id, status, "0x01")
        bargain = self._bargain_of(match)
        was_mined, bargain.status = bargain.status == "MINED", status.value
        if was_mined or status is TradeStatus.CONFIRMED:
            for fill in sides_of(match):
                self._oracle_reads(fill.maker, None)
                self._oracle_reads(fill.maker, fill.token_id)
        if status in (TradeStatus.CONFIRMED, TradeStatus.FAILED):
            self.flying.remove(match)

    def _bargain_of(self, match: Match) -> Bargain:
        makers = [(fill.order_id, fill.shares) for fill in match.makers]
        return next(
            bargain
            for bargain in self.oracle.bargains
            if bargain.taker == match.taker.order_id
            and [(order_id, shares) for order_id, shares, _ in bargain.makers] == makers
            and bargain.price == Fraction(match.taker.price, MICRO)
        )

    def _oracle_reads(self, account: Address, token: TokenId | None) -> None:
        """Let the oracle read the chain; what is mined there is still counted as in flight."""
        mined = sum(
            amount
            for bargain in self.oracle.bargains
            if bargain.status == "MINED"
            for who, what, amount in bargain.claims
            if (who, what) == (account, token or "pusd")
        )
        self.oracle.balances[account, token or "pusd"] = self._held(account, token) + mined

    def _held(self, account: Address, token: TokenId | None) -> int:
        funds = self.funds
        return funds.collateral(account) if token is None else funds.shares(account, token)

    def _move(self, account: Address, token: TokenId | None, amount: int) -> None:
        if token is None:
            self.funds.pusd[account] += amount
        else:
            self.funds.tokens[account, token] += amount

    def _can_pay(self, match: Match) -> bool:
        needs: dict[tuple[Address, TokenId | None], int] = {}
        for fill in sides_of(match):
            is_buy = fill.side is Side.BUY
            key = (fill.maker, None if is_buy else fill.token_id)
            needs[key] = needs.get(key, 0) + fill.given + (fill.fee if is_buy else 0)
        return all(self._held(*key) >= amount for key, amount in needs.items())

    def _pay(self, fill: Fill) -> None:
        is_buy = fill.side is Side.BUY
        gives, gets = (None, fill.token_id) if is_buy else (fill.token_id, None)
        self._move(fill.maker, gives, -fill.given)
        self._move(fill.maker, gets, fill.got)
        self._move(fill.maker, None, -fill.fee)
        self.fees += fill.fee

    def _supply(self) -> tuple[int, int]:
        """Return what must never change: pUSD with the sets' backing, and YES less NO."""
        pusd = sum(self.funds.pusd.values()) + getattr(self, "fees", 0)
        yes, no = (
            sum(amount for (_, token), amount in self.funds.tokens.items() if token == which)
            for which in TOKENS
        )
        return pusd + yes, yes - no

    def _price(self) -> int:
        """Draw a price on the grid, near the middle or anywhere."""
        steps = ONE // self.tick
        if self.draw.random() < 0.1:
            return self.draw.randrange(1, steps) * self.tick
        width = min(4, steps // 2 - 1)
        return (steps // 2 + self.draw.randint(-width, width)) * self.tick


def play(seed: int, steps: int, *, hold_ms: int = 0) -> tuple[bytes, str]:
    """Live a whole life and return all that was told, and what is remembered in the end."""
    life = Life(seed, hold_ms=hold_ms)
    for _ in range(steps):
        life.step()
    return msgspec.json.encode(life.told), fingerprint(life.exchange)


def _wish(request: OrderRequest) -> Wish:
    order = request.order
    expires_s = order.expiration_s - LEAD_S if request.time_in_force is TimeInForce.GTD else 0
    return Wish(
        order_id=request.order_id,
        account=order.maker,
        owner=request.owner,
        token=order.token_id,
        side=order.side.value,
        kind=request.time_in_force.value,
        price=Fraction(0),
        left=0,
        budget=0,
        expires_ns=expires_s * SECOND_NS,
        number=0,
        signed=(order.maker_amount, order.taker_amount),
        is_post_only=request.is_post_only,
    )


def _compare(match: Match, bargain: Bargain) -> None:
    taker = match.taker
    is_buy = taker.side is Side.BUY
    assert (taker.shares, taker.fee) == (bargain.shares, bargain.fee)
    assert Fraction(taker.price, MICRO) == bargain.price
    assert (taker.given if is_buy else taker.got) == bargain.collateral
    assert [
        (fill.order_id, fill.shares, fill.given if fill.side is Side.BUY else fill.got)
        for fill in match.makers
    ] == bargain.makers


def _check_sums(match: Match) -> None:
    """Check that what everybody gives is what everybody gets, with the sets made and unmade."""
    net = {None: 0, YES: 0, NO: 0}
    for fill in sides_of(match):
        is_buy = fill.side is Side.BUY
        assert fill.shares == (fill.got if is_buy else fill.given)
        exact = Fraction(fill.shares * fill.price, MICRO)
        collateral = fill.given if is_buy else fill.got
        assert abs(collateral - exact) < max(1, len(match.makers))
        net[None] += -collateral if is_buy else collateral
        net[fill.token_id] += fill.shares if is_buy else -fill.shares
    assert net[YES] == net[NO] == -net[None]

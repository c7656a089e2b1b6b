"""What tests of the sandbox's exchange share: a market, funded accounts, orders, its state."""

from collections import deque
from enum import Enum
from functools import partial
from hashlib import sha256
from itertools import count
from types import FunctionType, MethodType
from typing import TypeVar

import msgspec
from polyarb.domain.fees import NO_FEE
from polyarb.domain.ids import ConditionId, OrderId, TokenId
from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO, parse_micros
from polyarb.venue.polymarket.signing.order import ZERO_BYTES32, Address, SignedOrder
from polyarb.venue.sandbox.exchange.exchange import Exchange
from polyarb.venue.sandbox.exchange.fakes import FakeFunds
from polyarb.venue.sandbox.terms.announcements import Announcement
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket, Listing
from polyarb.venue.sandbox.terms.orders import (
    Cancellation,
    OrderRequest,
    Placement,
    Refused,
)
from polyarb.venue.sandbox.terms.settings import ExchangeSettings

SECOND_NS = 1_000_000_000
MS_NS = 1_000_000
OPENED_S = 1_795_262_400
OPENED_NS = OPENED_S * SECOND_NS
YES, NO = TokenId("7" * 76), TokenId("8" * 76)
CONDITION = ConditionId("0x" + "c0" * 32)
ANNA, BERT, CARA = (Address(f"0x{letter * 40}") for letter in "abc")
ACCOUNTS = (ANNA, BERT, CARA)
CENT = MICRO // 100
_ATOMS = (str, int, float, Enum, type, FunctionType)
SETTINGS = ExchangeSettings()
Kind = TypeVar("Kind", bound=Announcement)


def owner_of(account: Address) -> str:
    """Name the API key of an account."""
    return f"key-{account[2]}"


def listed_market(**changes: object) -> ListedMarket:
    """List a market at tick 0.01 without a fee, other than told."""
    market = ListedMarket(
        condition_id=CONDITION,
        question_id=ZERO_BYTES32,
        oracle=Address("0x" + "0a" * 20),
        yes=YES,
        no=NO,
        question="Will it?",
        slug="will-it",
        event_id="1",
        tick=CENT,
        size_min=5 * MICRO,
        fee=NO_FEE,
    )
    return msgspec.structs.replace(market, **changes)


def listing(*markets: ListedMarket) -> Listing:
    """List markets, each in an event of its own."""
    events = tuple(
        ListedEvent(
            event_id=market.event_id,
            slug=market.slug,
            title=market.question,
            condition_ids=(market.condition_id,),
            group_id=market.group_id,
            ends_ns=OPENED_NS + 10**18,
        )
        for market in markets
    )
    return Listing(events=events, markets=markets)


class Trading:
    """An exchange with one market and accounts that hold so much pUSD and of each token."""

    def __init__(
        self,
        *,
        settings: ExchangeSettings = SETTINGS,
        held: int = 1_000 * MICRO,
        **changes: object,
    ) -> None:
        self.market = listed_market(**changes)
        self.funds = FakeFunds()
        for account in ACCOUNTS:
            self.funds.pusd[account] = held
            for token in (self.market.yes, self.market.no):
                self.funds.tokens[account, token] = held
        self.exchange = Exchange(
            settings, listing(self.market), funds=self.funds, opened_ns=OPENED_NS
        )
        self._numbers = count(1)
        for account in ACCOUNTS:
            for asset in (None, self.market.yes, self.market.no):
                self.exchange.balance(account, asset)

    def request(
        self,
        account: Address,
        token: TokenId,
        side: Side,
        amounts: tuple[int, int],
        time_in_force: TimeInForce = TimeInForce.GTC,
        *,
        expiration_s: int = 0,
        **marks: bool,
    ) -> OrderRequest:
        """Write an order. Shape: amounts are what it gives and what it wants."""
        number = next(self._numbers)
        return OrderRequest(
            order_id=OrderId(f"0x{number:064x}"),
            owner=owner_of(account),
            time_in_force=time_in_force,
            order=SignedOrder(
                salt=number,
                maker=account,
                signer=account,
                token_id=token,
                maker_amount=amounts[0],
                taker_amount=amounts[1],
                side=side,
                timestamp_ms=OPENED_S * 1_000,
                expiration_s=expiration_s,
            ),
            **marks,
        )

    def limit(
        self, account: Address, text: str, *, expiration_s: int = 0, **marks: bool
    ) -> OrderRequest:
        """Write a limit order such as `BUY YES 10 @ 0.47`."""
        side, token, shares, price = parsed(text)
        collateral = shares * price // MICRO
        return self.request(
            account,
            token,
            side,
            (collateral, shares) if side is Side.BUY else (shares, collateral),
            TimeInForce.GTD if expiration_s else TimeInForce.GTC,
            expiration_s=expiration_s,
            **marks,
        )

    def place(self, account: Address, text: str, **marks: int) -> Placement | Refused:
        """Place a limit order such as `BUY YES 10 @ 0.47`."""
        return self.exchange.place(self.limit(account, text, **marks))  # type: ignore[arg-type]

    def rest(self, account: Address, text: str, **marks: int) -> str:
        """Place a limit order that must rest whole, and return its id."""
        answer = self.place(account, text, **marks)
        assert isinstance(answer, Placement), answer
        assert not answer.trade_ids
        return answer.order_id

    def take(
        self,
        account: Address,
        text: str,
        time_in_force: TimeInForce = TimeInForce.FAK,
    ) -> Placement | Refused:
        """Place a market order: a BUY names what it spends, `BUY YES $10 @ 0.50`."""
        side, token, amount, price = parsed(text)
        if side is Side.BUY:
            shares = amount * MICRO // price // 100 * 100
            return self.exchange.place(
                self.request(account, token, side, (amount, shares), time_in_force)
            )
        proceeds = amount * price // MICRO
        return self.exchange.place(
            self.request(account, token, side, (amount, proceeds), time_in_force)
        )

    def bids(self, token: TokenId = YES) -> tuple[tuple[int, int], ...]:
        """Return the bids of a token, the best last."""
        book = self.exchange.book(token)
        assert book
        return book.bids

    def asks(self, token: TokenId = YES) -> tuple[tuple[int, int], ...]:
        """Return the asks of a token, the best last."""
        book = self.exchange.book(token)
        assert book
        return book.asks

    def told(self, kind: type[Kind]) -> list[Kind]:
        """Drain what was announced and keep one kind."""
        return [each for each in self.exchange.drain() if isinstance(each, kind)]

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.exchange.advance(self.exchange.now_ns + round(seconds * SECOND_NS))


def parsed(text: str) -> tuple[Side, TokenId, int, int]:
    """Read `BUY YES 10 @ 0.47`. Units: micros."""
    side, token, amount, _, price = text.split()
    return (
        Side(side),
        YES if token == "YES" else NO,
        parse_micros(amount.removeprefix("$")),
        parse_micros(price),
    )


def accepted(answer: Placement | Refused) -> Placement:
    """Return the placement that an answer must be."""
    assert isinstance(answer, Placement), answer
    return answer


def refusal(answer: object) -> Refused:
    """Return the refusal that an answer must be."""
    assert isinstance(answer, Refused), answer
    return answer


def canceled(answer: Cancellation | Refused) -> tuple[str, ...]:
    """Return the ids that a cancel request must have cancelled."""
    assert isinstance(answer, Cancellation), answer
    return answer.canceled


def fingerprint(exchange: Exchange) -> str:
    """Digest everything that an exchange remembers, however it keeps it; not the chain's side.

    Every object of its graph is written once, with how many parts it has.
    """
    lines: list[str] = []
    seen: dict[int, int] = {}
    left: list[object] = [exchange]
    while left:
        thing = left.pop()
        if thing is None or isinstance(thing, _ATOMS):
            lines.append(repr(thing))
        elif id(thing) in seen:
            lines.append(f"#{seen[id(thing)]}")
        else:
            seen[id(thing)] = len(seen)
            parts = _parts(thing)
            lines.append(f"{type(thing).__name__} {len(parts)}")
            left += reversed(parts)
    return sha256("\n".join(lines).encode()).hexdigest()


def _parts(thing: object) -> list[object]:
    """Return what an object consists of; nothing made here may outlive its use but by name."""
    if isinstance(thing, FakeFunds):
        return []
    if isinstance(thing, msgspec.Struct):
        return [getattr(thing, name) for name in thing.__struct_fields__]
    if isinstance(thing, dict):
        return [each for pair in thing.items() for each in pair]
    if isinstance(thing, list | tuple | deque):
        return list(thing)
    if isinstance(thing, partial):
        return [thing.func, thing.args]
    if isinstance(thing, MethodType):
        return [thing.__name__, thing.__self__]
    return [each for pair in vars(thing).items() for each in pair]

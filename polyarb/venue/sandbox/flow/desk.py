"""How agents reach the exchange: in process, unsigned, each with orders of its own wallet."""

from collections.abc import Sequence
from hashlib import sha256

from polyarb.domain.ids import OrderId
from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO, ONE
from polyarb.venue.polymarket.signing.order import SignedOrder
from polyarb.venue.sandbox.flow.accounts import Wallet
from polyarb.venue.sandbox.terms.instruments import ListedMarket
from polyarb.venue.sandbox.terms.orders import OrderRequest, Placement, Refused
from polyarb.venue.sandbox.world import World

_NS_PER_MS = 1_000_000


class Quote:
    """An order in YES terms: where it stands and how large it is. Units: micros, micro-shares."""

    __slots__ = ("is_bid", "is_of_no", "price", "shares")

    def __init__(self, *, is_bid: bool, price: int, shares: int, is_of_no: bool = False) -> None:
        self.is_bid = is_bid
        self.price = price
        self.shares = shares
        self.is_of_no = is_of_no


class Desk:
    """Forms and places the agents' orders.

    An id is the hash of a count, not a digest: nobody signs these orders, and nobody could send
    them over the wire. They are matched and settled like any other.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self._salt = f"polyarb sandbox {seed} order ".encode()
        self._count = 0

    def rest(self, wallet: Wallet, market: ListedMarket, quote: Quote) -> OrderId | None:
        """Place a post-only order and return its id, None when it is refused."""
        return self._place(self._request(wallet, market, quote, is_post_only=True))

    def stand(self, wallet: Wallet, market: ListedMarket, quote: Quote) -> OrderId | None:
        """Match what can be matched and let the rest stand; None when it is refused."""
        return self._place(self._request(wallet, market, quote))

    def take(self, wallet: Wallet, market: ListedMarket, quote: Quote) -> Placement | Refused:
        """Match what can be matched at once, and leave nothing."""
        request = self._request(wallet, market, quote, time_in_force=TimeInForce.FAK)
        return self.world.place(request)

    def withdraw(self, wallet: Wallet, order_ids: Sequence[OrderId]) -> bool:
        """Cancel orders, and tell whether that was heard; one that is gone already is no matter."""
        if not order_ids:
            return True
        answer = self.world.exchange.cancel(tuple(order_ids), wallet.owner)
        return not isinstance(answer, Refused)

    def tick(self, market: ListedMarket) -> int:
        """Return the present tick of a market, in micros."""
        standing = self.world.exchange.standing(market.condition_id)
        return market.tick if standing is None else standing.tick

    def is_over(self, market: ListedMarket) -> bool:
        """Tell whether a market takes no more orders for good."""
        standing = self.world.exchange.standing(market.condition_id)
        return standing is None or standing.is_closed

    def size_at_top(self, market: ListedMarket, *, is_ask: bool) -> int:
        """Return how many shares of YES stand at the best ask or bid, in micro-shares."""
        levels = self.world.exchange.book(market.yes)
        side = () if levels is None else levels.asks if is_ask else levels.bids
        return side[-1][1] if side else 0

    def _place(self, request: OrderRequest) -> OrderId | None:
        answer = self.world.place(request)
        return None if isinstance(answer, Refused) else request.order_id

    def _request(
        self,
        wallet: Wallet,
        market: ListedMarket,
        quote: Quote,
        *,
        time_in_force: TimeInForce = TimeInForce.GTC,
        is_post_only: bool = False,
    ) -> OrderRequest:
        self._count += 1
        is_buy = quote.is_bid != quote.is_of_no
        price = ONE - quote.price if quote.is_of_no else quote.price
        money = price * quote.shares // MICRO
        order = SignedOrder(
            salt=self._count,
            maker=wallet.address,
            signer=wallet.address,
            token_id=market.no if quote.is_of_no else market.yes,
            maker_amount=money if is_buy else quote.shares,
            taker_amount=quote.shares if is_buy else money,
            side=Side.BUY if is_buy else Side.SELL,
            timestamp_ms=self.world.now_ns // _NS_PER_MS,
        )
        digest = sha256(self._salt + self._count.to_bytes(8, "big")).hexdigest()
        return OrderRequest(
            order_id=OrderId("0x" + digest),
            order=order,
            owner=wallet.owner,
            time_in_force=time_in_force,
            is_post_only=is_post_only,
        )

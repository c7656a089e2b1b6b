"""A slow exchange that is right on sight: one list of orders, scanned and sorted, in fractions.

It keeps no totals: what an account has committed is summed up anew every time it is asked. It knows
one market, and of the rules only what the venue documents and, for dust, what the exchange states:
a maker's collateral is floor(shares x its price), the taker's is the same or the rest of the
set; a BUY never gives more than it signed; what rests of a BUY that took commits ceil.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

MICRO = 10**6
SETTLED = ("CONFIRMED", "FAILED")


@dataclass
class Wish:
    """An order. Units: micro-shares left, micros of collateral that a BUY may still give."""

    order_id: str
    account: str
    owner: str
    token: str
    side: str
    kind: str
    price: Fraction
    left: int
    budget: int
    expires_ns: int
    number: int
    signed: tuple[int, int]
    is_held: bool = False
    is_post_only: bool = False
    due_ns: int = 0
    matched: int = 0

    @property
    def asset(self) -> str:
        return "pusd" if self.side == "BUY" else self.token

    @property
    def committed(self) -> int:
        return self.budget if self.side == "BUY" else self.left


@dataclass
class Bargain:
    """One trade: who gives how much, by order id. Units: micros before the fee."""

    taker: str
    price: Fraction
    shares: int
    collateral: int
    fee: int
    makers: list[tuple[str, int, int]]
    claims: list[tuple[str, str, int]]
    status: str = "MATCHED"


@dataclass
class Oracle:
    """The exchange of one market. Shape: balances by account and asset (pusd, yes or no token)."""

    yes: str
    no: str
    tick: Fraction
    size_min: int
    rate: Fraction
    balances: dict[tuple[str, str], int]
    hold_ns: int = 0
    makers_max: int = 50
    now_ns: int = 0
    is_accepting: bool = True
    wishes: list[Wish] = field(default_factory=list)
    bargains: list[Bargain] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    ends: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def free(self, account: str, asset: str) -> int:
        """Return what nobody has a claim on."""
        active = sum(
            wish.committed for wish in self.wishes if (wish.account, wish.asset) == (account, asset)
        )
        return self.unmatched(account, asset) - active

    def unmatched(self, account: str, asset: str) -> int:
        """Return the balance less what trades in flight will take."""
        flying = sum(
            amount
            for bargain in self.bargains
            if bargain.status not in SETTLED
            for who, what, amount in bargain.claims
            if (who, what) == (account, asset)
        )
        return self.balances[account, asset] - flying

    def place(self, wish: Wish) -> str:
        """Place an order and say what became of it."""
        if wish.order_id in self.known:
            return "DUPLICATE"
        if not self.is_accepting:
            return "MARKET_NOT_READY"
        is_limit = wish.kind in ("GTC", "GTD")
        if wish.is_post_only and not is_limit:
            return "INVALID_PAYLOAD"
        if wish.kind == "GTD":
            if wish.expires_ns < self.now_ns:
                return "INVALID_EXPIRATION"
        elif wish.expires_ns:
            return "INVALID_EXPIRATION"
        if complaint := self.read(wish):
            return complaint
        self.count += 1
        wish.number = self.count
        if self.hold_ns and not wish.is_post_only and self.partners(wish):
            if self.free(wish.account, wish.asset) < wish.committed:
                return "NOT_ENOUGH_BALANCE"
            wish.is_held, wish.due_ns = True, self.now_ns + self.hold_ns
            self.known.add(wish.order_id)
            self.wishes.append(wish)
            return "delayed"
        return self.execute(wish)

    def read(self, wish: Wish) -> str:
        """Read price and size out of the signed amounts, or say what is wrong with them."""
        given, got = wish.signed
        if given <= 0 or got <= 0:
            return "INVALID_PAYLOAD"
        shares, collateral = (got, given) if wish.side == "BUY" else (given, got)
        ratio = Fraction(collateral, shares)
        if wish.kind in ("GTC", "GTD"):
            wish.price = ratio
            if ratio % self.tick or not self.tick <= ratio <= 1 - self.tick:
                return "OFF_TICK"
            if shares % 10_000:
                return "INVALID_AMOUNTS"
            if shares < self.size_min:
                return "TOO_SMALL"
        else:
            if given % 10_000 or got % 100:
                return "INVALID_AMOUNTS"
            steps = ratio / self.tick
            wish.price = (floor(steps) if wish.side == "BUY" else ceil(steps)) * self.tick
            if not self.tick <= wish.price <= 1 - self.tick:
                return "OFF_TICK"
        wish.left = shares
        wish.budget = collateral if wish.side == "BUY" else 0
        return ""

    def cost(self, wish: Wish, other: Wish) -> Fraction | None:
        """Return the price at which one would trade with a resting order, None where not."""
        if other.is_held:
            return None
        if wish.token == other.token:
            if wish.side == other.side:
                return None
            price = other.price
        else:
            if wish.side != other.side:
                return None
            price = 1 - other.price
        fits = price <= wish.price if wish.side == "BUY" else price >= wish.price
        return price if fits else None

    def partners(self, wish: Wish) -> list[tuple[Fraction, Wish]]:
        """Return whom an order could trade with, the best and oldest first."""
        found = [
            (price, other) for other in self.wishes if (price := self.cost(wish, other)) is not None
        ]
        sign = 1 if wish.side == "BUY" else -1
        return sorted(found, key=lambda each: (sign * each[0], each[1].number))

    def execute(self, wish: Wish) -> str:
        """Match an order with whom it finds, and say what became of it."""
        partners = self.partners(wish)
        if wish.is_post_only and partners:
            return "POST_ONLY_CROSSES"
        free = self.free(wish.account, wish.asset)
        amount = wish.committed
        if free < amount:
            return "NOT_ENOUGH_BALANCE"
        bargains, broke, is_filled = self.bargain(wish, partners)
        if wish.kind == "FOK" and not is_filled:
            return "FOK_NOT_FILLED"
        if wish.kind == "FAK" and not bargains:
            return "FAK_NOT_FILLED"
        shares = sum(bargain.shares for bargain in bargains)
        collateral = sum(bargain.collateral for bargain in bargains)
        left = budget = 0
        if not is_filled and wish.kind in ("GTC", "GTD"):
            left, budget = wish.left - shares, wish.budget
            if wish.side == "BUY" and bargains:
                left = min(left, floor((wish.budget - collateral) / wish.price))
                budget = ceil(left * wish.price)
        fees = sum(bargain.fee for bargain in bargains)
        if wish.side == "BUY" and fees and free < max(amount, collateral + fees + budget):
            return "NOT_ENOUGH_BALANCE"
        self.known.add(wish.order_id)
        for poor in broke:
            self.end(poor, "CANCELED_NOT_ENOUGH_BALANCE")
        for bargain in bargains:
            self.strike(bargain)
        wish.matched += shares
        if left:
            wish.left, wish.budget = left, budget
            self.count += 1
            wish.number = self.count
            self.wishes.append(wish)
        else:
            self.ends[wish.order_id] = "MATCHED"
        return "matched" if bargains else "live"

    def bargain(
        self, wish: Wish, partners: list[tuple[Fraction, Wish]]
    ) -> tuple[list[Bargain], list[Wish], bool]:
        """Go through the partners one by one; nothing is changed yet."""
        bargains: list[Bargain] = []
        broke: list[Wish] = []
        promised: dict[tuple[str, str], int] = {}
        shares_left, budget_left = wish.left, wish.budget
        for price, other in partners:
            key = (other.account, other.asset)
            if self.unmatched(*key) - promised.get(key, 0) < other.committed:
                broke.append(other)
                continue
            wanted = shares_left
            if wish.side == "BUY":
                affordable = floor(budget_left / price)
                wanted = affordable if wish.kind in ("FAK", "FOK") else min(wanted, affordable)
            shares = min(wanted, other.left)
            if shares:
                theirs = floor(shares * other.price)
                mine = theirs if other.token == wish.token else shares - theirs
                given = theirs if other.side == "BUY" else shares
                promised[key] = promised.get(key, 0) + given
                last = bargains[-1] if bargains else None
                if last is None or last.price != price or len(last.makers) == self.makers_max:
                    last = Bargain(wish.order_id, price, 0, 0, 0, [], [])
                    bargains.append(last)
                last.makers.append((other.order_id, shares, theirs))
                last.claims.append((*key, given))
                last.shares += shares
                last.collateral += mine
                shares_left -= shares
                budget_left -= mine if wish.side == "BUY" else 0
            if wanted <= other.left:
                return self.priced(wish, bargains), broke, True
        return self.priced(wish, bargains), broke, False

    def priced(self, wish: Wish, bargains: list[Bargain]) -> list[Bargain]:
        """Add the taker's fee and its claim."""
        for bargain in bargains:
            exact = self.rate * bargain.price * (1 - bargain.price) * bargain.shares
            bargain.fee = floor(exact / 10) * 10
            given = bargain.collateral + bargain.fee if wish.side == "BUY" else bargain.shares
            bargain.claims.insert(0, (wish.account, wish.asset, given))
        return bargains

    def strike(self, bargain: Bargain) -> None:
        """Take a trade's parts out of its makers' orders."""
        self.bargains.append(bargain)
        for order_id, shares, theirs in bargain.makers:
            maker = self.find(order_id)
            assert maker
            maker.left -= shares
            maker.matched += shares
            maker.budget -= theirs if maker.side == "BUY" else 0
            if not maker.left:
                self.end(maker, "MATCHED")

    def find(self, order_id: str) -> Wish | None:
        """Return an open order."""
        return next((wish for wish in self.wishes if wish.order_id == order_id), None)

    def end(self, wish: Wish, state: str) -> None:
        """Take an order out."""
        self.wishes.remove(wish)
        self.ends[wish.order_id] = state

    def cancel(self, order_id: str, owner: str) -> bool:
        """Cancel an order that rests and is the owner's."""
        wish = self.find(order_id)
        if wish is None or wish.owner != owner or wish.is_held:
            return False
        self.end(wish, "CANCELED")
        return True

    def advance(self, now_ns: int) -> None:
        """Let orders expire and held ones be matched, each at its time."""
        while due := [moment for wish in self.wishes if (moment := self.moment(wish)) <= now_ns]:
            self.now_ns = max(self.now_ns, min(due))
            wish = next(wish for wish in self.due_first() if self.moment(wish) == min(due))
            if not wish.is_held:
                self.end(wish, "CANCELED_EXPIRED_ORDER")
                continue
            self.wishes.remove(wish)
            wish.is_held = False
            self.ends.update({wish.order_id: self.rejudge(wish)})
        self.now_ns = max(self.now_ns, now_ns)

    def due_first(self) -> list[Wish]:
        """Return the open orders in the order in which they began to wait."""
        return sorted(self.wishes, key=lambda wish: wish.number)

    def moment(self, wish: Wish) -> int:
        """Return when something happens to an order by itself."""
        if wish.is_held:
            return wish.due_ns
        return wish.expires_ns or 2**63

    def rejudge(self, wish: Wish) -> str:
        """Match a held order if it would still be accepted, and say how it stands or ended."""
        if not self.is_accepting:
            return "UNMATCHED"
        if wish.kind == "GTD" and wish.expires_ns <= self.now_ns:
            return "CANCELED_EXPIRED_ORDER"
        if self.read(wish):
            return "INVALID"
        verdict = self.execute(wish)
        if verdict == "NOT_ENOUGH_BALANCE":
            return "CANCELED_NOT_ENOUGH_BALANCE"
        if verdict not in ("matched", "live"):
            return "UNMATCHED"
        return self.ends.get(wish.order_id, "LIVE")

    def change_tick(self, tick: Fraction) -> None:
        """Change the grid; what rests off it is cancelled."""
        self.tick = tick
        for wish in tuple(self.wishes):
            if not wish.is_held and (wish.price % tick or not tick <= wish.price <= 1 - tick):
                self.end(wish, "CANCELED")

    def levels(self, *, is_bid: bool) -> dict[int, int]:
        """Return one side of the book in YES terms. Units: micros to micro-shares."""
        totals: dict[int, int] = {}
        for wish in self.wishes:
            if wish.is_held or ((wish.side == "BUY") == (wish.token == self.yes)) != is_bid:
                continue
            price = wish.price if wish.token == self.yes else 1 - wish.price
            micros = int(price * MICRO)
            totals[micros] = totals.get(micros, 0) + wish.left
        return totals

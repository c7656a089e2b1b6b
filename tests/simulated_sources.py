"""Sources of market data over one truth, in virtual time, with faults; nothing random but a seed.

The truth is a group of markets with prices in whole cents, whose fair prices drift against each
other: what is out of date for long looks like an arbitrage, what is true never does.
"""

import heapq
import itertools
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from hashlib import sha1
from random import Random

import msgspec
from polyarb.venue.polymarket.sources import FrameSink, Line, Loss
from polyarb.venue.polymarket.stream.faults import LossReason

START_NS = 1_800_000_000 * 10**9
MS = 1_000_000
SECOND = 1_000 * MS
SPREAD = 2
"""Cents between the fair price and the best of either side."""
Side = dict[int, int]
Book = tuple[Side, Side]
"""Bids and asks in cents of a YES, or of the token it is of."""


def text_of(cents: int) -> str:
    return f"0.{cents:02d}"


def drive(work: Coroutine[object, object, None]) -> None:
    """Run a coroutine that waits for nothing real to its end."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("it waited")


class Clockwork:
    """Virtual time: does what was planned, in order."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self._plans: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, time_ns: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._plans, (max(time_ns, self.now_ns), next(self._order), act))

    def after(self, wait_ns: int, act: Callable[[], None]) -> None:
        self.at(self.now_ns + wait_ns, act)

    def every(self, period_ns: int, act: Callable[[], None]) -> None:
        def again() -> None:
            act()
            self.after(period_ns, again)

        self.after(period_ns, again)

    def run_until(self, time_ns: int) -> None:
        while self._plans and self._plans[0][0] <= time_ns:
            self.now_ns, _, act = heapq.heappop(self._plans)
            act()
        self.now_ns = time_ns

    def run_for(self, wait_ns: int) -> None:
        self.run_until(self.now_ns + wait_ns)


class Truth:
    """The venue's own books, all in YES cents, and the frames that tell of them."""

    def __init__(self, markets: Sequence[str], random: Random, clock: Clockwork) -> None:
        self.random = random
        self.clock = clock
        self.markets = list(markets)
        self.fair = dict.fromkeys(self.markets, 100 // len(self.markets))
        self.books: dict[str, Book] = {name: self._quotes(name) for name in self.markets}
        self.changed_ms = dict.fromkeys(self.markets, START_NS // MS)
        self.hashes: dict[str, str] = dict.fromkeys(self.markets, "0")
        self.listeners: list[Callable[[str, bytes], None]] = []
        self.changes = 0

    @property
    def groups(self) -> list[tuple[str, str]]:
        return [tokens_of(name) for name in self.markets]

    def move(self, *, by: int = 1) -> None:
        """Shift the fair price from one market to another; tell every level that changes."""
        down, up = self.random.sample(self.markets, 2)
        if self.fair[down] - by < 12 or self.fair[up] + by > 75:
            return
        self.fair[down] -= by
        self.fair[up] += by
        for name in (down, up):
            self._requote(name)

    def resize(self) -> None:
        """Change the size of a level behind the top."""
        name = self.random.choice(self.markets)
        price = max(self.books[name][0]) - self.random.randint(1, 2)
        self.set_level(name, True, price, self.random.randint(100, 999))

    def set_level(self, name: str, is_bid: bool, price: int, size: int) -> None:
        side = self.books[name][0 if is_bid else 1]
        if side.get(price, 0) == size:
            return
        if size:
            side[price] = size
        else:
            side.pop(price, None)
        now_ms = self.clock.now_ns // MS
        self.changed_ms[name] = now_ms
        self.changes += 1
        self.hashes[name] = sha1(f"{name}{self.books[name]}{now_ms}".encode()).hexdigest()
        frame = self.change_frame(name, is_bid, price, size)
        for listener in self.listeners:
            listener(name, frame)

    def change_frame(self, name: str, is_bid: bool, price: int, size: int) -> bytes:
        yes, no = tokens_of(name)
        bid, ask = max(self.books[name][0]), min(self.books[name][1])
        entries = (
            self._entry(name, yes, (is_bid, price, size), (bid, ask)),
            self._entry(name, no, (not is_bid, 100 - price, size), (100 - ask, 100 - bid)),
        )
        return (
            f'{{"event_type":"price_change","market":"{name}","price_changes":[{",".join(entries)}]'
            f',"timestamp":"{self.changed_ms[name]}"}}'
        ).encode()

    def book_frame(
        self,
        token: str,
        *,
        is_rest: bool = False,
        book: Book | None = None,
        timestamp_ms: int | None = None,
    ) -> bytes:
        name, outcome = token.split(":")
        known = self.books[name] if book is None else book
        bids, asks = known if outcome == "YES" else mirrored(known)
        kind = "" if is_rest else '"event_type":"book",'
        stamp = self.changed_ms[name] if timestamp_ms is None else timestamp_ms
        told_hash = f"{self.hashes[name]}{outcome}" if book is None else ""
        return (
            f'{{{kind}"asset_id":"{token}","market":"{name}","timestamp":"{stamp}",'
            f'"hash":"{told_hash}","bids":[{_levels(bids)}],"asks":[{_levels(asks)}]}}'
        ).encode()

    async def rest_books(self, tokens: Sequence[str]) -> list[bytes]:
        return [self.book_frame(token, is_rest=True) for token in tokens]

    def _entry(
        self, name: str, token: str, level: tuple[bool, int, int], top: tuple[int, int]
    ) -> str:
        is_bid, price, size = level
        outcome = token.split(":")[1]
        return (
            f'{{"asset_id":"{token}","price":"{text_of(price)}","size":"{size}",'
            f'"side":"{"BUY" if is_bid else "SELL"}","hash":"{self.hashes[name]}{outcome}",'
            f'"best_bid":"{text_of(top[0])}","best_ask":"{text_of(top[1])}"}}'
        )

    def _quotes(self, name: str) -> Book:
        fair = self.fair[name]
        bids = {fair - SPREAD - deep: 100 + 10 * deep for deep in range(3)}
        return bids, {fair + SPREAD + deep: 100 + 10 * deep for deep in range(3)}

    def _requote(self, name: str) -> None:
        """Go from the books of now to those of the fair price, never crossed on the way."""
        for is_bid in (True, False):
            wanted = self._quotes(name)[0 if is_bid else 1]
            for price in sorted(self.books[name][0 if is_bid else 1]):
                keeps = len(self.books[name][0 if is_bid else 1]) > 1
                if price not in wanted and keeps:
                    self.set_level(name, is_bid, price, 0)
        for is_bid in (True, False):
            wanted = self._quotes(name)[0 if is_bid else 1]
            for price, size in wanted.items():
                self.set_level(name, is_bid, price, size)
            for price in sorted(self.books[name][0 if is_bid else 1]):
                if price not in wanted:
                    self.set_level(name, is_bid, price, 0)


class SimulatedSource:
    """One source: tells what the truth told, after a while, and not always."""

    def __init__(self, name: str, truth: Truth, sink: FrameSink, *, latency_ms: int) -> None:
        self.name = name
        self.truth = truth
        self.clock = truth.clock
        self.sink = sink
        self.latency_ns = latency_ms * MS
        self.is_open = True
        self.frozen: set[str] = set()
        self.to_drop = self.to_repeat = self.to_delay = 0
        self.asked: list[tuple[int, frozenset[str]]] = []
        self._latest_ns = 0
        self._life = 0
        truth.listeners.append(self.on_change)

    def start(self) -> None:
        self._tell_books(self._assets())

    def refresh(self, assets: Collection[str]) -> None:
        """Ask for fresh books, as a stream does: the old ones are lost at once."""
        self.asked.append((self.clock.now_ns, frozenset(assets)))
        del self.asked[:-100]
        if self.is_open:
            self.sink.lost(self.name, frozenset(assets), LossReason.ASKED_ANEW, self.clock.now_ns)
            self.clock.after(2 * self.latency_ns, self._in_life(lambda: self._tell_books(assets)))

    def on_change(self, name: str, frame: bytes) -> None:
        if not self.is_open or name in self.frozen:
            return
        if self.to_drop:
            self.to_drop -= 1
            return
        if self.to_delay:
            self.to_delay -= 1
            wait_ns = self.latency_ns + self.truth.random.randint(1, 200) * MS
            self.clock.after(wait_ns, self._in_life(lambda: self._receive(frame)))
            return
        self._send(frame)
        if self.to_repeat:
            self.to_repeat -= 1
            wait_ns = self.latency_ns + self.truth.random.randint(0, 60) * MS
            self.clock.after(wait_ns, self._in_life(lambda: self._receive(frame)))

    # Faults

    def drop(self, down_ns: int) -> None:
        """Lose the connection; open it again after a while."""
        if not self.is_open:
            return
        self.is_open = False
        self._life += 1
        self.sink.lost(self.name, self._assets(), LossReason.DROPPED, self.clock.now_ns)
        self.clock.after(down_ns, self.open)

    def open(self) -> None:
        self.is_open = True
        self.start()

    def freeze(self, names: Iterable[str], frozen_ns: int) -> None:
        """Tell nothing of some markets, with the connection as well as ever."""
        names = set(names)
        self.frozen |= names
        self.clock.after(frozen_ns, lambda: self.frozen.difference_update(names))

    def tell_hollow(self, name: str) -> None:
        """Tell a market's books as a stale cache does."""
        for token in tokens_of(name):
            hollow = ({1: 500}, {99: 500})
            self._send(
                self.truth.book_frame(token, book=hollow, timestamp_ms=self.clock.now_ns // MS)
            )

    def tell_old(self, name: str) -> None:
        """Tell a market's books as they were a quarter of an hour ago."""
        stamp_ms = self.clock.now_ns // MS - 900_000
        for token in tokens_of(name):
            self._send(
                self.truth.book_frame(token, book=({5: 500}, {12: 500}), timestamp_ms=stamp_ms)
            )

    def lie(self, name: str) -> None:
        """Tell a level of a price that nobody offers; the told top does not know it."""
        self.truth.changed_ms[name] = self.clock.now_ns // MS
        ask = min(self.truth.books[name][1])
        self._send(self.truth.change_frame(name, False, max(ask - 20, 1), 500))

    def heal(self) -> None:
        self.frozen.clear()
        self.to_drop = self.to_repeat = self.to_delay = 0
        if not self.is_open:
            self.open()

    def _assets(self) -> frozenset[str]:
        return frozenset(token for group in self.truth.groups for token in group)

    def _in_life(self, act: Callable[[], None]) -> Callable[[], None]:
        life = self._life
        return lambda: act() if self.is_open and self._life == life else None

    def _tell_books(self, assets: Collection[str]) -> None:
        for token in sorted(assets):
            if token.split(":")[0] not in self.frozen:
                self._send(self.truth.book_frame(token))

    def _send(self, frame: bytes) -> None:
        """Deliver in order, as one connection does."""
        due_ns = max(self.clock.now_ns + self.latency_ns, self._latest_ns)
        self._latest_ns = due_ns
        self.clock.at(due_ns, self._in_life(lambda: self._receive(frame)))

    def _receive(self, frame: bytes) -> None:
        self.sink.frame(self.name, frame, self.clock.now_ns)


class Folded:
    """Folds what an arbiter passes on, token by token, and checks that nothing is mixed."""

    def __init__(self) -> None:
        self.books: dict[str, Book] = {}
        self.owner: dict[str, str] = {}
        self.teller = ""
        self.lines: list[Line | Loss] = []
        self.faults: list[str] = []
        self.on_book: Callable[[str, str], None] = lambda token, teller: None

    def emit(self, item: Line | Loss) -> None:
        if isinstance(item, Loss):
            for token in item.assets or list(self.books):
                self.books.pop(token, None)
                self.owner.pop(token, None)
            return
        for message in messages_of(item.frame):
            self._message(message)

    def _message(self, message: dict[str, object]) -> None:
        if message["event_type"] == "book":
            token = str(message["asset_id"])
            if self.owner.setdefault(token, self.teller) != self.teller:
                self.faults.append(f"book of {token} by {self.teller} without a loss")
            self.books[token] = book_of(message)
            self.on_book(token, self.teller)
            return
        for token, is_bid, price, size in changes_of(message):
            if self.owner.get(token) != self.teller:
                self.faults.append(f"change of {token} by {self.teller}, not {self.owner}")
                continue
            apply(self.books[token], is_bid, price, size)
            self.on_book(token, self.teller)


class Claims:
    """What each source itself said: per token its latest book and its changes by venue time."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], list[tuple[int, int, object]]] = {}
        self._order = itertools.count()

    def hear(self, source: str, frame: bytes) -> None:
        for message in messages_of(frame):
            stamp = int(str(message["timestamp"]))
            if message["event_type"] == "book":
                token = str(message["asset_id"])
                told = self._told.setdefault((source, token), [])
                told.append((stamp, next(self._order), book_of(message)))
            else:
                for token, is_bid, price, size in changes_of(message):
                    told = self._told.setdefault((source, token), [])
                    told.append((stamp, next(self._order), (is_bid, price, size)))

    def has_claimed(self, source: str, token: str, book: Book) -> bool:
        """Tell whether a source's book of now, begun from one of its latest books, is this one."""
        told = self._told.get((source, token), [])
        begins = [place for place, (_, _, said) in enumerate(told) if isinstance(said[0], dict)]  # type: ignore[index]
        for begin in reversed(begins[-6:]):
            stamp, _, first = told[begin]
            folded: Book = (dict(first[0]), dict(first[1]))  # type: ignore[index]
            later = (
                sorted(
                    entry
                    for entry in told[begin + 1 :]
                    if entry[0] >= stamp and not isinstance(entry[2][0], dict)  # type: ignore[index]
                )
                if len(told) > begin + 1
                else []
            )
            for _, _, change in later:
                apply(folded, *change)  # type: ignore[misc]
            if folded == book:
                return True
        return False


def tokens_of(name: str) -> tuple[str, str]:
    return f"{name}:YES", f"{name}:NO"


def mirrored(book: Book) -> Book:
    bids, asks = book
    return {100 - price: size for price, size in asks.items()}, {
        100 - price: size for price, size in bids.items()
    }


def messages_of(frame: bytes) -> list[dict[str, object]]:
    decoded = msgspec.json.decode(frame)
    return decoded if isinstance(decoded, list) else [decoded]


def book_of(message: dict[str, object]) -> Book:
    return _side(message["bids"]), _side(message["asks"])


def changes_of(message: dict[str, object]) -> list[tuple[str, bool, int, int]]:
    return [
        (one["asset_id"], one["side"] == "BUY", round(100 * float(one["price"])), int(one["size"]))
        for one in message.get("price_changes", ())  # type: ignore[attr-defined]
    ]


def apply(book: Book, is_bid: bool, price: int, size: int) -> None:
    side = book[0 if is_bid else 1]
    if size:
        side[price] = size
    else:
        side.pop(price, None)


def _side(levels: object) -> Side:
    return {round(100 * float(one["price"])): int(one["size"]) for one in levels}  # type: ignore[attr-defined]


def _levels(side: Side) -> str:
    return ",".join(
        f'{{"price":"{text_of(price)}","size":"{size}"}}' for price, size in sorted(side.items())
    )

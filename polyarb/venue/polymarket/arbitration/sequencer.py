"""Are the messages that one source tells of one market whole and in order? No clock, no I/O.

Nothing is ever held back: what is in order is said to be so at once. What is not is dropped where
that provably leaves the same book, and otherwise puts the book in doubt. docs/adr/0007 has proofs.
"""

from collections import deque
from collections.abc import Mapping
from enum import IntEnum

from polyarb.venue.polymarket.arbitration.peeking import (
    Change,
    LevelKey,
    Message,
    Pair,
    Top,
    check_entries,
    top_of_book,
    top_of_change,
    touched,
)
from polyarb.venue.polymarket.channel.numerals import (
    PRICES,
    SIZES,
    read_best_ask,
    read_best_bid,
    read_price,
    read_size,
)

WINDOW_MS = 100
"""How far back in venue time a message counts as reordered, not as long gone."""
RECENT_MAX = 16
STAMPS_MAX = 48
_HASHES_MAX = 4 * RECENT_MAX


class Verdict(IntEnum):
    """What a message is to the book that its source has told so far."""

    IN_ORDER = 0
    REPEATED = 1
    """Told before, and nothing has changed its levels since: dropped, the book is the same."""
    SUPERSEDED = 2
    """Late, and every level of it was told anew at a later venue time: dropped, the same book."""
    LATE = 3
    """Late by no more than the window, and it might matter: the book is in doubt."""
    LONG_LATE = 4
    """Late by more than the window, and it might matter: the book is in doubt."""
    REVISITED = 5
    """Either told twice, or true again after a change in the same millisecond: in doubt."""
    UNMIRRORED = 6
    """The two tokens of a market do not say the same: in doubt."""
    TOP_BROKE = 7
    """The top that it tells cannot come of the top before and this change: in doubt."""


DROPPED = frozenset({Verdict.REPEATED, Verdict.SUPERSEDED})
"""Nothing needs to be done about these."""


class Sequence:
    """The recent messages of one source about one market. Memory: bounded."""

    __slots__ = (
        "_ask",
        "_bid",
        "_first",
        "_has_book",
        "_hashes",
        "_hashes_ms",
        "recent",
        "since_ms",
        "sisters",
        "stamps",
        "told_ms",
    )

    def __init__(self, sisters: Mapping[str, str]) -> None:
        """Shape: sisters maps each token of the market to the other one."""
        self.sisters = sisters
        self.told_ms = 0
        self.since_ms = 0
        self.recent: deque[Pair | Message] = deque(maxlen=RECENT_MAX)
        self.stamps: deque[int] = deque(maxlen=STAMPS_MAX)
        self._first: Change | None = None
        self._bid = self._ask = 0
        self._has_book = False
        self._hashes: set[str] = set()
        self._hashes_ms = 0

    def restart(self, book: Message | None = None) -> None:
        """Forget what was told before a book, or everything but how far it went."""
        self.recent.clear()
        self.stamps.clear()
        self._first = None
        self._has_book = book is not None
        if book is None:
            self.since_ms = self.told_ms
            return
        self.recent.append(book)
        self.since_ms = book.timestamp
        self.told_ms = max(self.told_ms, book.timestamp)

    def take_pair(self, pair: Pair) -> Verdict:
        """Judge one level of both tokens of the market; remember it if it is in order.

        Errors: UnusableError of all that will be refused when it is translated.
        """
        timestamp = pair.timestamp
        first, second = pair.price_changes
        price, _, mirrored = PRICES.get(first.price) or read_price(first.price)
        if first.size not in SIZES:
            read_size(first.size)
        if (
            second.size != first.size
            or second.side == first.side
            or (second.price != mirrored and read_price(second.price)[0] + price != 1_000_000)
        ):
            return Verdict.UNMIRRORED
        if timestamp > self.told_ms:
            self.stamps.append(timestamp)
        elif timestamp < self.told_ms or not self._is_news(first.hash):
            verdict = self._order_of(pair)
            if verdict:
                return verdict
        if not self._is_top_continued(first, price) and timestamp > self.told_ms:
            self._remember(pair)
            return Verdict.TOP_BROKE
        self.told_ms = timestamp
        self.recent.append(pair)
        return Verdict.IN_ORDER

    def take(self, message: Message) -> Verdict:
        """Judge any message that changes a book and remember it if it is in order.

        Errors: UnusableError of all that will be refused when it is translated.
        """
        check_entries(message)
        if message.timestamp <= self.told_ms:
            verdict = self._order_of(message)
            if verdict:
                return verdict
        if not self._is_mirrored(message):
            return Verdict.UNMIRRORED
        self._remember(message)
        self._first = None
        if message.event_type == "book":
            self.since_ms = message.timestamp
        return Verdict.IN_ORDER

    def top(self, asset: str) -> tuple[int, str, Top | None] | None:
        """Return venue time, hash and top that were last told of a token, if still known.

        Errors: UnusableError.
        """
        for message in reversed(self.recent):
            if isinstance(message, Message) and message.event_type == "book":
                if message.asset_id == asset:
                    return message.timestamp, message.hash, top_of_book(message)
                continue
            for entry in reversed(message.price_changes):
                if entry.asset_id == asset:
                    return message.timestamp, entry.hash, top_of_change(entry)
        return None

    def has_skipped(self, timestamp: int) -> bool:
        """Tell whether it went past a venue time without the change that another source told."""
        stamps = self.stamps
        if not stamps or timestamp in stamps or not self.since_ms < timestamp < stamps[-1]:
            return False
        is_all_held = self._has_book and len(stamps) < STAMPS_MAX
        return is_all_held or stamps[0] < timestamp

    def would_skip(self, before_ms: int, timestamp: int) -> bool:
        """Tell whether it has a change between two venue times that another went over."""
        stamps = self.stamps
        if not stamps or stamps[-1] <= before_ms:
            return False
        if before_ms in stamps:
            return stamps[stamps.index(before_ms) + 1] < timestamp
        return len(stamps) > 1 and any(before_ms < stamp < timestamp for stamp in stamps)

    def _remember(self, message: Pair | Message) -> None:
        is_further = message.timestamp > self.told_ms or not self.stamps
        if is_further and message.event_type != "book":
            self.stamps.append(message.timestamp)
        self.told_ms = max(self.told_ms, message.timestamp)
        self.recent.append(message)

    def _is_news(self, change_hash: str) -> bool:
        """Tell whether no recent change has this hash: one of the latest time is then in order.

        In a burst many changes have one time, and to compare each with all is what costs most.
        """
        hashes = self._hashes
        if self._hashes_ms != self.told_ms or len(hashes) > _HASHES_MAX:
            self._hashes_ms = self.told_ms
            hashes.clear()
            hashes.update(
                known.price_changes[0].hash for known in self.recent if known.price_changes
            )
        if not change_hash or change_hash in hashes:
            return False
        hashes.add(change_hash)
        return True

    def _is_top_continued(self, first: Change, price: int) -> bool:
        """Tell whether the top told now follows from the one before; keeps the new one.

        A change of one side leaves the other's best price; a level of more than nothing that is
        better than the best becomes it; a best level that is taken away leaves a worse one.
        """
        before, self._first = self._first, None
        bid, ask = self._bid, self._ask
        if before is None or before.asset_id != first.asset_id:
            self._bid = read_best_bid(first.best_bid)[0]
            self._ask = read_best_ask(first.best_ask)[0]
            is_told = first.best_bid is not None and first.best_ask is not None
            self._first = first if is_told else None
            return True
        if first.best_bid != before.best_bid or first.best_ask != before.best_ask:
            self._bid = read_best_bid(first.best_bid)[0]
            self._ask = read_best_ask(first.best_ask)[0]
        self._first = first
        if first.side == "BUY":
            side_before, side_now, is_kept = bid, self._bid, ask == self._ask
            is_better = price > bid
        else:
            side_before, side_now, is_kept = ask, self._ask, bid == self._bid
            is_better = price < ask
        if not is_kept:
            return False
        if first.size.strip("0.") == "":
            if price == side_before:
                return side_now < price if first.side == "BUY" else side_now > price
            return side_now == side_before
        return side_now == (price if is_better else side_before)

    def _order_of(self, message: Pair | Message) -> Verdict:
        """Judge a message whose venue time is not ahead of what was told."""
        timestamp = message.timestamp
        repeated = self._index_of(message)
        if repeated is None:
            if timestamp == self.told_ms:
                return Verdict.IN_ORDER
        elif not self._is_changed_since(repeated, message):
            return Verdict.REPEATED
        if self._is_superseded(message):
            return Verdict.SUPERSEDED
        if repeated is not None:
            return Verdict.REVISITED
        is_near = self.told_ms - timestamp <= WINDOW_MS
        return Verdict.LATE if is_near else Verdict.LONG_LATE

    def _index_of(self, message: Pair | Message) -> int | None:
        """Find the same message among the recent ones; a hash stands for a whole book."""
        for index in range(len(self.recent) - 1, -1, -1):
            known = self.recent[index]
            if known == message:
                return index
            if (
                isinstance(known, Message)
                and isinstance(message, Message)
                and message.hash
                and message.event_type == known.event_type == "book"
                and (known.asset_id, known.timestamp, known.hash)
                == (message.asset_id, message.timestamp, message.hash)
            ):
                return index
        return None

    def _is_changed_since(self, index: int, message: Pair | Message) -> bool:
        """Tell whether something of the same venue time changed what a message had told."""
        later = [
            known
            for place, known in enumerate(self.recent)
            if place > index and known.timestamp == message.timestamp
        ]
        if isinstance(message, Message) and message.event_type == "book":
            return any(_concerns(known, message.asset_id) for known in later)
        told = dict(touched(message))
        return any(
            told.get(level, size) != size for known in later for level, size in touched(known)
        ) or any(_is_book_of(known, asset) for known in later for asset, _, _ in told)

    def _is_superseded(self, message: Pair | Message) -> bool:
        """Tell whether every level of a message was told anew at a later venue time."""
        later = [known for known in self.recent if known.timestamp > message.timestamp]
        if isinstance(message, Message) and message.event_type == "book":
            return any(_is_book_of(known, message.asset_id) for known in later)
        levels: set[LevelKey] = {level for level, _ in touched(message)}
        replaced = {level for known in later for level, _ in touched(known)}
        return bool(levels) and all(
            level in replaced or any(_is_book_of(known, level[0]) for known in later)
            for level in levels
        )

    def _is_mirrored(self, message: Message) -> bool:
        """Tell whether a message agrees with itself, and a book with its sister of one time.

        Only a sister book with nothing between is compared: what lies between changes it.
        """
        if message.event_type != "book":
            return _agrees_with_itself(message, self.sisters)
        sister = self.sisters.get(message.asset_id)
        last = self.recent[-1] if self.recent else None
        if not (isinstance(last, Message) and last.timestamp == message.timestamp):
            return True
        if last.event_type != "book" or last.asset_id != sister:
            return True
        return _mirrored(last) == _plain(message)


def _concerns(message: Pair | Message, asset: str) -> bool:
    return _is_book_of(message, asset) or any(
        entry.asset_id == asset for entry in message.price_changes
    )


def _is_book_of(message: Pair | Message, asset: str) -> bool:
    return (
        isinstance(message, Message) and message.event_type == "book" and message.asset_id == asset
    )


def _agrees_with_itself(message: Message, sisters: Mapping[str, str]) -> bool:
    """Tell whether tokens of one market that stand together in a price_change say the same."""
    assets = {entry.asset_id for entry in message.price_changes}
    final = dict(touched(message))
    return all(
        final.get((sisters[asset], not is_bid, 1_000_000 - price)) == size
        for (asset, is_bid, price), size in final.items()
        if sisters.get(asset) in assets
    )


def _plain(book: Message) -> tuple[dict[str, str], dict[str, str]]:
    bids = {str(read_price(level.price)[0]): level.size for level in book.bids}
    asks = {str(read_price(level.price)[0]): level.size for level in book.asks}
    return bids, asks


def _mirrored(book: Message) -> tuple[dict[str, str], dict[str, str]]:
    bids = {str(read_price(level.price)[1]): level.size for level in book.asks}
    asks = {str(read_price(level.price)[1]): level.size for level in book.bids}
    return bids, asks

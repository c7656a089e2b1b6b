"""Rows of an archive become messages as the venue sent them, as far as rows still tell.

The two tokens' rows of one receipt and one venue time that mirror each other were one message and
are one again; every other row is a message of its own token.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import msgspec

COLUMNS = (
    *("timestamp_received", "timestamp", "market", "event_type", "asset_id", "bids", "asks"),
    *("price", "size", "side", "best_bid", "best_ask", "fee_rate_bps", "transaction_hash"),
    *("old_tick_size", "new_tick_size"),
)
"""The columns that are read; an archive may have more, and fewer of the later ones."""
_CHANGE_KEYS = ("asset_id", "price", "size", "side", "best_bid", "best_ask")
_ONE = Decimal(1)
_encode = msgspec.json.Encoder().encode
_decode_levels = msgspec.json.Decoder(list[tuple[str | float, str | float]]).decode


@dataclass(frozen=True, slots=True)
class ArchiveRow:
    """One row; values are texts by column, None for what is absent."""

    receive_time_ns: int
    venue_ms: int
    values: dict[str, str | None]

    @property
    def receipt(self) -> tuple[int, str | None]:
        """What rows of one message have in common."""
        return self.receive_time_ns, self.values.get("market")

    @property
    def is_change(self) -> bool:
        """Tell whether this row is a level of a price_change."""
        return self.values.get("event_type") == "price_change"


def frames_of(rows: Sequence[ArchiveRow]) -> Iterator[tuple[int, bytes]]:
    """Make the messages of the rows of one receipt, by venue time, then as they stand."""
    pending = sorted(rows, key=lambda row: row.venue_ms)
    while pending:
        row = pending.pop(0)
        if not row.is_change:
            yield row.receive_time_ns, _encode(_message(row))
            continue
        sister = next((other for other in pending if _are_one(row, other)), None)
        if sister is not None:
            pending.remove(sister)
        changes = [_change(each) for each in (row, sister) if each is not None]
        message = {
            "event_type": "price_change",
            "market": row.values.get("market"),
            "price_changes": changes,
            "timestamp": str(row.venue_ms),
        }
        yield row.receive_time_ns, _encode(message)


def _are_one(row: ArchiveRow, other: ArchiveRow) -> bool:
    one, two = row.values, other.values
    return (
        other.is_change
        and row.venue_ms == other.venue_ms
        and one.get("asset_id") != two.get("asset_id")
        and one.get("size") == two.get("size")
        and {_side(row), _side(other)} == {"BUY", "SELL"}
        and _sum_is_one(one.get("price"), two.get("price"))
    )


def _sum_is_one(price: str | None, other: str | None) -> bool:
    try:
        return price is not None and other is not None and Decimal(price) + Decimal(other) == _ONE
    except InvalidOperation:
        return False


def _side(row: ArchiveRow) -> str | None:
    side = row.values.get("side")
    return None if side is None else side.upper()


def _change(row: ArchiveRow) -> dict[str, str]:
    values = {**row.values, "side": _side(row)}
    return {key: value for key in _CHANGE_KEYS if (value := values.get(key)) is not None}


def _message(row: ArchiveRow) -> dict[str, object]:
    """Make a message of every column that says something."""
    values = {**row.values, "side": _side(row)}
    message: dict[str, object] = {}
    for key in ("event_type", *COLUMNS[2:3], *COLUMNS[4:]):
        value = values.get(key)
        if value is not None:
            message[key] = _levels(value) if key in {"bids", "asks"} else value
    message["timestamp"] = str(row.venue_ms)
    return message


def _levels(text: str) -> object:
    """Read levels; text that is none stays as it is, so that it is refused and counted later."""
    try:
        return [{"price": str(price), "size": str(size)} for price, size in _decode_levels(text)]
    except msgspec.DecodeError:
        return text

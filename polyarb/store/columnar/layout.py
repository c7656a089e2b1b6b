"""The columns of a columnar tape, one row a line in the order of arrival.

`asset_id` to `hash` are the first entry; of two that mirror each other only one is stored, with the
other's token as `sister_id`. `market` and `sister_id` are null where they are as in the latest row
before with that `asset_id`. What is no known message stands whole under `raw`.
"""

from typing import TYPE_CHECKING

from polyarb.store.columnar.extra import load_extra

if TYPE_CHECKING:
    import pyarrow

VERSION = b"1"
VERSION_KEY = b"polyarb.tape"
DELTA_COLUMNS = ("receive", "seq", "timestamp")
"""Whole numbers that grow little by little; receive is in the unit that the shape names."""
DICTIONARY_COLUMNS = (
    *("shape", "market", "asset_id", "sister_id", "price", "size"),
    *("more.list.element.asset_id", "more.list.element.price", "more.list.element.size"),
)
TEXT_COLUMNS = ("shape", "asset_id")
"""Texts that few values of come again and again; read as a dictionary, too."""

CARRIED_COLUMNS = ("market", "sister_id")
"""Null where they are as in the latest row before of the same asset_id."""


def schema() -> "pyarrow.Schema":
    """Build the schema. Units: prices, sizes and best prices in micros, -1 for an empty text."""
    pa = load_extra("pyarrow")
    level = pa.list_(pa.struct([("price", pa.int32()), ("size", pa.int64())]))
    return pa.schema(
        [
            ("shape", pa.string()),
            ("receive", pa.int64()),
            ("seq", pa.int64()),
            ("market", pa.string()),
            ("timestamp", pa.int64()),
            *entry_fields(),
            ("sister_id", pa.string()),
            ("sister_hash", pa.binary(20)),
            ("transaction_hash", pa.string()),
            ("last_trade_price", pa.int64()),
            ("bids", level),
            ("asks", level),
            ("more", pa.list_(pa.struct(entry_fields()))),
            ("raw", pa.binary()),
        ],
        metadata={VERSION_KEY: VERSION},
    )


def entry_fields() -> list[tuple[str, "pyarrow.DataType"]]:
    """Build the fields of an entry, in the order of its values."""
    pa = load_extra("pyarrow")
    return [
        ("asset_id", pa.string()),
        ("price", pa.int64()),
        ("size", pa.int64()),
        ("side", pa.bool_()),
        ("best_bid", pa.int64()),
        ("best_ask", pa.int64()),
        ("hash", pa.binary(20)),
    ]

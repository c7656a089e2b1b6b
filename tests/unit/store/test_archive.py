import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from polyarb.domain.errors import StoreError
from polyarb.store.columnar import archive
from polyarb.store.columnar.archive import archive_frames, is_archive
from polyarb.store.columnar.archive_messages import ArchiveRow, frames_of
from polyarb.store.columnar.extra import load_extra
from polyarb.store.recording import tape_line
from polyarb.store.tape import read_tape
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.instruments.catalogue import load_catalogue

pytest.importorskip("pyarrow")

_NS = 1_780_796_400 * 10**9
Row = dict[str, object]


def _rows_of(message: dict[str, object], receive_us: int) -> list[Row]:
    """Write a message as the archive does: a row a level, levels as text."""
    row = {key: value for key, value in message.items() if key != "price_changes"}
    row["timestamp"] = int(str(message["timestamp"]))
    row["timestamp_received"] = receive_us
    for side in ("bids", "asks"):
        if side in row:
            levels = row[side]
            assert isinstance(levels, list)
            row[side] = json.dumps([[level["price"], level["size"]] for level in levels])
    changes = message.get("price_changes")
    return [{**row, **change} for change in changes] if isinstance(changes, list) else [row]


def _write(path: Path, rows: list[Row], unit: str = "us") -> None:
    pa, parquet = load_extra("pyarrow"), load_extra("pyarrow.parquet")
    names = archive.COLUMNS
    ordered = sorted(
        rows, key=lambda row: (str(row["market"]), str(row["asset_id"]), row["timestamp_received"])
    )
    kinds = {
        "timestamp_received": pa.timestamp(unit, "UTC"),
        "timestamp": pa.timestamp("ms", "UTC"),
    }
    columns = {
        name: pa.array([row.get(name) for row in ordered], kinds.get(name, pa.string()))
        for name in names
    }
    parquet.write_table(pa.table(columns), path, row_group_size=5000)


def _messages(samples: Path, number: int) -> list[dict[str, object]]:
    lines = list(read_tape(samples / "tape_hockey.jsonl.gz"))
    return [json.loads(line)["msg"] for line in lines[:number]]


def test_an_archive_gives_the_same_frames_as_the_messages_it_was_made_of(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "SPAN_ROWS", 1500)
    monkeypatch.setattr(archive, "_BATCH_ROWS", 1000)
    monkeypatch.setattr(archive, "_SLICE_ROWS", 700)
    messages = _messages(samples, 6000)
    times_us = [_NS // 1000 + number * 1501 for number in range(len(messages))]
    rows = [
        row for message, us in zip(messages, times_us, strict=True) for row in _rows_of(message, us)
    ]
    _write(tmp_path / "one.parquet", rows[::2])
    _write(tmp_path / "two.parquet", rows[1::2])
    paths = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    frames = list(archive_frames(paths, scratch))
    assert list(scratch.iterdir()) == []
    assert [time for time, _ in frames] == [us * 1000 for us in times_us]
    catalogue = load_catalogue((samples / "markets.json",))
    expected = Translator(catalogue).frames(
        tape_line(json.dumps(message).encode(), us * 1000, 0)
        for message, us in zip(messages, times_us, strict=True)
    )
    found = Translator(catalogue).frames(tape_line(frame, time, 0) for time, frame in frames)
    for one, other in zip(found, expected, strict=True):
        assert (one.receive_time_ns, *one.events) == (other.receive_time_ns, *other.events)


def test_messages_of_one_millisecond_are_told_apart_by_what_mirrors_what(
    samples: Path, tmp_path: Path
) -> None:
    messages = [m for m in _messages(samples, 3000) if m["event_type"] == "price_change"]
    rows = [row for message in messages for row in _rows_of(message, int(_NS // 10**6))]
    _write(tmp_path / "one.parquet", rows, unit="ms")
    frames = [
        json.loads(frame) for _, frame in archive_frames([tmp_path / "one.parquet"], tmp_path)
    ]
    assert len(frames) == len(messages)

    def told(message: dict[str, object]) -> tuple[object, ...]:
        changes = message["price_changes"]
        assert isinstance(changes, list)
        pairs = sorted((c["asset_id"], c["price"], c["size"], c["side"]) for c in changes)
        return (message["market"], message["timestamp"], *pairs)

    assert Counter(map(told, frames)) == Counter(map(told, messages))


def test_rows_of_one_token_and_time_stay_in_their_order(tmp_path: Path) -> None:
    row: Row = {"market": "m", "event_type": "last_trade_price", "timestamp": 1}
    rows = [
        {**row, "asset_id": token, "timestamp_received": second, "price": f"0.{number}"}
        for number in range(100, 400)
        for second in (7, 3)
        for token in ("8", "9")
    ]
    _write(tmp_path / "one.parquet", rows, unit="s")
    paths = [tmp_path / "one.parquet"]
    frames = [json.loads(frame) for _, frame in archive_frames(paths, tmp_path)]
    prices = [f"0.{number}" for number in range(100, 400)]
    assert [(frame["asset_id"], frame["price"]) for frame in frames] == [
        (token, price) for token in ("8", "9") for price in prices
    ] * 2


def _row(**values: str | None) -> ArchiveRow:
    given = {"event_type": "price_change", "market": "m", "asset_id": "9", "size": "5"}
    return ArchiveRow(_NS, 1_780_796_400_000, {**given, **values})


@pytest.mark.parametrize(
    ("other", "is_one"),
    [
        ({"price": "0.69", "side": "sell"}, True),
        ({"price": "0.690", "side": "SELL"}, True),
        ({"price": "0.69", "side": "BUY"}, False),
        ({"price": "0.68", "side": "SELL"}, False),
        ({"price": "0.69", "side": "SELL", "size": "6"}, False),
        ({"price": "0.69", "side": "SELL", "asset_id": "9"}, False),
        ({"price": "much", "side": "SELL"}, False),
        ({"price": None, "side": "SELL"}, False),
    ],
)
def test_only_rows_that_mirror_each_other_become_one_message(
    other: dict[str, str | None], is_one: bool
) -> None:
    row = _row(price="0.31", side="BUY", best_bid="0.3")
    made = list(frames_of([row, _row(**{"asset_id": "10", **other})]))
    assert len(made) == 2 - is_one
    first = json.loads(made[0][1])
    assert first["price_changes"][0] == {
        "asset_id": "9",
        "price": "0.31",
        "size": "5",
        "side": "BUY",
        "best_bid": "0.3",
    }
    assert first["timestamp"] == "1780796400000"


def test_rows_of_other_venue_times_stay_apart() -> None:
    one, two = _row(price="0.31", side="BUY"), _row(price="0.69", side="SELL", asset_id="10")
    later = ArchiveRow(_NS, two.venue_ms + 1, two.values)
    assert len(list(frames_of([one, two]))) == 1
    assert len(list(frames_of([later, one]))) == 2


def test_other_rows_are_messages_of_every_column_that_says_something() -> None:
    rows = [
        _row(event_type="last_trade_price", price="0.3", side="BUY", transaction_hash="0x1"),
        _row(event_type="book", size=None, bids='[["0.1","2"]]', asks="no levels"),
        _row(event_type="tick_size_change", size=None, new_tick_size="0.001"),
    ]
    trade, book, tick = (json.loads(frame) for _, frame in frames_of(rows))
    assert (trade["event_type"], trade["transaction_hash"]) == ("last_trade_price", "0x1")
    assert book["bids"] == [{"price": "0.1", "size": "2"}]
    assert book["asks"] == "no levels"
    assert tick["new_tick_size"] == "0.001"
    assert "price" not in tick
    assert list(frames_of([])) == []


def test_numbers_and_bytes_are_read_as_the_texts_they_stand_for(tmp_path: Path) -> None:
    pa, parquet = load_extra("pyarrow"), load_extra("pyarrow.parquet")
    for number, unit in enumerate((1, 10**3, 10**6, 10**9)):
        path = tmp_path / f"{number}.parquet"
        table = pa.table(
            {
                "timestamp_received": pa.array([1_780_796_400 * unit] * 2),
                "timestamp": pa.array([1_780_796_400 * unit] * 2),
                "market": pa.array([b"m"] * 2, pa.binary(1)),
                "event_type": ["price_change"] * 2,
                "asset_id": [b"9", b"10"],
                "price": pa.array([Decimal("0.3100"), Decimal("0.6900")], pa.decimal128(9, 4)),
                "size": [5.0, 5.0],
                "side": ["BUY", "SELL"],
                "best_bid": [0.25, None],
            }
        )
        parquet.write_table(table, path)
        ((time, frame),) = archive_frames([path], tmp_path)
        assert time == _NS
        assert json.loads(frame) == {
            "event_type": "price_change",
            "market": "m",
            "price_changes": [
                {"asset_id": "9", "price": "0.31", "size": "5", "side": "BUY", "best_bid": "0.25"},
                {"asset_id": "10", "price": "0.69", "size": "5", "side": "SELL"},
            ],
            "timestamp": "1780796400000",
        }
        assert is_archive(path)


def test_what_is_no_archive_is_a_fault_that_says_so(tmp_path: Path) -> None:
    pa, parquet = load_extra("pyarrow"), load_extra("pyarrow.parquet")
    path = tmp_path / "x.parquet"
    path.write_text("no Parquet at all")
    with pytest.raises(StoreError, match="expected a Parquet file"):
        is_archive(path)
    with pytest.raises(StoreError, match="expected an hourly archive"):
        list(archive_frames([path], tmp_path))
    for times in (["yesterday"], [None]):
        table = {"timestamp_received": pa.array(times), "timestamp": times, "asset_id": ["9"]}
        parquet.write_table(pa.table(table), path)
        assert not is_archive(path)
        with pytest.raises(StoreError, match="expected times"):
            list(archive_frames([path], tmp_path))

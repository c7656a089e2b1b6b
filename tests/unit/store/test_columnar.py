import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.errors import StoreError, UsageError
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.market import Market
from polyarb.domain.surroundings import CatalogueChange
from polyarb.store.columnar import writing
from polyarb.store.columnar.extra import load_extra
from polyarb.store.columnar.numerals import EMPTY, FLOAT, PLAIN
from polyarb.store.columnar.reading import column_batches
from polyarb.store.columnar.shapes import Dismantler, read_shape
from polyarb.store.columnar.writing import write_columnar
from polyarb.store.lossy import LossyFileSystem
from polyarb.store.recording import instruments_line, loss_line, mode_line, tape_line
from polyarb.store.tape import read_tape
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.instruments.catalogue import infer_catalogue

pytest.importorskip("pyarrow")

_HASH = "0123456789abcdef0123456789abcdef01234567"
_NS = 1_780_796_400_123_456_789
_CHANGE = CatalogueChange(
    markets=(Market(condition_id=ConditionId("0xabc"), yes=TokenId("9"), no=TokenId("10")),)
)


def _pair(
    price: str = "0.31", other: str = "0.69", *, size: str = "198", hashed: bool = False
) -> dict[str, object]:
    entries = [
        {"asset_id": "9", "price": price, "size": size, "side": "BUY"},
        {"asset_id": "10", "price": other, "size": size, "side": "SELL"},
    ]
    tops = ({"best_bid": "0.35", "best_ask": "0.39"}, {"best_bid": "0.61", "best_ask": "0.65"})
    hashes = ({"hash": _HASH}, {"hash": _HASH[::-1]}) if hashed else ({}, {})
    changes = [{**one, **two, **top} for one, two, top in zip(entries, hashes, tops, strict=True)]
    return {
        "event_type": "price_change",
        "market": "0xabc",
        "price_changes": changes,
        "timestamp": "1780795851472",
    }


def _with(message: dict[str, object], entry: int, **values: str) -> dict[str, object]:
    changes = message["price_changes"]
    assert isinstance(changes, list)
    changes[entry] = {**changes[entry], **values}
    return message


def _line(message: object, sequence: int = 0) -> bytes:
    return tape_line(msgspec.json.encode(message), _NS, sequence).rstrip(b"\n")


def _returned(path: Path, lines: Sequence[bytes]) -> list[bytes]:
    write_columnar(path, [list(lines)])
    return list(read_tape(path))


def _recorded_tapes(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/tape_*.jsonl.gz"))


def test_the_shipped_tapes_come_back_byte_for_byte(samples: Path, tmp_path: Path) -> None:
    tapes = sorted(samples.glob("tape_*.jsonl.gz"))
    written = write_columnar(tmp_path / "all.parquet", read_tape(*tapes).blocks())
    assert written.lines == 47_650
    assert written.raw == 2
    back = iter(read_tape(tmp_path / "all.parquet"))
    for number, line in enumerate(read_tape(*tapes)):
        assert next(back) == line, number
    assert next(back, None) is None


def test_every_recorded_tape_comes_back_byte_for_byte(recorded: Path, tmp_path: Path) -> None:
    tapes = [tape for tape in _recorded_tapes(recorded) if "tickscope" not in tape.as_posix()]
    assert len(tapes) > 30
    for number, tape in enumerate(tapes):
        lines = list(read_tape(tape))[:400]
        assert _returned(tmp_path / f"{number}.parquet", lines) == lines, tape.name


def test_a_tape_without_its_hashes_is_translated_into_the_same_frames(
    recorded: Path, tmp_path: Path
) -> None:
    for number, tape in enumerate(sorted(recorded.glob("signaldrift-mlb/tape_*.gz"))[:4]):
        lines = list(read_tape(tape))[:400]
        path = tmp_path / f"{number}.parquet"
        write_columnar(path, [lines], keep_hashes=False)
        back = list(read_tape(path))
        assert b'"hash"' in lines[0]
        assert b'"hash"' not in b"".join(back)
        catalogue = infer_catalogue(lines)
        before, after = Translator(catalogue), Translator(catalogue)
        assert list(before.frames(lines)) == list(after.frames(back))
        assert before.statistics == after.statistics


@pytest.mark.parametrize(
    ("message", "is_known", "relation"),
    [
        (_pair(), True, "w"),
        (_pair(hashed=True), True, "w"),
        (_pair(other="0.68"), True, "-"),
        (_with(_pair(), 1, best_bid="0.62"), True, "-"),
        (_with(_pair(), 1, best_ask="0.66"), True, "-"),
        (_with(_pair(), 1, size="199"), True, "-"),
        (_with(_pair(), 1, side="BUY"), True, "-"),
        (_with(_pair(), 1, hash=_HASH), True, "-"),
        (_pair(size="198.0"), True, "w"),
        (_pair(price="0.310"), False, ""),
        (_pair(size="1.5899999999999999"), False, ""),
        (_pair(size="-1"), False, ""),
        (_pair(price=".31"), False, ""),
        ({"event_type": "best_bid_ask", "asset_id": "9", "best_bid": "", "x": [1]}, True, "-"),
        ({"event_type": "book", "asset_id": "9", "bids": [], "asks": []}, True, "-"),
        ({"event_type": "new_market", "market": "0xabc"}, False, ""),
        ([_pair(), _pair()], False, ""),
    ],
)
def test_a_message_is_kept_in_columns_where_that_loses_nothing(
    tmp_path: Path, message: object, is_known: bool, relation: str
) -> None:
    line = _line(message)
    parts = Dismantler().take_apart(line)
    assert (parts is not None) is is_known
    assert parts is None or parts.shape[1] == relation
    assert _returned(tmp_path / "one.parquet", [line] * 3) == [line] * 3


def test_whichever_token_comes_first_one_side_of_a_market_is_kept(tmp_path: Path) -> None:
    message = _pair(hashed=True)
    changes = message["price_changes"]
    assert isinstance(changes, list)
    swapped = {**message, "price_changes": changes[::-1]}
    lines = [_line(message), _line(swapped, 1)]
    assert _returned(tmp_path / "two.parquet", lines) == lines
    (batch,) = column_batches(tmp_path / "two.parquet")
    rows = batch.to_pylist()
    for key in ("asset_id", "sister_id", "price", "side", "best_bid", "best_ask", "market"):
        assert rows[0][key] == rows[1][key], key
    assert (rows[0]["asset_id"], rows[0]["sister_id"]) == ("10", "9")
    parquet = load_extra("pyarrow.parquet")
    stored = parquet.read_table(tmp_path / "two.parquet", columns=["market", "sister_id"])
    assert stored.to_pylist()[1] == {"market": None, "sister_id": None}
    assert (rows[0]["price"], rows[0]["side"]) == (690_000, False)
    assert (rows[0]["best_bid"], rows[0]["best_ask"]) == (610_000, 650_000)


def test_a_market_of_a_token_that_changes_is_carried_from_there_on(tmp_path: Path) -> None:
    lines = [
        _line({**_pair(), "market": market}, number)
        for number, market in enumerate(("a", "a", "b", "b", "a", "c"))
    ]
    assert _returned(tmp_path / "m.parquet", lines) == lines
    batches = column_batches(tmp_path / "m.parquet", ["asset_id", "market"], batch_lines=2)
    assert [row["market"] for batch in batches for row in batch.to_pylist()] == [
        *("a", "a", "b", "b", "a", "c")
    ]


_texts = st.sampled_from(
    ["0.31", "0.69", "0.5", "1", "0", "", "198", "198.0", "0.30", "7e3", "1_0", "٣", "$", "a%sb"]
)
_entries = st.lists(
    st.fixed_dictionaries(
        {"asset_id": st.sampled_from(["9", "10", "%d", ""]), "price": _texts, "size": _texts},
        optional={
            "side": st.sampled_from(["BUY", "SELL", "buy"]),
            "best_bid": _texts,
            "best_ask": _texts,
            "hash": st.sampled_from([_HASH, _HASH.upper(), "x"]),
        },
    ),
    max_size=4,
)
_levels = st.lists(st.fixed_dictionaries({"price": _texts, "size": _texts}), max_size=3)
_messages = st.fixed_dictionaries(
    {"event_type": st.sampled_from(["price_change", "book", "last_trade_price", "news"])},
    optional={
        "market": st.sampled_from(["m", "n", "ü", "$"]),
        "timestamp": st.sampled_from(["1780795851472", "01", "0", "9" * 19, "9" * 18]),
        "price_changes": _entries,
        "bids": _levels,
        "asks": _levels,
        "last_trade_price": _texts,
        "price": _texts,
    },
)
_lines = st.one_of(
    _messages.map(_line),
    _messages.map(lambda message: json.dumps({"recv_ms": None, "msg": message}).encode()),
    st.tuples(_messages, st.integers(0, 2**65), st.integers(0, 2**65)).map(
        lambda each: tape_line(msgspec.json.encode(each[0]), each[1], each[2]).rstrip(b"\n")
    ),
    st.binary(min_size=1, max_size=40).filter(lambda line: b"\n" not in line),
    st.just(loss_line("idle", ["9", "10"], _NS, 5).rstrip(b"\n")),
    st.just(mode_line("post-only", 'of "it"', _NS, 5).rstrip(b"\n")),
    st.just(instruments_line(_CHANGE, _NS, 5).rstrip(b"\n")),
    _messages.map(lambda message: _line(message)[:-3] or b"x"),
    _messages.map(lambda message: _line(message).replace(b'"size":"', b'"size":"\x00')),
)


@settings(max_examples=60)
@given(st.lists(_lines, min_size=1, max_size=30))
def test_any_lines_come_back_byte_for_byte_in_their_order(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("columnar")
    assert _returned(folder / "x.parquet", lines) == lines


@given(st.text(alphabet="0123456789.", max_size=9))
def test_a_decimal_is_read_only_where_it_is_written_the_same(text: str) -> None:
    for numerals in (PLAIN, FLOAT):
        try:
            micros = numerals.micros(text)
        except ValueError:
            continue
        assert numerals.texts([micros]) == [text]
        assert micros == EMPTY if not text else micros >= 0


def test_a_tape_is_written_in_parts_of_bounded_size(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PART_LINES", 1000)
    lines = list(read_tape(samples / "tape_hockey.jsonl.gz"))[:4500]
    assert _returned(tmp_path / "parts.parquet", lines) == lines
    parquet = load_extra("pyarrow.parquet")
    assert parquet.ParquetFile(tmp_path / "parts.parquet").num_row_groups == 5
    monkeypatch.setattr(writing, "PART_BYTES", 200_000)
    assert _returned(tmp_path / "bytes.parquet", lines) == lines
    assert parquet.ParquetFile(tmp_path / "bytes.parquet").num_row_groups > 8


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2 * 10**18, 10**19 - 1])
def test_a_number_too_large_for_a_column_is_kept_as_text(tmp_path: Path, number: int) -> None:
    lines = [tape_line(msgspec.json.encode(_pair()), number, 0).rstrip(b"\n")]
    assert write_columnar(tmp_path / "x.parquet", [lines]).raw == (number >= 2**63)
    assert list(read_tape(tmp_path / "x.parquet")) == lines


def test_an_empty_tape_is_a_columnar_tape_without_lines(tmp_path: Path) -> None:
    assert _returned(tmp_path / "none.parquet", []) == []


def test_more_shapes_than_a_tape_has_are_kept_as_lines(tmp_path: Path) -> None:
    lines = [_line({**_pair(), f"key{number}": 1}) for number in range(600)]
    path = tmp_path / "shapes.parquet"
    assert write_columnar(path, [lines]).raw == 600 - 512
    assert list(read_tape(path)) == lines


@pytest.mark.parametrize("text", ["", "p", "x-{}", '"price":"$" $', '"receive":$,"recv_ns":$'])
def test_text_that_is_no_shape_is_refused(text: str) -> None:
    if "$" in text:
        with pytest.raises(ValueError, match=r"shape|not in"):
            read_shape(text)
    else:
        assert read_shape(text).places == ()


def test_a_damaged_columnar_tape_is_a_torn_one(samples: Path, tmp_path: Path) -> None:
    path = tmp_path / "torn.parquet"
    write_columnar(path, read_tape(samples / "tape_fed_negrisk.jsonl.gz").blocks())
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    reading = read_tape(path)
    assert list(reading) == []
    assert reading.is_torn
    assert reading.ends[0].offset == 0
    path.write_bytes(whole[:100] + bytes(400) + whole[500:])
    reading = read_tape(path)
    assert len(list(reading)) < 10
    assert reading.is_torn


def test_parquet_of_another_form_is_refused_with_what_to_do(tmp_path: Path) -> None:
    pa, parquet = load_extra("pyarrow"), load_extra("pyarrow.parquet")
    path = tmp_path / "x.parquet"
    for names, meta, told in (
        (["a"], None, "expected a columnar tape, found other columns"),
        (["timestamp_received"], None, "polyarb tape import"),
        (["shape"], {b"polyarb.tape": b"9"}, "found version 9"),
    ):
        schema = pa.schema([(name, pa.int64()) for name in names], metadata=meta)
        parquet.write_table(pa.table({name: [1] for name in names}, schema=schema), path)
        with pytest.raises(StoreError, match=told):
            list(read_tape(path))


def test_a_full_disk_leaves_no_file_behind(samples: Path, tmp_path: Path) -> None:
    blocks = read_tape(samples / "tape_hockey.jsonl.gz").blocks()
    files = LossyFileSystem(tmp_path, space=20_000)
    with pytest.raises(StoreError, match="free space"):
        write_columnar(tmp_path / "out" / "x.parquet", blocks, files=files)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_file_that_exists_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("precious")
    with pytest.raises(UsageError, match="found one"):
        write_columnar(tmp_path / "x.parquet", [])
    assert (tmp_path / "x.parquet").read_text() == "precious"


def test_without_the_extra_the_operator_is_told_what_to_install() -> None:
    with pytest.raises(UsageError, match=r"install polyarb\[columnar\]"):
        load_extra("absent_package_of_arrows.parquet")

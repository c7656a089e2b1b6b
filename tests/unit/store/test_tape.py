import gzip
import json
import random
import tracemalloc
from pathlib import Path

import pytest
from polyarb.domain.errors import StoreError
from polyarb.store.tape import TapeStatus, read_tape

_LINES = [
    json.dumps({"seq": number, "msg": {"text": "x" * (number % 90)}}) for number in range(999)
]
_PLAIN = "".join(f"{line}\n" for line in _LINES).encode()
_WHOLE = [line.encode() for line in _LINES]


def _members(*parts: bytes) -> bytes:
    return b"".join(gzip.compress(part, mtime=0) for part in parts)


def _read(path: Path) -> tuple[list[bytes], TapeStatus, int]:
    reading = read_tape(path)
    lines = list(reading)
    (end,) = reading.ends
    assert end.lines == len(lines)
    assert reading.is_torn == (end.status is TapeStatus.TORN) == bool(end.reason)
    return lines, end.status, end.offset


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", _PLAIN),
        ("a.jsonl.gz", _members(_PLAIN)),
        ("members.jsonl.gz", _members(_PLAIN[:5000], _PLAIN[5000:5001], b"", _PLAIN[5001:])),
        ("lines.jsonl.gz", _members(*(line + b"\n" for line in _WHOLE))),
        ("no-last-break.jsonl", _PLAIN[:-1]),
        ("no-last-break.jsonl.gz", _members(_PLAIN[:-1])),
        ("blank-lines.jsonl", _PLAIN.replace(b"\n", b"\n\n")),
        ("gzip-by-content.jsonl", _members(_PLAIN)),
    ],
)
def test_a_tape_gives_its_lines_whatever_way_it_is_stored(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert _read(path) == (_WHOLE, TapeStatus.OK, len(content))


@pytest.mark.parametrize("name", ["empty.jsonl", "empty.jsonl.gz"])
def test_an_empty_tape_gives_nothing_and_is_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    assert _read(path) == ([], TapeStatus.OK, 0)


def test_a_gzip_cut_anywhere_gives_the_whole_lines_before_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl.gz"
    first = _members(_PLAIN[:9000])
    content = first + _members(_PLAIN[9000:])
    chance = random.Random(1)
    lines_before = 0
    for cut in sorted(chance.sample(range(2, len(content)), 150)):
        path.write_bytes(content[:cut])
        lines, status, offset = _read(path)
        assert lines == _WHOLE[: len(lines)]
        assert len(lines) >= lines_before
        lines_before = len(lines)
        is_border = cut == len(first)
        assert status == (TapeStatus.OK if is_border else TapeStatus.TORN)
        assert offset == (len(first) if cut >= len(first) else 0)
    assert lines_before > 900


def test_all_whole_lines_before_a_damaged_byte_are_given(tmp_path: Path) -> None:
    path = tmp_path / "damaged.jsonl.gz"
    noise = random.Random(2)
    lines = [json.dumps(f"{noise.getrandbits(400):x}").encode() for _ in range(3000)]
    content = bytearray(_members(b"".join(line + b"\n" for line in lines)))
    content[len(content) // 2 : len(content) // 2 + 40] = b"\xff" * 40
    path.write_bytes(content)
    found, status, offset = _read(path)
    assert (status, offset) == (TapeStatus.TORN, 0)
    assert found[:1400] == lines[:1400]


@pytest.mark.parametrize("tail", [b"\0" * 512, b"junk", b"\x1f\x8b\x08"])
def test_what_follows_the_last_member_is_told_as_torn(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "tail.jsonl.gz"
    content = _members(_PLAIN)
    path.write_bytes(content + tail)
    assert _read(path) == (_WHOLE, TapeStatus.TORN, len(content))


def test_a_plain_tape_cut_within_a_line_gives_the_lines_before(tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_bytes(_PLAIN[:-5])
    assert _read(path) == (_WHOLE[:-1], TapeStatus.TORN, len(_PLAIN) - 5)


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "zeros.jsonl.gz"
    path.write_bytes(_members(b"{}\n" + bytes(40 << 20)))
    tracemalloc.start()
    assert _read(path)[:2] == ([b"{}"], TapeStatus.TORN)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60 << 20


def test_memory_stays_flat_over_a_long_tape(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl.gz"
    path.write_bytes(_members(_PLAIN * 400))
    tracemalloc.start()
    assert sum(1 for _ in read_tape(path)) == 999 * 400
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 << 20


def test_several_tapes_and_directories_are_read_in_order(tmp_path: Path) -> None:
    for name in (
        "20260102/10-0002.jsonl.gz",
        "20260102/10-0010.jsonl.gz",
        "20260103/00-0001.jsonl",
    ):
        path = tmp_path / "tape" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = f'"{name}"\n'.encode()
        path.write_bytes(content if name.endswith("jsonl") else _members(content))
    (tmp_path / "tape" / "markets.json").write_text("{}")
    single = tmp_path / "single.jsonl"
    single.write_text('"single"\n')
    reading = read_tape(single, tmp_path / "tape")
    assert [json.loads(line) for line in reading] == [
        "single",
        "20260102/10-0002.jsonl.gz",
        "20260102/10-0010.jsonl.gz",
        "20260103/00-0001.jsonl",
    ]
    assert [end.lines for end in reading.ends] == [1, 1, 1, 1]


def test_a_torn_tape_among_others_does_not_end_the_reading(tmp_path: Path) -> None:
    torn, whole = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"
    torn.write_bytes(_members(_PLAIN)[:-20])
    whole.write_bytes(_members(_PLAIN))
    reading = read_tape(torn, whole)
    assert list(reading)[-999:] == _WHOLE
    assert [end.status for end in reading.ends] == [TapeStatus.TORN, TapeStatus.OK]


def test_what_is_no_tape_is_a_fault_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="check the path"):
        read_tape(tmp_path / "absent.jsonl.gz")
    with pytest.raises(StoreError, match=r"expected \.jsonl"):
        read_tape(tmp_path)
    path = tmp_path / "text.jsonl.gz"
    path.write_bytes(_PLAIN)
    with pytest.raises(StoreError, match=r"expected gzip \(1f 8b\), found 7b 22"):
        list(read_tape(path))


def test_every_recorded_tape_is_whole(recorded: Path) -> None:
    for path in sorted(recorded.rglob("tape_*.jsonl.gz")):
        lines, status, _ = _read(path)
        with gzip.open(path) as handle:
            assert lines == handle.read().splitlines()
        assert status is TapeStatus.OK

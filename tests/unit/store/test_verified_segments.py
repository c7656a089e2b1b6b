"""A finished segment is read again only where a byte of it changed; what it was is kept aside."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.store.records import Anchor, Envelope, FlawKind
from polyarb.store.verification import (
    JournalReport,
    verify_anew,
    verify_journal,
    verify_news,
)
from polyarb.store.verified import read_verified_segments
from tests.journal_cases import JournalFiles, some_messages

ROTATE_BYTES = 4_000


class Place:
    """A journal of several finished segments and what is known of them."""

    def __init__(self, folder: Path, count: int = 60) -> None:
        self.files = JournalFiles(folder)
        self.files.write(some_messages(count), rotate_bytes=ROTATE_BYTES)
        self.verified = folder / "verified.json"

    @property
    def segments(self) -> list[Path]:
        """List the finished ones."""
        return self.files.segments()[:-1]

    def news(self, *anchors: Anchor) -> tuple[JournalReport, int, list[Envelope]]:
        seen: list[Envelope] = []
        report, passed_over = verify_news(
            self.files.current,
            self.files.archive,
            self.verified,
            anchors=anchors,
            on_record=seen.append,
        )
        return report, passed_over, seen

    def whole(self, *anchors: Anchor) -> tuple[JournalReport, list[Envelope]]:
        seen: list[Envelope] = []
        report = verify_journal(
            self.files.current, self.files.archive, anchors=anchors, on_record=seen.append
        )
        return report, seen


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_was_verified_is_passed_over_and_tells_the_same(place: Place) -> None:
    count = len(place.segments)
    assert count >= 3
    whole, records = place.whole()
    assert place.news() == (whole, 0, records)
    assert list(read_verified_segments(place.verified)) == [one.name for one in place.segments]
    assert place.news() == (whole, count, records)


def test_a_reading_anew_passes_nothing_over_and_keeps_what_it_found(place: Place) -> None:
    files = (place.files.current, place.files.archive, place.verified)
    whole, _ = place.whole()
    assert verify_anew(*files) == whole
    assert place.news()[1] == len(place.segments)
    kept = place.verified.read_bytes()
    first = place.segments[0]
    content = first.read_bytes()
    first.write_bytes(content.replace(b'"frame":', b'"frame": ', 1))
    assert not verify_anew(*files).is_whole
    assert place.verified.read_bytes() != kept


@pytest.mark.parametrize("segment", [0, 1, -1])
@pytest.mark.parametrize("offset", [0, 700, -2])
def test_a_changed_byte_is_found_wherever_it_is(place: Place, segment: int, offset: int) -> None:
    place.news()
    path = place.segments[segment]
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)
    whole, _ = place.whole()
    assert not whole.is_whole
    report, passed_over, _ = place.news()
    assert report == whole
    assert passed_over < len(place.segments)
    assert path.name not in read_verified_segments(place.verified)


@settings(max_examples=30)
@given(st.data())
def test_any_flip_of_a_bit_gives_what_a_full_reading_gives(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    place = Place(tmp_path_factory.mktemp("flips"), count=30)
    place.news()
    path = data.draw(st.sampled_from([*place.segments, place.files.current]))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    assert place.news()[0] == place.whole()[0]


def test_a_segment_that_is_gone_or_swapped_is_found(place: Place) -> None:
    place.news()
    first, second = place.segments[:2]
    first.rename(first.with_suffix(".kept"))
    report, _, _ = place.news()
    assert report == place.whole()[0]
    assert not report.is_whole
    second.rename(first)
    assert place.news()[0] == place.whole()[0]


def test_places_known_from_elsewhere_are_compared_as_in_a_full_reading(place: Place) -> None:
    _, records = place.whole()
    place.news()
    last_of_first = read_verified_segments(place.verified)[place.segments[0].name].last
    for anchor in (records[1].anchor, last_of_first, records[-1].anchor):
        report, passed_over, _ = place.news(anchor)
        assert report == place.whole(anchor)[0]
        assert report.is_whole
        is_inside = anchor in (records[1].anchor,)
        assert passed_over == len(place.segments) - is_inside
        wrong = Anchor(sequence=anchor.sequence, hash="0" * 64)
        report, _, _ = place.news(wrong)
        assert [one.kind for one in report.breaks] == [FlawKind.CHANGED]
        assert [one.expected for one in report.breaks] == [
            one.expected for one in place.whole(wrong)[0].breaks
        ]
        place.news()


@pytest.mark.parametrize("content", [b"", b"{", b'{"version":2,"segments":{}}', b'{"version":1}'])
def test_what_cannot_be_read_costs_a_full_reading_and_no_more(place: Place, content: bytes) -> None:
    place.verified.write_bytes(content)
    whole, records = place.whole()
    assert place.news() == (whole, 0, records)
    assert place.news()[1] == len(place.segments)


def test_a_record_of_another_digest_or_place_is_not_believed(place: Place) -> None:
    place.news()
    body = msgspec.json.decode(place.verified.read_bytes())
    for name, wrong in (("digest", "0" * 64), ("size", 1)):
        first = dict(next(iter(body["segments"].values())))
        key = next(iter(body["segments"]))
        changed = {**body, "segments": {**body["segments"], key: {**first, name: wrong}}}
        place.verified.write_bytes(msgspec.json.encode(changed))
        assert place.news()[1] == len(place.segments) - 1
    other = {**body["segments"][key], "before": {"sequence": 7, "hash": "0" * 64}}
    changed = {**body, "segments": {**body["segments"], key: other}}
    place.verified.write_bytes(msgspec.json.encode(changed))
    assert place.news()[1] == len(place.segments) - 1


def test_where_nothing_can_be_kept_the_answer_is_the_same(place: Place) -> None:
    place.verified.mkdir()
    whole, records = place.whole()
    assert place.news() == (whole, 0, records)
    assert place.news() == (whole, 0, records)

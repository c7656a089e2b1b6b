"""What is remembered does not grow with what is heard."""

import gc
import tracemalloc

import pytest
from polyarb.venue.polymarket.arbitration.arbiter import Arbiter
from polyarb.venue.polymarket.arbitration.state import SourceSpec
from polyarb.venue.polymarket.channel.numerals import read_size
from tests.simulated_sources import MS, START_NS
from tests.unit.venue.polymarket.test_arbiter import NO, YES, book, change

SIZES_TOLD = 900
"""Texts of sizes, which are kept within bounds of their own."""


def heard(frames: int) -> tuple[int, int]:
    """Hear so many frames of two streams; return the growth in bytes of the last nine tenths."""
    passed = 0

    def emit(item: object) -> None:
        nonlocal passed
        passed += 1

    arbiter = Arbiter(
        (SourceSpec(name="one"), SourceSpec(name="two")), emit, lambda source, assets: None
    )
    arbiter.set_assets([(YES, NO)], START_NS)
    for source in ("one", "two"):
        for token in (YES, NO):
            arbiter.frame(source, book(token, 0), START_NS)
    start = 0
    for place in range(frames // 2):
        if place == frames // 20:
            gc.collect()
            start = tracemalloc.get_traced_memory()[0]
        frame = change(place + 1, price=20 + place % 15, size=1 + place % SIZES_TOLD)
        now_ns = START_NS + place * MS
        arbiter.frame("one", frame, now_ns)
        arbiter.frame("two", frame, now_ns)
        if place % 100 == 0:
            arbiter.tick(now_ns)
        if place % 5_000 == 0:
            arbiter.frame("one", book("unknown", place), now_ns)
    gc.collect()
    return passed, tracemalloc.get_traced_memory()[0] - start


def flat(frames: int) -> None:
    for size in range(1, SIZES_TOLD + 1):
        read_size(str(size))
    tracemalloc.start()
    try:
        passed, growth = heard(frames)
    finally:
        tracemalloc.stop()
    assert passed == frames // 2 + 2
    assert growth < 64 * 1024


def test_memory_is_flat_over_many_frames() -> None:
    flat(6_000)


@pytest.mark.slow
def test_memory_is_flat_over_a_million_frames() -> None:
    flat(1_000_000)

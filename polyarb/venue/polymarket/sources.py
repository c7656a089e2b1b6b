"""What the sources of live data deliver to, and what goes on from there."""

from collections.abc import Collection
from typing import Protocol

import msgspec

from polyarb.domain.surroundings import CatalogueChange
from polyarb.domain.venue import VenueMode
from polyarb.venue.polymarket.channel.wire import PairChange


class Line(msgspec.Struct, frozen=True, gc=False):
    """One frame as it was received: one message of the market channel or an array of them.

    pair is what the frame was read as, where it is the commonest message and nothing else.
    """

    receive_time_ns: int
    frame: bytes
    pair: PairChange | None = None


class Loss(msgspec.Struct, frozen=True):
    """From here on the books of these tokens are not true; no tokens means every book."""

    receive_time_ns: int
    reason: str
    assets: frozenset[str] = frozenset()


class ModeChange(msgspec.Struct, frozen=True):
    """From here on the venue accepts more, or less."""

    receive_time_ns: int
    mode: VenueMode
    reason: str


class OtherInstruments(msgspec.Struct, frozen=True):
    """From here on other markets are watched, or facts of some are others."""

    receive_time_ns: int
    change: CatalogueChange


Item = Line | Loss | ModeChange | OtherInstruments
"""What goes to the engine, in its order."""


class FrameSink(Protocol):
    """Takes what sources receive, in the order of arrival within one source."""

    def frame(self, source: str, frame: bytes, receive_time_ns: int) -> None:
        """Take one frame as it was received."""
        ...

    def lost(self, source: str, assets: Collection[str], reason: str, receive_time_ns: int) -> None:
        """Take note that a source's books of these tokens are not true until their next book."""
        ...

"""Markets, groups of mutually exclusive markets, relations between markets, and the catalogue."""

from enum import StrEnum

import msgspec

from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, GroupId, RelationId, TokenId
from polyarb.domain.plan import Family
from polyarb.domain.units import ONE, Price, Shares

PRICE_LATTICE = 100
"""Micros: every price of the venue is a whole multiple of 0.0001."""


class MarketVersion(StrEnum):
    """Which position ids and signing domain a market uses. Source: Gamma `version`."""

    V1 = "v1"
    V2 = "v2"


class Untradable(StrEnum):
    """Why a market cannot be traded whatever its book says; unknown facts are reasons, too."""

    UNKNOWN_FEE = "UNKNOWN_FEE"
    UNKNOWN_VERSION = "UNKNOWN_VERSION"
    UNKNOWN_TICK = "UNKNOWN_TICK"
    UNKNOWN_SIZE_MIN = "UNKNOWN_SIZE_MIN"
    NOT_ACCEPTING = "NOT_ACCEPTING"
    CLOSED = "CLOSED"


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """One yes/no question with its two outcome tokens; None is a fact that is not known.

    Units: tick in micros of a USD, size_min in micro-shares, hold_ms is the taker hold.
    """

    condition_id: ConditionId
    yes: TokenId
    no: TokenId
    question: str = ""
    slug: str = ""
    outcomes: tuple[str, str] = ("Yes", "No")
    version: MarketVersion | None = None
    tick: Price | None = None
    size_min: Shares | None = None
    fee: FeeSchedule | None = None
    hold_ms: int = 0
    group_id: GroupId | None = None
    is_accepting_orders: bool = False
    is_closed: bool = False

    def untradable(self) -> Untradable | None:
        """Name the first reason why no order may be sent for this market, or None."""
        tests = (
            (self.is_closed, Untradable.CLOSED),
            (not self.is_accepting_orders, Untradable.NOT_ACCEPTING),
            (self.fee is None, Untradable.UNKNOWN_FEE),
            (self.version is None, Untradable.UNKNOWN_VERSION),
            (self.tick is None, Untradable.UNKNOWN_TICK),
            (self.size_min is None, Untradable.UNKNOWN_SIZE_MIN),
        )
        return next((reason for failed, reason in tests if failed), None)


class MarketGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Markets of which at most one resolves YES (a neg-risk event).

    incomplete names why the listed markets are not proven to hold every possible outcome; empty
    is the completeness certificate. convert_fee_bips None is unknown.
    """

    group_id: GroupId
    condition_ids: tuple[ConditionId, ...]
    title: str = ""
    incomplete: str = ""
    convert_fee_bips: int | None = None


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """A logical constraint between markets, widest first: each narrower one implies the wider.

    Shape: exactly two markets for Family.IMPLICATION, two or more for Family.LADDER.
    """

    relation_id: RelationId
    family: Family
    condition_ids: tuple[ConditionId, ...]
    note: str = ""


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about the instruments of a run; its digest is part of the evidence."""

    markets: dict[ConditionId, Market] = {}
    groups: dict[GroupId, MarketGroup] = {}
    relations: dict[RelationId, Relation] = {}


def mirror(price: int) -> int:
    """Return the price of the other outcome token at the same level of the one book."""
    return ONE - price

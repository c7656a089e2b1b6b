"""What makes a change of profile risky: each risk has a code that a person confirms by name.

A change is held against the profile in use and against the one last confirmed, so that many small
steps are seen as the large one they add up to.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec

from polyarb.domain.limits import Profile, RunKind
from polyarb.domain.units import format_micros

HIGH_RISK_TAG = "high-risk"
TRADE_SIZE_LIVE_MAX = 100_000_000
POSITION_LIVE_MAX = 100_000_000
DAILY_LOSS_LIVE_MAX = 10_000_000
"""Micros of a USD that no live profile exceeds unapproved. Source: production-kit.md 3.1."""


class RiskCode(StrEnum):
    """Why a change needs a person's word; the first five are fixed from outside."""

    SWITCH_TO_LIVE = "SWITCH_TO_LIVE"
    INCREASE_POSITION_SIZE = "INCREASE_POSITION_SIZE"
    RELAX_SLIPPAGE = "RELAX_SLIPPAGE"
    LOWER_PROFIT_THRESHOLD = "LOWER_PROFIT_THRESHOLD"
    HIGH_RISK_PROFILE = "HIGH_RISK_PROFILE"
    INCREASE_TRADE_SIZE = "INCREASE_TRADE_SIZE"
    INCREASE_DAILY_LOSS = "INCREASE_DAILY_LOSS"
    INCREASE_ORDER_RATE = "INCREASE_ORDER_RATE"
    WIDEN_MARKETS = "WIDEN_MARKETS"
    ADD_FAMILIES = "ADD_FAMILIES"
    LOOSEN_BREAKER = "LOOSEN_BREAKER"
    LOOSEN_GUARDS = "LOOSEN_GUARDS"
    LOWER_COSTS = "LOWER_COSTS"
    EASE_SIMULATION = "EASE_SIMULATION"


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    """One risk of a change: code, the key that carries it, and the figures, old to new."""

    code: str
    key: str
    detail: str


class _Growth(msgspec.Struct, frozen=True, kw_only=True):
    """A figure whose growth, or fall, is a risk beyond a factor, in tenths: 15 is 1.5 times.

    Shape: key as files spell it, which is the domain's field with its unit.
    """

    code: RiskCode
    key: str
    factor: int = 10
    is_fall: bool = False

    def read(self, profile: Profile) -> int:
        """Return the figure. Units: micros where the key names USD or a fraction, else whole."""
        section, _, name = self.key.replace("_usd", "").partition(".")
        found: int = getattr(getattr(profile, section), name)
        return found

    def write(self, value: int) -> str:
        """Write a value as a file spells it."""
        is_micros = "_usd" in self.key or "fraction" in self.key
        return format_micros(value) if is_micros else str(value)

    def is_risky(self, old: int, new: int) -> bool:
        """Tell whether new is beyond the factor of old."""
        if self.is_fall:
            return new * self.factor < old * 10
        return new * 10 > old * self.factor


GROWTHS = (
    _Growth(
        code=RiskCode.INCREASE_POSITION_SIZE, key="envelope.position_notional_usd_max", factor=15
    ),
    _Growth(code=RiskCode.INCREASE_POSITION_SIZE, key="envelope.open_notional_usd_max", factor=15),
    _Growth(code=RiskCode.RELAX_SLIPPAGE, key="sizing.slippage_fraction_max", factor=15),
    _Growth(
        code=RiskCode.LOWER_PROFIT_THRESHOLD,
        key="sizing.edge_fraction_min",
        factor=20,
        is_fall=True,
    ),
    _Growth(code=RiskCode.INCREASE_TRADE_SIZE, key="sizing.trade_size_usd", factor=15),
    _Growth(code=RiskCode.INCREASE_TRADE_SIZE, key="sizing.trade_size_ceiling_usd", factor=15),
    _Growth(code=RiskCode.INCREASE_TRADE_SIZE, key="envelope.order_notional_usd_max", factor=15),
    _Growth(code=RiskCode.INCREASE_DAILY_LOSS, key="envelope.daily_loss_usd_max"),
    _Growth(code=RiskCode.INCREASE_ORDER_RATE, key="envelope.orders_per_minute_max", factor=15),
    _Growth(code=RiskCode.WIDEN_MARKETS, key="envelope.instruments_max", factor=15),
    _Growth(code=RiskCode.WIDEN_MARKETS, key="envelope.venues_max"),
    _Growth(code=RiskCode.LOOSEN_BREAKER, key="breaker.consecutive_failures_max"),
    _Growth(code=RiskCode.LOOSEN_BREAKER, key="breaker.failure_fraction_max"),
    _Growth(code=RiskCode.LOOSEN_GUARDS, key="guards.lag_ms_max"),
    _Growth(code=RiskCode.LOOSEN_GUARDS, key="guards.skew_ms_max"),
    _Growth(code=RiskCode.LOOSEN_GUARDS, key="guards.content_age_ms_max"),
    _Growth(code=RiskCode.LOOSEN_GUARDS, key="guards.settle_ms", is_fall=True),
    _Growth(code=RiskCode.LOWER_COSTS, key="sizing.gas_per_plan_usd", is_fall=True),
    _Growth(code=RiskCode.EASE_SIMULATION, key="shadow.latency_ms_p50", is_fall=True),
    _Growth(code=RiskCode.EASE_SIMULATION, key="shadow.latency_ms_p95", is_fall=True),
    _Growth(code=RiskCode.EASE_SIMULATION, key="shadow.fade_fraction", is_fall=True),
    _Growth(code=RiskCode.EASE_SIMULATION, key="shadow.revert_fraction", is_fall=True),
)
"""Figures with the factor from which a change of them is a risk. Source: production-kit.md 3.2
for the first codes; the others close what it says must not be missed (12.12)."""


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """A profile that a change is held against. Shape: since is how a risk names it, or empty."""

    profile: Profile
    since: str = ""


def risks_of(target: Profile, befores: Sequence[Before]) -> tuple[Risk, ...]:
    """List the risks of a change to the target: each code and key once, by the first before."""
    found: dict[tuple[str, str], Risk] = {}
    for before in befores:
        for risk in _step_risks(target, before):
            found.setdefault((risk.code, risk.key), risk)
    for risk in _declared(target):
        found.setdefault((risk.code, risk.key), risk)
    return tuple(found.values())


def unapproved(target: Profile) -> tuple[str, ...]:
    """List what a live profile exceeds of the caps that only a recorded approval may lift."""
    if target.run is not RunKind.LIVE:
        return ()
    return tuple(
        f"{key}: expected at most {format_micros(cap)} USD, found {format_micros(value)}"
        for key, value, cap in (
            ("sizing.trade_size_usd", target.sizing.trade_size, TRADE_SIZE_LIVE_MAX),
            (
                "envelope.position_notional_usd_max",
                target.envelope.position_notional_max,
                POSITION_LIVE_MAX,
            ),
            ("envelope.daily_loss_usd_max", target.envelope.daily_loss_max, DAILY_LOSS_LIVE_MAX),
        )
        if value > cap
    )


def _step_risks(target: Profile, before: Before) -> Iterator[Risk]:
    profile, since = before.profile, before.since and f" {before.since}"
    if profile.run is RunKind.SHADOW and target.run is RunKind.LIVE:
        yield Risk(code=RiskCode.SWITCH_TO_LIVE, key="run", detail=f"shadow to live{since}")
    added = [family for family in target.families if family not in profile.families]
    if added:
        told = f"{', '.join(added)} added{since}"
        yield Risk(code=RiskCode.ADD_FAMILIES, key="families", detail=told)
    for growth in GROWTHS:
        old, new = growth.read(profile), growth.read(target)
        if growth.is_risky(old, new):
            told = f"{growth.write(old)} to {growth.write(new)}{since}"
            yield Risk(code=growth.code, key=growth.key, detail=told)


def _declared(target: Profile) -> Iterator[Risk]:
    """Tell what a profile says of itself; a switch to live is a step, not a property."""
    if HIGH_RISK_TAG in target.tags:
        yield Risk(code=RiskCode.HIGH_RISK_PROFILE, key="tags", detail=HIGH_RISK_TAG)
    for code in target.risk_warnings:
        if code != RiskCode.SWITCH_TO_LIVE:
            yield Risk(code=code, key="risk_warnings", detail="declared by the profile")

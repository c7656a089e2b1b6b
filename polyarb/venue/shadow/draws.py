"""Chance without state: every draw is a hash of the seed, the plan, the order and its purpose.

A draw does not depend on what was drawn before, so a replay and another order of calls agree.
"""

import math
from statistics import NormalDist
from typing import Literal

from polyarb.domain.ids import OrderId, PlanId, derive_id
from polyarb.domain.limits import ShadowModel
from polyarb.domain.units import MICRO

Purpose = Literal["latency", "unwind latency", "fade", "revert"]

NO_ORDER = OrderId("")
"""The order of a draw that a whole plan shares."""
MS_NS = 1_000_000

_BITS = 53
_STEP_NS = 1_000
_NORMAL = NormalDist()
_Z95 = _NORMAL.inv_cdf(0.95)


def draw(model: ShadowModel, plan_id: PlanId, order_id: OrderId, purpose: Purpose) -> int:
    """Draw a whole number, even over 0 to 2**53 - 1."""
    hashed = derive_id("draw", str(model.seed), plan_id, order_id, purpose)
    return int(hashed.removeprefix("draw-"), 16) >> (128 - _BITS)


def latency_ns(model: ShadowModel, plan_id: PlanId, purpose: Purpose) -> int:
    """Draw the time from a command to the venue, one for all orders of a plan.

    Lognormal through the model's median and 95th percentile, in whole microseconds so that the
    last bits of a platform's logarithm do not show.
    """
    if model.latency_ms_p95 <= model.latency_ms_p50 or not model.latency_ms_p50:
        return model.latency_ms_p50 * MS_NS
    spread = math.log(model.latency_ms_p95 / model.latency_ms_p50) / _Z95
    quantile = (draw(model, plan_id, NO_ORDER, purpose) + 0.5) / 2**_BITS
    median_steps = model.latency_ms_p50 * (MS_NS // _STEP_NS)
    return round(median_steps * math.exp(spread * _NORMAL.inv_cdf(quantile))) * _STEP_NS


def is_faded(model: ShadowModel, plan_id: PlanId, order_id: OrderId) -> bool:
    """Draw whether a maker withdraws from a later leg because an earlier one was seen."""
    return _happens(model.fade_fraction, draw(model, plan_id, order_id, "fade"))


def is_reverted(model: ShadowModel, plan_id: PlanId, order_id: OrderId) -> bool:
    """Draw whether the settlement of an order's match fails on chain."""
    return _happens(model.revert_fraction, draw(model, plan_id, order_id, "revert"))


def _happens(fraction: int, drawn: int) -> bool:
    return drawn * MICRO < fraction << _BITS

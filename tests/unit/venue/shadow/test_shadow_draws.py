"""Chance without state."""

from msgspec.structs import replace
from polyarb.domain.ids import OrderId, PlanId
from polyarb.domain.limits import ShadowModel
from polyarb.venue.shadow.draws import MS_NS, NO_ORDER, draw, is_faded, is_reverted, latency_ns
from shadow_cases import STEADY

MODEL = ShadowModel(
    seed=1, latency_ms_p50=120, latency_ms_p95=480, fade_fraction=200_000, revert_fraction=30_000
)
PLANS = [PlanId(f"plan-{number}") for number in range(4_000)]


def test_a_draw_depends_on_seed_plan_order_and_purpose_alone() -> None:
    first = draw(MODEL, PlanId("a"), OrderId("b"), "fade")
    assert first == draw(replace(MODEL, fade_fraction=0), PlanId("a"), OrderId("b"), "fade")
    others = {
        draw(replace(MODEL, seed=2), PlanId("a"), OrderId("b"), "fade"),
        draw(MODEL, PlanId("ab"), NO_ORDER, "fade"),
        draw(MODEL, PlanId("a"), OrderId("c"), "fade"),
        draw(MODEL, PlanId("a"), OrderId("b"), "revert"),
    }
    assert len(others | {first}) == 5


def test_draws_are_even_over_their_range() -> None:
    drawn = [draw(MODEL, plan, NO_ORDER, "fade") / 2**53 for plan in PLANS]
    assert all(0 <= value < 1 for value in drawn)
    counts = [sum(tenth <= value * 10 < tenth + 1 for value in drawn) for tenth in range(10)]
    assert all(330 < count < 470 for count in counts)


def test_latency_has_the_models_median_and_95th_percentile() -> None:
    drawn = sorted(latency_ns(MODEL, plan, "latency") for plan in PLANS)
    assert all(value > 0 and value % 1_000 == 0 for value in drawn)
    assert abs(sum(value <= 120 * MS_NS for value in drawn) / len(drawn) - 0.5) < 0.03
    assert abs(sum(value <= 480 * MS_NS for value in drawn) / len(drawn) - 0.95) < 0.012
    assert abs(sum(value <= 30 * MS_NS for value in drawn) / len(drawn) - 0.05) < 0.012


def test_a_known_latency_is_drawn_to_the_nanosecond() -> None:
    drawn = latency_ns(MODEL, PlanId("plan-1"), "latency")
    assert drawn == latency_ns(MODEL, PlanId("plan-1"), "latency")
    assert drawn != latency_ns(MODEL, PlanId("plan-1"), "unwind latency")
    assert drawn == 412_622_000


def test_a_model_without_spread_always_takes_its_median() -> None:
    assert {latency_ns(STEADY, plan, "latency") for plan in PLANS[:50]} == {100 * MS_NS}
    at_once = replace(STEADY, latency_ms_p50=0, latency_ms_p95=50)
    assert latency_ns(at_once, PLANS[0], "latency") == 0


def test_fades_and_reverts_happen_as_often_as_the_model_says() -> None:
    order = OrderId("order")
    faded = sum(is_faded(MODEL, plan, order) for plan in PLANS) / len(PLANS)
    reverted = sum(is_reverted(MODEL, plan, order) for plan in PLANS) / len(PLANS)
    assert abs(faded - 0.2) < 0.02
    assert abs(reverted - 0.03) < 0.008


def test_what_never_happens_never_does_and_what_always_happens_does() -> None:
    order = OrderId("order")
    always = replace(MODEL, fade_fraction=1_000_000, revert_fraction=1_000_000)
    never = replace(MODEL, fade_fraction=0, revert_fraction=0)
    assert all(is_faded(always, plan, order) for plan in PLANS)
    assert all(is_reverted(always, plan, order) for plan in PLANS)
    assert not any(is_faded(never, plan, order) for plan in PLANS)
    assert not any(is_reverted(never, plan, order) for plan in PLANS)

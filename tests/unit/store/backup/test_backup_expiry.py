from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.store.backup.expiry import (
    KEEP_ALL_NS,
    TIERS,
    Dated,
    Pruning,
    Refusal,
    choose_expired,
)

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
NOW = datetime(2026, 11, 24, 13, 30, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 10**9


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9


def named(time_ns: int, *, is_verified: bool = True) -> Dated:
    return Dated(name=f"b{time_ns}", time_ns=time_ns, is_verified=is_verified)


def hourly(count: int, *, newest_ns: int = NOW_NS - HOUR_NS // 2) -> list[Dated]:
    return [named(newest_ns - number * HOUR_NS) for number in range(count)]


def steady(times: int) -> tuple[list[Dated], Pruning]:
    """Back up and prune every six hours for a while."""
    kept: list[Dated] = []
    for number in range(times):
        now_ns = NOW_NS + number * 6 * HOUR_NS
        kept.append(named(now_ns - 60 * 10**9))
        pruning = choose_expired(kept, now_ns)
        assert pruning.refusal is None
        kept = [one for one in kept if one.name not in pruning.expired]
    return kept, pruning


backups = st.lists(
    st.builds(
        lambda minutes, is_verified: (NOW_NS - minutes * 60 * 10**9, is_verified),
        st.integers(min_value=0, max_value=3 * 366 * 24 * 60),
        st.booleans(),
    ),
    max_size=60,
    unique_by=lambda pair: pair[0],
).map(lambda pairs: [named(time_ns, is_verified=flag) for time_ns, flag in pairs])


@given(backups)
def test_every_backup_is_either_kept_for_a_reason_or_expired(some: list[Dated]) -> None:
    pruning = choose_expired(some, NOW_NS)
    kept = [one.name for one in pruning.kept]
    assert sorted([*kept, *pruning.expired]) == sorted(one.name for one in some)
    assert all(one.reasons for one in pruning.kept)


@given(backups)
def test_the_newest_verified_backup_is_always_kept(some: list[Dated]) -> None:
    verified = [one for one in some if one.is_verified]
    pruning = choose_expired(some, NOW_NS)
    if verified:
        newest = max(verified, key=lambda one: one.time_ns)
        assert newest.name not in pruning.expired
    else:
        assert not pruning.expired


@given(backups)
def test_nothing_goes_unless_a_newer_one_is_verified(some: list[Dated]) -> None:
    pruning = choose_expired(some, NOW_NS)
    times = {one.name: one.time_ns for one in some}
    for name in pruning.expired:
        assert any(one.is_verified and one.time_ns > times[name] for one in some)


@given(backups)
def test_nothing_of_the_last_seven_days_goes(some: list[Dated]) -> None:
    pruning = choose_expired(some, NOW_NS)
    times = {one.name: one.time_ns for one in some}
    assert all(NOW_NS - times[name] > KEEP_ALL_NS for name in pruning.expired)


@given(backups)
def test_each_tier_keeps_one_of_each_of_its_last_periods(some: list[Dated]) -> None:
    pruning = choose_expired(some, NOW_NS)
    kept = {one.name for one in pruning.kept}
    for tier in TIERS:
        periods: dict[tuple[int, ...], set[str]] = {}
        for one in sorted(some, key=lambda each: each.time_ns):
            period = tier.period_of(datetime.fromtimestamp(one.time_ns / 1e9, UTC))
            periods.setdefault(period, set()).add(one.name)
        for names in list(periods.values())[-tier.periods :]:
            assert names & kept


@given(backups)
def test_pruning_again_changes_nothing(some: list[Dated]) -> None:
    first = choose_expired(some, NOW_NS)
    left = [one for one in some if one.name not in first.expired]
    assert choose_expired(left, NOW_NS).expired == ()


@given(backups, st.randoms(use_true_random=False))
def test_the_order_in_which_backups_are_listed_does_not_matter(
    some: list[Dated], chance: object
) -> None:
    shuffled = list(some)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert choose_expired(shuffled, NOW_NS) == choose_expired(some, NOW_NS)


@given(backups.filter(bool), st.integers(min_value=1, max_value=10**18))
def test_a_backup_from_the_future_stops_everything(some: list[Dated], ahead: int) -> None:
    pruning = choose_expired([*some, named(NOW_NS + ahead)], NOW_NS)
    assert pruning.refusal is Refusal.FUTURE


@given(backups.filter(bool), st.integers(min_value=1, max_value=10**18))
def test_a_clock_by_which_every_backup_is_old_stops_everything(
    some: list[Dated], ahead: int
) -> None:
    newest_ns = max(one.time_ns for one in some)
    assert choose_expired(some, newest_ns + KEEP_ALL_NS + ahead).refusal is Refusal.ALL_OLD


def test_backups_over_many_months_leave_a_week_and_the_tiers() -> None:
    kept, pruning = steady(4 * 500)
    now = NOW + timedelta(hours=6 * (4 * 500 - 1))
    ages = [(ns(now) - one.time_ns) // DAY_NS for one in kept]
    assert sum(age < 7 for age in ages) == 4 * 7
    old = [age for age in ages if age >= 7]
    # Behind the week: the rest of five weeks and of twelve months, one each.
    assert 12 <= len(old) <= 16
    assert 300 <= max(old) <= 366
    reasons = {reason for one in pruning.kept for reason in one.reasons}
    assert {"of the last 7 days", "hourly", "daily", "weekly", "monthly"} <= reasons


def test_a_week_without_backups_loses_no_tier() -> None:
    old = [named(NOW_NS - 20 * DAY_NS - number * HOUR_NS) for number in range(48)]
    pruning = choose_expired([*old, named(NOW_NS)], NOW_NS)
    kept = {one.name for one in pruning.kept}
    assert {one.name for one in old[:23]} <= kept


def test_of_a_period_the_newest_verified_one_stays() -> None:
    month = [
        named(NOW_NS - 100 * DAY_NS + minute * 60 * 10**9, is_verified=minute == 1)
        for minute in range(3)
    ]
    fresh = hourly(30)
    pruning = choose_expired([*month, *fresh], NOW_NS)
    assert month[1].name in {one.name for one in pruning.kept}
    assert pruning.expired == (month[0].name, month[2].name)


def test_without_a_verified_backup_nothing_goes() -> None:
    some = [named(one.time_ns, is_verified=False) for one in hourly(400)]
    pruning = choose_expired(some, NOW_NS)
    assert pruning.refusal is Refusal.NONE_VERIFIED
    assert pruning.expired == ()


def test_a_jumped_clock_that_made_new_backups_removes_no_more_than_half() -> None:
    jumped_ns = NOW_NS + 400 * DAY_NS
    some = [*hourly(190), named(jumped_ns - HOUR_NS), named(jumped_ns)]
    pruning = choose_expired(some, jumped_ns)
    assert pruning.refusal is Refusal.MANY_AT_ONCE
    assert f"--expect {len(pruning.expired)}" in pruning.text
    assert choose_expired(some, jumped_ns, expected=3).refusal is Refusal.MANY_AT_ONCE
    assert choose_expired(some, jumped_ns, expected=len(pruning.expired)).refusal is None


@pytest.mark.parametrize("refusal", [Refusal.FUTURE, Refusal.ALL_OLD, Refusal.NONE_VERIFIED])
def test_an_operator_can_confirm_numbers_but_no_other_doubt(refusal: Refusal) -> None:
    some = {
        Refusal.FUTURE: [*hourly(300), named(NOW_NS + 1)],
        Refusal.ALL_OLD: hourly(300, newest_ns=NOW_NS - 8 * DAY_NS),
        Refusal.NONE_VERIFIED: [named(one.time_ns, is_verified=False) for one in hourly(300)],
    }[refusal]
    expired = len(choose_expired(some, NOW_NS).expired)
    assert choose_expired(some, NOW_NS, expected=expired).refusal is refusal


def test_no_backups_are_no_reason_to_refuse() -> None:
    assert choose_expired([], NOW_NS) == Pruning(kept=(), expired=())

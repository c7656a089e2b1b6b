"""What a connection asks for: whole groups, only differences, and fresh books on demand."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.errors import UsageError
from polyarb.venue.polymarket.stream.subscription import Group, Subscription, grouped

A: Group = ("a1", "a2")
B: Group = ("b1", "b2")


def opened(*groups: Group, room: int = 4) -> Subscription:
    subscription = Subscription(room)
    for group in groups:
        subscription.add(group)
    subscription.opening()
    return subscription


def told(subscription: Subscription) -> list[dict[str, object]]:
    return [json.loads(frame) for frame in subscription.changes()]


def test_the_first_frame_is_the_documented_one() -> None:
    subscription = Subscription(4)
    subscription.add(("b", "a"))
    assert json.loads(subscription.opening()) == {
        "type": "market",
        "assets_ids": ["a", "b"],
        "custom_feature_enabled": True,
    }


def test_only_what_came_and_went_is_told() -> None:
    subscription = opened(A, B)
    assert not subscription.is_changed
    subscription.remove([A])
    subscription.add(("c1", "c2"))
    assert subscription.is_changed
    assert told(subscription) == [
        {"operation": "unsubscribe", "assets_ids": ["a1", "a2"]},
        {"operation": "subscribe", "assets_ids": ["c1", "c2"], "custom_feature_enabled": True},
    ]
    assert not subscription.is_changed
    assert not told(subscription)


def test_a_removed_group_loses_what_was_told_of_it_and_nothing_else() -> None:
    subscription = opened(A)
    subscription.add(B)
    assert subscription.remove([B]) == frozenset()
    assert subscription.remove([A, ("x1", "x2")]) == {"a1", "a2"}
    assert subscription.wanted == set()


def test_a_group_that_left_and_came_back_unnoticed_gets_a_fresh_book() -> None:
    subscription = opened(A)
    subscription.remove([A])
    subscription.add(A)
    assert subscription.is_changed
    assert [frame["operation"] for frame in told(subscription)] == ["unsubscribe", "subscribe"]


def test_a_fresh_book_is_asked_for_by_leaving_and_coming_back() -> None:
    subscription = opened(A, B)
    assert subscription.ask_anew(["a1", "unknown"]) == {"a1"}
    assert told(subscription) == [
        {"operation": "unsubscribe", "assets_ids": ["a1"]},
        {"operation": "subscribe", "assets_ids": ["a1"], "custom_feature_enabled": True},
    ]
    assert not subscription.is_changed


def test_no_fresh_book_is_asked_for_where_no_connection_is_open() -> None:
    subscription = opened(A)
    subscription.ended()
    assert subscription.ask_anew(["a1"]) == frozenset()
    assert not subscription.ask_anew([])


def test_an_end_loses_what_was_told_and_is_still_wanted() -> None:
    subscription = opened(A, B)
    subscription.remove([A])
    assert subscription.ended() == {"b1", "b2"}
    assert subscription.ended() == frozenset()


def test_a_new_connection_owes_nothing_from_the_old_one() -> None:
    subscription = opened(A)
    subscription.ask_anew(["a1"])
    subscription.opening()
    assert not subscription.is_changed


def test_a_group_fits_up_to_the_last_token() -> None:
    subscription = opened(A, room=4)
    assert subscription.has_room(B)
    subscription.add(B)
    assert not subscription.has_room(("c",))


def test_groups_are_checked() -> None:
    assert list(grouped([["a", "b", "a"], [], ["c"], ["a", "b"]], 2)) == [("a", "b"), ("c",)]
    with pytest.raises(UsageError, match="assets_per_socket_max is 1: set it to 2"):
        grouped([("a", "b")], 1)
    with pytest.raises(UsageError, match="token b belongs to two markets"):
        grouped([("a", "b"), ("b", "c")], 2)


@given(st.lists(st.tuples(st.sampled_from("+-!?oe"), st.integers(0, 4)), max_size=30))
def test_the_venue_always_knows_what_is_wanted(steps: list[tuple[str, int]]) -> None:
    """A venue that follows the frames ends with the wanted tokens, each with a fresh book."""
    subscription = Subscription(100)
    venue: set[str] | None = None
    fresh: set[str] = set()
    for step, number in [*steps, ("!", 0)]:
        group = (f"{number}y", f"{number}n")
        match step:
            case "+" if group not in subscription.groups:
                subscription.add(group)
            case "-":
                fresh -= subscription.remove([group])
            case "?":
                fresh -= subscription.ask_anew(group)
            case "!" if venue is not None:
                for frame in told(subscription):
                    assets = set(frame["assets_ids"])  # type: ignore[call-overload]
                    if frame["operation"] == "subscribe":
                        fresh |= assets - venue
                        venue |= assets
                    else:
                        venue -= assets
                assert venue == subscription.wanted
                assert fresh >= subscription.wanted
            case "o":
                venue = set(json.loads(subscription.opening())["assets_ids"])
                fresh = set(venue)
            case "e" if venue is not None:
                assert subscription.ended() <= venue
                venue, fresh = None, set()

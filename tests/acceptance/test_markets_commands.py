"""`polyarb markets` as typed, against a local server that speaks the documented wire."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.app import Polyarb
from tests.gamma_pages import LocalVenue, condition, event, group, market, serving, tokens


@pytest.fixture
def venue(workspace: Path) -> Iterator[LocalVenue]:
    """Serve some markets and let the workspace know where."""
    events = [
        group("cup"),
        event("single", market("rain", volume24hr=9_000)),
        event("thin", market("snow", volume24hr=1)),
        event("old", market("hail", version=None)),
    ]
    with serving(LocalVenue(events, page_size=2)) as local:
        point_at(workspace, local.url)
        yield local


def point_at(workspace: Path, url: str, more: str = "") -> None:
    path = workspace / "config" / "config.yaml"
    text = path.read_text(encoding="utf-8")
    hosts = f"venue:\n  hosts: {{gamma: '{url}', clob: '{url}'}}\n{more}"
    path.write_text(text.replace("venue:\n", hosts), encoding="utf-8")


def versions(polyarb: Polyarb) -> list[dict[str, object]]:
    answer = polyarb("markets", "list", "--versions", "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_a_sync_lists_every_market_and_says_why_one_is_not_watched(
    polyarb: Polyarb, venue: LocalVenue, workspace: Path
) -> None:
    answer = polyarb("markets", "sync")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == [
        "version 1 (sync): 6 markets, 1 groups (1 proven complete)",
        "  added 6, removed 0, changed 0",
        "  left out as wrong: 0",
    ]
    assert sorted(path.name for path in (workspace / "data" / "instruments").iterdir()) == [
        "000001.json.gz",
        "history.jsonl",
        "lock",
    ]
    found = json.loads(polyarb("markets", "list", "--json").stdout)
    assert (found["total"], found["selected"]) == (6, 4)
    assert found["left"] == {"NOT_TRADABLE": 1, "VOLUME": 1}
    reasons = {row["instrument"]["market"]["slug"]: row["reason"] for row in found["markets"]}
    assert reasons == {
        "cup-0": None,
        "cup-1": None,
        "cup-2": None,
        "rain": None,
        "snow": "VOLUME",
        "hail": "NOT_TRADABLE",
    }


def test_a_list_can_be_cut_down_and_shown_for_a_person(polyarb: Polyarb, venue: LocalVenue) -> None:
    polyarb("markets", "sync")
    answer = polyarb("markets", "list")
    assert "UNKNOWN_VERSION" in answer.stdout and "VOLUME" in answer.stdout
    assert "4 of 6 markets watched; left: NOT_TRADABLE 1, VOLUME 1; 6 shown" in answer.stderr
    thin = json.loads(polyarb("markets", "list", "--reason", "VOLUME", "--json").stdout)
    assert [row["instrument"]["market"]["slug"] for row in thin["markets"]] == ["snow"]
    watched = json.loads(
        polyarb(
            "markets", "list", "--selected", "--phase", "shadow", "--limit", "2", "--json"
        ).stdout
    )
    assert len(watched["markets"]) == 2 and watched["profile"] == "live_shadow_atomic_v1"
    both = polyarb("markets", "list", "--phase", "shadow", "--profile", "sandbox")
    assert both.returncode == 2
    assert "expected one of them, found both" in both.stderr


@pytest.mark.parametrize(
    "name",
    ["rain", condition("rain"), condition("rain").upper().replace("0X", "0x"), tokens("rain")[1]],
)
def test_a_market_is_found_by_every_name(polyarb: Polyarb, venue: LocalVenue, name: str) -> None:
    polyarb("markets", "sync")
    answer = polyarb("markets", "show", name)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[0] == "Will rain?"
    assert "second source" in answer.stdout and "agrees" in answer.stdout


def test_a_group_is_shown_with_its_certificate(polyarb: Polyarb, venue: LocalVenue) -> None:
    polyarb("markets", "sync")
    group_id = group("cup")["negRiskMarketID"]
    shown = json.loads(polyarb("markets", "show", str(group_id), "--json").stdout)
    assert [each["group"]["incomplete"] for each in shown] == ["", "", ""]
    assert "cup, 3 markets: complete" in polyarb("markets", "show", "cup-1").stdout
    none = polyarb("markets", "show", "sun")
    assert none.returncode == 2 and "sun: expected a condition id, slug" in none.stderr


def test_a_fee_on_which_the_sources_differ_is_not_traded(
    polyarb: Polyarb, venue: LocalVenue
) -> None:
    venue.infos[condition("rain")]["fd"] = {"r": 0.07, "e": 1}
    polyarb("markets", "sync")
    answer = polyarb("markets", "show", "rain").stdout
    assert "the fee is 0.04 (exponent 1) in Gamma and 0.07 (exponent 1) in the CLOB" in answer
    assert "UNKNOWN_FEE" in answer


def test_what_the_venue_says_cannot_steer_the_terminal(polyarb: Polyarb, venue: LocalVenue) -> None:
    evil = "\x1b[31mred\u202e\n"
    venue.events += [
        event("evil", market("sun", question=f"{evil}?", slug=evil, volume24hr=9_000)),
        event("evil2", market("fog", question=7, slug=evil, conditionId=evil)),
    ]
    told = [
        polyarb("markets", "sync"),
        polyarb("markets", "list"),
        polyarb("markets", "show", condition("sun")),
    ]
    assert all(answer.returncode == 0 for answer in told)
    for answer in told:
        assert "red" in answer.stdout
        assert "\x1b" not in answer.stdout and "\u202e" not in answer.stdout


def test_changes_are_told_and_can_be_rolled_back(polyarb: Polyarb, venue: LocalVenue) -> None:
    polyarb("markets", "sync")
    tick = {"orderPriceMinTickSize": 0.001}
    venue.events[1] = event("single", market("rain", volume24hr=9_000, **tick))
    venue.infos[condition("rain")]["mts"] = 0.001
    venue.events[2] = event("new", market("wind"))
    changed = json.loads(polyarb("markets", "sync", "--json").stdout)
    assert changed["difference"]["added"] == [condition("wind")]
    assert changed["difference"]["removed"] == [condition("snow")]
    assert changed["difference"]["changed"] == [
        {
            "subject": condition("rain"),
            "fields": [{"field": "tick", "before": "10000", "after": "1000"}],
        }
    ]
    back = polyarb("markets", "rollback")
    assert back.returncode == 0, back.stderr
    assert back.stdout.startswith("version 3 (rollback): 6 markets")
    assert f"{condition('rain')}: tick 1000 -> 10000" in back.stdout
    assert [each["content"] for each in versions(polyarb)] == [1, 2, 1]
    assert "snow" in polyarb("markets", "list").stdout
    assert polyarb("markets", "rollback", "9").returncode == 2
    assert "rollback" in polyarb("markets", "list", "--versions").stdout


def test_a_list_that_shrinks_by_half_is_refused_unless_it_is_meant(
    polyarb: Polyarb, venue: LocalVenue
) -> None:
    polyarb("markets", "sync")
    venue.events = venue.events[1:3]
    answer = polyarb("markets", "sync")
    assert answer.returncode == 3
    assert "expected at least half of the 6 markets of version 1, found 2" in answer.stderr
    assert [each["version"] for each in versions(polyarb)] == [1]
    assert polyarb("markets", "sync", "--accept-shrink").returncode == 0
    assert [each["markets"] for each in versions(polyarb)] == [6, 2]


def test_half_of_the_markets_is_enough(polyarb: Polyarb, venue: LocalVenue) -> None:
    polyarb("markets", "sync")
    venue.events = venue.events[:1]
    assert polyarb("markets", "sync").returncode == 0


def test_a_torn_page_keeps_the_version_before(polyarb: Polyarb, venue: LocalVenue) -> None:
    polyarb("markets", "sync")
    whole = venue.answer
    venue.answer = (
        lambda target: (  # type: ignore[method-assign]
            (200, whole(target)[1][:-30]) if "after_cursor" in target else whole(target)
        )
    )
    answer = polyarb("markets", "sync")
    assert answer.returncode == 4, answer.stdout
    assert [each["version"] for each in versions(polyarb)] == [1]
    assert polyarb("markets", "list").returncode == 0


def test_a_venue_that_is_not_there_is_told_within_the_deadline(
    polyarb: Polyarb, workspace: Path
) -> None:
    with serving(LocalVenue([])) as gone:
        url = gone.url
    point_at(workspace, url)
    config = workspace / "config" / "config.yaml"
    config.write_text(
        config.read_text()
        .replace("connect_ms_max: 30000", "connect_ms_max: 2000")
        .replace("request_ms_max: 5000", "request_ms_max: 500")
    )
    answer = polyarb("markets", "sync")
    assert answer.returncode == 4
    assert answer.stderr.startswith("polyarb: ") and "127.0.0.1" in answer.stderr
    assert not list((workspace / "data").glob("instruments/*.gz"))


def test_without_a_sync_there_is_nothing_to_list(polyarb: Polyarb) -> None:
    for words in (("list",), ("show", "a"), ("rollback",)):
        answer = polyarb("markets", *words)
        assert answer.returncode == 2
        assert "run `polyarb markets sync`" in answer.stderr

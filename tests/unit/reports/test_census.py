"""The census of several runs over tapes."""

import json

import msgspec
from polyarb.domain.messages import Stage, Tier
from polyarb.domain.plan import Family
from polyarb.reports.census import Instruments, build_census
from polyarb.reports.verdict import Finding
from tests.plan_lives import binary_merged
from tests.report_journals import at, counted, denied, found, lost, measured, run, tried

WATCHED = Instruments(markets=6, tokens=12)


def test_nothing_played_is_every_family_at_zero() -> None:
    census = build_census([], Instruments(markets=0, tokens=0))
    assert census.raw_hits == census.tradable == dict.fromkeys(Family, 0)
    assert [(one.family, one.episodes) for one in census.families] == [(f, 0) for f in Family]
    assert census.episodes == ()
    assert (census.messages, census.covered_ns, census.rejected) == (0, 0, {})
    assert census.verdict.finding is Finding.INSUFFICIENT
    assert all(reach.measured == 0 for reach in census.reachable.values())
    assert list(census.reachable) == list(Tier)


def test_runs_add_up_and_an_unfinished_one_censors_its_episodes() -> None:
    first = run(
        counted(60, raw_hits={"negrisk_no": 2}, rejected={"AFTER_FEES": 2}),
        found("open", 70),
        measured(100, 500),
        measured(200, 700, rejected={"torn": 1}),
        denied(210, Stage.SIZE, "NO_GAIN"),
        feed="/tapes/one.gz",
        is_stopped=False,
    )
    second = run(
        lost("b", 20, net=1, is_planned=True),
        *binary_merged("p").messages,
        tried("p", Tier.T2, 100),
        measured(300, 50),
        counted(400, raw_hits={"negrisk_no": 1}, tradable={"negrisk_no": 1}),
        feed="/tapes/two.gz",
    )
    census = build_census([*first, *second], WATCHED)
    assert census.tapes == ("/tapes/one.gz", "/tapes/two.gz")
    assert (census.messages, census.frames, census.unusable) == (750, 750, {"torn": 1})
    assert (census.markets, census.tokens) == (6, 12)
    assert census.covered_ns == at(210) - at(0) + 600 * 10**9
    assert census.raw_hits[Family.NEGRISK_NO] == 3
    assert census.tradable[Family.NEGRISK_NO] == 1
    episodes = {one.family: one for one in census.families}[Family.NEGRISK_NO]
    assert (episodes.episodes, episodes.censored, episodes.net_positive) == (2, 1, 1)
    assert (census.planned, census.denied) == (1, {"size/NO_GAIN": 1})
    assert (census.reachable[Tier.T2].reachable, census.reachable[Tier.T2].profit) == (1, 100)
    assert len(census.best) == 2


def test_the_json_has_what_is_promised_and_families_by_name() -> None:
    told = json.loads(msgspec.json.encode(build_census(run(measured(60)), WATCHED)))
    assert {
        "messages",
        "tokens",
        "markets",
        "raw_hits",
        "rejected",
        "tradable",
        "episodes",
        "reachable",
        "verdict",
    } <= set(told)
    assert told["raw_hits"]["negrisk_yes"] == 0
    assert told["reachable"]["T2"]["measured"] == 0
    assert told["episodes"] == []
    assert told["families"][0]["net"] == {"median": None, "highest": None}

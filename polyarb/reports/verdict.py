"""Is there an edge that can be reached? Yes, no, or not enough evidence; never silence.

Gates read tier T2. This is what was seen, with its n; whether a phase is won is a gate's to say,
which needs calendar time and statistics that are valid at any look.
"""

from enum import StrEnum

import msgspec

from polyarb.domain.messages import Tier
from polyarb.reports.execution import Execution, TierResult
from polyarb.reports.opportunities import Opportunities
from polyarb.reports.wording import some

EPISODES_MIN = 20
"""Fewest episodes to say yes or no of: with 20 and none reachable, at most 3/20 are (95 %)."""


class Finding(StrEnum):
    """The three answers."""

    EDGE_REACHABLE = "edge reachable at T2"
    NO_EDGE = "no edge at this latency"
    INSUFFICIENT = "insufficient evidence"


class EdgeVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer with what it rests on.

    episodes held before fees; net_positive of them held after fees; measured plans were tried at
    T2; reachable of those filled wholly and earned. Units: profit at T2 in micros of a USD.
    """

    finding: Finding
    episodes: int
    net_positive: int
    measured: int
    reachable: int
    profit: int
    reasons: tuple[str, ...]
    missing: tuple[str, ...]


def judge(opportunities: Opportunities, execution: Execution) -> EdgeVerdict:
    """Judge what was seen.

    Reachable: at least EPISODES_MIN plans filled wholly and earned at T2, and all together earned.
    No edge: at least EPISODES_MIN episodes, and either none was reachable or T2 as a whole lost.
    """
    late = execution.tier(Tier.T2)
    episodes, net_positive = opportunities.episodes, opportunities.net_positive
    finding, missing = _find(episodes, late)
    return EdgeVerdict(
        finding=finding,
        episodes=episodes,
        net_positive=net_positive,
        measured=late.measured,
        reachable=late.reachable,
        profit=late.profit,
        reasons=_reasons(opportunities, late),
        missing=missing,
    )


def _find(episodes: int, late: TierResult) -> tuple[Finding, tuple[str, ...]]:
    if late.reachable >= EPISODES_MIN and late.profit > 0:
        return Finding.EDGE_REACHABLE, ()
    is_lost = late.measured >= EPISODES_MIN and late.profit <= 0
    if episodes >= EPISODES_MIN and (not late.reachable or is_lost):
        return Finding.NO_EDGE, ()
    if late.reachable:
        more = EPISODES_MIN - late.reachable
        if more > 0:
            return Finding.INSUFFICIENT, (
                f"{some(more, 'more plan')} to fill wholly and earn at T2",
            )
        return Finding.INSUFFICIENT, ("a result at T2 that earns over all plans",)
    return Finding.INSUFFICIENT, (f"{some(EPISODES_MIN - episodes, 'more episode')} before fees",)


def _reasons(opportunities: Opportunities, late: TierResult) -> tuple[str, ...]:
    episodes = opportunities.episodes
    if not episodes:
        return (
            f"{some(opportunities.settled, 'evaluation point')} held no inequality long enough to "
            "be an episode: nothing was there to be tested",
        )
    reasons = [
        f"episodes that held before fees: {episodes}, after fees: {opportunities.net_positive}",
        f"plans tried at T2: {late.measured}, filled wholly and earned: {late.reachable}"
        if late.measured
        else "no plan came as far as to be tried at T2",
    ]
    if not late.reachable:
        bound = min(-(-300 // episodes), 100)
        reasons.append(
            f"reachable: 0 of {episodes}, so at 95 % confidence at most {bound} % of such "
            "episodes are (rule of three)"
        )
    return tuple(reasons)

"""Episodes: how long an inequality held, at its best, and what became of it."""

from polyarb.domain.ids import derive_id
from polyarb.domain.messages import OpportunityFound, OpportunityLost
from polyarb.domain.plan import Family
from polyarb.engine.state import EngineState, Episode, Watch


def open_episode(
    state: EngineState, watch: Watch, family: Family, *, edge_gross: int, edge_net: int, now_ns: int
) -> Episode:
    """Begin an episode; its number keeps two of one moment apart. Units: edges in picos a set."""
    state.episodes_opened += 1
    number = str(state.episodes_opened)
    opportunity_id = derive_id(
        "opportunity", state.run_id, watch.relation_id, family, str(now_ns), number
    )
    episode = Episode(opportunity_id, family, watch, now_ns, edge_gross, edge_net)
    watch.episodes[family] = episode
    return episode


def found(episode: Episode) -> OpportunityFound:
    """Tell that an episode began."""
    return OpportunityFound(
        receive_time_ns=episode.opened_ns,
        opportunity_id=episode.opportunity_id,
        family=episode.family,
        relation_id=episode.watch.relation_id,
        edge_gross=episode.edge_gross_max,
        edge_net=episode.edge_net_max,
    )


def close_episode(
    episode: Episode, *, ended_ns: int, now_ns: int, is_censored: bool
) -> OpportunityLost:
    """End an episode: at the moment when the inequality ceased, or was last known to hold."""
    del episode.watch.episodes[episode.family]
    return OpportunityLost(
        receive_time_ns=now_ns,
        opportunity_id=episode.opportunity_id,
        family=episode.family,
        relation_id=episode.watch.relation_id,
        opened_ns=episode.opened_ns,
        duration_ns=ended_ns - episode.opened_ns,
        edge_gross_max=episode.edge_gross_max,
        edge_net_max=episode.edge_net_max,
        quantity_max=episode.quantity_max,
        profit_max=episode.profit_max,
        reason=episode.reason,
        is_planned=episode.is_planned,
        is_censored=is_censored,
    )

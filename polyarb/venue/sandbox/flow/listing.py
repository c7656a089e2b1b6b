"""What a scenario lists, with the ids that its seed and texts give: exact, as on chain."""

import msgspec

from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address, Bytes32
from polyarb.venue.sandbox.chain.ids import condition_id, market_id, question_id, token_pair
from polyarb.venue.sandbox.flow.scenario import (
    Category,
    EventKind,
    EventTerms,
    MarketTerms,
    Scenario,
)
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket, Listing


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a market stands on chain."""

    oracle: Address
    question_id: Bytes32
    condition_id: ConditionId
    tokens: tuple[TokenId, TokenId]
    group_id: GroupId | None = None
    index: int = 0


_FIRST_EVENT_ID = 10_001
_DAY_NS = 86_400 * 10**9


def list_scenario(scenario: Scenario, *, seed: int, starts_ns: int) -> Listing:
    """List the events of a scenario. The same scenario and seed give the same ids at any time."""
    events: list[ListedEvent] = []
    markets: list[ListedMarket] = []
    for at, terms in enumerate(scenario.events):
        event_id = str(_FIRST_EVENT_ID + at)
        group_id = _group_id(terms, seed)
        category = scenario.category(terms.category)
        listed = tuple(
            _market(
                category,
                market,
                event_id,
                _grouped_place(group_id, index) if group_id else _plain_place(market, seed),
            )
            for index, market in enumerate(terms.markets)
        )
        markets += listed
        events.append(
            ListedEvent(
                event_id=event_id,
                slug=terms.slug,
                title=terms.title,
                condition_ids=tuple(market.condition_id for market in listed),
                group_id=group_id,
                convert_fee_bips=terms.convert_fee_bips,
                category=terms.category,
                starts_ns=starts_ns,
                ends_ns=starts_ns + terms.ends_days * _DAY_NS,
            )
        )
    return Listing(events=tuple(events), markets=tuple(markets))


def conditions_of(scenario: Scenario, listing: Listing) -> dict[str, ConditionId]:
    """Map the slugs of a scenario's markets to their condition ids."""
    pairs = zip(scenario.markets, listing.markets, strict=True)
    return {terms.slug: market.condition_id for terms, market in pairs}


def _group_id(terms: EventTerms, seed: int) -> GroupId | None:
    if terms.kind is not EventKind.NEG_RISK:
        return None
    metadata = f"sandbox {seed}: {terms.slug}: {terms.title}".encode()
    return market_id(CONTRACTS.neg_risk_operator, terms.convert_fee_bips, metadata)


def _market(category: Category, terms: MarketTerms, event_id: str, place: _Place) -> ListedMarket:
    return ListedMarket(
        condition_id=place.condition_id,
        question_id=place.question_id,
        oracle=place.oracle,
        yes=place.tokens[0],
        no=place.tokens[1],
        question=terms.question,
        slug=terms.slug,
        event_id=event_id,
        tick=terms.tick,
        size_min=terms.size_min,
        fee=category.fee,
        hold_ms=category.hold_ms,
        group_id=place.group_id,
        question_index=place.index,
    )


def _plain_place(terms: MarketTerms, seed: int) -> _Place:
    text = f"sandbox {seed}: {terms.slug}: {terms.question}".encode()
    question = Bytes32("0x" + keccak256(text).hex())
    oracle = CONTRACTS.uma_adapter_v3
    condition = condition_id(oracle, question)
    return _Place(
        oracle=oracle,
        question_id=question,
        condition_id=condition,
        tokens=token_pair(CONTRACTS.usdc_bridged, condition),
    )


def _grouped_place(group_id: GroupId, index: int) -> _Place:
    question = question_id(group_id, index)
    oracle = CONTRACTS.neg_risk_adapter
    condition = condition_id(oracle, question)
    return _Place(
        oracle=oracle,
        question_id=question,
        condition_id=condition,
        tokens=token_pair(CONTRACTS.wrapped_collateral, condition),
        group_id=group_id,
        index=index,
    )

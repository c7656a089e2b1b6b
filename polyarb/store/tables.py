"""The projections: for each table its row, its key and the pure function from message to rows.

A row replaces the columns it sets of the row with its key; columns left UNSET stay. All tables
start with `run`, the sequence of the run's RunStarted, because derived ids repeat from run to run.
Units are in the column names: times in ns, money, prices and shares in micros, edges in picos.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, UnsetType

from polyarb.domain.messages import (
    BooksOpened,
    CensusCounted,
    JournalMessage,
    OpportunityFound,
    OpportunityLost,
    OrderKilled,
    OrderMatched,
    PlaceOrders,
    PlanApproved,
    PlanDenied,
    PlanSized,
    RunStarted,
    RunStopped,
    SetChanged,
    SetSettled,
    TierMeasured,
    TradeConfirmed,
    TradeFailed,
    TradingStateChanged,
)
from polyarb.domain.units import PICO


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message stands in the journal; run is 0 before the first run."""

    run: int
    sequence: int
    time_ns: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a table; its fields are the columns."""

    run: int


@dataclass(frozen=True, slots=True)
class Projection:
    """One table. Shape: key and each of indexes are names of columns, version grows when the
    function changes, so that a database made before is built anew.
    """

    table: str
    row: type[Row]
    key: tuple[str, ...]
    rows: Callable[[JournalMessage, Place], Iterable[Row]]
    indexes: tuple[tuple[str, ...], ...] = ()
    version: int = 1

    @property
    def columns(self) -> dict[str, type[int] | type[str]]:
        """Return the columns with their types; a truth is stored as 0 or 1."""
        return {
            field.name: str if _is_text(field.type) else int
            for field in msgspec.structs.fields(self.row)
        }


class RunRow(Row, frozen=True, kw_only=True):
    """One run."""

    run_id: str | UnsetType = UNSET
    phase: str | UnsetType = UNSET
    profile: str | UnsetType = UNSET
    feed: str | UnsetType = UNSET
    code_digest: str | UnsetType = UNSET
    config_digest: str | UnsetType = UNSET
    catalogue_digest: str | UnsetType = UNSET
    started_ns: int | UnsetType = UNSET
    wall_time_ns: int | UnsetType = UNSET
    opened_ns: int | UnsetType = UNSET
    open_sets: int | UnsetType = UNSET
    stopped_ns: int | UnsetType = UNSET
    stop_reason: str | UnsetType = UNSET


class OpportunityRow(Row, frozen=True, kw_only=True):
    """One episode; the columns behind lost_ns are there once it ended."""

    opportunity_id: str
    family: str
    relation_id: str
    found_ns: int | UnsetType = UNSET
    edge_gross_picos: int | UnsetType = UNSET
    edge_net_picos: int | UnsetType = UNSET
    lost_ns: int | UnsetType = UNSET
    opened_ns: int | UnsetType = UNSET
    duration_ns: int | UnsetType = UNSET
    edge_gross_max_picos: int | UnsetType = UNSET
    edge_net_max_picos: int | UnsetType = UNSET
    quantity_max_micros: int | UnsetType = UNSET
    profit_max_micros: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    is_planned: bool | UnsetType = UNSET
    is_censored: bool | UnsetType = UNSET


class DenialRow(Row, frozen=True, kw_only=True):
    """One reason for which an opportunity was turned down."""

    sequence: int
    time_ns: int
    opportunity_id: str
    family: str
    stage: str
    reason: str


class PlanRow(Row, frozen=True, kw_only=True):
    """One plan; approved_ns is there once it passed every risk check."""

    plan_id: str
    opportunity_id: str | UnsetType = UNSET
    relation_id: str | UnsetType = UNSET
    family: str | UnsetType = UNSET
    sized_ns: int | UnsetType = UNSET
    orders: int | UnsetType = UNSET
    quantity_micros: int | UnsetType = UNSET
    profit_micros: int | UnsetType = UNSET
    capital_micros: int | UnsetType = UNSET
    approved_ns: int | UnsetType = UNSET
    reserved_micros: int | UnsetType = UNSET
    open_notional_micros: int | UnsetType = UNSET


class OrderRow(Row, frozen=True, kw_only=True):
    """One order; its matches are in fills."""

    order_id: str
    plan_id: str
    leg: int | UnsetType = UNSET
    condition_id: str | UnsetType = UNSET
    token_id: str | UnsetType = UNSET
    outcome: str | UnsetType = UNSET
    side: str | UnsetType = UNSET
    time_in_force: str | UnsetType = UNSET
    price_limit_micros: int | UnsetType = UNSET
    shares_micros: int | UnsetType = UNSET
    reserved_micros: int | UnsetType = UNSET
    placed_ns: int | UnsetType = UNSET
    killed_ns: int | UnsetType = UNSET
    kill_reason: str | UnsetType = UNSET
    confirmed_ns: int | UnsetType = UNSET
    failed_ns: int | UnsetType = UNSET


class FillRow(Row, frozen=True, kw_only=True):
    """One match of an order."""

    sequence: int
    time_ns: int
    plan_id: str
    order_id: str
    shares_micros: int
    notional_micros: int
    fee_micros: int


class TierRow(Row, frozen=True, kw_only=True):
    """What one plan would have earned at one tier."""

    sequence: int
    time_ns: int
    plan_id: str
    family: str
    tier: str
    quantity_micros: int
    planned_micros: int
    profit_micros: int
    latency_ns: int
    is_complete: bool


class SetRow(Row, frozen=True, kw_only=True):
    """One arbitrage in flight and its last step."""

    plan_id: str
    family: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    changed_ns: int | UnsetType = UNSET
    settled_status: str | UnsetType = UNSET
    settled_ns: int | UnsetType = UNSET
    proceeds_micros: int | UnsetType = UNSET
    gas_micros: int | UnsetType = UNSET


class StateRow(Row, frozen=True, kw_only=True):
    """One step of the trading state."""

    sequence: int
    time_ns: int
    previous: str
    current: str
    reason: str


class CensusRow(Row, frozen=True, kw_only=True):
    """One counter of one census; kind is settled, raw_hits, rejected or tradable."""

    sequence: int
    kind: str
    name: str
    time_ns: int
    count: int


def _run_rows(message: JournalMessage, place: Place) -> Iterator[Row]:
    match message:
        case RunStarted():
            yield RunRow(
                run=place.run,
                run_id=message.run_id,
                phase=message.phase,
                profile=message.profile,
                feed=message.feed,
                code_digest=message.code_digest,
                config_digest=message.config_digest,
                catalogue_digest=message.catalogue_digest,
                started_ns=place.time_ns,
                wall_time_ns=message.wall_time_ns,
            )
        case BooksOpened():
            yield RunRow(run=place.run, opened_ns=place.time_ns, open_sets=message.open_sets)
        case RunStopped():
            yield RunRow(run=place.run, stopped_ns=place.time_ns, stop_reason=message.reason)


def _opportunity_rows(message: JournalMessage, place: Place) -> Iterator[Row]:
    match message:
        case OpportunityFound():
            yield OpportunityRow(
                run=place.run,
                opportunity_id=message.opportunity_id,
                family=message.family,
                relation_id=message.relation_id,
                found_ns=place.time_ns,
                edge_gross_picos=message.edge_gross,
                edge_net_picos=message.edge_net,
            )
        case OpportunityLost():
            yield OpportunityRow(
                run=place.run,
                opportunity_id=message.opportunity_id,
                family=message.family,
                relation_id=message.relation_id,
                lost_ns=place.time_ns,
                opened_ns=message.opened_ns,
                duration_ns=message.duration_ns,
                edge_gross_max_picos=message.edge_gross_max,
                edge_net_max_picos=message.edge_net_max,
                quantity_max_micros=message.quantity_max,
                profit_max_micros=_micros_down(message.profit_max),
                reason=message.reason,
                is_planned=message.is_planned,
                is_censored=message.is_censored,
            )


def _denial_rows(message: JournalMessage, place: Place) -> Iterator[Row]:
    if isinstance(message, PlanDenied):
        yield DenialRow(
            run=place.run,
            sequence=place.sequence,
            time_ns=place.time_ns,
            opportunity_id=message.opportunity_id,
            family=message.family,
            stage=message.stage,
            reason=message.reason,
        )


def _plan_rows(message: JournalMessage, place: Place) -> Iterator[Row]:
    match message:
        case PlanSized():
            yield PlanRow(
                run=place.run,
                plan_id=message.plan_id,
                opportunity_id=message.opportunity_id,
                relation_id=message.relation_id,
                family=message.plan.family,
                sized_ns=place.time_ns,
                orders=len(message.plan.orders),
                quantity_micros=message.plan.quantity,
                profit_micros=_micros_down(message.plan.profit),
                capital_micros=-_micros_down(-message.plan.capital),
            )
        case PlanApproved():
            yield PlanRow(
                run=place.run,
                plan_id=message.plan_id,
                approved_ns=place.time_ns,
                reserved_micros=message.reserved,
                open_notional_micros=message.open_notional,
            )


def _order_rows(message: JournalMessage, place: Place) -> Iterator[Row]:
    run, time_ns = place.run, place.time_ns
    match message:
        case PlaceOrders():
            for order in message.orders:
                yield OrderRow(
                    run=run,
                    order_id=order.order_id,
                    plan_id=order.plan_id,
                    leg=order.leg,
                    condition_id=order.condition_id,
                    token_id=order.token_id,
                    outcome=order.outcome,
                    side=order.side,
                    time_in_force=order.time_in_force,
                    price_limit_micros=order.price_limit,
                    shares_micros=order.shares,
                    reserved_micros=order.reserved,
                    placed_ns=time_ns,
                )
        case OrderKilled(plan_id=plan_id, order_id=order_id, reason=reason):
            yield OrderRow(
                run=run, order_id=order_id, plan_id=plan_id, killed_ns=time_ns, kill_reason=reason
            )
        case TradeConfirmed(plan_id=plan_id, order_id=order_id):
            yield OrderRow(run=run, order_id=order_id, plan_id=plan_id, confirmed_ns=time_ns)
        case TradeFailed(plan_id=plan_id, order_id=order_id):
            yield OrderRow(run=run, order_id=order_id, plan_id=plan_id, failed_ns=time_ns)


def _fill_rows(message: JournalMessage, place: Place) -> Iterator[Row]:
    if isinstance(message, OrderMatched):
        yield FillRow(
            run=place.run,
            sequence=place.sequence,
            time_ns=place.time_ns,
            plan_id=message.plan_id,
            order_id=message.order_id,
            shares_micros=message.shares,
            notional_micros=message.notional,
            fee_micros=message.fee,
        )


def _tier_rows(message: JournalMessage, place: Place) -> Iterator[Row]:
    if isinstance(message, TierMeasured):
        yield TierRow(
            run=place.run,
            sequence=place.sequence,
            time_ns=place.time_ns,
            plan_id=message.plan_id,
            family=message.family,
            tier=message.tier,
            quantity_micros=message.quantity,
            planned_micros=message.planned,
            profit_micros=message.profit,
            latency_ns=message.latency_ns,
            is_complete=message.is_complete,
        )


def _set_rows(message: JournalMessage, place: Place) -> Iterator[Row]:
    match message:
        case SetChanged():
            yield SetRow(
                run=place.run,
                plan_id=message.plan_id,
                family=message.family,
                status=message.current,
                changed_ns=place.time_ns,
            )
        case SetSettled():
            yield SetRow(
                run=place.run,
                plan_id=message.plan_id,
                settled_status=message.status,
                settled_ns=place.time_ns,
                proceeds_micros=message.proceeds,
                gas_micros=message.gas,
            )


def _state_rows(message: JournalMessage, place: Place) -> Iterator[Row]:
    if isinstance(message, TradingStateChanged):
        yield StateRow(
            run=place.run,
            sequence=place.sequence,
            time_ns=place.time_ns,
            previous=message.previous,
            current=message.current,
            reason=message.reason,
        )


def _census_rows(message: JournalMessage, place: Place) -> Iterator[Row]:
    if not isinstance(message, CensusCounted):
        return
    kinds = {
        "settled": {"": message.settled},
        "raw_hits": message.raw_hits,
        "rejected": message.rejected,
        "tradable": message.tradable,
    }
    for kind, counts in kinds.items():
        for name, count in counts.items():
            yield CensusRow(
                run=place.run,
                sequence=place.sequence,
                kind=kind,
                name=name,
                time_ns=place.time_ns,
                count=count,
            )


def _micros_down(attos: int) -> int:
    return attos // PICO


def _is_text(kind: object) -> bool:
    return kind is str or str in getattr(kind, "__args__", ())


PROJECTIONS: tuple[Projection, ...] = (
    Projection("runs", RunRow, ("run",), _run_rows),
    Projection("opportunities", OpportunityRow, ("run", "opportunity_id"), _opportunity_rows),
    Projection("denials", DenialRow, ("sequence",), _denial_rows),
    Projection("plans", PlanRow, ("run", "plan_id"), _plan_rows),
    Projection("orders", OrderRow, ("run", "order_id"), _order_rows, (("run", "plan_id"),)),
    Projection("fills", FillRow, ("sequence",), _fill_rows, (("run", "plan_id"),)),
    Projection("tiers", TierRow, ("sequence",), _tier_rows, (("run", "plan_id"),)),
    Projection("sets", SetRow, ("run", "plan_id"), _set_rows),
    Projection("states", StateRow, ("sequence",), _state_rows),
    Projection("census", CensusRow, ("sequence", "kind", "name"), _census_rows),
)

"""What the second source (market info of the CLOB) says of markets that Gamma lists. Pure.

A fact on which the two differ is not known; a group that only one of them knows is not complete.
Source: polymarket.md 3.2, `/clob-markets`.
"""

from collections.abc import Collection, Mapping

import msgspec

from polyarb.domain.fees import NO_FEE, RATE_SCALE, FeeSchedule
from polyarb.domain.ids import ConditionId, GroupId
from polyarb.domain.instruments import Instrument, Instruments, Refusal
from polyarb.domain.market import Market, MarketGroup
from polyarb.domain.units import format_scaled
from polyarb.venue.polymarket.instruments.gamma import CompactMarket, market_of_compact, schedule_of

ONE_SOURCE = "only one source lists its outcomes (no market info of every outcome, no numbering)"
NOT_ACCEPTED = "an outcome takes no orders (market info)"
OTHER_TOKENS = "market info names other tokens"
_COMPACT = msgspec.json.Decoder(CompactMarket)


class Unanswered(msgspec.Struct, frozen=True):
    """The second source gave no answer on a market, and why; is_missing: it has no such market."""

    reason: str
    is_missing: bool = False


Answer = bytes | Unanswered


def confirm(
    listed: Instruments, numbered: Collection[GroupId], answers: Mapping[ConditionId, Answer]
) -> Instruments:
    """Hold a listing against the second source's answers.

    numbered are the groups whose question ids prove the number of outcomes. A market that was
    asked for and not answered takes no orders; one with other tokens is refused.
    """
    instruments: dict[ConditionId, Instrument] = {}
    refused: list[Refusal] = []
    members: dict[ConditionId, bool] = {}
    for condition_id, instrument in listed.instruments.items():
        answer = answers.get(condition_id)
        found = (
            instrument
            if answer is None
            else _confirmed(instrument, answer, listed.read_time_ms, members)
        )
        if found is None:
            refused.append(Refusal(subject=condition_id, reason=OTHER_TOKENS))
        else:
            instruments[condition_id] = found
    groups = {
        group_id: cut
        for group_id, group in listed.groups.items()
        if (cut := _certified(group, group_id in numbered, instruments, members)).condition_ids
    }
    return msgspec.structs.replace(
        listed,
        instruments=instruments,
        groups=groups,
        refused=(*listed.refused, *refused),
    )


def _confirmed(
    instrument: Instrument, answer: Answer, read_time_ms: int, members: dict[ConditionId, bool]
) -> Instrument | None:
    """Put the two descriptions of a market together; None when they are of different tokens.

    members takes note of whether the market info counts it to a neg-risk group.
    """
    market = instrument.market
    if isinstance(answer, Unanswered):
        return _doubted(instrument, answer.reason)
    try:
        body = _COMPACT.decode(answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        return _doubted(instrument, f"its market info cannot be read: {fault}")
    body.c = body.c or market.condition_id
    other = market_of_compact(body)
    if other is None or other.condition_id != market.condition_id:
        return _doubted(instrument, "its market info is of another market")
    if (other.yes, other.no) != (market.yes, market.no):
        return None
    members[market.condition_id] = body.nr
    fee, fee_doubt = _agreed_fee(market.fee, body)
    doubts = [fee_doubt] if fee_doubt else []
    version = market.version or other.version
    if market.version and other.version and market.version != other.version:
        version = None
        doubts.append(f"version {market.version} is {other.version} in its market info")
    if body.nr != (market.group_id is not None):
        doubts.append("the sources differ on whether it is in a neg-risk group")
    merged = msgspec.structs.replace(
        market,
        version=version,
        tick=market.tick if other.tick is None else other.tick,
        size_min=market.size_min if other.size_min is None else other.size_min,
        fee=fee,
        hold_ms=max(market.hold_ms, other.hold_ms),
        is_accepting_orders=market.is_accepting_orders and other.is_accepting_orders,
    )
    return msgspec.structs.replace(
        instrument,
        market=merged,
        fee_time_ms=None if fee is None else read_time_ms,
        is_confirmed=not doubts,
        doubts=(*instrument.doubts, *doubts),
    )


def _doubted(instrument: Instrument, doubt: str) -> Instrument:
    """Keep a market of which the second source says nothing usable, but let nobody trade it."""
    return msgspec.structs.replace(
        instrument,
        market=msgspec.structs.replace(instrument.market, is_accepting_orders=False),
        doubts=(*instrument.doubts, doubt),
    )


def _agreed_fee(first: FeeSchedule | None, body: CompactMarket) -> tuple[FeeSchedule | None, str]:
    """Return the fee that both tell, or the only one told; None with the reason if they differ.

    A market info without `fd` charges nothing; whether that is meant, Gamma must say.
    """
    second = schedule_of(body.fd) if body.fd is not None else NO_FEE
    if first is None:
        return (None, "") if body.fd is None else (second, "")
    if second is None or not _is_same(first, second):
        return None, f"the fee is {_fee_text(first)} in Gamma and {_fee_text(second)} in the CLOB"
    return first, ""


def _is_same(first: FeeSchedule, second: FeeSchedule) -> bool:
    return first == second or first.rate == second.rate == 0


def _fee_text(fee: FeeSchedule | None) -> str:
    if fee is None:
        return "of an unknown form"
    return f"{format_scaled(fee.rate, RATE_SCALE)} (exponent {fee.exponent})"


def _certified(
    group: MarketGroup,
    is_numbered: bool,
    instruments: Mapping[ConditionId, Instrument],
    members: Mapping[ConditionId, bool],
) -> MarketGroup:
    kept = tuple(each for each in group.condition_ids if each in instruments)
    incomplete = group.incomplete or _doubt_of(group, is_numbered, instruments, members)
    if kept == group.condition_ids and incomplete == group.incomplete:
        return group
    return msgspec.structs.replace(group, condition_ids=kept, incomplete=incomplete)


def _doubt_of(
    group: MarketGroup,
    is_numbered: bool,
    instruments: Mapping[ConditionId, Instrument],
    members: Mapping[ConditionId, bool],
) -> str:
    """Say why two sources do not agree that a group is whole; empty when they do.

    members tells of every answered market whether its market info counts it to a neg-risk group.
    """
    legs: list[Market] = [
        instruments[each].market for each in group.condition_ids if each in instruments
    ]
    if len(legs) < len(group.condition_ids):
        return f"an outcome was refused ({OTHER_TOKENS})"
    if not all(leg.is_accepting_orders for leg in legs):
        return NOT_ACCEPTED
    if not all(members.get(leg.condition_id, True) for leg in legs):
        return "market info does not count an outcome to a neg-risk group"
    is_listed = all(leg.condition_id in members for leg in legs)
    return "" if is_numbered or is_listed else ONE_SOURCE

"""The edge of a watch after the taker fee of every leg, on best prices."""

from polyarb.domain.fees import FeeSchedule, net_ask, net_bid
from polyarb.domain.plan import Family
from polyarb.domain.units import ONE, PICO
from polyarb.engine.state import Watch


def edge_net(watch: Watch, family: Family) -> int | None:
    """Compute the edge a set after fees, or None when a leg's fee is not known.

    Units: picos a set.
    """
    fees = [ladder.market.fee for ladder in watch.ladders]
    known = [fee for fee in fees if fee is not None]
    if len(known) < len(fees):
        return None
    return _NET[family](watch, known)


def _yes(watch: Watch, fees: list[FeeSchedule]) -> int:
    cost = sum(net_ask(ask, fee) for ask, fee in zip(watch.asks, fees, strict=True) if ask < ONE)
    return PICO - cost


def _no(watch: Watch, fees: list[FeeSchedule]) -> int:
    pairs = zip(watch.bids, fees, strict=True)
    return sum(net_bid(bid, fee) for bid, fee in pairs if bid) - PICO


def _implication(watch: Watch, fees: list[FeeSchedule]) -> int:
    return net_bid(watch.bids[1], fees[1]) - net_ask(watch.asks[0], fees[0])


def _ladder(watch: Watch, fees: list[FeeSchedule]) -> int:
    best, cheapest = -PICO, PICO
    for bid, ask, fee in zip(watch.bids, watch.asks, fees, strict=True):
        if ask < ONE:
            cheapest = min(cheapest, net_ask(ask, fee))
        if bid:
            best = max(best, net_bid(bid, fee) - cheapest)
    return best


_NET = {
    Family.NEGRISK_YES: _yes,
    Family.NEGRISK_NO: _no,
    Family.IMPLICATION: _implication,
    Family.LADDER: _ladder,
}

"""Planted bugs of the sandbox's exchange: its suites must bite."""

from pathlib import Path

import pytest
from tests.mutation.test_mutations import Bug, bites, copied  # noqa: F401

pytestmark = pytest.mark.slow

UNIT = "tests/unit/venue/sandbox/exchange/test_exchange_"
MATCHING, MONEY, TIMES = (f"{UNIT}{name}.py" for name in ("matching", "money", "times"))
REFUSALS, CANCELS, MARKETS = (f"{UNIT}{name}.py" for name in ("refusals", "cancels", "markets"))
AMOUNTS, TOLD = f"{UNIT}amounts.py", f"{UNIT}announcements.py"
ORACLE = (
    "tests/simulation/test_exchange_oracle.py"
    "::test_it_agrees_with_the_oracle_and_conserves_everything"
)
ROOM = "venue/sandbox/exchange"

BUGS = (
    Bug(
        "a taker pays its own limit",
        f"{ROOM}/matching.py",
        "    price = yes_price if taker.is_yes else ONE - yes_price\n",
        "    price = taker.price\n",
        MATCHING,
    ),
    Bug(
        "a mint makes a micro out of nothing",
        f"{ROOM}/matching.py",
        "takers = collateral if maker.is_yes is taker.is_yes else shares - collateral",
        "takers = shares * deal.price // MICRO",
        ORACLE,
    ),
    Bug(
        "a market buy targets shares",
        f"{ROOM}/matching.py",
        "if taker.is_by_collateral else min(affordable, taker.open - plan.shares)",
        "if not taker.is_by_collateral else min(affordable, taker.open - plan.shares)",
        MATCHING,
    ),
    Bug(
        "a buy gives more than it signed",
        f"{ROOM}/matching.py",
        "else min(affordable, taker.open - plan.shares)",
        "else taker.open - plan.shares",
        MATCHING,
    ),
    Bug(
        "a poor maker is matched",
        f"{ROOM}/matching.py",
        "return holding.balance - holding.unsettled - spent.get(holding, 0) >= maker.committed",
        "return True",
        MONEY,
    ),
    Bug(
        "two fills of one plan may spend the same money",
        f"{ROOM}/matching.py",
        "holding.unsettled - spent.get(holding, 0) >=",
        "holding.unsettled >=",
        MONEY,
    ),
    Bug(
        "a newcomer goes to the front of its level",
        f"{ROOM}/markets.py",
        "        order.before = level.last\n        if level.last is None:\n"
        "            level.first = order\n        else:\n            level.last.after = order\n"
        "        level.last = order\n",
        "        order.after = level.first\n        if level.first is None:\n"
        "            level.last = order\n        else:\n            level.first.before = order\n"
        "        level.first = order\n",
        MATCHING,
    ),
    Bug(
        "the fee needs no balance",
        f"{ROOM}/engine.py",
        "need = plan.collateral + plan.fee + _remainder(order, plan)[1]",
        "need = plan.collateral + _remainder(order, plan)[1]",
        MONEY,
    ),
    Bug(
        "the fee is not bound",
        f"{ROOM}/engine.py",
        "deal.collateral + deal.fee if taker.is_buy else deal.shares",
        "deal.collateral if taker.is_buy else deal.shares",
        MONEY,
    ),
    Bug(
        "a post-only order takes",
        f"{ROOM}/engine.py",
        "        if request.is_post_only:\n",
        "        if False:\n",
        REFUSALS,
    ),
    Bug(
        "what rests of a taker commits what it spent too",
        f"{ROOM}/engine.py",
        "    return rest, -(-rest * order.price // MICRO)\n",
        "    return rest, order.budget\n",
        MATCHING,
    ),
    Bug(
        "a cancelled order stays committed",
        f"{ROOM}/engine.py",
        "        order.state = state\n        order.holding.active -= order.committed\n",
        "        order.state = state\n",
        MONEY,
    ),
    Bug(
        "a mined trade is counted twice",
        f"{ROOM}/holdings.py",
        "        holding.settled = holding.mined\n",
        "",
        MONEY,
    ),
    Bug(
        "a failed trade stays bound",
        f"{ROOM}/trades.py",
        "                holding.matched -= amount\n",
        "                holding.matched -= amount * (status is TradeStatus.CONFIRMED)\n",
        MONEY,
    ),
    Bug(
        "anybody cancels",
        f"{ROOM}/exchange.py",
        "order and order.request.owner == owner and",
        "order and",
        CANCELS,
    ),
    Bug(
        "a held order can be cancelled",
        f"{ROOM}/exchange.py",
        "order.request.owner == owner and order.state is OrderState.LIVE:",
        "order.request.owner == owner:",
        TIMES,
    ),
    Bug(
        "a held order is matched in any mode",
        f"{ROOM}/intake.py",
        "        request, market = order.request, order.market\n"
        "        if refusal := self._modes.refuses_order(request):\n"
        "            return refusal\n",
        "        request, market = order.request, order.market\n",
        TIMES,
    ),
    Bug(
        "an order lives to its expiration",
        f"{ROOM}/intake.py",
        "order.request.order.expiration_s * _S - self._expiry_lead_ns",
        "order.request.order.expiration_s * _S",
        TIMES,
    ),
    Bug(
        "a coarser tick leaves orders off the grid",
        f"{ROOM}/exchange.py",
        "if order.price % tick or not tick <= order.price <= ONE - tick:",
        "if not tick <= order.price <= ONE - tick:",
        MARKETS,
    ),
    Bug(
        "a verdict forgets the held orders",
        f"{ROOM}/exchange.py",
        "for order in (*market.held.values(), *market.resting()):",
        "for order in market.resting():",
        MARKETS,
    ),
    Bug(
        "a market buy is limited above its ratio",
        f"{ROOM}/amounts.py",
        "    steps = collateral * MICRO // (shares * market.tick)\n",
        "    steps = -(-collateral * MICRO // (shares * market.tick))\n",
        AMOUNTS,
    ),
    Bug(
        "a heartbeat is not asked for its id",
        f"{ROOM}/heartbeats.py",
        "        if heartbeat_id != expected:\n",
        "        if heartbeat_id != expected and not heartbeat_id:\n",
        TIMES,
    ),
    Bug(
        "a restart goes on after a decree",
        f"{ROOM}/modes.py",
        "            self._timers.void(self._recovery)\n",
        "",
        TIMES,
    ),
    Bug(
        "a held order comes to rest in silence",
        f"{ROOM}/engine.py",
        "            order.state = OrderState.LIVE\n"
        "            self.tell_order(OrderStep.UPDATE, order)\n",
        "            order.state = OrderState.LIVE\n",
        TOLD,
    ),
    Bug(
        "a held order that met nobody but poor makers comes to rest in silence",
        f"{ROOM}/engine.py",
        "elif plan.deals or was_held:",
        "elif plan.deals:",
        TOLD,
    ),
)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_of_the_exchange_is_noticed(bug: Bug, copied: Path) -> None:  # noqa: F811
    source = copied / "polyarb" / bug.file
    text = source.read_text()
    assert text.count(bug.sound) == 1, "the source has moved on; plant the bug anew"
    source.write_text(text.replace(bug.sound, bug.planted))
    try:
        assert bites(copied, bug.suite)
    finally:
        source.write_text(text)

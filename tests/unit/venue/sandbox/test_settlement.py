"""A match becomes money only through the chain, and is told every word of it once."""

import pytest
from polyarb.domain.ids import ConditionId, OrderId, TokenId
from polyarb.domain.order import TRADE_STEPS, TradeStatus
from polyarb.domain.plan import Side
from polyarb.ports import FAR_FUTURE_NS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.settlement import Settlement
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from polyarb.venue.sandbox.terms.settings import SettlementSettings
from polyarb.venue.sandbox.terms.trades import Fill, Match

MS = 1_000_000
CONDITION = ConditionId("0x" + "ab" * 32)


class ScriptedChain:
    """A settler whose blocks are made by hand: `mined` and `confirmed` are set by the test."""

    def __init__(self) -> None:
        self.next_due_ns = FAR_FUTURE_NS
        self.sent: list[tuple[str, bool]] = []
        self.mined: dict[str, bool] = {}
        self.confirmed: set[str] = set()

    def submit_match(self, match: Match, *, is_ghost: bool) -> str:
        transaction_hash = f"{match.trade_id}#{len(self.sent)}"
        self.sent.append((transaction_hash, is_ghost))
        return transaction_hash

    def is_mined(self, transaction_hash: str) -> bool | None:
        return self.mined.get(transaction_hash)

    def is_confirmed(self, transaction_hash: str) -> bool:
        return transaction_hash in self.confirmed


class Words:
    """Whom the settlement tells: keeps every word in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, TradeStatus, str]] = []

    def settle(self, trade_id: str, status: TradeStatus, transaction_hash: str) -> None:
        self.told.append((trade_id, status, transaction_hash))


class OneFault:
    """Strikes every time for the kinds that it has."""

    def __init__(self, *faults: Fault) -> None:
        self._faults = {fault.kind: fault for fault in faults}

    def strike(self, kind: FaultKind, scope: str) -> Fault | None:
        return self._faults.get(kind)


def fill(side: Side) -> Fill:
    return Fill(
        order_id=OrderId("0x01"),
        owner="key",
        maker=Address("0x" + "11" * 20),
        token_id=TokenId("1"),
        outcome="Yes",
        side=side,
        shares=10_000_000,
        price=500_000,
        given=5_000_000,
        got=10_000_000,
    )


def a_match(trade_id: str = "t", at_ms: int = 0) -> Match:
    return Match(
        trade_id=trade_id,
        condition_id=CONDITION,
        is_neg_risk=False,
        taker=fill(Side.BUY),
        makers=(fill(Side.SELL),),
        matched_ns=at_ms * MS,
    )


class Scene:
    """A settlement between a scripted chain and somebody who listens."""

    def __init__(self, *faults: Fault, tries_max: int = 3) -> None:
        self.chain = ScriptedChain()
        self.words = Words()
        self.settlement = Settlement(
            SettlementSettings(submit_ms=500, retry_ms=2_000, tries_max=tries_max),
            self.chain,
            self.words,
            OneFault(*faults),
        )

    def at(self, ms: int) -> None:
        self.settlement.advance(ms * MS)
        self.settlement.look()

    def last_hash(self) -> str:
        return self.chain.sent[-1][0]

    def statuses(self) -> list[TradeStatus]:
        return [status for _, status, _ in self.words.told]


def test_a_match_is_sent_after_the_delay_and_not_a_moment_before() -> None:
    scene = Scene()
    scene.settlement.take(a_match())
    assert scene.settlement.next_due_ns == 500 * MS
    scene.at(499)
    assert scene.chain.sent == []
    scene.at(500)
    assert scene.chain.sent == [("t#0", False)]


def test_matches_are_sent_in_the_order_of_their_time_whatever_order_they_came_in() -> None:
    scene = Scene()
    scene.settlement.take(a_match("late", at_ms=10))
    scene.settlement.take(a_match("early", at_ms=5))
    scene.settlement.take(a_match("early too", at_ms=5))
    scene.at(1_000)
    assert [name for name, _ in scene.chain.sent] == ["early#0", "early too#1", "late#2"]


def test_every_word_is_told_once_with_the_hash_that_it_is_about() -> None:
    scene = Scene()
    scene.settlement.take(a_match())
    scene.at(500)
    scene.at(600)
    assert scene.words.told == []
    scene.chain.mined["t#0"] = True
    scene.at(2_000)
    scene.at(2_001)
    scene.chain.confirmed.add("t#0")
    scene.at(4_000)
    scene.at(4_001)
    assert scene.words.told == [
        ("t", TradeStatus.MINED, "t#0"),
        ("t", TradeStatus.CONFIRMED, "t#0"),
    ]
    assert scene.settlement.open_count == 0
    assert scene.settlement.next_due_ns == FAR_FUTURE_NS


def test_a_reverted_match_is_tried_again_under_a_new_hash() -> None:
    scene = Scene()
    scene.settlement.take(a_match())
    scene.at(500)
    scene.chain.mined["t#0"] = False
    scene.at(2_000)
    assert scene.words.told == [("t", TradeStatus.RETRYING, "t#0")]
    assert scene.settlement.next_due_ns == 4_000 * MS
    scene.at(4_000)
    scene.chain.mined["t#1"] = True
    scene.chain.confirmed.add("t#1")
    scene.at(6_000)
    assert scene.words.told[-1] == ("t", TradeStatus.CONFIRMED, "t#1")


@pytest.mark.parametrize("tries_max", [1, 2, 3])
def test_after_its_last_try_a_match_has_failed_and_is_left_alone(tries_max: int) -> None:
    scene = Scene(tries_max=tries_max)
    scene.settlement.take(a_match())
    for step in range(2 * tries_max + 4):
        for name, _ in scene.chain.sent:
            scene.chain.mined[name] = False
        scene.at(500 + step * 1_000)
    assert len(scene.chain.sent) == tries_max
    assert scene.statuses() == [TradeStatus.RETRYING] * min(1, tries_max - 1) + [TradeStatus.FAILED]
    assert scene.settlement.open_count == 0


def test_a_ghost_fill_reverts_on_every_try() -> None:
    scene = Scene(Fault(kind=FaultKind.GHOST_FILL))
    scene.settlement.take(a_match())
    for step in range(12):
        for name, is_ghost in scene.chain.sent:
            scene.chain.mined[name] = not is_ghost
        scene.at(500 + step * 1_000)
    assert [is_ghost for _, is_ghost in scene.chain.sent] == [True, True, True]
    assert scene.statuses()[-1] is TradeStatus.FAILED


def test_a_ghost_of_two_tries_succeeds_at_the_third() -> None:
    scene = Scene(Fault(kind=FaultKind.GHOST_FILL, amount=2))
    scene.settlement.take(a_match())
    for step in range(12):
        for name, is_ghost in scene.chain.sent:
            scene.chain.mined[name] = not is_ghost
            scene.chain.confirmed.add(name)
        scene.at(500 + step * 1_000)
    assert [is_ghost for _, is_ghost in scene.chain.sent] == [True, True, False]
    assert scene.statuses() == [TradeStatus.RETRYING, TradeStatus.MINED, TradeStatus.CONFIRMED]


def test_a_delayed_settlement_is_sent_that_much_later() -> None:
    scene = Scene(Fault(kind=FaultKind.SETTLEMENT_DELAY, amount=30_000))
    scene.settlement.take(a_match())
    assert scene.settlement.next_due_ns == 30_500 * MS


def test_a_mined_match_whose_block_is_undone_is_retrying_until_it_is_mined_again() -> None:
    scene = Scene()
    scene.settlement.take(a_match())
    scene.at(500)
    scene.chain.mined["t#0"] = True
    scene.at(2_000)
    del scene.chain.mined["t#0"]
    scene.at(3_000)
    scene.chain.mined["t#0"] = True
    scene.at(4_000)
    scene.chain.confirmed.add("t#0")
    scene.at(6_000)
    assert scene.statuses() == [
        TradeStatus.MINED,
        TradeStatus.RETRYING,
        TradeStatus.MINED,
        TradeStatus.CONFIRMED,
    ]
    steps = zip([TradeStatus.MATCHED, *scene.statuses()], scene.statuses(), strict=False)
    assert all(after in TRADE_STEPS[before] for before, after in steps)


def test_everything_that_was_mined_is_told_before_any_last_word() -> None:
    scene = Scene()
    scene.settlement.take(a_match("old"))
    scene.at(500)
    (old,) = (name for name, _ in scene.chain.sent)
    scene.chain.mined[old] = True
    scene.at(1_000)
    scene.settlement.take(a_match("new", at_ms=1_000))
    scene.at(1_500)
    scene.chain.confirmed.add(old)
    scene.chain.mined[scene.chain.sent[1][0]] = True
    scene.at(2_000)
    told = [(trade_id, status) for trade_id, status, _ in scene.words.told]
    assert told == [
        ("old", TradeStatus.MINED),
        ("new", TradeStatus.MINED),
        ("old", TradeStatus.CONFIRMED),
    ]

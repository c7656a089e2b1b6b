"""A match is settled as the contract settles it, or not at all."""

import msgspec
import pytest
from chain_cases import (
    ALICE,
    BLOCK_NS,
    BOB,
    CAROL,
    ONE,
    account,
    chain_of,
    contents,
    fill,
    group_markets,
    match,
    mine,
    plain_market,
)
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.ids import TokenId
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.addresses import exchange_of
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.frame import Frame, RevertError
from polyarb.venue.sandbox.chain.match_logs import logs_of, settle_stepwise
from polyarb.venue.sandbox.chain.settling import settle
from polyarb.venue.sandbox.chain.tokens import allow_all, approve
from polyarb.venue.sandbox.terms.instruments import ListedMarket
from polyarb.venue.sandbox.terms.trades import Match

MARKETS = (plain_market(), group_markets(4, 0)[1])
OWNERS = (ALICE, BOB, CAROL)
BUY, SELL = Side.BUY, Side.SELL


def rich_chain(fee_bips: int = 0) -> Chain:
    chain = chain_of(4, fee_bips)
    chain.found(CAROL, pusd=500 * ONE, is_approved=True)
    for owner in OWNERS:
        for market in MARKETS:
            chain.endow(owner, market.condition_id, 300 * ONE)
    return chain


@st.composite
def matches(draw: st.DrawFn) -> Match:
    """Draw a match that balances: its makers trade, mint or merge at prices of their own."""
    market = draw(st.sampled_from(MARKETS))
    side = draw(st.sampled_from([BUY, SELL]))
    token = draw(st.sampled_from([market.yes, market.no]))
    other = market.no if token == market.yes else market.yes
    makers, cash, shares = [], 0, 0
    for at in range(draw(st.integers(1, 4))):
        size = draw(st.integers(1, 20)) * 100_000
        price = draw(st.integers(1, 99)) * 10_000
        is_direct = draw(st.booleans())
        maker_side = (SELL if side is BUY else BUY) if is_direct else side
        made = fill(
            draw(st.sampled_from(OWNERS)),
            token if is_direct else other,
            maker_side,
            size,
            price if is_direct else ONE - price,
            order=f"{at + 1:02x}",
        )
        fee = draw(st.integers(0, min(made.got, 1_000) if maker_side is SELL else 1_000))
        makers.append(msgspec.structs.replace(made, fee=fee))
        cash += size * price // ONE
        shares += size
    given_, got = (cash, shares) if side is BUY else (shares, cash)
    taker = msgspec.structs.replace(
        fill(draw(st.sampled_from(OWNERS)), token, side, shares, ONE // 2, order="aa"),
        given=given_,
        got=got,
        fee=draw(st.integers(0, 500)) if side is BUY else draw(st.integers(0, min(cash, 500))),
    )
    return match(market, taker, *makers)


@given(matches())
def test_the_short_way_ends_where_the_steps_of_the_contract_end(drawn: Match) -> None:
    short, long = rich_chain(), rich_chain()
    settle(short.state, drawn)
    settle_stepwise(Frame(long.state, exchange_of(drawn.is_neg_risk)), drawn)
    assert contents(short) == contents(long)


@given(matches(), st.integers(0, 10**9))
def test_a_limited_right_is_used_up_the_same_on_both_ways(drawn: Match, extra: int) -> None:
    chains = rich_chain(), rich_chain()
    exchange = exchange_of(drawn.is_neg_risk)
    for chain in chains:
        for owner in OWNERS:
            approve(Frame(chain.state, owner), CONTRACTS.pusd, exchange, 200 * ONE + extra)
    settle(chains[0].state, drawn)
    settle_stepwise(Frame(chains[1].state, exchange), drawn)
    assert contents(chains[0]) == contents(chains[1])


@given(matches())
def test_the_logs_of_a_match_tell_every_order_once_with_its_amounts(drawn: Match) -> None:
    logs = logs_of(drawn)
    told = [arguments for _, event, arguments in logs if event.name == "OrderFilled"]
    assert [arguments[0] for arguments in told] == [
        *(maker.order_id for maker in drawn.makers),
        drawn.taker.order_id,
    ]
    assert told[-1][5:8] == (drawn.taker.given, drawn.taker.got, drawn.taker.fee)
    charged = sum(
        int(str(arguments[1])) for _, event, arguments in logs if event.name == "FeeCharged"
    )
    assert charged == sum(each.fee for each in (drawn.taker, *drawn.makers))


def settled(chain: Chain, *matched: Match) -> list[str | None]:
    sent = [chain.submit_match(each, is_ghost=False) for each in matched]
    mine(chain)
    receipts = [chain.receipt(transaction_hash) for transaction_hash in sent]
    return [receipt.reason if receipt and not receipt.is_success else None for receipt in receipts]


def plain_sale(maker: Address = BOB, shares: int = 10 * ONE) -> Match:
    market = plain_market()
    return match(
        market,
        fill(ALICE, market.yes, BUY, shares, 600_000),
        fill(maker, market.yes, SELL, shares, 600_000),
    )


def minting(taker: Address, maker: Address, shares: int, market: ListedMarket) -> Match:
    return match(
        market,
        fill(taker, market.yes, BUY, shares, 600_000),
        fill(maker, market.no, BUY, shares, 400_000),
    )


def merging(taker: Address, maker: Address, shares: int, market: ListedMarket) -> Match:
    return match(
        market,
        fill(taker, market.yes, SELL, shares, 600_000),
        fill(maker, market.no, SELL, shares, 400_000),
    )


def test_a_maker_without_shares_reverts_the_whole_match() -> None:
    chain, market = chain_of(), plain_market()
    chain.endow(BOB, market.condition_id, 5 * ONE)
    before = contents(chain)
    reasons = settled(
        chain,
        match(
            market,
            fill(ALICE, market.yes, BUY, 10 * ONE, 600_000),
            fill(BOB, market.yes, SELL, 5 * ONE, 600_000),
            fill(CAROL, market.yes, SELL, 5 * ONE, 600_000),
        ),
    )
    assert reasons == ["ERC1155: need operator approval for 3rd party transfers."]
    assert contents(chain) == before
    allow_all(Frame(chain.state, CAROL), CONTRACTS.conditional_tokens, CONTRACTS.exchange, True)
    chain.state.seal()
    assert settled(chain, plain_sale(CAROL)) == ["SafeMath: subtraction overflow"]


@pytest.mark.parametrize("market", MARKETS, ids=["plain", "neg-risk"])
def test_money_and_rights_that_are_gone_revert_a_buy(market: ListedMarket) -> None:
    chain = chain_of()
    exchange = exchange_of(market.is_neg_risk)
    other = exchange_of(not market.is_neg_risk)
    approve(Frame(chain.state, CAROL), CONTRACTS.pusd, other, 10**12)
    chain.state.seal()
    assert settled(chain, minting(CAROL, BOB, ONE, market)) == ["TransferFromFailed()"]
    approve(Frame(chain.state, CAROL), CONTRACTS.pusd, exchange, 10**12)
    chain.state.seal()
    assert settled(chain, minting(CAROL, BOB, ONE, market)) == ["TransferFromFailed()"]
    chain.found(CAROL, pusd=600_000, is_approved=False)
    mine(chain)
    assert settled(chain, minting(CAROL, BOB, ONE, market)) == [None]
    assert chain.collateral(CAROL) == 0 and chain.shares(CAROL, market.yes) == ONE


def test_the_fee_of_a_buy_must_be_paid_too() -> None:
    chain, market = chain_of(), plain_market()
    chain.found(CAROL, pusd=600_000, is_approved=True)
    buy = fill(CAROL, market.yes, BUY, ONE, 600_000, fee=1)
    sale = match(market, buy, fill(BOB, market.no, BUY, ONE, 400_000))
    assert settled(chain, sale) == ["TransferFromFailed()"]
    chain.found(CAROL, pusd=1, is_approved=False)
    mine(chain)
    assert settled(chain, sale) == [None]


def test_one_account_can_trade_with_itself() -> None:
    chain, market = chain_of(), plain_market()
    chain.endow(ALICE, market.condition_id, 10 * ONE)
    before = contents(chain)
    assert settled(chain, plain_sale(ALICE)) == [None]
    assert contents(chain) == before


def test_merging_needs_shares_of_both_sides() -> None:
    chain = rich_chain()
    for market in MARKETS:
        before = chain.collateral(ALICE) + chain.collateral(BOB)
        assert settled(chain, merging(ALICE, BOB, 10 * ONE, market)) == [None]
        assert chain.collateral(ALICE) + chain.collateral(BOB) == before + 10 * ONE
        assert settled(chain, merging(ALICE, BOB, 295 * ONE, market)) == [
            "SafeMath: subtraction overflow"
        ]


def unbalanced() -> list[tuple[str, Match, str]]:
    market, other = plain_market(), group_markets(4, 0)[0]
    buy = fill(ALICE, market.yes, BUY, 10 * ONE, 600_000)
    sell = fill(BOB, market.yes, SELL, 10 * ONE, 600_000)
    mint = fill(BOB, market.no, BUY, 10 * ONE, 400_000)
    change = msgspec.structs.replace
    return [
        ("no makers", match(market, buy), "NoMakerOrders()"),
        (
            "foreign token",
            match(market, buy, change(sell, token_id=other.yes)),
            "MismatchedTokenIds()",
        ),
        (
            "more shares out than in",
            match(market, change(buy, got=buy.got + 1), sell),
            "TooLittleTokensReceived()",
        ),
        (
            "fewer shares out than in",
            match(market, change(buy, got=buy.got - 1), sell),
            "TooLittleTokensReceived()",
        ),
        (
            "more money out than in",
            match(market, buy, change(sell, got=sell.got + 1)),
            "TooLittleTokensReceived()",
        ),
        (
            "a set that nobody pays",
            match(market, buy, change(mint, given=mint.given - 1)),
            "TooLittleTokensReceived()",
        ),
        (
            "two buyers of one token",
            match(market, buy, change(mint, token_id=market.yes)),
            "MismatchedTokenIds()",
        ),
        (
            "a seller of the other token",
            match(market, buy, change(sell, token_id=market.no)),
            "MismatchedTokenIds()",
        ),
        (
            "makers that trade with each other",
            match(
                market,
                buy,
                sell,
                change(mint, side=SELL, given=ONE, got=ONE),
                change(mint, got=ONE),
            ),
            "MismatchedTokenIds()",
        ),
        (
            "a taker of another market",
            match(market, change(buy, token_id=other.yes), sell),
            "MismatchedTokenIds()",
        ),
        (
            "a fee above what is got",
            match(market, buy, change(sell, fee=sell.got + 1)),
            "FeeExceedsProceeds()",
        ),
    ]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [(wrong, reason) for _, wrong, reason in unbalanced()],
    ids=[name for name, _, _ in unbalanced()],
)
def test_a_match_that_does_not_add_up_reverts(wrong: Match, reason: str) -> None:
    chain = rich_chain()
    before = contents(chain)
    assert settled(chain, wrong) == [reason]
    assert contents(chain) == before


def test_a_condition_that_was_never_prepared_makes_no_sets() -> None:
    unknown = plain_market(question=plain_market().question_id[:-2] + "99")  # type: ignore[arg-type]
    assert settled(chain_of(), minting(ALICE, BOB, ONE, unknown)) == ["condition not prepared yet"]


def test_what_the_makers_did_not_need_goes_back_to_the_taker() -> None:
    chain = rich_chain()
    sale = plain_sale()
    generous = msgspec.structs.replace(
        sale, taker=msgspec.structs.replace(sale.taker, given=sale.taker.given + 7)
    )
    before = chain.collateral(ALICE)
    assert settled(chain, generous) == [None]
    assert before - chain.collateral(ALICE) == sale.taker.given


def test_a_ghost_reverts_although_everything_is_there() -> None:
    chain = rich_chain()
    before = contents(chain)
    ghost = chain.submit_match(plain_sale(), is_ghost=True)
    sound = chain.submit_match(plain_sale(), is_ghost=False)
    assert chain.is_mined(ghost) is None and ghost != sound
    mine(chain)
    assert chain.is_mined(ghost) is False and chain.is_mined(sound) is True
    receipt = chain.receipt(ghost)
    assert receipt is not None and receipt.reason == "TransferFromFailed()"
    assert chain.emitted_by(receipt) == () and contents(chain) != before


def test_matches_of_one_block_build_on_each_other_in_their_order() -> None:
    market = plain_market()
    chain = chain_of()
    chain.endow(BOB, market.condition_id, 10 * ONE)
    resale = match(
        market,
        fill(BOB, market.yes, BUY, 10 * ONE, 500_000),
        fill(ALICE, market.yes, SELL, 10 * ONE, 500_000),
        trade_id="trade-2",
    )
    assert settled(chain, resale, plain_sale()) == ["SafeMath: subtraction overflow", None]
    assert settled(chain, resale) == [None]
    assert chain.collateral(BOB) == 1_001 * ONE


def test_a_settlement_is_confirmed_when_two_blocks_stand_on_it() -> None:
    chain = rich_chain()
    sent = chain.submit_match(plain_sale(), is_ghost=False)
    assert chain.next_due_ns == chain.now_ns + BLOCK_NS
    seen = []
    for _ in range(4):
        mine(chain)
        seen.append((chain.is_mined(sent), chain.is_confirmed(sent)))
    assert seen == [(True, False), (True, False), (True, True), (True, True)]
    assert not chain.is_confirmed("0x" + "00" * 32)


def test_the_exchange_reads_money_shares_and_rights() -> None:
    chain, market = rich_chain(), plain_market()
    stranger = account("stranger")
    assert chain.collateral(ALICE) == 1_000 * ONE and chain.collateral(stranger) == 0
    assert chain.shares(ALICE, market.yes) == 300 * ONE
    assert chain.shares(ALICE, TokenId("1")) == 0
    checked = {CONTRACTS.exchange, CONTRACTS.neg_risk_exchange, CONTRACTS.neg_risk_adapter}
    assert set(chain.collateral_allowances(ALICE)) == checked == set(chain.share_approvals(ALICE))
    assert set(chain.collateral_allowances(ALICE).values()) == {2**256 - 1}
    assert set(chain.share_approvals(ALICE).values()) == {True}
    assert set(chain.collateral_allowances(stranger).values()) == {0}
    assert set(chain.share_approvals(stranger).values()) == {False}


def test_a_revert_inside_the_short_way_is_raised_with_its_reason() -> None:
    chain = rich_chain()
    mark = chain.state.mark()
    with pytest.raises(RevertError, match="SafeMath"):
        settle(chain.state, plain_sale(shares=400 * ONE))
    chain.state.undo(mark)
    assert contents(chain) == contents(rich_chain())

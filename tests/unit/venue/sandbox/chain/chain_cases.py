"""A small world of one plain market and one neg-risk group, with accounts that hold money."""

from collections import defaultdict

from polyarb.domain.fees import NO_FEE
from polyarb.domain.ids import ConditionId, GroupId, OrderId, TokenId
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.contracts import CONTRACTS, address_of
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address, Bytes32
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.ids import condition_id, market_id, question_id, token_pair
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket, Listing
from polyarb.venue.sandbox.terms.settings import ChainSettings
from polyarb.venue.sandbox.terms.trades import Fill, Match

GENESIS_NS = 1_795_000_000 * 10**9
BLOCK_NS = 2 * 10**9
ONE = 1_000_000
UNLIMITED = 2**256 - 1


def account(name: str) -> Address:
    """Return the address that stands for a name; nobody has its key."""
    return address_of(keccak256(name.encode())[12:])


ALICE, BOB, CAROL = account("alice"), account("bob"), account("carol")
ORACLE = CONTRACTS.uma_adapter_v3
PLAIN_QUESTION = Bytes32("0x" + "11" * 32)
PLAIN = condition_id(ORACLE, PLAIN_QUESTION)


def plain_market(question: Bytes32 = PLAIN_QUESTION, slug: str = "plain") -> ListedMarket:
    """Return a market of its own."""
    condition = condition_id(ORACLE, question)
    yes, no = token_pair(CONTRACTS.usdc_bridged, condition)
    return ListedMarket(
        condition_id=condition,
        question_id=question,
        oracle=ORACLE,
        yes=yes,
        no=no,
        question="Is it plain?",
        slug=slug,
        event_id=slug,
        tick=10_000,
        size_min=5 * ONE,
        fee=NO_FEE,
    )


def plain_event(slug: str = "plain", question: Bytes32 = PLAIN_QUESTION) -> ListedEvent:
    """Return the event of a market of its own."""
    return ListedEvent(
        event_id=slug,
        slug=slug,
        title=slug,
        condition_ids=(condition_id(ORACLE, question),),
        ends_ns=GENESIS_NS + 10**18,
    )


def group_of(fee_bips: int) -> GroupId:
    """Return the id of the group whose converting costs this much."""
    return market_id(CONTRACTS.neg_risk_operator, fee_bips, b"who wins")


def group_markets(count: int, fee_bips: int) -> tuple[ListedMarket, ...]:
    """Return the questions of a neg-risk group."""
    group = group_of(fee_bips)
    markets = []
    for index in range(count):
        asked = question_id(group, index)
        condition = condition_id(CONTRACTS.neg_risk_adapter, asked)
        yes, no = token_pair(CONTRACTS.wrapped_collateral, condition)
        markets.append(
            ListedMarket(
                condition_id=condition,
                question_id=asked,
                oracle=CONTRACTS.neg_risk_adapter,
                yes=yes,
                no=no,
                question=f"Does {index} win?",
                slug=f"group-{index}",
                event_id="group",
                tick=10_000,
                size_min=5 * ONE,
                fee=NO_FEE,
                group_id=group,
                question_index=index,
            )
        )
    return tuple(markets)


def listing(count: int = 4, fee_bips: int = 0) -> Listing:
    """Return a plain market and a group of some questions."""
    markets = group_markets(count, fee_bips)
    event = ListedEvent(
        event_id="group",
        slug="group",
        title="Who wins?",
        condition_ids=tuple(market.condition_id for market in markets),
        group_id=group_of(fee_bips),
        convert_fee_bips=fee_bips,
        ends_ns=GENESIS_NS + 10**18,
    )
    return Listing(events=(plain_event(), event), markets=(plain_market(), *markets))


def chain_of(count: int = 4, fee_bips: int = 0, **settings: int) -> Chain:
    """Return a chain at genesis on which Alice and Bob hold 1,000 pUSD each, Carol none."""
    chain = Chain(ChainSettings(genesis_ns=GENESIS_NS, **settings), listing(count, fee_bips))
    chain.found(ALICE, pusd=1_000 * ONE, is_approved=True)
    chain.found(BOB, pusd=1_000 * ONE, is_approved=True)
    chain.found(CAROL, pusd=0, is_approved=False)
    return chain


def mine(chain: Chain, blocks: int = 1) -> None:
    """Let some blocks pass."""
    chain.advance(chain.now_ns + blocks * BLOCK_NS)


def fill(
    maker: Address,
    token_id: TokenId,
    side: Side,
    shares: int,
    price: int,
    *,
    fee: int = 0,
    order: str = "a1",
) -> Fill:
    """Return an order's part of a match at a price."""
    cash = shares * price // ONE
    given, got = (cash, shares) if side is Side.BUY else (shares, cash)
    return Fill(
        order_id=OrderId("0x" + order * 32),
        owner=f"key-of-{maker[-4:]}",
        maker=maker,
        token_id=token_id,
        outcome="Yes",
        side=side,
        shares=shares,
        price=price,
        given=given,
        got=got,
        fee=fee,
    )


def match(market: ListedMarket, taker: Fill, *makers: Fill, trade_id: str = "trade-1") -> Match:
    """Return a trade of a market."""
    return Match(
        trade_id=trade_id,
        condition_id=market.condition_id,
        is_neg_risk=market.is_neg_risk,
        taker=taker,
        makers=makers,
        matched_ns=GENESIS_NS,
    )


def supplies(chain: Chain) -> dict[str, int]:
    """Add up what all accounts hold, by token."""
    totals: dict[str, int] = defaultdict(int)
    for slot, number in chain.state.items():
        if len(slot) == 2:
            totals[slot[0]] += number
    return totals


def contents(chain: Chain) -> list[tuple[tuple[str, ...], int]]:
    """Return everything the chain remembers, in a fixed order."""
    return sorted(chain.state.items())


def condition_of(markets: tuple[ListedMarket, ...], index: int) -> ConditionId:
    """Return the condition of a question."""
    return markets[index].condition_id

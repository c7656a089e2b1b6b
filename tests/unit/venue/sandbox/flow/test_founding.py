"""A sandbox is founded from a scenario and a seed: exact ids, funded accounts, standing books."""

import msgspec
import pytest
from coincurve import PrivateKey
from flow_cases import BUSY, GROUP, NESTED, PLAIN, START_NS, event, founded, scenario, shipped
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.units import MICRO, ONE
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.sandbox.chain import ids
from polyarb.venue.sandbox.flow import accounts
from polyarb.venue.sandbox.flow.accounts import account_of, address_of, private_key_of, wallet_of
from polyarb.venue.sandbox.flow.listing import list_scenario
from polyarb.venue.sandbox.flow.scenario import Crowd, EventKind, MakerTerms
from polyarb.venue.sandbox.terms.instruments import ListedMarket

ADDRESS_OF_ONES = "0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1"


def proven(market: ListedMarket) -> bool:
    """Form every id of a market again, from its question on."""
    collateral = CONTRACTS.wrapped_collateral if market.group_id else CONTRACTS.usdc_bridged
    condition = ids.condition_id(market.oracle, market.question_id)
    yes, no = (
        ids.position_id(collateral, ids.collection_id(condition, index_set)) for index_set in (1, 2)
    )
    return (condition, yes, no) == (market.condition_id, market.yes, market.no)


def test_the_ids_of_a_listing_are_those_of_the_chain() -> None:
    listing = list_scenario(scenario(PLAIN, GROUP, NESTED), seed=1, starts_ns=START_NS)
    assert all(proven(market) for market in listing.markets)
    plain, group, nested = listing.events
    assert plain.group_id is None and nested.group_id is None
    assert group.group_id is not None and group.group_id.endswith("00")
    members = [market for market in listing.markets if market.group_id == group.group_id]
    assert [market.question_index for market in members] == [0, 1, 2]
    for at, market in enumerate(members):
        assert int(market.question_id, 16) == int(group.group_id, 16) + at
        assert market.oracle == CONTRACTS.neg_risk_adapter
    assert group.condition_ids == tuple(market.condition_id for market in members)
    assert group.ends_ns - group.starts_ns == 30 * 86_400 * 10**9


def test_a_listing_follows_from_seed_and_text_alone() -> None:
    terms = scenario(PLAIN, GROUP)
    first = list_scenario(terms, seed=1, starts_ns=START_NS)
    again = list_scenario(terms, seed=1, starts_ns=0)
    other = list_scenario(terms, seed=2, starts_ns=START_NS)
    renamed = list_scenario(scenario(event("plane", [500_000]), GROUP), seed=1, starts_ns=START_NS)
    assert [m.yes for m in first.markets] == [m.yes for m in again.markets]
    assert not {m.condition_id for m in first.markets} & {m.condition_id for m in other.markets}
    assert first.markets[0].yes != renamed.markets[0].yes
    assert first.markets[1].yes == renamed.markets[1].yes


def test_a_market_has_the_terms_of_its_category() -> None:
    (market,) = list_scenario(
        scenario(PLAIN, fee_rate=700, hold_ms=250), seed=1, starts_ns=0
    ).markets
    assert market.fee == FeeSchedule(rate=700) and market.hold_ms == 250
    assert (market.tick, market.size_min, market.slug) == (10_000, 5 * MICRO, "plain-0")


@given(seed=st.integers(0, 2**32 - 1), name=st.text(max_size=20))
def test_a_key_is_one_of_the_curve_and_its_address_that_of_the_key(seed: int, name: str) -> None:
    account = account_of(seed, name, pusd=1)
    key = bytes.fromhex(account.private_key.reveal()[2:])
    assert PrivateKey(key).secret == key == private_key_of(seed, name)
    assert account.address == address_of(key) == wallet_of(seed, name).address


def test_an_address_is_in_checksum_case() -> None:
    assert address_of(b"\x01" * 32) == ADDRESS_OF_ONES


def test_a_hash_that_is_no_key_is_hashed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    real = accounts.keccak256
    digests = iter((bytes(32), b"\xff" * 32))
    monkeypatch.setattr(accounts, "keccak256", lambda content: next(digests, real(content)))
    assert private_key_of(1, "any") == real(b"\xff" * 32)


def test_accounts_are_funded_approved_and_different() -> None:
    sandbox = founded(scenario(PLAIN))
    assert len(sandbox.accounts) == 3 and len({one.address for one in sandbox.accounts}) == 3
    for account in sandbox.accounts:
        assert sandbox.world.chain.collateral(account.address) == account.pusd == 1_000 * MICRO
        assert all(sandbox.world.chain.share_approvals(account.address).values())
        assert all(sandbox.world.chain.collateral_allowances(account.address).values())
    assert sandbox.accounts[0].address not in {
        a.address for a in founded(scenario(PLAIN), 8).accounts
    }


@pytest.mark.parametrize("name", ["quiet", "default", "sparse", "rich"])
def test_every_market_of_a_shipped_scenario_has_a_two_sided_book_at_the_start(name: str) -> None:
    sandbox = founded(shipped(name))
    assert sandbox.world.now_ns == START_NS and not sandbox.world.drain()
    for market in sandbox.listing.markets:
        book = sandbox.world.exchange.book(market.yes)
        assert proven(market) and book is not None
        assert book.bids and book.asks and book.bids[-1][0] < book.asks[-1][0]
        assert all(price % market.tick == 0 for price, _ in (*book.bids, *book.asks))


def test_the_first_ladder_stands_around_the_opening_price() -> None:
    sandbox = founded(scenario(PLAIN, crowd=named(MakerTerms(levels=3, half_spread=20_000))))
    book = sandbox.world.exchange.book(sandbox.listing.markets[0].yes)
    assert book is not None
    assert [price for price, _ in book.bids] == [460_000, 470_000, 480_000]
    assert [price for price, _ in book.asks] == [540_000, 530_000, 520_000]


def named(makers: MakerTerms) -> Crowd:
    return msgspec.structs.replace(BUSY, makers=makers)


@given(
    prices=st.lists(st.integers(1, 97), min_size=1, max_size=5),
    half_spread=st.integers(0, 500_000),
    levels=st.integers(1, 20),
    tick=st.sampled_from([100_000, 10_000, 5_000, 2_500, 1_000, 100]),
)
def test_whatever_is_asked_of_makers_the_books_are_true(
    prices: list[int], half_spread: int, levels: int, tick: int
) -> None:
    makers = MakerTerms(levels=levels, half_spread=half_spread, step=tick)
    terms = event("any", [max(price * 10_000, tick) for price in prices])
    markets = tuple(
        msgspec.structs.replace(market, tick=tick, price=min(market.price, ONE - tick))
        for market in terms.markets
    )
    terms = msgspec.structs.replace(terms, markets=markets)
    sandbox = founded(scenario(terms, crowd=named(makers)))
    for market in sandbox.listing.markets:
        book = sandbox.world.exchange.book(market.yes)
        assert book is not None
        bid = book.bids[-1][0] if book.bids else 0
        ask = book.asks[-1][0] if book.asks else ONE
        assert bid < ask
        assert all(tick <= p <= ONE - tick and p % tick == 0 for p, _ in (*book.bids, *book.asks))


def test_kinds_are_those_of_the_file() -> None:
    assert [kind.value for kind in EventKind] == ["plain", "neg-risk", "nested"]

"""The rolling day of a key: charged before a signature leaves, never under-counted."""

from collections import Counter
from random import Random

import pytest
from polyarb.domain.errors import StoreError
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.budget import DAY_NS, TRANCHE_NS, Budget, Charge
from polyarb.venue.polymarket.signing.port import (
    OrdersSigned,
    OrdersToSign,
    SignatureRefused,
    SigningRefusal,
)
from tests.policy_cases import NOW_NS, USD, Book, SetClock, charged, guard, policy_for, to_sign

SET = OrdersToSign(orders=(to_sign(), to_sign(salt=2)))
"""Two orders of 5 USD."""


def budget(book: Book, day_max: int = 100, tranche: int = 20) -> Budget:
    return Budget(book, day_max=day_max, tranche=tranche)


def test_what_is_signed_is_charged_before_and_waits_for_the_disk_once_a_tranche() -> None:
    book = Book()
    signer = guard(book=book)
    assert isinstance(signer.sign_orders(SET), OrdersSigned)
    assert charged(book) == 20 * USD
    assert isinstance(signer.sign_orders(SET), OrdersSigned)
    assert book.appends == 1
    assert isinstance(signer.sign_orders(SET), OrdersSigned)
    assert (book.appends, charged(book)) == (2, 40 * USD)


def test_what_cannot_be_charged_is_not_signed_and_the_next_one_is_tried_anew() -> None:
    book = Book()
    signer = guard(book=book)
    book.is_full = True
    with pytest.raises(StoreError):
        signer.sign_orders(SET)
    assert not book.charges
    book.is_full = False
    assert isinstance(signer.sign_orders(SET), OrdersSigned)


def test_the_day_has_an_end_and_says_what_is_left() -> None:
    signer = guard(policy_for(day_max=25 * USD))
    assert isinstance(signer.sign_orders(SET), OrdersSigned)
    assert isinstance(signer.sign_orders(SET), OrdersSigned)
    answer = signer.sign_orders(SET)
    assert isinstance(answer, SignatureRefused)
    assert answer.reason is SigningRefusal.DAY_NOTIONAL
    assert answer.told == "expected at most 5 USD more of BUY today, found 10"
    assert isinstance(signer.sign_orders(OrdersToSign(orders=(to_sign(),))), OrdersSigned)


def test_what_was_bought_can_be_sold_whatever_was_bought() -> None:
    signer = guard(policy_for(day_max=10 * USD))
    assert isinstance(signer.sign_orders(SET), OrdersSigned)
    sell = to_sign(side=Side.SELL, maker_amount=10 * USD, taker_amount=5 * USD)
    assert isinstance(signer.sign_orders(SET), SignatureRefused)
    assert isinstance(signer.sign_orders(OrdersToSign(orders=(sell, sell))), OrdersSigned)
    assert isinstance(signer.sign_orders(OrdersToSign(orders=(sell,))), SignatureRefused)


def test_a_set_over_both_sides_is_charged_whole_or_not_at_all() -> None:
    book = Book()
    made = budget(book)
    assert made.charge({Side.BUY: 5, Side.SELL: 101}, NOW_NS) is Side.SELL
    assert not book.charges
    assert made.charge({Side.BUY: 5, Side.SELL: 100}, NOW_NS) is None
    assert (charged(book), charged(book, Side.SELL), book.appends) == (20, 100, 1)


def test_a_restart_forgets_nothing_that_was_charged() -> None:
    book = Book()
    assert budget(book).charge({Side.BUY: 1}, NOW_NS) is None
    again = budget(book)
    assert again.room(Side.BUY, NOW_NS) == 80
    assert again.charge({Side.BUY: 81}, NOW_NS) is Side.BUY
    assert again.charge({Side.BUY: 80}, NOW_NS) is None


def test_what_a_tranche_did_not_use_is_given_back_with_the_next_one() -> None:
    book = Book()
    made = budget(book)
    made.charge({Side.BUY: 1}, NOW_NS)
    assert made.room(Side.BUY, NOW_NS) == 99
    made.charge({Side.BUY: 2}, NOW_NS + TRANCHE_NS)
    assert book.charges[1] == Charge(side=Side.BUY, until_ns=NOW_NS + TRANCHE_NS, notional=-19)
    assert budget(book).room(Side.BUY, NOW_NS) == 79


def test_a_giving_back_that_is_of_no_charge_gives_nothing() -> None:
    book = Book()
    book.append(Charge(side=Side.BUY, until_ns=NOW_NS, notional=-50))
    book.append(Charge(side=Side.BUY, until_ns=NOW_NS, notional=30))
    book.append(Charge(side=Side.BUY, until_ns=NOW_NS, notional=-31))
    book.append(Charge(side=Side.BUY, until_ns=NOW_NS + 1, notional=-30))
    assert budget(book).room(Side.BUY, NOW_NS) == 70


def test_a_charge_counts_until_a_day_after_the_last_moment_it_may_be_used() -> None:
    book = Book()
    made = budget(book)
    made.charge({Side.BUY: 100}, NOW_NS)
    last = NOW_NS + TRANCHE_NS + DAY_NS
    assert made.charge({Side.BUY: 1}, last - 1) is Side.BUY
    assert budget(book).charge({Side.BUY: 1}, last - 1) is Side.BUY
    assert made.charge({Side.BUY: 100}, last) is None


def test_a_clock_that_steps_back_brings_nothing_back() -> None:
    made = budget(Book())
    made.charge({Side.BUY: 100}, NOW_NS)
    assert made.charge({Side.BUY: 1}, NOW_NS - 2 * DAY_NS) is Side.BUY
    assert made.room(Side.BUY, NOW_NS - 2 * DAY_NS) == 0


def test_a_tranche_is_charged_ahead_so_that_the_next_signature_waits_for_no_disk() -> None:
    book, clock = Book(), SetClock()
    signer = guard(book=book, clock=clock)
    signer.prepare()
    signer.prepare()
    assert (book.appends, charged(book), charged(book, Side.SELL)) == (1, 20 * USD, 20 * USD)
    assert isinstance(signer.sign_orders(SET), OrdersSigned)
    assert book.appends == 1
    clock.ns += TRANCHE_NS
    signer.prepare()
    assert (book.appends, charged(book)) == (2, 30 * USD)


def test_nothing_is_charged_ahead_where_nothing_is_left() -> None:
    book = Book()
    made = budget(book, tranche=100)
    made.charge({Side.BUY: 100, Side.SELL: 100}, NOW_NS)
    made.prepare(NOW_NS)
    assert book.appends == 1


@pytest.mark.parametrize("seed", range(6))
def test_no_day_of_random_askings_restarts_and_full_disks_exceeds_its_bound(seed: int) -> None:
    chance, book, now_ns = Random(seed), Book(), NOW_NS
    day_max = chance.randrange(50, 500)
    made = budget(book, day_max, chance.randrange(1, 60))
    spent: dict[Side, list[tuple[int, int]]] = {side: [] for side in Side}
    for _ in range(1_500):
        now_ns += chance.choice((0, 1, 10**9, 60 * 10**9, TRANCHE_NS, DAY_NS // 7))
        book.is_full = chance.random() < 0.05
        if chance.random() < 0.03:
            made = budget(book, day_max, chance.randrange(1, 60))
        try:
            if chance.random() < 0.2:
                made.prepare(now_ns)
            needs = Counter(
                {side: chance.randrange(1, 40) for side in Side if chance.random() < 0.7}
            )
            is_charged = made.charge(needs, now_ns) is None
        except StoreError:
            continue
        if is_charged:
            for side, need in needs.items():
                spent[side].append((now_ns, need))
        for side, signed in spent.items():
            in_day = sum(need for at_ns, need in signed if at_ns > now_ns - DAY_NS)
            assert in_day <= day_max
            assert made.room(side, now_ns) <= day_max - in_day
    assert all(len(signed) > 100 for signed in spent.values())

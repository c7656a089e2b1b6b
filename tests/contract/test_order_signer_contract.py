"""The port `OrderSigner`: the same within this process and at the other end of a pipe of bytes."""

import socket
import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest
from polyarb.venue.polymarket.signing.guarded import GuardedSigner
from polyarb.venue.polymarket.signing.port import (
    LoginSigned,
    LoginToSign,
    OrderSigner,
    OrdersSigned,
    OrdersToSign,
    SignatureRefused,
    SigningAnswer,
    SigningRefusal,
    SigningRequest,
)
from tests.policy_cases import NOW_MS, guard, to_sign

SET = OrdersToSign(orders=(to_sign(), to_sign(salt=2)))
_REQUESTS: msgspec.json.Decoder[SigningRequest] = msgspec.json.Decoder(SigningRequest)
_ANSWERS: msgspec.json.Decoder[SigningAnswer] = msgspec.json.Decoder(SigningAnswer)


class Distant:
    """Asks a holder at the other end of a socket: nothing but bytes of structs crosses."""

    def __init__(self, end: socket.socket) -> None:
        self._lines = end.makefile("rwb")

    def _ask(self, request: SigningRequest) -> SigningAnswer:
        self._lines.write(msgspec.json.encode(request) + b"\n")
        self._lines.flush()
        return _ANSWERS.decode(self._lines.readline())

    def sign_orders(self, request: OrdersToSign) -> OrdersSigned | SignatureRefused:
        answer = self._ask(request)
        assert not isinstance(answer, LoginSigned)
        return answer

    def sign_login(self, request: LoginToSign) -> LoginSigned | SignatureRefused:
        answer = self._ask(request)
        assert not isinstance(answer, OrdersSigned)
        return answer

    def close(self) -> None:
        self._lines.close()


def serve(end: socket.socket, signer: GuardedSigner) -> None:
    with end, end.makefile("rwb") as lines:
        for line in lines:
            request = _REQUESTS.decode(line)
            is_login = isinstance(request, LoginToSign)
            answer = signer.sign_login(request) if is_login else signer.sign_orders(request)
            lines.write(msgspec.json.encode(answer) + b"\n")
            lines.flush()


def near() -> Iterator[OrderSigner]:
    yield guard()


def distant() -> Iterator[OrderSigner]:
    here, there = socket.socketpair()
    holder = threading.Thread(target=serve, args=(there, guard()))
    holder.start()
    with here:
        asker = Distant(here)
        yield asker
        asker.close()
    holder.join(5)


@pytest.fixture(params=[near, distant], ids=["in process", "over a socket"])
def signer(request: pytest.FixtureRequest) -> Iterator[OrderSigner]:
    make: Callable[[], Iterator[OrderSigner]] = request.param
    yield from make()


def test_a_set_is_signed_in_its_order_with_its_ids(signer: OrderSigner) -> None:
    assert signer.sign_orders(SET) == guard().sign_orders(SET)


def test_one_bad_order_and_none_is_signed(signer: OrderSigner) -> None:
    answer = signer.sign_orders(OrdersToSign(orders=(to_sign(), to_sign(salt=-1))))
    assert isinstance(answer, SignatureRefused)
    assert (answer.reason, answer.index) == (SigningRefusal.MALFORMED, 1)


def test_the_day_is_one_whatever_asks(signer: OrderSigner) -> None:
    answers = [signer.sign_orders(SET) for _ in range(11)]
    assert all(isinstance(answer, OrdersSigned) for answer in answers[:10])
    last = answers[-1]
    assert isinstance(last, SignatureRefused)
    assert last.reason is SigningRefusal.DAY_NOTIONAL


def test_a_login_is_signed(signer: OrderSigner) -> None:
    request = LoginToSign(timestamp_s=NOW_MS // 1_000)
    assert signer.sign_login(request) == guard().sign_login(request)

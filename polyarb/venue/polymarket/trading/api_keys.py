"""An account's API key: created, or derived where there is one, by a login that it signs."""

import msgspec

from polyarb.domain.errors import RefusedError
from polyarb.domain.secret import Secret
from polyarb.ports import Clock
from polyarb.venue.polymarket.rest.faults import fault_of_body, fault_of_status
from polyarb.venue.polymarket.signing.mac import ApiCredentials
from polyarb.venue.polymarket.signing.port import (
    LoginSigned,
    LoginToSign,
    OrderSigner,
    SignatureRefused,
)
from polyarb.venue.polymarket.trading.order_wire import UNREADABLE
from polyarb.venue.polymarket.trading.sending import Account, NoReply, Reply, Sender

CREATE, DERIVE = "/auth/api-key", "/auth/derive-api-key"


class _Key(msgspec.Struct, frozen=True, rename="camel"):
    api_key: str
    secret: str
    passphrase: str


_decode = msgspec.json.Decoder(_Key).decode


async def create_or_derive(
    sender: Sender, signer: OrderSigner, clock: Clock, *, nonce: int = 0
) -> Account:
    """Create the API key of an account, or derive the one that it has for this nonce.

    A creation whose answer is lost is found by deriving. Secrets never reach a message.
    Errors: RestError; RefusedError where the login is not signed.
    """
    login = _login(sender, signer, nonce)
    created = await sender.send("POST", CREATE, headers=login.headers)
    if isinstance(created, Reply) and created.status == 200:
        return _account(created, login, CREATE)
    login = _login(sender, signer, nonce)
    derived = await sender.send("GET", DERIVE, headers=login.headers)
    if isinstance(derived, NoReply):
        raise derived.fault
    if derived.status != 200:
        raise fault_of_status(
            derived.status,
            derived.body,
            asked=f"GET {DERIVE}",
            headers=derived.headers,
            now_ns=clock.now_ns(),
        )
    return _account(derived, login, DERIVE)


def _login(sender: Sender, signer: OrderSigner, nonce: int) -> LoginSigned:
    asked = LoginToSign(timestamp_s=sender.server_clock.now_s(), nonce=nonce)
    answer = signer.sign_login(asked)
    if isinstance(answer, SignatureRefused):
        raise RefusedError(f"expected a signed login, found a refusal: {answer.told}")
    return answer


def _account(reply: Reply, login: LoginSigned, path: str) -> Account:
    """Read a key. Errors: RestError, which shows nothing of the answer."""
    try:
        told = _decode(reply.body)
    except UNREADABLE:
        raise fault_of_body(path, "an API key", "another answer") from None
    credentials = ApiCredentials(
        key=told.api_key, secret=Secret(told.secret), passphrase=Secret(told.passphrase)
    )
    return Account(address=login.account, credentials=credentials)

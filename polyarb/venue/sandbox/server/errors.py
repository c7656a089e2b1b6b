"""What a refused request is answered with: the venue's statuses and texts, in one place."""

from collections.abc import Mapping

import msgspec

from polyarb.domain.errors import PolyarbError
from polyarb.venue.sandbox.terms.orders import RefusalReason, Refused


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a refusal. Source: polymarket.md 3.4. Units: retry_after_seconds."""

    error: str
    code: str = ""
    retry_after_seconds: int = 0
    order_id: str = msgspec.field(default="", name="orderID")


class HeartbeatBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a heartbeat with a wrong id: the id that was expected."""

    error_msg: str
    heartbeat_id: str


class RejectedError(PolyarbError):
    """A request that is answered with a refusal; nothing of it was done."""

    def __init__(
        self,
        status: int,
        text: str,
        *,
        body: ErrorBody | HeartbeatBody | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.body = body or ErrorBody(error=text)
        self.headers = dict(headers or {})


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """How a refusal of the exchange is told over HTTP.

    Shape: is_general refuses the whole request whatever is in it; code is the machine's name.
    """

    status: int
    code: str = ""
    is_general: bool = False


ANSWERS: dict[RefusalReason, Answered] = {
    RefusalReason.UNKNOWN_TOKEN: Answered(status=404),
    RefusalReason.MARKET_NOT_READY: Answered(status=400),
    RefusalReason.INVALID_PAYLOAD: Answered(status=400),
    RefusalReason.OFF_TICK: Answered(status=400),
    RefusalReason.TOO_SMALL: Answered(status=400),
    RefusalReason.INVALID_AMOUNTS: Answered(status=400),
    RefusalReason.INVALID_EXPIRATION: Answered(status=400),
    RefusalReason.DUPLICATE: Answered(status=400),
    RefusalReason.NOT_ENOUGH_BALANCE: Answered(status=400),
    RefusalReason.NOT_ENOUGH_ALLOWANCE: Answered(status=400),
    RefusalReason.POST_ONLY_CROSSES: Answered(status=400),
    RefusalReason.FOK_NOT_FILLED: Answered(status=400),
    RefusalReason.FAK_NOT_FILLED: Answered(status=400),
    RefusalReason.RESTARTING: Answered(status=425, is_general=True),
    RefusalReason.POST_ONLY_MODE: Answered(status=503, code="post_only_mode"),
    RefusalReason.CANCEL_ONLY_MODE: Answered(status=503, is_general=True),
    RefusalReason.TRADING_DISABLED: Answered(status=503, is_general=True),
    RefusalReason.INVALID_HEARTBEAT: Answered(status=400),
}
"""Source: polymarket.md 3.4. An order that is alone is refused with 400, one of a batch in its
own entry; what the engine takes of nobody is a refusal of the whole request."""

INVALID_HEARTBEAT = "Invalid Heartbeat ID"
INVALID_ORDER = "Invalid order payload"
INVALID_REQUEST = "Invalid request payload"
NO_BOOK = "No orderbook exists for the requested token id"
NO_MARKET = "market not found"
NO_PATH = "404 page not found"
NO_METHOD = "method not allowed"
TOO_LARGE = "request entity too large"
TOO_MANY_REQUESTS = "Too Many Requests"
TOO_SLOW = "request timeout"
VERSION_MISMATCH = "order_version_mismatch"
WRONG_OWNER = "the order owner has to be the owner of the API KEY"
WRONG_SIGNER = "the order signer address has to be the address of the API KEY"
WRONG_SIGNATURE = "invalid signature"
EOA_NOT_ALLOWED = "maker address not allowed, please use the deposit wallet flow"
UNKNOWN_KEY = "Unauthorized/Invalid api key"


def rejection_of(refused: Refused, *, retry_after_s: int = 0) -> RejectedError:
    """Turn a refusal of the exchange into the answer that the venue gives."""
    if refused.reason is RefusalReason.INVALID_HEARTBEAT:
        body = HeartbeatBody(error_msg=INVALID_HEARTBEAT, heartbeat_id=refused.message)
        return RejectedError(400, INVALID_HEARTBEAT, body=body)
    answered = ANSWERS[refused.reason]
    return RejectedError(
        answered.status,
        refused.message,
        body=ErrorBody(
            error=refused.message,
            code=answered.code,
            retry_after_seconds=retry_after_s if answered.code else 0,
            order_id=refused.order_id,
        ),
        headers={"Retry-After": str(retry_after_s)} if retry_after_s else None,
    )

"""The chain's node over JSON-RPC: web3's provider carries single requests and batches.

Nothing is ever sent twice from here, by a retry of the provider least of all. An address may hold
a credential, so no text and no log names more of it than its host.
"""

import logging
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

import msgspec

from polyarb.domain.errors import UsageError, VenueError
from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.rest.faults import printable

if TYPE_CHECKING:
    from web3 import AsyncHTTPProvider
    from web3.types import RPCEndpoint

_REVERTS: Final = frozenset({3, -32_000, -32_003, -32_015, -32_603})
"""Codes under which nodes answer that a contract gave up. Source: polymarket-chain 2."""
_UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError)
"""What web3 raises over an answer that is no JSON-RPC."""
_REVERT_WORDS: Final = ("revert", "invalid opcode")
_TALKATIVE: Final = (
    "web3.providers.AsyncHTTPProvider",
    "web3._utils.http_session_manager.HTTPSessionManager",
)


class NodeError(VenueError):
    """The node gave no usable answer; whether what was asked was done is not known."""

    retryable = True


class NodeFault(msgspec.Struct, frozen=True, kw_only=True):
    """The node answered with an error. Shape: content is the error's `data` where it is a text."""

    code: int
    message: str
    content: str = ""

    @property
    def is_revert(self) -> bool:
        """Tell whether a contract gave up."""
        told = (self.message + self.content).lower()
        is_told = any(word in told for word in _REVERT_WORDS)
        return self.code in _REVERTS and (self.code == 3 or is_told)


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One method with its parameters."""

    method: str
    params: tuple[object, ...] = ()


class _Failure(msgspec.Struct):
    code: int = 0
    message: str = ""
    data: object = None


class Node:
    """One endpoint; every request has a deadline. Close it in the loop that used it."""

    def __init__(self, address: Secret, *, request_ms_max: int) -> None:
        self._host = _host_of(address)
        self._provider = _provider(address, request_ms_max / 1_000)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._provider.disconnect()

    async def ask(self, method: str, *params: object) -> object:
        """Ask one thing and return its result, or a NodeFault. Errors: NodeError."""
        return self._result(await self._exchange((Ask(method=method, params=params),)))

    async def ask_all(self, asks: Sequence[Ask]) -> list[object]:
        """Ask several things in one body, so that one node answers all of them.

        Shape: results in the order asked, a NodeFault in the place of each that failed.
        Errors: NodeError.
        """
        if len(asks) == 1:
            return [await self.ask(asks[0].method, *asks[0].params)]
        answers = await self._exchange(asks)
        listed = cast(list[object], answers) if isinstance(answers, list) else []
        if len(listed) != len(asks) or not _is_in_order(listed):
            raise self._failed(f"{len(asks)} answers in their order", "others")
        return [self._result(each) for each in listed]

    async def _exchange(self, asks: Sequence[Ask]) -> object:
        from aiohttp import ClientError
        from web3.exceptions import Web3Exception

        listed = [(cast("RPCEndpoint", ask.method), list(ask.params)) for ask in asks]
        try:
            if len(listed) == 1:
                return await self._provider.make_request(*listed[0])
            return await self._provider.make_batch_request(listed)
        except (ClientError, Web3Exception, OSError, *_UNREADABLE) as fault:
            status = getattr(fault, "status", None)
            told = type(fault).__name__ + (f" {status}" if status else "")
            raise self._failed("an answer", told) from None

    def _result(self, answer: object) -> object:
        fields = cast(dict[str, object], answer) if isinstance(answer, dict) else {}
        if fields.get("error") is not None:
            return self._fault(fields["error"])
        if "result" not in fields:
            raise self._failed("a result or an error", "neither")
        return fields["result"]

    def _fault(self, error: object) -> NodeFault:
        try:
            failure = msgspec.convert(error, _Failure, strict=False)
        except msgspec.ValidationError:
            raise self._failed("an error with code and message", "another one") from None
        content = failure.data if isinstance(failure.data, str) else ""
        return NodeFault(code=failure.code, message=printable(failure.message), content=content)

    def _failed(self, expected: str, found: str) -> NodeError:
        return NodeError(
            f"expected {expected} from the chain's node {self._host}, found {found}; check the"
            " network and the node, or use another node"
        )

    def __repr__(self) -> str:
        return f"Node({self._host})"


def _is_in_order(answers: Sequence[object]) -> bool:
    """Tell whether answers, which web3 sorts by their ids, are to one request each."""
    ids = [each.get("id") if isinstance(each, dict) else None for each in answers]
    first = ids[0]
    return isinstance(first, int) and ids == list(range(first, first + len(ids)))


def _host_of(address: Secret) -> str:
    """Return what of an address may be shown."""
    try:
        parts = urlsplit(address.reveal())
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, host, port = urlsplit(""), "", ""
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(
            "expected the address of the chain's node as http:// or https://, found another text,"
            " which is not shown as it may hold a key"
        )
    return host + port


def _provider(address: Secret, seconds: float) -> "AsyncHTTPProvider":
    """Make web3's provider; importing it takes a second, so only who needs a node does."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "websockets.legacy is deprecated", DeprecationWarning)
        from aiohttp import ClientTimeout
        from web3 import AsyncHTTPProvider
    for name in _TALKATIVE:
        logging.getLogger(name).disabled = True
    provider = AsyncHTTPProvider(
        address.reveal(), request_kwargs={"timeout": ClientTimeout(total=seconds)}
    )
    # None cannot be given at construction time by its type, and means: never again.
    provider._exception_retry_configuration = None
    return provider

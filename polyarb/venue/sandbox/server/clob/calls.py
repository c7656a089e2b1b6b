"""How one request becomes one call: who may make it, what it carries, what it costs.

An endpoint is a value of a table. What it reads is typed by the structs that its description is
made of, so that the two cannot disagree.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.server.clob.bodies import Nothing
from polyarb.venue.sandbox.server.clob.venue import ClobVenue
from polyarb.venue.sandbox.server.errors import INVALID_REQUEST, RejectedError
from polyarb.venue.sandbox.server.limits import Bucket

Query = TypeVar("Query")
Body = TypeVar("Body")

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)
"""What decoding raises for a body that is not what it should be."""


class Access(StrEnum):
    """What a request must prove."""

    PUBLIC = "public"
    WALLET = "wallet"
    """L1: the wallet's signature."""
    READ = "read"
    """L2: an API key, read-only ones too."""
    TRADE = "trade"
    """L2: an API key that may trade."""
    BUILDER = "builder"
    """The headers of a builder's key."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks.

    Shape: owner is the API key, empty where only the wallet was proven; owners are the keys whose
    orders and trades it may read: its own, or for a read-only key those of its account.
    """

    address: Address
    owner: str = ""
    owners: tuple[str, ...] = ()
    nonce: int = 0


ANYBODY = Caller(address=Address(""))


@dataclass(frozen=True, slots=True)
class Call(Generic[Query, Body]):
    """One admitted request. Units: now_ns is the world's time."""

    venue: ClobVenue
    now_ns: int
    caller: Caller
    query: Query
    body: Body


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What a request draws on: one token, or one for each of its entries."""

    bucket: Bucket
    is_by_entry: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with how many orders it touched; each of them is charged for afterwards."""

    answer: object
    touched: int = 0


Run = Callable[[ClobVenue, int, Caller, Mapping[str, str], bytes], "Prepared"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that was read: how many entries it has, and what carries it out."""

    entries: int
    run: Callable[[], object]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table of endpoints.

    Shape: path has its parameters in braces; query and body are structs that describe them, body
    is None where none is read.
    """

    method: str
    path: str
    summary: str
    access: Access
    query: type
    body: object
    answer: object
    charge: Charge | None
    prepare: Run


def endpoint(
    method: str,
    path: str,
    act: Callable[[Call[Query, Body]], object],
    *,
    summary: str,
    answer: object,
    access: Access = Access.PUBLIC,
    query: type[Query] = Nothing,  # type: ignore[assignment]
    body: type[Body] = Nothing,  # type: ignore[assignment]
    charge: Charge | None = None,
    refusal: str = INVALID_REQUEST,
    read: Callable[[bytes], Body] | None = None,
) -> Endpoint:
    """Describe an endpoint; refusal is the text for a query or a body that it cannot read."""
    has_body = body is not Nothing
    read_body = read or (_reader(body, refusal) if has_body else None)

    def prepare(
        venue: ClobVenue, now_ns: int, caller: Caller, asked: Mapping[str, str], raw: bytes
    ) -> Prepared:
        wanted = read_query(asked, query, refusal)
        content = read_body(raw) if read_body else body()
        entries = len(content) if isinstance(content, list | tuple) else 1
        call = Call(venue, now_ns, caller, wanted, content)
        return Prepared(entries, lambda: act(call))

    return Endpoint(
        method=method,
        path=path,
        summary=summary,
        access=access,
        query=query,
        body=body if has_body else None,
        answer=answer,
        charge=charge,
        prepare=prepare,
    )


def read_query(asked: Mapping[str, str], kind: type[Query], refusal: str) -> Query:
    """Read the parameters of a request; one that is not known does not count."""
    try:
        return msgspec.convert(asked, kind, strict=False)
    except UNREADABLE as error:
        raise RejectedError(400, refusal) from error


def _reader(kind: type[Body], refusal: str) -> Callable[[bytes], Body]:
    decoder = msgspec.json.Decoder(kind)

    def read(raw: bytes) -> Body:
        try:
            return decoder.decode(raw)
        except UNREADABLE as error:
            raise RejectedError(400, refusal) from error

    return read

"""The CLOB's endpoints of keys: trading, read-only and builder keys. Source: polymarket.md 3.1."""

import msgspec

from polyarb.venue.polymarket.signing.mac import ApiCredentials
from polyarb.venue.sandbox.server.clob.bodies import DropKey, Nothing
from polyarb.venue.sandbox.server.clob.calls import Access, Call, Endpoint, endpoint
from polyarb.venue.sandbox.server.errors import UNKNOWN_KEY, RejectedError
from polyarb.venue.sandbox.server.keys import KeyKind

KEY_EXISTS = "Could not create api key"
NO_KEY = "Could not derive api key"
DONE = "OK"
KEYS_MAX = 100
TOO_MANY_KEYS = "too many keys"


class KeyBody(msgspec.Struct, frozen=True, kw_only=True):
    """A key with its secrets."""

    api_key: str = msgspec.field(name="apiKey")
    secret: str
    passphrase: str


class BuilderKeyBody(msgspec.Struct, frozen=True, kw_only=True):
    """A builder's key with its secrets."""

    key: str
    secret: str
    passphrase: str


class KeysBody(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of an account."""

    api_keys: tuple[str, ...] = msgspec.field(name="apiKeys")


class BuilderKeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A builder's key without its secrets."""

    key: str


def _create(call: Call[Nothing, Nothing]) -> KeyBody:
    keys, caller = call.venue.state.keys, call.caller
    if len(keys.listed(caller.address)) >= KEYS_MAX:
        raise RejectedError(400, TOO_MANY_KEYS)
    credentials = keys.create(caller.address, caller.nonce)
    if credentials is None:
        raise RejectedError(400, KEY_EXISTS)
    return _key_body(credentials)


def _derive(call: Call[Nothing, Nothing]) -> KeyBody:
    credentials = call.venue.state.keys.derive(call.caller.address, call.caller.nonce)
    if credentials is None:
        raise RejectedError(400, NO_KEY)
    return _key_body(credentials)


def _list(call: Call[Nothing, Nothing]) -> KeysBody:
    return KeysBody(api_keys=call.venue.state.keys.listed(call.caller.address))


def _delete(call: Call[Nothing, Nothing]) -> str:
    call.venue.state.keys.delete(call.caller.owner)
    return DONE


def _create_read_only(call: Call[Nothing, Nothing]) -> KeyBody:
    return _key_body(_issue(call, KeyKind.READ_ONLY))


def _list_read_only(call: Call[Nothing, Nothing]) -> tuple[str, ...]:
    return call.venue.state.keys.listed(call.caller.address, KeyKind.READ_ONLY)


def _delete_read_only(call: Call[Nothing, DropKey]) -> str:
    keys = call.venue.state.keys
    if call.body.key not in keys.listed(call.caller.address, KeyKind.READ_ONLY):
        raise RejectedError(404, UNKNOWN_KEY)
    keys.delete(call.body.key)
    return DONE


def _create_builder(call: Call[Nothing, Nothing]) -> BuilderKeyBody:
    credentials = _issue(call, KeyKind.BUILDER)
    return BuilderKeyBody(
        key=credentials.key,
        secret=credentials.secret.reveal(),
        passphrase=credentials.passphrase.reveal(),
    )


def _list_builder(call: Call[Nothing, Nothing]) -> tuple[BuilderKeyRow, ...]:
    listed = call.venue.state.keys.listed(call.caller.address, KeyKind.BUILDER)
    return tuple(BuilderKeyRow(key=key) for key in listed)


def _issue(call: Call[Nothing, Nothing], kind: KeyKind) -> ApiCredentials:
    keys = call.venue.state.keys
    if len(keys.listed(call.caller.address, kind)) >= KEYS_MAX:
        raise RejectedError(400, TOO_MANY_KEYS)
    return keys.issue(call.caller.address, kind)


def _key_body(credentials: ApiCredentials) -> KeyBody:
    return KeyBody(
        api_key=credentials.key,
        secret=credentials.secret.reveal(),
        passphrase=credentials.passphrase.reveal(),
    )


KEY_ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(
        "POST",
        "/auth/api-key",
        _create,
        summary="Create the trading key of a wallet and nonce",
        access=Access.WALLET,
        answer=KeyBody,
    ),
    endpoint(
        "GET",
        "/auth/derive-api-key",
        _derive,
        summary="The trading key of a wallet and nonce",
        access=Access.WALLET,
        answer=KeyBody,
    ),
    endpoint(
        "GET",
        "/auth/api-keys",
        _list,
        summary="The account's trading keys",
        access=Access.READ,
        answer=KeysBody,
    ),
    endpoint(
        "DELETE",
        "/auth/api-key",
        _delete,
        summary="Make the key that signs this invalid",
        access=Access.TRADE,
        answer=str,
    ),
    endpoint(
        "POST",
        "/auth/readonly-api-key",
        _create_read_only,
        summary="Create a read-only key",
        access=Access.TRADE,
        answer=KeyBody,
    ),
    endpoint(
        "GET",
        "/auth/readonly-api-keys",
        _list_read_only,
        summary="The account's read-only keys",
        access=Access.READ,
        answer=tuple[str, ...],
    ),
    endpoint(
        "DELETE",
        "/auth/readonly-api-key",
        _delete_read_only,
        summary="Make a read-only key invalid",
        access=Access.TRADE,
        body=DropKey,
        answer=str,
    ),
    endpoint(
        "POST",
        "/auth/builder-api-key",
        _create_builder,
        summary="Create a builder's key",
        access=Access.TRADE,
        answer=BuilderKeyBody,
    ),
    endpoint(
        "GET",
        "/auth/builder-api-key",
        _list_builder,
        summary="The account's builder keys",
        access=Access.READ,
        answer=tuple[BuilderKeyRow, ...],
    ),
    endpoint(
        "DELETE",
        "/auth/builder-api-key",
        _delete,
        summary="Make the builder's key that signs this invalid",
        access=Access.BUILDER,
        answer=str,
    ),
)

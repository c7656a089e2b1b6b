"""API keys are created once, derived at will, gone once deleted, and the same for the same seed."""

import json
from base64 import urlsafe_b64decode
from uuid import UUID

import msgspec
import pytest
from polyarb.venue.polymarket.signing.mac import ApiCredentials
from polyarb.venue.sandbox.server.keys import ApiKeys, KeyKind
from tests.signing_cases import ALICE, BOB

OTHER_KINDS = [KeyKind.READ_ONLY, KeyKind.BUILDER, KeyKind.RELAYER]


def created(keys: ApiKeys, nonce: int = 0) -> ApiCredentials:
    made = keys.create(ALICE.address, nonce)
    assert made is not None
    return made


def texts(made: ApiCredentials) -> tuple[str, str, str]:
    return made.key, made.secret.reveal(), made.passphrase.reveal()


def test_a_key_is_created_once_per_address_and_nonce() -> None:
    keys = ApiKeys(seed=7)
    made = created(keys)
    assert keys.create(ALICE.address) is None
    second = created(keys, 1)
    of_bob = [keys.create(BOB.address), keys.create(BOB.address, 1)]
    assert len({texts(one) for one in (made, second, *of_bob) if one is not None}) == 4
    assert keys.listed(ALICE.address) == (made.key, second.key)


def test_a_key_is_derived_as_it_was_created() -> None:
    keys = ApiKeys(seed=7)
    assert keys.derive(ALICE.address) is None
    made = created(keys, 3)
    assert keys.derive(ALICE.address, 3) == made
    assert keys.derive(ALICE.address, 0) is None
    assert keys.derive(BOB.address, 3) is None


def test_the_same_seed_gives_the_same_secrets_and_another_seed_others() -> None:
    first, again, other = (texts(created(ApiKeys(seed=seed))) for seed in (7, 7, 8))
    assert first == again
    assert not set(first) & set(other)


def test_the_order_of_creation_changes_no_key() -> None:
    first, second = ApiKeys(seed=7), ApiKeys(seed=7)
    one, two = created(first, 1), created(first, 2)
    assert (created(second, 2), created(second, 1)) == (two, one)


def test_keys_have_the_venues_shapes() -> None:
    key, secret, passphrase = texts(created(ApiKeys(seed=7)))
    assert UUID(key).version == 4
    assert str(UUID(key)) == key
    assert len(urlsafe_b64decode(secret)) == 32
    assert len(bytes.fromhex(passphrase)) == 32


def test_a_deleted_key_never_becomes_valid_again() -> None:
    keys = ApiKeys(seed=7)
    made = created(keys)
    assert keys.delete(made.key)
    assert not keys.delete(made.key)
    assert keys.find(made.key) is None
    assert keys.derive(ALICE.address) is None
    assert keys.listed(ALICE.address) == ()
    again = created(keys)
    assert not set(texts(again)) & set(texts(made))
    assert keys.derive(ALICE.address) == again
    assert keys.find(made.key) is None


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_keys_of_other_kinds_are_issued_as_often_as_asked(kind: KeyKind) -> None:
    keys = ApiKeys(seed=7)
    trading = created(keys)
    first, second = (keys.issue(ALICE.address, kind) for _ in range(2))
    assert keys.listed(ALICE.address, kind) == (first.key, second.key)
    assert keys.listed(ALICE.address) == (trading.key,)
    assert keys.listed(BOB.address, kind) == ()
    assert len({*texts(trading), *texts(first), *texts(second)}) == 9
    assert keys.delete(first.key)
    assert keys.listed(ALICE.address, kind) == (second.key,)
    third = keys.issue(ALICE.address, kind)
    assert not set(texts(third)) & {*texts(first), *texts(second)}
    assert keys.derive(ALICE.address) == trading


def test_keys_of_different_kinds_share_nothing() -> None:
    keys = ApiKeys(seed=7)
    made = [keys.issue(ALICE.address, kind) for kind in OTHER_KINDS]
    assert len({text for one in made for text in texts(one)}) == 9


def test_a_trading_key_is_not_issued_without_its_nonce() -> None:
    with pytest.raises(AssertionError):
        ApiKeys(seed=7).issue(ALICE.address, KeyKind.TRADING)


def test_a_found_key_says_whose_it_is() -> None:
    keys = ApiKeys(seed=7)
    found = keys.find(created(keys, 5).key)
    assert found is not None
    assert (found.address, found.kind, found.nonce) == (ALICE.address, KeyKind.TRADING, 5)
    assert keys.find("") is None


def test_secrets_are_not_shown_and_have_no_json_form() -> None:
    keys = ApiKeys(seed=7)
    made = created(keys)
    found = keys.find(made.key)
    shown = f"{made!r}{made}{found!r}{found}{keys!r}"
    assert made.secret.reveal() not in shown
    assert made.passphrase.reveal() not in shown
    for record in (made, found):
        with pytest.raises(TypeError):
            msgspec.json.encode(record)
        with pytest.raises(TypeError):
            json.dumps(record)

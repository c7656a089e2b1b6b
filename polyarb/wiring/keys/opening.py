"""The wallet's key is found, opened, and held against the wallet that is configured."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from polyarb.config.wallet import PRIVATE_KEY_NAME, dotenv_key
from polyarb.domain.errors import RefusedError, UsageError
from polyarb.domain.secret import Secret
from polyarb.domain.wallet import WalletSettings
from polyarb.host.core_dumps import forbid_core_dumps
from polyarb.store.keystore import read_keystore, unseal
from polyarb.store.workspace import Workspace
from polyarb.venue.polymarket.signing.order import Address, SignatureType
from polyarb.venue.polymarket.signing.signatures import Signer
from polyarb.venue.polymarket.signing.wallets import wallets_of
from polyarb.wiring.keys.passphrases import Unlock, read_passphrase

ADDRESS_KEY = "wallet.address in config/config.yaml"


class KeyPlace(StrEnum):
    """Where a key lies."""

    KEYSTORE = "keystore"
    DOTENV = ".env"


@dataclass(frozen=True, slots=True)
class OpenKey:
    """A key that can sign, and where it lay."""

    signer: Signer
    place: KeyPlace


class OwnWallet(msgspec.Struct, frozen=True, kw_only=True):
    """The wallet that trades: whose key signs, who holds the funds, and in which form."""

    account: Address
    maker: Address
    signature_type: SignatureType


def key_place(place: Workspace) -> KeyPlace | None:
    """Say where the key lies; None where there is none.

    Errors: RefusedError where there are two, or others may read .env.
    """
    is_sealed, is_plain = place.keystore_file.exists(), dotenv_key(place) is not None
    if is_sealed and is_plain:
        raise RefusedError(
            f"expected one key, found {place.shown(place.keystore_file)} and {PRIVATE_KEY_NAME} in"
            " .env; take the one out of .env"
        )
    if is_sealed:
        return KeyPlace.KEYSTORE
    return KeyPlace.DOTENV if is_plain else None


def open_key(place: Workspace, unlock: Unlock) -> OpenKey:
    """Open the key of a workspace; its memory is nobody else's from then on.

    Errors: UsageError where there is none, RefusedError where it is not safe or does not open.
    """
    forbid_core_dumps()
    match key_place(place):
        case KeyPlace.KEYSTORE:
            sealed = read_keystore(place.keystore_file)
            name = place.shown(place.keystore_file)
            secret = unseal(sealed, read_passphrase(unlock), name)
            return OpenKey(Signer(secret), KeyPlace.KEYSTORE)
        case KeyPlace.DOTENV:
            return OpenKey(Signer(dotenv_key(place) or Secret("")), KeyPlace.DOTENV)
        case None:
            raise UsageError(
                f"expected a key in {place.shown(place.keystore_file)}, or {PRIVATE_KEY_NAME} in"
                " .env, found none; make one with `polyarb keys new` or `polyarb keys import`"
            )


def wallet_of(account: Address, settings: WalletSettings) -> OwnWallet:
    """Find the configured wallet among those of an account.

    Errors: UsageError where none is configured; RefusedError where it is not one of them.
    """
    if not settings.address:
        raise UsageError(
            f"expected {ADDRESS_KEY}, found none; write there which of the addresses that"
            " `polyarb keys address` lists holds the funds"
        )
    kind = kinds_of(account).get(Address(settings.address))
    if kind is None:
        raise RefusedError(
            f"expected a key of {settings.address} ({ADDRESS_KEY}), found the key of {account},"
            " which owns neither it nor its wallets; import the right key, or mend the address"
        )
    return OwnWallet(account=account, maker=Address(settings.address), signature_type=kind)


def kinds_of(account: Address) -> dict[Address, SignatureType]:
    """List the wallets that an account's key may trade for, each with its signature type."""
    wallets = wallets_of(account)
    return {
        account: SignatureType.EOA,
        wallets.proxy: SignatureType.POLY_PROXY,
        wallets.safe: SignatureType.POLY_GNOSIS_SAFE,
        wallets.uups: SignatureType.POLY_1271,
        wallets.beacon: SignatureType.POLY_1271,
    }

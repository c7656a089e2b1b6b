"""What `polyarb keys` does: a key is made, imported, shown by its addresses; never itself."""

import secrets
from pathlib import Path

import msgspec

from polyarb.config.wallet import PRIVATE_KEY_NAME, dotenv_key, load_wallet
from polyarb.domain.errors import RefusedError, UsageError
from polyarb.domain.secret import Secret
from polyarb.host.core_dumps import forbid_core_dumps
from polyarb.store.keystore import read_own, refuse_existing, seal, unseal, write_keystore
from polyarb.store.workspace import Workspace
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.signatures import Signer
from polyarb.venue.polymarket.signing.wallets import wallets_of
from polyarb.wiring.keys.opening import (
    ADDRESS_KEY,
    KeyPlace,
    open_key,
    wallet_of,
)
from polyarb.wiring.keys.passphrases import Unlock, read_passphrase

_KEY_BYTES = 32


class KeyShown(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses of a key, and where it lies.

    Shape: configured is the wallet that config.yaml names, empty for none; signature_type how
    orders for it are signed, None for none.
    """

    account: Address
    proxy: Address
    safe: Address
    deposit: Address
    deposit_beacon: Address
    place: KeyPlace
    file: str
    configured: str
    signature_type: str | None


def make_key(place: Workspace, unlock: Unlock) -> KeyShown:
    """Make a new key and seal it.

    Errors: RefusedError where one lies already, or a wallet is configured that it cannot own.
    """
    _refuse_second(place)
    settings = load_wallet(place)
    if settings.address:
        raise RefusedError(
            f"expected no {ADDRESS_KEY} before its key is made, found {settings.address}, which no"
            " new key can own; set it to null, or import the key of that wallet"
        )
    return _keep(place, Secret("0x" + secrets.token_hex(_KEY_BYTES)), unlock)


def import_key(place: Workspace, told: Secret, unlock: Unlock) -> KeyShown:
    """Seal a key that exists: its 64 hex digits, or another keystore with the same passphrase.

    Errors: UsageError for what is no key; RefusedError where one lies already, or where it is not
    of the wallet that is configured.
    """
    _refuse_second(place)
    return _keep(place, told, unlock)


def read_key_file(path: Path) -> Secret:
    """Read the file that a key is imported from. Errors: UsageError, RefusedError, StoreError."""
    content = read_own(path)
    if content is None:
        raise UsageError(f"{path}: expected a key, found no file; name the right one with --from")
    return secret_in(content, str(path))


def secret_in(content: bytes, name: str) -> Secret:
    """Take what a file or a pipe holds for the text of a key. Errors: UsageError."""
    try:
        return Secret(content.decode("ascii").strip())
    except UnicodeDecodeError:
        raise UsageError(f"{name}: expected a key, found no text; name the right file") from None


def show_key(place: Workspace, unlock: Unlock) -> KeyShown:
    """Open the key and show its addresses: what a keystore says of itself proves nothing.

    Errors: as of `open_key`; RefusedError where it is not of the wallet that is configured.
    """
    found = open_key(place, unlock)
    return _shown(place, found.signer.address, found.place)


def _keep(place: Workspace, told: Secret, unlock: Unlock) -> KeyShown:
    forbid_core_dumps()
    passphrase = read_passphrase(unlock, is_new=True)
    if told.reveal().startswith("{"):
        told = unseal(told.reveal().encode(), passphrase, "the keystore to import")
    shown = _shown(place, Signer(told).address, KeyPlace.KEYSTORE)
    write_keystore(place.keystore_file, seal(told, passphrase))
    return shown


def _shown(place: Workspace, account: Address, lies: KeyPlace) -> KeyShown:
    """Say what belongs to an account. Errors: RefusedError where another wallet is configured."""
    settings, wallets = load_wallet(place), wallets_of(account)
    own = wallet_of(account, settings) if settings.address else None
    file = place.keystore_file if lies is KeyPlace.KEYSTORE else place.env_file
    return KeyShown(
        account=account,
        proxy=wallets.proxy,
        safe=wallets.safe,
        deposit=wallets.uups,
        deposit_beacon=wallets.beacon,
        place=lies,
        file=place.shown(file),
        configured=settings.address,
        signature_type=own.signature_type.name if own else None,
    )


def _refuse_second(place: Workspace) -> None:
    refuse_existing(place.keystore_file)
    if dotenv_key(place) is not None:
        raise RefusedError(
            f".env: expected no {PRIVATE_KEY_NAME} beside a keystore, found one; take it out first"
        )

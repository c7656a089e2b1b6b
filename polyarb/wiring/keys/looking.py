"""What can be told of the wallet's key without a person: where it lies, and whether it opens."""

import msgspec

from polyarb.config.wallet import load_wallet
from polyarb.domain.errors import PolyarbError, RefusedError
from polyarb.domain.wallet import WalletSettings
from polyarb.store.keystore import read_keystore, told_address
from polyarb.store.workspace import Workspace
from polyarb.venue.polymarket.signing.contracts import checksum
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.signatures import recover
from polyarb.wiring.keys.opening import ADDRESS_KEY, KeyPlace, key_place, open_key, wallet_of
from polyarb.wiring.keys.passphrases import Unlock, has_passphrase

PROBE = b"polyarb: this key signs for "
"""What a probe signs, with the address behind it: no transaction, no order, no login."""


class KeySeen(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. Shape: proven says that the key was opened and signed; no faults is well."""

    found: str
    has_key: bool = True
    faults: tuple[str, ...] = ()
    proven: bool = False


def look_at_key(place: Workspace) -> KeySeen:
    """Look at the key without opening it: modes, and the address that its keystore names."""
    try:
        lies = key_place(place)
        if lies is None:
            return KeySeen(found="no key lies in data/keys/ or .env", has_key=False)
        if lies is KeyPlace.DOTENV:
            return KeySeen(found="a key stands in .env, which is ours alone")
        name = place.shown(place.keystore_file)
        told = told_address(read_keystore(place.keystore_file), name)
        _refuse_another(told, load_wallet(place))
    except PolyarbError as fault:
        return KeySeen(found="a key that is not safe", faults=(str(fault),))
    return KeySeen(found=f"{name} is ours alone and says that it is the key of {told or 'nobody'}")


def _refuse_another(told: str, settings: WalletSettings) -> None:
    """Refuse a keystore that says it is of another account. Errors: RefusedError."""
    account = checksum(told)
    if account is not None and settings.address:
        wallet_of(account, settings)


def prove_key(place: Workspace, unlock: Unlock) -> KeySeen:
    """Open the key, let it sign a probe, and hold the signer against the configured wallet.

    Shape: not proven and without faults where only the passphrase is missing.
    """
    seen = look_at_key(place)
    try:
        lies = key_place(place)
        if lies is None or seen.faults:
            return seen if seen.faults else msgspec.structs.replace(seen, faults=(seen.found,))
        if lies is KeyPlace.KEYSTORE and not has_passphrase(unlock):
            return seen
        signer = open_key(place, unlock).signer
        probe = keccak256(PROBE + signer.address.encode())
        if recover(probe, signer.sign(probe)) != signer.address:
            raise RefusedError(f"expected a signature of {signer.address}, found another one's")
        wallet = wallet_of(signer.address, load_wallet(place))
    except PolyarbError as fault:
        return KeySeen(found=seen.found, faults=(str(fault),))
    kind = wallet.signature_type.name
    return KeySeen(
        found=f"the key of {wallet.account} signed a probe; {ADDRESS_KEY} is its {kind} wallet",
        proven=True,
    )

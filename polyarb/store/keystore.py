"""A wallet's key on disk: a Web3 v3 keystore file, sealed with a passphrase by scrypt.

It appears whole or not at all, is nobody else's from its first byte on, and is never overwritten.
"""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from polyarb.domain.errors import RefusedError, StoreError, UsageError
from polyarb.domain.secret import Secret
from polyarb.store.filesystem import REAL, FileSystem, ensure_directory, store_faults, write_all

COST = 1 << 18
"""How dear each guess of a passphrase is made (n of scrypt): a second and 256 MiB."""
PASSPHRASE_LENGTH_MIN = 12
BYTES_MAX = 1 << 16

_COST_MAX = 1 << 20
_BLOCK_MAX = 16
_PARALLEL_MAX = 16
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_KEY_BYTES = 32
_KNOWN = "expected a Web3 v3 keystore sealed with scrypt"


class _Scrypt(msgspec.Struct, frozen=True):
    dklen: Literal[32]
    n: int
    p: int
    r: int
    salt: str


class _Cipher(msgspec.Struct, frozen=True):
    iv: str


class _Sealed(msgspec.Struct, frozen=True):
    cipher: Literal["aes-128-ctr"]
    cipherparams: _Cipher
    ciphertext: str
    kdf: Literal["scrypt"]
    kdfparams: _Scrypt
    mac: str


class _Keystore(msgspec.Struct, frozen=True):
    crypto: _Sealed
    version: Literal[3]
    address: str = ""


def seal(private_key: Secret, passphrase: Secret, *, cost: int = COST) -> bytes:
    """Seal a private key and prove that the passphrase opens it again.

    Shape: private_key is 64 hex digits, with or without 0x.
    Errors: UsageError for a short passphrase.
    """
    if len(passphrase.reveal()) < PASSPHRASE_LENGTH_MIN:
        raise UsageError(
            f"expected a passphrase of at least {PASSPHRASE_LENGTH_MIN} characters, found"
            f" {len(passphrase.reveal())}; take a longer one"
        )
    from eth_keyfile.keyfile import create_keyfile_json  # only who opens a key may load it

    content = bytes.fromhex(private_key.reveal().removeprefix("0x"))
    made = create_keyfile_json(
        content, _as_bytes_of_utf8(passphrase), kdf="scrypt", iterations=cost
    )
    sealed = msgspec.json.encode(made)
    opened = unseal(sealed, passphrase, "the new keystore")
    assert opened.reveal() == "0x" + content.hex()
    return sealed


def unseal(sealed: bytes, passphrase: Secret, name: str) -> Secret:
    """Open a sealed key. Shape: 0x and 64 hex digits; name says in messages what is opened.

    Errors: RefusedError for a wrong passphrase, StoreError for what is no keystore.
    """
    found = _decode(sealed, name)
    from eth_keyfile.keyfile import decode_keyfile_json  # only who opens a key may load it

    try:
        content = decode_keyfile_json(msgspec.to_builtins(found), _as_bytes_of_utf8(passphrase))
    except ValueError:
        raise RefusedError(
            f"{name}: expected the passphrase that opens it, found another one, or a keystore that"
            " was changed; nothing was signed. Try again; no passphrase can be recovered"
        ) from None
    if len(content) != _KEY_BYTES:
        raise StoreError(
            f"{name}: {_KNOWN}, found one of {len(content)} bytes; import the key anew"
        )
    return Secret("0x" + content.hex())


def told_address(sealed: bytes, name: str) -> str:
    """Return the address that a keystore names, in lower case; nothing proves it until it opens.

    Shape: 0x and 40 hex digits, empty where none is named. Errors: StoreError.
    """
    text = _decode(sealed, name).address.lower().removeprefix("0x")
    return f"0x{text}" if text else ""


def refuse_existing(path: Path) -> None:
    """Refuse to make a key where one lies, whatever it is. Errors: RefusedError."""
    if os.path.lexists(path):
        raise RefusedError(
            f"{path}: expected no key, found one; it is never overwritten. Use another workspace,"
            " or move that file to where you keep it: what its wallet holds needs it"
        )


def write_keystore(path: Path, sealed: bytes, *, files: FileSystem = REAL) -> None:
    """Put a keystore in place, durably.

    Errors: RefusedError when a key lies there already, StoreError when it cannot be written.
    """
    refuse_existing(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    with store_faults("write", path):
        _make_private(files, path.parent)
        draft.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(draft, flags, 0o600)
        try:
            write_all(files, descriptor, sealed)
            files.sync(descriptor)
            # A link fails where a name is taken; a rename would replace what bears it.
            os.link(draft, path, follow_symlinks=False)
        except FileExistsError:
            refuse_existing(path)
            raise
        finally:
            files.close(descriptor)
            with suppress(OSError):
                files.remove(draft)
        files.sync_directory(path.parent)


def read_keystore(path: Path) -> bytes:
    """Read a keystore that nobody else can read or replace.

    Errors: UsageError when there is none, RefusedError when others have a hand in it.
    """
    content = read_own(path)
    if content is None:
        raise UsageError(f"{path}: expected a key, found none; make one with `polyarb keys new`")
    mode = stat.S_IMODE(path.parent.stat().st_mode)
    if mode & _OTHERS:
        raise RefusedError(
            f"{path.parent}: expected mode 700 of the folder of keys, found {mode:03o};"
            f" run `chmod 700 {path.parent}`"
        )
    return content


def read_own(path: Path) -> bytes | None:
    """Read a file that is ours alone: a key, a keystore or a passphrase; None where there is none.

    Errors: RefusedError for a link, for another owner and where others may read or write it;
    StoreError.
    """
    return _read(path, _refuse_others)


def read_credential(path: Path) -> bytes | None:
    """Read what a supervisor laid out for this process; None where there is none.

    Shape: such a file may be root's, with a list of who may read it, whose mask shows as the mode
    of a group. Errors: RefusedError where everybody may read it; StoreError.
    Source: systemd.exec(5), LoadCredential.
    """
    return _read(path, _refuse_everybody)


def _read(path: Path, refuse: Callable[[Path, os.stat_result], None]) -> bytes | None:
    with store_faults("read", path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as fault:
            if fault.errno != errno.ELOOP:
                raise
            raise RefusedError(
                f"{path}: expected a file, found a link; put the file itself there"
            ) from None
        with os.fdopen(descriptor, "rb") as stream:
            refuse(path, os.fstat(descriptor))
            content = stream.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise StoreError(
            f"{path}: expected at most {BYTES_MAX} bytes, found more; name the right file"
        )
    return content


def _refuse_others(path: Path, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        raise RefusedError(f"{path}: expected a file, found none; name the right one")
    if found.st_uid != os.geteuid():
        raise RefusedError(
            f"{path}: expected a file of the user who runs polyarb, found one of user"
            f" {found.st_uid}; run polyarb as its owner, or give the file away with `chown`"
        )
    if mode & _OTHERS:
        raise RefusedError(
            f"{path}: expected mode 600, found {mode:03o}; run `chmod 600 {path}`, and take a new"
            " key and wallet if somebody else may have read it"
        )


def _refuse_everybody(path: Path, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    is_ours = found.st_uid in (0, os.geteuid()) and stat.S_ISREG(found.st_mode)
    if not is_ours or mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise RefusedError(
            f"{path}: expected a credential of this process alone, found mode {mode:03o} of user"
            f" {found.st_uid}; have the supervisor lay it out (LoadCredential=)"
        )


def _make_private(files: FileSystem, folder: Path) -> None:
    ensure_directory(files, folder.parent)
    if not folder.is_dir():
        folder.mkdir(mode=0o700)
        files.sync_directory(folder.parent)
    folder.chmod(0o700)


def _decode(sealed: bytes, name: str) -> _Keystore:
    """Read a keystore and bound what opening it may cost. Errors: StoreError."""
    try:
        found = msgspec.json.decode(sealed.lower(), type=_Keystore)
        for text in (found.crypto.ciphertext, found.crypto.mac, found.crypto.cipherparams.iv):
            bytes.fromhex(text.removeprefix("0x"))
        bytes.fromhex(found.crypto.kdfparams.salt.removeprefix("0x"))
    except (msgspec.MsgspecError, ValueError):
        # What is wrong is not shown: a file that was meant to be sealed may hold a key in plain.
        raise StoreError(f"{name}: {_KNOWN}, found something else; name the right file") from None
    cost = found.crypto.kdfparams
    is_power = cost.n > 1 and not cost.n & (cost.n - 1)
    is_bounded = cost.n <= _COST_MAX and 0 < cost.r <= _BLOCK_MAX and 0 < cost.p <= _PARALLEL_MAX
    if not (is_power and is_bounded):
        raise StoreError(
            f"{name}: {_KNOWN} within n {_COST_MAX}, r {_BLOCK_MAX}, p {_PARALLEL_MAX}, found n"
            f" {cost.n}, r {cost.r}, p {cost.p}; seal the key anew with the wallet's own software"
        )
    return found


def _as_bytes_of_utf8(passphrase: Secret) -> str:
    """Spell a passphrase so that the library, which takes Latin-1, hashes its UTF-8 as all do."""
    return passphrase.reveal().encode().decode("latin-1")

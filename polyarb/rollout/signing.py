"""Signatures of people over what they approve: Ed25519, one key a person. Pure."""

from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """A person who may sign. Shape: public_key is 64 hex digits."""

    name: str
    role: str
    public_key: str


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One person's signature. Units: signed in unix nanoseconds, hex of 64 bytes."""

    name: str
    role: str
    public_key: str
    signed_ns: int
    signature: str


def sign(content: bytes, operator: Operator, key: Ed25519PrivateKey, now_ns: int) -> Signature:
    """Sign content as a person, name and time included."""
    unsigned = Signature(
        name=operator.name,
        role=operator.role,
        public_key=operator.public_key,
        signed_ns=now_ns,
        signature="",
    )
    made = key.sign(_signed_bytes(content, unsigned))
    return msgspec.structs.replace(unsigned, signature=made.hex())


def is_signature_of(content: bytes, signature: Signature) -> bool:
    """Tell whether a signature was made over this content with the key that it names."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.public_key))
        key.verify(bytes.fromhex(signature.signature), _signed_bytes(content, signature))
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key_of(key: Ed25519PrivateKey) -> str:
    """Return the public key as 64 hex digits."""
    return key.public_key().public_bytes_raw().hex()


def foreign_signer(signatures: Iterable[Signature], operators: Iterable[Operator]) -> str:
    """Name the first signer whose key is not listed for that name; empty when all are."""
    listed = {(operator.name, operator.public_key) for operator in operators}
    strangers = (one.name for one in signatures if (one.name, one.public_key) not in listed)
    return next(strangers, "")


def signers(signatures: Iterable[Signature]) -> int:
    """Count the people who signed: a name or a key that signs twice is one person."""
    names: set[str] = set()
    keys: set[str] = set()
    count = 0
    for one in signatures:
        name = one.name.casefold()
        if name not in names and one.public_key not in keys:
            count += 1
        names.add(name)
        keys.add(one.public_key)
    return count


def _signed_bytes(content: bytes, signature: Signature) -> bytes:
    blank = msgspec.structs.replace(signature, signature="")
    return content + b"\n" + msgspec.json.encode(blank, order="deterministic")

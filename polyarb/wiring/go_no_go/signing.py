"""People sign: keys are made, records and attestations are signed, and records are looked up."""

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from polyarb.config.operators import list_operator, load_operators
from polyarb.domain.errors import PolyarbError, RefusedError, StoreError, UsageError
from polyarb.domain.limits import Phase
from polyarb.rollout.attestations import Attestation, attestation, attested_content
from polyarb.rollout.checks import Member
from polyarb.rollout.record import (
    GoNoGoRecord,
    signed_content,
    signers_missing,
    unfitness,
)
from polyarb.rollout.record_page import record_page
from polyarb.rollout.signing import Operator, public_key_of, sign
from polyarb.store.go_no_go import new_record_file, write_record
from polyarb.store.keys import read_private, write_private
from polyarb.store.workspace import Workspace
from polyarb.wiring.go_no_go.binding import phase_records
from polyarb.wiring.go_no_go.context import attestations


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs, and where the private key lies if not in data/keys/."""

    name: str
    key_file: Path | None = None


class SavedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record on disk.

    Shape: was_signed_before names who had signed it already; missing counts who still must.
    """

    path: str
    record: GoNoGoRecord
    was_signed_before: tuple[str, ...]
    missing: int


def key_file(place: Workspace, name: str) -> Path:
    """Say where a person's private key lies unless it is named."""
    return place.data_dir / "keys" / f"{name}.ed25519"


def add_operator(place: Workspace, name: str, role: str, target: Path | None = None) -> Operator:
    """Make a key for a new person and list the person; the key is readable by its owner alone.

    Errors: UsageError for a name that is taken or is none, and where a key lies already.
    """
    key = Ed25519PrivateKey.generate()
    operator = Operator(name=name, role=role, public_key=public_key_of(key))
    if name in [one.name for one in load_operators(place)]:
        raise UsageError(f"expected a new name, found {name} in config/operators.yaml")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = target or key_file(place, name)
    write_private(path, pem)
    try:
        list_operator(place, operator)
    except PolyarbError:
        path.unlink()
        raise
    return operator


def save(place: Workspace, record: GoNoGoRecord, signer: Signer | None) -> SavedRecord:
    """Save a record, signed if somebody signs.

    A second person signs the record that the first one signed, once the checks made just now say
    GO again. Errors: RefusedError for a person who signed it already; those of the key.
    """
    if signer is None:
        return _write(place, _new_file(place, record), record, ())
    operator, key = _open_key(place, signer)
    waiting = _waiting(place, record) if record.outcome.is_go else None
    path, target = waiting if waiting is not None else (_new_file(place, record), record)
    before = tuple(one.name for one in target.signatures)
    _refuse_same_person(target, operator)
    # A signature is never older than what it signs, however coarse the clock.
    now_ns = max(time.time_ns(), target.created_ns)
    made = sign(signed_content(target), operator, key, now_ns)
    signed = msgspec.structs.replace(target, signatures=(*target.signatures, made))
    return _write(place, path, signed, before)


def attest(place: Workspace, member: Member, phase: Phase, signer: Signer) -> Attestation:
    """Record a person's signed statement. Errors: those of the key."""
    operator, key = _open_key(place, signer)
    now_ns = time.time_ns()
    unsigned = attestation(member, phase, now_ns)
    made = sign(attested_content(unsigned), operator, key, now_ns)
    signed = msgspec.structs.replace(unsigned, signature=made)
    attestations(place).append(signed)
    return signed


def _waiting(place: Workspace, record: GoNoGoRecord) -> tuple[Path, GoNoGoRecord] | None:
    """Find the newest signed record of the same thing that only lacks another signature."""
    operators = load_operators(place)
    for path, found in phase_records(place, record.binding.phase):
        if found is None or not found.outcome.is_go:
            return None
        if found.signatures and signers_missing(found):
            reason = unfitness(found, record.binding, operators, record.created_ns)
            return None if reason else (path, found)
    return None


def _refuse_same_person(record: GoNoGoRecord, operator: Operator) -> None:
    for one in record.signatures:
        if one.name.casefold() == operator.name.casefold() or one.public_key == operator.public_key:
            raise RefusedError(
                f"{operator.name} has signed this record already: expected a second person with a"
                " key of their own; whoever asks does not approve"
            )


def _open_key(place: Workspace, signer: Signer) -> tuple[Operator, Ed25519PrivateKey]:
    """Read a person's key and hold it against the list. Errors: UsageError, RefusedError."""
    listed = {one.name: one for one in load_operators(place)}
    operator = listed.get(signer.name)
    if operator is None:
        names = ", ".join(listed) or "nobody"
        raise UsageError(
            f"--sign: expected a name of config/operators.yaml ({names}), found {signer.name!r};"
            f" `polyarb operators add {signer.name} --role ROLE` lists one"
        )
    path = signer.key_file or key_file(place, signer.name)
    try:
        key = load_pem_private_key(read_private(path), password=None)
    except ValueError as fault:
        raise StoreError(f"{path}: expected an Ed25519 key, found {fault}") from fault
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError(f"{path}: expected an Ed25519 key, found one of another kind")
    if public_key_of(key) != operator.public_key:
        raise RefusedError(f"{path}: expected the key of {operator.name}, found another one")
    return operator, key


def _new_file(place: Workspace, record: GoNoGoRecord) -> Path:
    return new_record_file(place.go_no_go_dir, record.binding.phase, record.created_ns)


def _write(
    place: Workspace, path: Path, record: GoNoGoRecord, before: Sequence[str]
) -> SavedRecord:
    content = msgspec.json.format(msgspec.json.encode(record), indent=1)
    write_record(path, content, record_page(record))
    return SavedRecord(
        path=place.shown(path),
        record=record,
        was_signed_before=tuple(before),
        missing=signers_missing(record),
    )

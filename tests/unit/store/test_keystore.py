"""A wallet's key on disk: sealed, whole or absent, nobody else's, never overwritten."""

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest
from eth_keyfile.keyfile import create_keyfile_json
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.errors import RefusedError, StoreError, UsageError
from polyarb.domain.secret import Secret
from polyarb.store import keystore
from polyarb.store.filesystem import FileSystem
from polyarb.store.keystore import (
    read_credential,
    read_keystore,
    read_own,
    seal,
    told_address,
    unseal,
    write_keystore,
)
from polyarb.venue.polymarket.signing.keccak import keccak256
from tests.signing_cases import ALICE, KEY

PASSPHRASE = Secret("correct horse battery")
CHEAP = 1 << 10
SEALED = seal(KEY, PASSPHRASE, cost=CHEAP)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys" / "wallet.json"


def changed(**changes: object) -> bytes:
    """Return the sealed key with other fields; a dot leads into a section."""
    found = json.loads(SEALED)
    for key, value in changes.items():
        *sections, name = key.split("__")
        place = found
        for section in sections:
            place = place[section]
        place[name] = value
    return json.dumps(found).encode()


def test_a_sealed_key_opens_to_what_it_was_and_shows_nothing_of_it() -> None:
    assert unseal(SEALED, PASSPHRASE, "it") == KEY
    assert KEY.reveal()[2:].encode() not in SEALED
    assert PASSPHRASE.reveal().encode() not in SEALED
    assert told_address(SEALED, "it") == ALICE.address.lower()
    assert seal(KEY, PASSPHRASE, cost=CHEAP) != SEALED


def test_the_shipped_cost_is_that_of_the_standard() -> None:
    assert keystore.COST == 262_144


@pytest.mark.parametrize("text", ["pässwörter zählen", "日本語のパスフレーズです", "ж" * 12])
def test_a_passphrase_is_hashed_as_utf_8_as_every_wallet_does(text: str) -> None:
    sealed = json.loads(seal(KEY, Secret(text), cost=CHEAP))["crypto"]
    salt = bytes.fromhex(sealed["kdfparams"]["salt"])
    derived = hashlib.scrypt(text.encode(), salt=salt, n=CHEAP, r=8, p=1, dklen=32)
    assert keccak256(derived[16:] + bytes.fromhex(sealed["ciphertext"])).hex() == sealed["mac"]
    assert unseal(seal(KEY, Secret(text), cost=CHEAP), Secret(text), "it") == KEY


def test_a_keystore_of_other_software_opens() -> None:
    made = create_keyfile_json(b"\x07" * 32, "of another program", kdf="scrypt", iterations=CHEAP)
    told = json.dumps({"Crypto": made["crypto"], "Version": 3, "id": made["id"]}).upper()
    assert unseal(told.encode(), Secret("of another program"), "it").reveal() == "0x" + "07" * 32


def test_a_short_passphrase_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="at least 12 characters, found 11") as caught:
        seal(KEY, Secret("short-words"), cost=CHEAP)
    assert "short-words" not in str(caught.value)


def test_a_wrong_passphrase_is_refused_and_shows_neither() -> None:
    with pytest.raises(RefusedError, match="expected the passphrase") as caught:
        unseal(SEALED, Secret("wrong horse battery"), "wallet.json")
    assert "horse" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


@pytest.mark.parametrize("field", ["ciphertext", "mac"])
def test_a_keystore_that_was_changed_does_not_open(field: str) -> None:
    found = json.loads(SEALED)["crypto"][field]
    other = ("0" if found[0] != "0" else "1") + found[1:]
    with pytest.raises(RefusedError, match="was changed"):
        unseal(changed(**{f"crypto__{field}": other}), PASSPHRASE, "it")


@pytest.mark.parametrize(
    "sealed",
    [
        b"",
        b"0x" + b"01" * 32,
        b'{"private_key":"0x' + b"01" * 32 + b'"}',
        b"[]",
        changed(version=4),
        changed(crypto__kdf="pbkdf2"),
        changed(crypto__cipher="aes-128-cbc"),
        changed(crypto__mac="zz"),
        changed(crypto__kdfparams__salt="z"),
        changed(crypto__kdfparams__n=1 << 21),
        changed(crypto__kdfparams__n=0),
        changed(crypto__kdfparams__n=1000),
        changed(crypto__kdfparams__r=0),
        changed(crypto__kdfparams__r=17),
        changed(crypto__kdfparams__p=17),
        changed(crypto__kdfparams__dklen=64),
        changed(crypto="x"),
    ],
    ids=range(17),
)
def test_what_is_no_keystore_is_told_without_being_shown(sealed: bytes) -> None:
    for read in (told_address, lambda it, name: unseal(it, PASSPHRASE, name)):
        with pytest.raises(StoreError, match=r"k\.json: expected a Web3 v3 keystore") as caught:
            read(sealed, "k.json")
        assert "0101" not in str(caught.value)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_keystore_of_something_else_than_a_key_is_told() -> None:
    made = create_keyfile_json(
        KEY.reveal().encode()[:32], "of another program", kdf="scrypt", iterations=CHEAP
    )
    made["crypto"]["ciphertext"] = made["crypto"]["ciphertext"][:62]
    derived = hashlib.scrypt(
        b"of another program",
        n=CHEAP,
        r=8,
        p=1,
        dklen=32,
        salt=bytes.fromhex(made["crypto"]["kdfparams"]["salt"]),
    )
    cut = bytes.fromhex(made["crypto"]["ciphertext"])
    made["crypto"]["mac"] = keccak256(derived[16:] + cut).hex()
    with pytest.raises(StoreError, match="found one of 31 bytes"):
        unseal(json.dumps(made).encode(), Secret("of another program"), "it")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_keystore_or_told(content: bytes) -> None:
    try:
        told_address(content, "it")
    except StoreError as fault:
        assert "expected a Web3 v3 keystore" in str(fault)


def test_a_keystore_is_written_for_its_owner_alone_whatever_the_mask_says(path: Path) -> None:
    before = os.umask(0)
    try:
        write_keystore(path, SEALED)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read_keystore(path) == SEALED
    assert list(path.parent.iterdir()) == [path]


class Watching(FileSystem):
    """Looks at every file of a folder at each side effect, as another user could."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modes: set[int] = set()
        self.names: list[set[str]] = []

    def look(self) -> None:
        found = [self.folder, *self.folder.iterdir()]
        self.modes |= {stat.S_IMODE(one.stat().st_mode) & 0o077 for one in found}
        self.names.append({one.name for one in self.folder.iterdir()})

    def write(self, descriptor: int, content: bytes) -> int:
        self.look()
        return super().write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        self.look()
        super().sync(descriptor)

    def close(self, descriptor: int) -> None:
        self.look()
        super().close(descriptor)

    def remove(self, path: Path) -> None:
        self.look()
        super().remove(path)


def test_at_no_moment_is_a_key_readable_by_others_or_half_written(path: Path) -> None:
    files = Watching(path.parent)
    before = os.umask(0)
    try:
        write_keystore(path, SEALED, files=files)
    finally:
        os.umask(before)
    assert files.modes == {0}
    assert not any(path.name in names for names in files.names[:2])
    assert path.name in files.names[-1]


class Failing(FileSystem):
    """Fails at the k-th side effect, as a full or broken disk does."""

    def __init__(self, fails_at: int) -> None:
        self.left = fails_at

    def _step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError(28, "No space left on device")

    def write(self, descriptor: int, content: bytes) -> int:
        self._step()
        return super().write(descriptor, content[:100])

    def sync(self, descriptor: int) -> None:
        self._step()
        super().sync(descriptor)

    def sync_directory(self, path: Path) -> None:
        self._step()
        super().sync_directory(path)


@pytest.mark.parametrize("fails_at", range(1, 11))
def test_a_fault_leaves_a_whole_keystore_or_none_and_nothing_else(
    path: Path, fails_at: int
) -> None:
    files = Failing(fails_at)
    try:
        write_keystore(path, SEALED, files=files)
    except StoreError:
        assert files.left <= 0
    found = [one.read_bytes() for one in path.parent.iterdir()] if path.parent.exists() else []
    assert found in ([], [SEALED])


def test_a_keystore_is_never_overwritten(path: Path) -> None:
    write_keystore(path, SEALED)
    with pytest.raises(RefusedError, match="never overwritten"):
        write_keystore(path, changed(id="another"))
    assert path.read_bytes() == SEALED


class Racing(FileSystem):
    """Another process puts a key there at the last moment."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        self.path.write_bytes(b"theirs")


def test_a_key_that_another_process_made_meanwhile_is_not_overwritten(path: Path) -> None:
    with pytest.raises(RefusedError, match="never overwritten"):
        write_keystore(path, SEALED, files=Racing(path))
    assert path.read_bytes() == b"theirs"
    assert list(path.parent.iterdir()) == [path]


def test_a_link_that_leads_nowhere_counts_as_a_key(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(path.parent / "elsewhere")
    with pytest.raises(RefusedError, match="never overwritten"):
        write_keystore(path, SEALED)
    with pytest.raises(RefusedError, match="found a link"):
        read_keystore(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o660])
def test_a_keystore_that_others_have_a_hand_in_is_refused(path: Path, mode: int) -> None:
    write_keystore(path, SEALED)
    path.chmod(mode)
    with pytest.raises(RefusedError, match=rf"expected mode 600, found {mode:03o}; run `chmod 600"):
        read_keystore(path)


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o770, 0o701])
def test_a_folder_of_keys_that_others_may_enter_is_refused(path: Path, mode: int) -> None:
    write_keystore(path, SEALED)
    path.parent.chmod(mode)
    with pytest.raises(RefusedError, match=rf"found {mode:03o};.*run `chmod 700"):
        read_keystore(path)


def test_a_key_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(UsageError, match="polyarb keys new"):
        read_keystore(path)


def test_what_is_no_file_or_too_long_is_told(tmp_path: Path) -> None:
    folder, pipe, long = tmp_path / "folder", tmp_path / "pipe", tmp_path / "long"
    folder.mkdir(mode=0o700)
    os.mkfifo(pipe, 0o600)
    long.write_bytes(b"x" * (keystore.BYTES_MAX + 1))
    long.chmod(0o600)
    for path in (folder, pipe):
        with pytest.raises((RefusedError, StoreError), match=r"folder|pipe"):
            read_own(path)
    with pytest.raises(StoreError, match="found more"):
        read_own(long)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    path.write_bytes(b"x")
    path.chmod(0o600)
    os.chown(path, 12_345, 12_345)
    with pytest.raises(RefusedError, match="of user 12345"):
        read_own(path)
    with pytest.raises(RefusedError, match="of user 12345"):
        read_credential(path)


@pytest.mark.parametrize(
    ("mode", "is_taken"), [(0o400, True), (0o440, True), (0o444, False), (0o460, False)]
)
def test_a_credential_may_have_the_mask_that_a_supervisor_gives_it(
    tmp_path: Path, mode: int, is_taken: bool
) -> None:
    path = tmp_path / "polyarb-passphrase"
    path.write_bytes(b"words")
    path.chmod(mode)
    if is_taken:
        assert read_credential(path) == b"words"
    else:
        with pytest.raises(RefusedError, match="LoadCredential"):
            read_credential(path)
    assert read_credential(tmp_path / "absent") is None

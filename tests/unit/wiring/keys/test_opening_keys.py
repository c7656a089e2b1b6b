"""The wallet's key: found, opened, held against its wallet, put behind its policy."""

import os
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from polyarb.config.loading import load_phase_profile
from polyarb.config.wallet import load_wallet
from polyarb.domain.errors import PolyarbError, RefusedError, StoreError, UsageError
from polyarb.domain.ids import ConditionId, GroupId
from polyarb.domain.limits import Phase
from polyarb.domain.market import Catalogue, Market, MarketVersion
from polyarb.domain.secret import Secret
from polyarb.domain.units import Price
from polyarb.store.keystore import seal, write_keystore
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from polyarb.venue.polymarket.signing.digests import BINARY
from polyarb.venue.polymarket.signing.guarded import GuardedSigner
from polyarb.venue.polymarket.signing.order import SignatureType
from polyarb.venue.polymarket.signing.port import (
    LoginSigned,
    LoginToSign,
    OrdersSigned,
    OrdersToSign,
    SignatureRefused,
    SigningRefusal,
)
from polyarb.venue.polymarket.signing.wallets import wallets_of
from polyarb.wiring.keys.composing import open_login_signer, open_order_signer, policy_of
from polyarb.wiring.keys.keeping import import_key, make_key, read_key_file, secret_in, show_key
from polyarb.wiring.keys.opening import KeyPlace, OpenKey, open_key, wallet_of
from polyarb.wiring.keys.passphrases import Ask, Unlock, read_passphrase
from tests.policy_cases import NEG_RISK_TOKEN, NOW_MS, USD, SetClock, to_sign
from tests.signing_cases import ALICE, BOB, CLASSIC_TOKEN, KEY, V2_TOKEN

TEXT = "correct horse battery"
NOBODY = Unlock()
WALLETS = wallets_of(ALICE.address)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a guess cost nothing, and this process be looked into by whoever tests it."""
    monkeypatch.setattr("polyarb.store.keystore.seal.__kwdefaults__", {"cost": 1 << 10})
    for module in ("opening", "keeping"):
        monkeypatch.setattr(f"polyarb.wiring.keys.{module}.forbid_core_dumps", lambda: None)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    create_workspace(tmp_path / "own", shipped_templates())
    return open_workspace(tmp_path / "own")


@pytest.fixture
def passphrase(tmp_path: Path) -> Unlock:
    return Unlock(file=private(tmp_path / "passphrase", TEXT + "\n"))


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def configure(place: Workspace, address: str) -> None:
    text = place.config_file.read_text()
    place.config_file.write_text(text.replace("address: null", f"address: {address}"))


def keep(place: Workspace) -> None:
    write_keystore(place.keystore_file, seal(KEY, Secret(TEXT)))


def dotenv(place: Workspace, key: str = KEY.reveal()) -> None:
    private(place.env_file, f"POLYARB_PRIVATE_KEY={key}\n")


def answering(*answers: str | None) -> Ask:
    left = list(answers)
    return lambda _question: left.pop(0)


# Passphrases


def test_a_new_passphrase_is_asked_for_twice_and_an_old_one_once() -> None:
    once = Unlock(ask=answering(TEXT))
    assert read_passphrase(once) == Secret(TEXT)
    assert read_passphrase(Unlock(ask=answering(TEXT, TEXT)), is_new=True) == Secret(TEXT)
    with pytest.raises(UsageError, match="two different ones"):
        read_passphrase(Unlock(ask=answering(TEXT, TEXT + "s")), is_new=True)


@pytest.mark.parametrize("unlock", [NOBODY, Unlock(ask=answering(None)), Unlock(ask=answering(""))])
def test_where_nobody_answers_it_is_said_how_to_give_one(unlock: Unlock) -> None:
    with pytest.raises(UsageError, match=r"--passphrase-file.*polyarb-passphrase"):
        read_passphrase(unlock)


@pytest.mark.parametrize("text", ["", "\n", "one\ntwo\n", "\xff"])
def test_a_file_that_holds_no_passphrase_is_told_and_not_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(text.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(UsageError, match="one line") as caught:
        read_passphrase(Unlock(file=path))
    assert "two" not in str(caught.value)


def test_a_file_of_a_passphrase_is_ours_alone_and_there(tmp_path: Path) -> None:
    path = private(tmp_path / "passphrase", TEXT)
    assert read_passphrase(Unlock(file=path)) == Secret(TEXT)
    path.chmod(0o640)
    with pytest.raises(RefusedError, match="found 640"):
        read_passphrase(Unlock(file=path))
    with pytest.raises(UsageError, match="found no file"):
        read_passphrase(Unlock(file=tmp_path / "absent"))


def test_a_supervisors_credential_is_taken_and_a_named_file_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(UsageError, match="expected a passphrase"):
        read_passphrase(NOBODY)
    private(tmp_path / "polyarb-passphrase", TEXT)
    assert read_passphrase(NOBODY) == Secret(TEXT)
    other = private(tmp_path / "other", "another passphrase")
    assert read_passphrase(Unlock(file=other)) == Secret("another passphrase")


# Opening


def test_a_key_opens_from_either_place(place: Workspace, passphrase: Unlock) -> None:
    dotenv(place)
    found = open_key(place, NOBODY)
    assert (found.signer.address, found.place) == (ALICE.address, KeyPlace.DOTENV)
    place.env_file.unlink()
    keep(place)
    found = open_key(place, passphrase)
    assert (found.signer.address, found.place) == (ALICE.address, KeyPlace.KEYSTORE)
    assert TEXT not in repr(found) and KEY.reveal()[2:] not in repr(found)


def test_no_key_and_two_keys_are_refused(place: Workspace, passphrase: Unlock) -> None:
    with pytest.raises(UsageError, match=r"found none; make one with `polyarb keys new`"):
        open_key(place, passphrase)
    keep(place)
    dotenv(place)
    with pytest.raises(RefusedError, match="expected one key, found"):
        open_key(place, passphrase)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_dotenv_that_others_may_read_gives_no_key(place: Workspace, mode: int) -> None:
    dotenv(place)
    place.env_file.chmod(mode)
    with pytest.raises(RefusedError, match=rf"found {mode:03o}; run `chmod 600"):
        open_key(place, NOBODY)


def test_a_dotenv_with_something_else_gives_no_key_and_shows_nothing(place: Workspace) -> None:
    dotenv(place, "0xcafe")
    with pytest.raises(UsageError, match="expected a private key") as caught:
        open_key(place, NOBODY)
    assert "cafe" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (ALICE.address, SignatureType.EOA),
        (WALLETS.proxy, SignatureType.POLY_PROXY),
        (WALLETS.safe, SignatureType.POLY_GNOSIS_SAFE),
        (WALLETS.uups, SignatureType.POLY_1271),
        (WALLETS.beacon, SignatureType.POLY_1271),
    ],
)
def test_the_configured_wallet_tells_how_orders_are_signed(
    place: Workspace, address: str, kind: SignatureType
) -> None:
    configure(place, address)
    found = wallet_of(ALICE.address, load_wallet(place))
    assert (found.account, found.maker, found.signature_type) == (ALICE.address, address, kind)


def test_a_key_of_another_wallet_is_refused_and_none_is_no_wallet(place: Workspace) -> None:
    with pytest.raises(UsageError, match=r"expected wallet\.address"):
        wallet_of(ALICE.address, load_wallet(place))
    configure(place, BOB.address)
    with pytest.raises(RefusedError, match=f"found the key of {ALICE.address}"):
        wallet_of(ALICE.address, load_wallet(place))


@pytest.mark.parametrize(
    "text", ["0x1234", ALICE.address.lower(), f'"{ALICE.address[:-1]}"', "true", "[]"]
)
def test_an_address_that_was_mistyped_is_told_with_its_line(place: Workspace, text: str) -> None:
    configure(place, text)
    with pytest.raises(UsageError, match=r"config\.yaml:\d+: wallet\.address: expected 0x"):
        load_wallet(place)


# Keeping


def test_a_new_key_is_kept_and_shown_by_its_addresses(place: Workspace, passphrase: Unlock) -> None:
    made = make_key(place, passphrase)
    assert made.place is KeyPlace.KEYSTORE
    assert (made.configured, made.signature_type) == ("", None)
    wallets = wallets_of(made.account)
    assert (made.proxy, made.safe) == (wallets.proxy, wallets.safe)
    assert (made.deposit, made.deposit_beacon) == wallets.deposit
    assert show_key(place, passphrase) == made


def test_two_new_keys_differ(place: Workspace, passphrase: Unlock) -> None:
    first = make_key(place, passphrase)
    place.keystore_file.rename(place.keystore_file.with_suffix(".old"))
    assert make_key(place, passphrase).account != first.account


@pytest.mark.parametrize("text", [KEY.reveal(), KEY.reveal()[2:]])
def test_a_key_is_imported_and_can_be_shown(
    place: Workspace, passphrase: Unlock, text: str
) -> None:
    configure(place, WALLETS.safe)
    shown = import_key(place, Secret(text), passphrase)
    assert (shown.account, shown.signature_type) == (ALICE.address, "POLY_GNOSIS_SAFE")
    assert open_key(place, passphrase).signer.address == ALICE.address


def test_another_keystore_is_imported_with_the_same_passphrase(
    place: Workspace, passphrase: Unlock, tmp_path: Path
) -> None:
    sealed = seal(KEY, Secret(TEXT)).decode()
    told = read_key_file(private(tmp_path / "UTC--other", sealed))
    assert import_key(place, told, passphrase).account == ALICE.address
    assert place.keystore_file.read_text() != sealed


@pytest.mark.parametrize("text", ["", "0x12", "zz" * 32, "ff" * 32, "00" * 32, "01" * 33])
def test_what_is_no_key_is_not_imported_and_not_shown(
    place: Workspace, passphrase: Unlock, text: str
) -> None:
    with pytest.raises(UsageError, match="expected a private key") as caught:
        import_key(place, Secret(text), passphrase)
    assert not text or text not in str(caught.value)
    assert not place.keystore_file.exists()


def test_a_key_for_another_wallet_is_neither_imported_nor_made(
    place: Workspace, passphrase: Unlock
) -> None:
    configure(place, BOB.address)
    with pytest.raises(RefusedError, match=f"expected a key of {BOB.address}"):
        import_key(place, KEY, passphrase)
    with pytest.raises(RefusedError, match="which no new key can own"):
        make_key(place, passphrase)
    assert not place.keys_dir.exists()


def test_an_existing_key_is_never_replaced(place: Workspace, passphrase: Unlock) -> None:
    dotenv(place)
    for attempt in (
        lambda: make_key(place, passphrase),
        lambda: import_key(place, KEY, passphrase),
    ):
        with pytest.raises(RefusedError, match="beside a keystore"):
            attempt()
    place.env_file.unlink()
    keep(place)
    before = place.keystore_file.read_bytes()
    for attempt in (
        lambda: make_key(place, passphrase),
        lambda: import_key(place, KEY, passphrase),
    ):
        with pytest.raises(RefusedError, match="never overwritten"):
            attempt()
    assert place.keystore_file.read_bytes() == before


def test_a_file_to_import_from_is_ours_alone_and_text(tmp_path: Path) -> None:
    path = private(tmp_path / "key", KEY.reveal() + "\n")
    assert read_key_file(path) == KEY
    path.chmod(0o644)
    with pytest.raises(RefusedError, match="found 644"):
        read_key_file(path)
    with pytest.raises(UsageError, match="--from"):
        read_key_file(tmp_path / "absent")
    with pytest.raises(UsageError, match="found no text"):
        secret_in(b"\xff\xfe", "stdin")


# Composing

CATALOGUE = Catalogue(
    markets={
        ConditionId("a"): Market(
            condition_id=ConditionId("a"),
            yes=CLASSIC_TOKEN,
            no=V2_TOKEN,
            version=MarketVersion.V1,
            tick=Price(1_000),
        ),
        ConditionId("b"): Market(
            condition_id=ConditionId("b"),
            yes=NEG_RISK_TOKEN,
            no=V2_TOKEN,
            group_id=GroupId("g"),
        ),
    }
)


def opened(
    place: Workspace,
    stack: ExitStack,
    phase: Phase = Phase.MICRO_LIVE,
    clock: SetClock | None = None,
) -> GuardedSigner:
    profile = load_phase_profile(place, phase).profile
    key = OpenKey(ALICE, KeyPlace.DOTENV)
    return open_order_signer(place, key, profile, CATALOGUE, clock=clock or SetClock(), stack=stack)


def test_a_policy_is_the_phases_markets_and_envelope(place: Workspace) -> None:
    configure(place, WALLETS.proxy)
    settings = load_wallet(place)
    profile = load_phase_profile(place, Phase.MICRO_LIVE).profile
    policy = policy_of(profile, CATALOGUE, wallet_of(ALICE.address, settings), settings)
    assert policy.order_notional_max == profile.envelope.order_notional_max == 5 * USD
    assert policy.day_notional_max == 25 * 20 * USD
    assert (policy.maker, policy.signature_type) == (WALLETS.proxy, SignatureType.POLY_PROXY)
    known, unknown = policy.tokens[CLASSIC_TOKEN], policy.tokens[NEG_RISK_TOKEN]
    assert (known.version, known.is_neg_risk) == (MarketVersion.V1, False)
    assert (known.price_min, known.price_max) == (1_000, 999_000)
    assert (unknown.version, unknown.is_neg_risk, unknown.price_min) == (None, True, 10_000)


def test_the_signer_of_a_phase_signs_within_it_and_remembers_over_a_restart(
    place: Workspace,
) -> None:
    configure(place, ALICE.address)
    clock = SetClock()
    sets = 0
    for _ in range(40):
        with ExitStack() as stack:
            signer = opened(place, stack, clock=clock)
            answer = signer.sign_orders(OrdersToSign(orders=(to_sign(),)))
        if isinstance(answer, SignatureRefused):
            assert answer.reason is SigningRefusal.DAY_NOTIONAL
            break
        sets += 1
    # Each process charged a tranche of 20 USD and was gone: what it charged stays charged.
    assert sets == 25
    assert len(place.charges_file.read_text().splitlines()) == 25


def test_an_order_above_the_envelope_is_refused(place: Workspace) -> None:
    configure(place, ALICE.address)
    with ExitStack() as stack:
        one = to_sign(maker_amount=5 * USD + 1)
        answer = opened(place, stack).sign_orders(OrdersToSign(orders=(one,)))
    assert isinstance(answer, SignatureRefused)
    assert answer.reason is SigningRefusal.ORDER_NOTIONAL


def test_what_cannot_be_charged_on_the_disk_is_not_signed(place: Workspace) -> None:
    configure(place, ALICE.address)
    with ExitStack() as stack:
        signer = opened(place, stack)
        place.audit_dir.rmdir() if place.audit_dir.exists() else None
        place.audit_dir.write_text("a file where the folder was")
        with pytest.raises(StoreError):
            signer.sign_orders(OrdersToSign(orders=(to_sign(),)))


def test_a_phase_that_only_simulates_gets_no_signer(place: Workspace) -> None:
    configure(place, ALICE.address)
    with ExitStack() as stack, pytest.raises(RefusedError, match="only simulates"):
        opened(place, stack, Phase.SHADOW)
    assert not place.signer_lock_file.exists()


def test_one_process_a_workspace_signs_orders_and_any_may_log_in(place: Workspace) -> None:
    configure(place, ALICE.address)
    with ExitStack() as stack, ExitStack() as second:
        opened(place, stack)
        with pytest.raises(RefusedError, match=f"in use by process {os.getpid()}"):
            opened(place, second)
        key = OpenKey(ALICE, KeyPlace.DOTENV)
        signer = open_login_signer(place, key, clock=SetClock())
        login = LoginToSign(timestamp_s=NOW_MS // 1_000)
        assert isinstance(signer.sign_login(login), LoginSigned)
        answer = signer.sign_orders(OrdersToSign(orders=(to_sign(),)))
        assert isinstance(answer, SignatureRefused) and answer.reason is SigningRefusal.KIND
    with ExitStack() as stack:
        assert isinstance(
            opened(place, stack).sign_orders(OrdersToSign(orders=(to_sign(),))), OrdersSigned
        )


@pytest.mark.parametrize("address", [BOB.address, "null"])
def test_a_signer_for_another_wallet_or_for_none_is_never_made(
    place: Workspace, address: str
) -> None:
    configure(place, address)
    with ExitStack() as stack, pytest.raises((RefusedError, UsageError)) as caught:
        opened(place, stack)
    assert isinstance(caught.value, PolyarbError)
    assert isinstance(caught.value, RefusedError) is (address == BOB.address)


def test_an_order_for_another_chain_is_refused_with_both_chains(place: Workspace) -> None:
    configure(place, ALICE.address)
    one = msgspec.structs.replace(to_sign(), chain_id=80_002)
    with ExitStack() as stack:
        answer = opened(place, stack).sign_orders(OrdersToSign(orders=(one,)))
    assert isinstance(answer, SignatureRefused)
    assert answer.told == f"expected chain {BINARY.chain_id}, found 80002"

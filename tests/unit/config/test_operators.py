"""config/operators.yaml: one person, one name, one key; whatever is wrong is told with its line."""

from pathlib import Path

import pytest
from polyarb.config.operators import list_operator, load_operators
from polyarb.config.secrets import dotenv_secrets, wallet_secrets
from polyarb.domain.errors import UsageError
from polyarb.store.workspace import Workspace
from tests.go_no_go_cases import ALICE, BOB, person


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    (tmp_path / "config").mkdir()
    return Workspace(tmp_path)


def written(place: Workspace, text: str) -> Path:
    path = place.root / "config" / "operators.yaml"
    path.write_text(text)
    return path


def entry(name: str, key: str, role: str = "trader") -> str:
    return f'  - name: {name}\n    role: {role}\n    public_key: "{key}"\n'


def test_without_the_file_nobody_may_sign(place: Workspace) -> None:
    assert load_operators(place) == ()


def test_people_are_added_one_after_the_other(place: Workspace) -> None:
    list_operator(place, ALICE)
    list_operator(place, BOB)
    assert load_operators(place) == (ALICE, BOB)


def test_what_an_operator_wrote_stays(place: Workspace) -> None:
    path = written(place, "# ours\noperators:\n" + entry("alice", ALICE.public_key).rstrip())
    list_operator(place, BOB)
    assert path.read_text().startswith("# ours\noperators:\n  - name: alice\n")
    assert load_operators(place) == (ALICE, BOB)


def test_an_empty_list_is_begun(place: Workspace) -> None:
    written(place, "operators: []\n")
    list_operator(place, ALICE)
    assert load_operators(place) == (ALICE,)


@pytest.mark.parametrize("name", ["", "Alice", "a b", "alice:", "../alice", "1a", "a" * 33])
def test_a_name_that_is_none_is_refused(place: Workspace, name: str) -> None:
    operator, _ = person(name, 1)
    with pytest.raises(UsageError, match="expected a name such as alice"):
        list_operator(place, operator)
    assert load_operators(place) == ()


@pytest.mark.parametrize("role", ["", "a: b", "x\ny", "#x"])
def test_a_role_that_is_none_is_refused(place: Workspace, role: str) -> None:
    operator, _ = person("alice", 1, role)
    with pytest.raises(UsageError, match="--role"):
        list_operator(place, operator)


def test_a_name_is_taken_once(place: Workspace) -> None:
    list_operator(place, ALICE)
    with pytest.raises(UsageError, match="a new name, found alice"):
        list_operator(place, person("alice", 5)[0])


def test_a_key_is_listed_once(place: Workspace) -> None:
    key = ALICE.public_key
    written(place, "operators:\n" + entry("alice", key) + entry("mallory", key))
    with pytest.raises(UsageError, match="one person, one name, one key, found the public key of"):
        load_operators(place)


def test_a_name_is_listed_once(place: Workspace) -> None:
    text = entry("alice", ALICE.public_key) + entry("alice", BOB.public_key)
    written(place, "operators:\n" + text)
    with pytest.raises(UsageError, match="found the name of alice twice"):
        load_operators(place)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("people: []\n", "operators.yaml:1: people: expected one of operators"),
        ("operators: 5\n", "operators.yaml:1: operators: expected a list, found the number 5"),
        ("operators:\n  - alice\n", "expected a section, found the text alice"),
        ("operators:\n  - name: alice\n", "role"),
        ("operators:\n" + entry("Alice", "a" * 64), "expected a lower-case name, found Alice"),
        ("operators:\n" + entry("alice", "a" * 63), "expected 64 hex digits"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(place: Workspace, text: str, told: str) -> None:
    written(place, text)
    with pytest.raises(UsageError) as raised:
        load_operators(place)
    assert told in str(raised.value)


def test_wallet_secrets_are_named_and_never_shown(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wallet_secrets(place) == ()
    place.env_file.write_text(f"PRIVATE_KEY=0x{'ab' * 32}\nTELEGRAM_TOKEN=123456789:abcdef\nA=\n")
    monkeypatch.setenv("WALLET_SECRET", "something long enough")
    monkeypatch.setenv("ODD_ACCOUNT", "cd" * 32)
    assert wallet_secrets(place) == (
        "ODD_ACCOUNT in environment",
        "PRIVATE_KEY in .env",
        "WALLET_SECRET in environment",
    )


@pytest.mark.parametrize("name", ["IMAGE_DIGEST", "SOURCE_SHA256", "CONDITION_ID", "PKG_HASH"])
def test_a_digest_of_others_in_the_environment_opens_no_wallet_and_one_in_dotenv_may(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "0x" + "cd" * 32)
    assert wallet_secrets(place) == ()
    place.env_file.write_text(f"{name}={'cd' * 32}\n")
    assert wallet_secrets(place) == (f"{name} in .env",)


@pytest.mark.parametrize(
    "name",
    [
        *("DEPLOYER_KEY", "my_secret", "PRIVATE", "SEED", "pk", "BOT_PK", "ETH_SK", "SIGNER"),
        *("MNEMONIC", "WALLET", "ACCOUNT_1", "OWNER", "POLYARB_X", "POLYMARKET_A", "PRIVKEY"),
    ],
)
def test_a_name_that_may_mean_a_key_makes_one_of_what_looks_like_one(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, " " + "cd" * 32)
    assert wallet_secrets(place) == (f"{name} in environment",)


def test_the_secrets_of_dotenv_are_those_whose_name_tells_it(place: Workspace) -> None:
    assert dotenv_secrets(place) == {}
    place.env_file.write_text("TELEGRAM_TOKEN=abc\nEMPTY_KEY=\nPLAIN=1\n")
    assert dotenv_secrets(place) == {"TELEGRAM_TOKEN": "abc"}

"""`polyarb keys` as typed: what is made, refused, asked, and where no key may ever be found."""

import json
import os
import select
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from polyarb.domain.secret import Secret
from polyarb.store.keystore import seal, write_keystore
from tests.acceptance.app import Polyarb, command, environment
from tests.signing_cases import ALICE, BOB, KEY

PASSPHRASE = "correct horse battery"
HEX = KEY.reveal()[2:]


@pytest.fixture
def passphrase(tmp_path: Path) -> str:
    return str(private(tmp_path / "passphrase", PASSPHRASE + "\n"))


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def keep(workspace: Path) -> Path:
    """Put Alice's key there, sealed so that opening it takes no time."""
    path = workspace / "data" / "keys" / "wallet.json"
    write_keystore(path, seal(KEY, Secret(PASSPHRASE), cost=1 << 10))
    return path


def configure(workspace: Path, address: str) -> None:
    path = workspace / "config" / "config.yaml"
    path.write_text(path.read_text().replace("address: null", f"address: {address}"))


def refused(ended: subprocess.CompletedProcess[str], code: int, *told: str) -> None:
    """Check an exit code, what stderr says in its one line, and that it shows no secret."""
    assert ended.returncode == code, ended
    assert all(text in ended.stderr for text in told), ended.stderr
    assert ended.stderr.count("\n") == 1 and not ended.stdout
    assert HEX not in ended.stderr and "horse" not in ended.stderr


def places_of(needle: str, *folders: Path) -> list[str]:
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return [str(path) for path in files if needle.lower().encode() in path.read_bytes().lower()]


def test_a_key_is_made_sealed_and_shown_by_its_addresses_only(
    polyarb: Polyarb, workspace: Path, passphrase: str
) -> None:
    made = polyarb("keys", "new", "--passphrase-file", passphrase, "--json")
    assert made.returncode == 0, made.stderr
    path = workspace / "data" / "keys" / "wallet.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    shown = json.loads(made.stdout)
    assert json.loads(path.read_text())["crypto"]["kdfparams"]["n"] == 262_144
    again = polyarb("keys", "address", "--passphrase-file", passphrase, "--json")
    assert json.loads(again.stdout) == shown
    assert set(shown) == {
        *("account", "proxy", "safe", "deposit", "deposit_beacon"),
        *("place", "file", "configured", "signature_type"),
    }


@pytest.mark.parametrize("way", ["file", "stdin"])
def test_a_key_is_imported_from_a_file_or_stdin_and_leaves_no_trace_but_sealed(
    polyarb: Polyarb, workspace: Path, passphrase: str, tmp_path: Path, way: str
) -> None:
    source = str(private(tmp_path / "key", KEY.reveal() + "\n")) if way == "file" else "-"
    told = polyarb(
        *("keys", "import", "--from", source, "--passphrase-file", passphrase),
        **({"input": HEX} if way == "stdin" else {}),
    )
    assert told.returncode == 0, told.stderr
    assert f"account (EOA)            {ALICE.address}" in told.stdout
    assert HEX not in told.stdout + told.stderr
    assert ("remove it" in told.stderr) is (way == "file")
    assert not places_of(HEX, workspace)
    assert not places_of(PASSPHRASE, workspace)


def test_a_backup_holds_neither_the_sealed_key_nor_a_canary_of_it(
    polyarb: Polyarb, workspace: Path
) -> None:
    path = keep(workspace)
    sealed = json.loads(path.read_text())["crypto"]["ciphertext"]
    private(workspace / ".env", f"TELEGRAM_BOT_TOKEN={'c' * 40}\n")
    assert polyarb("backup", "create").returncode == 0
    backups = workspace / "backups"
    assert any(backups.rglob("manifest.json"))
    assert not places_of(sealed, backups)
    assert not [
        path for path in backups.rglob("*") if "keys" in path.parts or "wallet" in path.name
    ]
    assert places_of(sealed, workspace) == [str(path)]


def test_a_key_in_plain_text_stops_a_backup_that_would_hold_it(
    polyarb: Polyarb, workspace: Path
) -> None:
    private(workspace / ".env", f"POLYARB_PRIVATE_KEY={KEY.reveal()}\n")
    audit = workspace / "data" / "audit"
    audit.mkdir(parents=True)
    (audit / "notes.jsonl").write_text(f'{{"note":"{KEY.reveal()}"}}\n')
    ended = polyarb("backup", "create")
    assert ended.returncode == 3
    assert "POLYARB_PRIVATE_KEY" in ended.stderr and HEX not in ended.stderr + ended.stdout
    assert not places_of(HEX, workspace / "backups")


def test_an_existing_key_is_refused(polyarb: Polyarb, workspace: Path, passphrase: str) -> None:
    before = keep(workspace).read_bytes()
    told = ("expected no key, found one", "never overwritten")
    refused(polyarb("keys", "new", "--passphrase-file", passphrase), 3, *told)
    ended = polyarb("keys", "import", "--from", "-", "--passphrase-file", passphrase, input=HEX)
    refused(ended, 3, *told)
    assert (workspace / "data" / "keys" / "wallet.json").read_bytes() == before


def test_a_wrong_passphrase_is_refused(polyarb: Polyarb, workspace: Path, tmp_path: Path) -> None:
    keep(workspace)
    other = str(private(tmp_path / "other", "wrong horse battery"))
    refused(polyarb("keys", "address", "--passphrase-file", other), 3, "expected the passphrase")


def test_where_there_is_no_key_it_is_said_how_to_make_one(
    polyarb: Polyarb, passphrase: str
) -> None:
    refused(polyarb("keys", "address", "--passphrase-file", passphrase), 2, "`polyarb keys new`")


def test_without_a_terminal_nothing_is_asked(polyarb: Polyarb, workspace: Path) -> None:
    keep(workspace)
    alone = {"stdin": subprocess.DEVNULL, "start_new_session": True}
    refused(polyarb("keys", "address", **alone), 2, "--passphrase-file")
    (workspace / "data" / "keys" / "wallet.json").unlink()
    refused(polyarb("keys", "import", **alone), 2, "--from FILE")
    refused(polyarb("keys", "new", **alone), 2, "--passphrase-file")


def test_a_key_for_another_address_is_refused(
    polyarb: Polyarb, workspace: Path, passphrase: str
) -> None:
    configure(workspace, BOB.address)
    told = (BOB.address, ALICE.address, "import the right key")
    ended = polyarb("keys", "import", "--from", "-", "--passphrase-file", passphrase, input=HEX)
    refused(ended, 3, *told)
    assert not (workspace / "data" / "keys").exists()
    keep(workspace)
    refused(polyarb("keys", "address", "--passphrase-file", passphrase), 3, *told)


@pytest.mark.parametrize("what", ["keystore", "folder", "passphrase", "key file", ".env"])
def test_what_others_may_read_is_refused_with_the_remedy(
    polyarb: Polyarb, workspace: Path, passphrase: str, tmp_path: Path, what: str
) -> None:
    words = ["keys", "address", "--passphrase-file", passphrase]
    if what == ".env":
        private(workspace / ".env", f"POLYARB_PRIVATE_KEY={KEY.reveal()}\n").chmod(0o644)
    elif what == "key file":
        source = private(tmp_path / "key", HEX)
        source.chmod(0o640)
        words = ["keys", "import", "--from", str(source), "--passphrase-file", passphrase]
    else:
        path = keep(workspace)
        loose = {"keystore": path, "folder": path.parent, "passphrase": Path(passphrase)}[what]
        loose.chmod(0o755 if what == "folder" else 0o640)
    refused(polyarb(*words), 3, "run `chmod ")


def test_a_key_in_the_environment_is_refused_by_every_command_that_reads_it(
    workspace: Path, passphrase: str
) -> None:
    keep(workspace)
    for words in (
        ("keys", "address", "--passphrase-file", passphrase),
        ("start", "--phase", "shadow"),
    ):
        ended = subprocess.run(
            command(*words),
            cwd=workspace,
            env=environment() | {"POLYARB_PRIVATE_KEY": KEY.reveal()},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        refused(ended, 3, "environment: expected no POLYARB_PRIVATE_KEY")


def test_a_key_in_dotenv_is_shown_by_its_addresses_and_keeps_shadow_from_starting(
    polyarb: Polyarb, workspace: Path, samples: Path
) -> None:
    private(workspace / ".env", f"POLYARB_PRIVATE_KEY={KEY.reveal()}\n")
    configure(workspace, ALICE.address)
    shown = json.loads(polyarb("keys", "address", "--json").stdout)
    assert (shown["account"], shown["place"], shown["signature_type"]) == (
        *(ALICE.address, ".env"),
        "EOA",
    )
    tape = str(samples / "tape_hockey.jsonl.gz")
    ended = polyarb("start", "--phase", "shadow", "--tape", tape, "--speed", "max")
    refused(ended, 3, "the shadow phase holds no key", "polyarb keys import")


def test_a_key_never_stands_on_the_command_line(polyarb: Polyarb) -> None:
    ended = polyarb("keys", "import", HEX)
    assert ended.returncode == 2
    helped = polyarb("keys", "import", "--help").stdout
    assert "--key" not in helped and "--private" not in helped and "--passphrase " not in helped


_ON_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)


def typed(
    workspace: Path, words: tuple[str, ...], answers: list[tuple[str, str]]
) -> tuple[int, str]:
    """Run a command on a terminal of its own; each answer waits for its question."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, *command(*words)],
        cwd=workspace,
        env=environment() | {"TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown, left, deadline = "", list(answers), time.monotonic() + 120
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 1)[0]:
                continue
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            shown += piece.decode()
            if left and shown.endswith(left[0][0]):
                os.write(ours, left.pop(0)[1].encode() + b"\n")
        return process.wait(30), shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_on_a_terminal_key_and_passphrase_are_asked_for_and_not_shown(workspace: Path) -> None:
    code, shown = typed(
        workspace,
        ("keys", "import"),
        [
            ("digits): ", HEX),
            ("Passphrase: ", PASSPHRASE),
            ("again: ", PASSPHRASE),
        ],
    )
    assert code == 0, shown
    assert ALICE.address in shown
    assert HEX not in shown and PASSPHRASE not in shown
    code, shown = typed(workspace, ("keys", "address"), [("Passphrase: ", "wrong horse battery")])
    assert code == 3 and "horse" not in shown


_LOOK_AT_THE_END = """
import atexit, gc, os, sys

def look():
    loaded = sorted(
        name for name in sys.modules
        if name.split(".")[0] in {"coincurve", "eth_keys", "eth_keyfile", "eth_account", "web3"}
        or name.startswith("polyarb.wiring.keys")
        or name.startswith("polyarb.venue.polymarket.signing.") and name.split(".")[-1] in
        {"signatures", "guarded", "relays", "mac"}
    )
    held = sorted({type(one).__name__ for one in gc.get_objects()
                   if type(one).__name__ in {"Signer", "GuardedSigner", "OpenKey", "PrivateKey"}})
    os.write(3, repr((loaded, held)).encode())

atexit.register(look)
PLANT
sys.argv = ["polyarb", *sys.argv[1:]]
from polyarb.cli.app import main
main()
"""
_PLANT = """
from polyarb.venue.polymarket.signing.signatures import Signer
from polyarb.domain.secret import Secret
kept = Signer(Secret("01" * 32))
"""


def at_the_end(workspace: Path, plant: str, *words: str) -> str:
    """Run the app and look at what its process holds when it ends."""
    read, write = os.pipe()
    script = f"import os\nos.dup2({write}, 3)\n" + _LOOK_AT_THE_END.replace("PLANT", plant)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", script, *words],
            cwd=workspace,
            env=environment(),
            pass_fds=(write,),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        os.close(write)
        assert ended.returncode == 0, ended.stderr
        return os.read(read, 1 << 16).decode()
    finally:
        os.close(read)


def test_a_shadow_run_builds_no_signer_and_loads_nothing_that_signs(
    workspace: Path, samples: Path
) -> None:
    keep(workspace)
    configure(workspace, ALICE.address)
    tape = str(samples / "tape_hockey.jsonl.gz")
    words = ("start", "--phase", "shadow", "--tape", tape, "--speed", "max")
    assert at_the_end(workspace, "", *words) == "([], [])"
    planted = at_the_end(workspace, _PLANT, *words)
    assert "'Signer'" in planted and "signing.signatures" in planted

"""`polyarb keys`: the wallet's key is made, imported, shown by its addresses; never itself."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_text
from polyarb.domain.errors import UsageError

if TYPE_CHECKING:
    from polyarb.domain.secret import Secret
    from polyarb.wiring.keys.keeping import KeyShown
    from polyarb.wiring.keys.passphrases import Unlock

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_TERMINAL = "/dev/tty"
_STDIN = "-"

PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help="File of mode 600 with the passphrase; default: the supervisor's credential"
        " polyarb-passphrase, else asked for.",
        show_default=False,
    ),
]


@app.callback()
def root() -> None:
    """Make, import and show the key that signs for the wallet; docs/KEYS.md explains."""


@app.command()
def new(
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a key and seal it into data/keys/wallet.json; an existing one is never overwritten."""
    from polyarb.wiring.keys.keeping import make_key

    tell(make_key(open_from(workspace), unlock(passphrase_file)), as_json=as_json)


@app.command("import")
def import_(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="FILE",
            help="File of mode 600 with the key, or - for stdin; default: asked for.",
            show_default=False,
        ),
    ] = "",
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Seal a key that exists: 64 hex digits, or a keystore with the same passphrase.

    A key on the command line would be seen by every other user: there is no way to give it there.
    """
    from polyarb.wiring.keys.keeping import import_key

    place = open_from(workspace)
    tell(import_key(place, read_key(source), unlock(passphrase_file)), as_json=as_json)
    if source not in ("", _STDIN):
        notice(f"{source} still holds the key: remove it once you have proven the keystore")


@app.command()
def address(
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Open the key and show its address and the wallets that it may trade for."""
    from polyarb.wiring.keys.keeping import show_key

    tell(show_key(open_from(workspace), unlock(passphrase_file)), as_json=as_json)


def unlock(passphrase_file: Path | None) -> "Unlock":
    """Say how a passphrase may be had here."""
    from polyarb.wiring.keys.passphrases import Unlock

    return Unlock(file=passphrase_file, ask=ask)


def ask(question: str) -> str | None:
    """Ask at the terminal, not showing the answer; None where there is no terminal."""
    import getpass

    try:
        os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return None
    try:
        return getpass.getpass(question)
    except EOFError:
        return None


def read_key(source: str) -> "Secret":
    """Read the key to import from a file, stdin or the terminal. Errors: UsageError and others."""
    from polyarb.domain.secret import Secret
    from polyarb.wiring.keys.keeping import read_key_file, secret_in

    if source == _STDIN:
        return secret_in(sys.stdin.buffer.read(), "stdin")
    if source:
        return read_key_file(Path(source))
    told = ask("Private key (64 hex digits): ")
    if not told:
        raise UsageError("expected a key, found no terminal to ask at; use --from FILE or --from -")
    return Secret(told.strip())


def tell(shown: "KeyShown", *, as_json: bool) -> None:
    """Show the addresses of a key."""
    if as_json:
        print_json(shown)
        return
    rows = [
        ("account (EOA)", shown.account),
        ("proxy wallet", shown.proxy),
        ("safe", shown.safe),
        ("deposit wallet", shown.deposit),
        ("deposit wallet (beacon)", shown.deposit_beacon),
    ]
    told = [
        f"{name:<24} {found}" + ("  <- wallet.address" if found == shown.configured else "")
        for name, found in rows
    ]
    print_text("\n".join([*told, f"{'the key lies in':<24} {shown.file}"]))
    if not shown.configured:
        notice(
            "next: write the address that holds, or will hold, the funds into config/config.yaml"
            " (wallet.address), and keep a copy of the key file and of its passphrase apart"
        )

"""Where a passphrase comes from: a file, the supervisor, a terminal; never argv or environment."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from polyarb.config.wallet import credentials_folder
from polyarb.domain.errors import UsageError
from polyarb.domain.secret import Secret
from polyarb.store.keystore import read_credential, read_own

CREDENTIAL = "polyarb-passphrase"
"""Its name among a supervisor's credentials: LoadCredential=polyarb-passphrase:FILE."""
_REMEDY = (
    "name a file of mode 600 with --passphrase-file, or have the supervisor lay out the"
    f" credential {CREDENTIAL}"
)

Ask = Callable[[str], str | None]
"""Ask a person at the terminal without showing the answer; None where there is no terminal."""


@dataclass(frozen=True, slots=True)
class Unlock:
    """How a passphrase may be had. Shape: file is the one that was named, if any."""

    file: Path | None = None
    ask: Ask | None = None


def read_passphrase(unlock: Unlock, *, is_new: bool = False) -> Secret:
    """Get the passphrase; a new one is asked for twice.

    Errors: UsageError where none can be had, RefusedError where others may read its file.
    """
    told = _told(unlock)
    if told is not None:
        return told
    found = unlock.ask("Passphrase: ") if unlock.ask else None
    if not found:
        raise UsageError(f"expected a passphrase, found no file, credential or terminal; {_REMEDY}")
    if is_new and unlock.ask and unlock.ask("The same passphrase again: ") != found:
        raise UsageError("expected the same passphrase twice, found two different ones; try again")
    return Secret(found)


def has_passphrase(unlock: Unlock) -> bool:
    """Tell whether a passphrase can be had without asking anybody. Errors: RefusedError."""
    return _told(unlock) is not None


def _told(unlock: Unlock) -> Secret | None:
    """Read the file that is named, else the supervisor's credential; None where there is none."""
    if unlock.file is not None:
        content = read_own(unlock.file)
        if content is None:
            raise UsageError(f"{unlock.file}: expected a passphrase, found no file; {_REMEDY}")
        return _passphrase_in(content, unlock.file)
    folder = credentials_folder()
    if folder is None:
        return None
    content = read_credential(folder / CREDENTIAL)
    return None if content is None else _passphrase_in(content, folder / CREDENTIAL)


def _passphrase_in(content: bytes, path: Path) -> Secret:
    """Read the one line of a file; its line break is no part of it."""
    try:
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        text = ""
    if not text or "\n" in text:
        raise UsageError(
            f"{path}: expected a passphrase in one line of UTF-8, found none; {_REMEDY}"
        )
    return Secret(text)

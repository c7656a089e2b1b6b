"""What the configuration says of the wallet, and where a private key may come from.

A key stands in .env or in a keystore, never in the environment, which children inherit and crash
reports show.
"""

from pathlib import Path

from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from polyarb.config.environment import (
    PRIVATE_KEY_NAME,
    ProcessEnvironment,
    refuse_exposed_key,
)
from polyarb.config.loading import load_wallet
from polyarb.domain.errors import RefusedError
from polyarb.domain.secret import Secret
from polyarb.store.keys import refuse_open
from polyarb.store.workspace import Workspace

__all__ = ["PRIVATE_KEY_NAME", "credentials_folder", "dotenv_key", "load_wallet", "refuse_any_key"]


class _Told(BaseSettings):
    model_config = SettingsConfigDict(extra="ignore", case_sensitive=False)

    credentials_directory: str = ""


def credentials_folder() -> Path | None:
    """Return where a supervisor has laid the credentials of this process, if it has.

    Source: systemd.exec(5), LoadCredential.
    """
    told = _Told().credentials_directory
    return Path(told) if told else None


def dotenv_key(workspace: Workspace) -> Secret | None:
    """Return the private key of .env, None where it holds none.

    Errors: RefusedError when others may read the file, or the environment holds a key.
    """
    refuse_exposed_key()
    path = workspace.env_file
    if not path.is_file():
        return None
    source = DotEnvSettingsSource(ProcessEnvironment, env_file=path, case_sensitive=True)
    text = (source.env_vars.get(PRIVATE_KEY_NAME) or "").strip()
    if not text:
        return None
    refuse_open(path)
    return Secret(text)


def refuse_any_key(workspace: Workspace) -> None:
    """Refuse a private key in .env where nothing may sign. Errors: RefusedError."""
    if dotenv_key(workspace) is not None:
        raise RefusedError(
            f"{workspace.shown(workspace.env_file)}: expected no {PRIVATE_KEY_NAME}: the shadow"
            " phase holds no key; take it out, or put it into a keystore with"
            " `polyarb keys import`"
        )

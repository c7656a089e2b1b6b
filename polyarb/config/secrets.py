"""The secrets that this process can see, so that nobody writes one down by accident.

Only .env and the environment are looked at: a value counts by its name, or as a private key by
its shape. What must not be written down is taken wider than what would open a wallet.
"""

import re
from pathlib import Path

from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from polyarb.config.environment import ProcessEnvironment, is_secret_name
from polyarb.domain.secret import Secret
from polyarb.store.backup.canaries import Canary
from polyarb.store.workspace import Workspace

_WALLET = re.compile(r"PRIVATE_?KEY|MNEMONIC|SEED_PHRASE|KEYSTORE|WALLET_?(?:KEY|SECRET)", re.I)
_PRIVATE_KEY = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")
_MAY_MEAN_A_KEY = re.compile(
    r"KEY|SECRET|PRIV|SEED|MNEMONIC|PHRASE|WALLET|SIGNER|ACCOUNT|OWNER|PASS|CREDENTIAL|TOKEN"
    r"|POLY|(?:^|[^A-Z])(?:PK|SK|ETH|EOA)(?![A-Z])",
    re.I,
)
"""Names under which the environment may hold a key; rather too many. A build's digest is none."""


def secret_values(workspace: Workspace) -> tuple[Canary, ...]:
    """Collect the secrets of .env and of the environment.

    Errors: none for what .env has wrong; starting a run tells that.
    """
    found = []
    if workspace.env_file.is_file():
        source = DotEnvSettingsSource(
            ProcessEnvironment, env_file=workspace.env_file, case_sensitive=True
        )
        found += [(name, ".env", text or "") for name, text in source.env_vars.items()]
    environment = EnvSettingsSource(ProcessEnvironment, case_sensitive=True)
    found += [(name, "environment", text or "") for name, text in environment.env_vars.items()]
    return tuple(
        Canary(name, place, Secret(text))
        for name, place, text in found
        if _is_secret(name, text.strip())
    )


def dotenv_secrets(workspace: Workspace) -> dict[str, str]:
    """Return the secrets of .env by name."""
    texts = _dotenv_texts(workspace)
    return {name: text for name, text in texts.items() if text and is_secret_name(name)}


def wallet_secrets(workspace: Workspace) -> tuple[str, ...]:
    """Name every set variable that would open a wallet, and where it stands; no value.

    In .env, which is polyarb's own, whatever looks like a private key is one. The environment holds
    digests of others that look the same: there the name has to allow it.
    """
    environment = EnvSettingsSource(ProcessEnvironment, case_sensitive=True).env_vars
    found = [
        f"{name} in .env"
        for name, text in _dotenv_texts(workspace).items()
        if text and (_WALLET.search(name) or _is_private_key(text))
    ]
    found += [
        f"{name} in environment"
        for name, text in environment.items()
        if text
        and (_WALLET.search(name) or (_MAY_MEAN_A_KEY.search(name) and _is_private_key(text)))
    ]
    return tuple(sorted(found))


def _dotenv_texts(workspace: Workspace) -> dict[str, str]:
    path = workspace.env_file
    if not path.is_file():
        return {}
    source = DotEnvSettingsSource(ProcessEnvironment, env_file=path, case_sensitive=True)
    return {name: text or "" for name, text in source.env_vars.items()}


def _is_private_key(text: str) -> bool:
    return _PRIVATE_KEY.fullmatch(text.strip()) is not None


def _is_secret(name: str, text: str) -> bool:
    """Tell whether a value is a secret; a path that names a file is not the file's content."""
    if _is_private_key(text):
        return True
    return is_secret_name(name) and not Path(text).is_absolute()

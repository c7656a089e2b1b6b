"""The environment and .env, read through pydantic-settings; names with the prefix POLYARB_."""

import re
import stat
from pathlib import Path

from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    SettingsConfigDict,
)

from polyarb.config.document import parse_node, read_text
from polyarb.config.faults import Fault, refuse
from polyarb.config.nodes import Kind, Layer, Node, Origin, Scalar
from polyarb.domain.errors import RefusedError
from polyarb.store.workspace import Workspace, open_workspace

PREFIX = "POLYARB_"
SEPARATOR = "__"
PRIVATE_KEY_NAME = "POLYARB_PRIVATE_KEY"
"""No figure but the key itself: it may stand in .env, and nowhere else in plain text."""
_SECRET = re.compile(
    r"KEY|SECRET|PASS|TOKEN|MNEMONIC|SEED_PHRASE|WEBHOOK|PING_URL|CREDENTIAL", re.I
)
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*(?:=|$)")
_LOOSE = stat.S_IRWXG | stat.S_IRWXO


class ProcessEnvironment(BaseSettings):
    """What the environment says about the process itself."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", case_sensitive=False)

    workspace: Path | None = None


def locate_workspace(flag: Path | None = None) -> Workspace:
    """Open the workspace that is meant: --workspace, else POLYARB_WORKSPACE, else here."""
    return open_workspace(flag or ProcessEnvironment().workspace or Path())


def environment_values() -> dict[str, Node]:
    """Read the environment's overrides by dotted key.

    Errors: RefusedError when the private key stands there.
    """
    source = EnvSettingsSource(ProcessEnvironment, case_sensitive=True)
    refuse_exposed_key()
    found: dict[str, Node] = {}
    for name, text in source.env_vars.items():
        if _is_override(name) and name.upper() != f"{PREFIX}WORKSPACE":
            found[_dotted(name)] = read_override(
                text or "", Origin(Layer.ENVIRONMENT, "environment", 0, name)
            )
    return found


def dotenv_values(workspace: Workspace) -> dict[str, Node]:
    """Read the overrides of .env by dotted key.

    Errors: RefusedError when it holds secrets and others may read it; UsageError with the line of
    a name that stands twice or has no value.
    """
    path = workspace.env_file
    if not path.exists():
        return {}
    file = workspace.shown(path)
    lines = _lines_of(read_text(path, file), file)
    source = DotEnvSettingsSource(ProcessEnvironment, env_file=path, case_sensitive=True)
    _refuse_loose(path, file, {name: text or "" for name, text in source.env_vars.items()})
    found: dict[str, Node] = {}
    for name, text in source.env_vars.items():
        if _is_override(name):
            origin = Origin(Layer.DOTENV, file, lines.get(name, 0), name)
            found[_dotted(name)] = read_override(text or "", origin)
    return found


def read_override(text: str, origin: Origin) -> Node:
    """Read a value as a file would have it; `[a, b]` is a list."""
    return parse_node(text, origin) or Scalar(text, Kind.NULL, origin)


def _is_override(name: str) -> bool:
    return name.upper().startswith(PREFIX) and name.upper() != PRIVATE_KEY_NAME


def refuse_exposed_key() -> None:
    """Refuse a private key in the environment. Errors: RefusedError."""
    values = EnvSettingsSource(ProcessEnvironment, case_sensitive=True).env_vars
    if any(text and name.upper() == PRIVATE_KEY_NAME for name, text in values.items()):
        raise RefusedError(
            f"environment: expected no {PRIVATE_KEY_NAME}, found one: children inherit it and"
            " crash reports show it; put it into .env with mode 600, or into a keystore with"
            " `polyarb keys import`"
        )


def _dotted(name: str) -> str:
    return name[len(PREFIX) :].lower().replace(SEPARATOR, ".")


def _lines_of(text: str, file: str) -> dict[str, int]:
    """Find the line of every name; a name that decides something stands once."""
    lines: dict[str, int] = {}
    faults: list[Fault] = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _ASSIGNMENT.match(line)
        if match is None:
            continue
        name = match[1]
        if name in lines and _is_override(name):
            faults.append(
                Fault(f"{file}:{number}", name, "each name once", f"it at line {lines[name]} too")
            )
        lines[name] = number
    if faults:
        refuse(faults)
    return lines


def is_secret_name(name: str) -> bool:
    """Tell whether a variable of this name holds a secret."""
    return _SECRET.search(name) is not None


def _refuse_loose(path: Path, file: str, values: dict[str, str]) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    secrets = sorted(name for name, text in values.items() if text and _SECRET.search(name))
    if secrets and mode & _LOOSE:
        raise RefusedError(
            f"{file}: expected mode 600 of a file that holds {', '.join(secrets)},"
            f" found {mode:03o}; run `chmod 600 {file}`"
        )

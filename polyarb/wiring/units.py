"""The shipped systemd units and the cron file, written for one installation.

Shipped they name the places of the documentation; here program, workspace and user become those
of this installation. A unit that stands in place is compared with what would be written.
"""

import os
import re
import sys
from collections.abc import Iterator
from difflib import ndiff
from hashlib import sha256
from pathlib import Path
from shutil import which

import msgspec

from polyarb.domain.errors import StoreError, UsageError
from polyarb.store.filesystem import REAL, ensure_directory, replace_durably, store_faults
from polyarb.store.workspace import Workspace, shipped_templates

UNITS_DIR = Path("/etc/systemd/system")
SHIPPED_PROGRAM = "/opt/polyarb/bin/polyarb"
SHIPPED_WORKSPACE = "/var/lib/polyarb"
SHIPPED_USER = "polyarb"
_SHIPPED_SCRIPT = "/opt/polyarb/scripts/backup_state.sh"
_BACKUP = "sh -c 'polyarb backup create && polyarb backup verify --latest"
_BACKUP += " && polyarb backup prune --yes'"
_PLAIN = re.compile(r"/[A-Za-z0-9/._+@-]*")
"""Paths that stand in units and crontabs as they are: no space, %, quote or variable."""
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}|[0-9]{1,10}")
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
_SUFFIXES = frozenset({".service", ".timer"})
_PRIVATE = (Path("/tmp"), Path("/var/tmp"))


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """What is put into the units: the program, the workspace's folder, the user.

    Shape: interpreter is the Python that the program runs on, wherever that lies.
    """

    program: str
    interpreter: str
    workspace: str
    user: str

    @property
    def doubts(self) -> tuple[str, ...]:
        """Say what would not work as the units stand."""
        found = []
        if not os.access(self.program, os.X_OK):
            found.append(f"{self.program}: no program is there; install polyarb")
        for place in (self.program, self.workspace):
            if any(Path(place).is_relative_to(one) for one in _PRIVATE):
                found.append(f"{place}: a unit has a temporary folder of its own and sees none")
        if self.user in {"root", "0"}:
            found.append("the units run as root: give the workspace to a user of its own")
        return tuple(found)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that is not as it would be written. Shape: lines begin with + where they are more."""

    name: str
    lines: tuple[str, ...]


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What was written where; unchanged are those that stood there so."""

    folder: str
    installation: Installation
    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    doubts: tuple[str, ...]


def installation_of(place: Workspace, user: str = "") -> Installation:
    """Describe this installation; the user is the owner of the workspace unless told.

    Errors: UsageError for what cannot stand in a unit.
    """
    found = Installation(
        program=_program(),
        interpreter=str(Path(sys.executable).resolve()),
        workspace=str(place.root),
        user=user or _owner(place.root),
    )
    for what, text in (("program", found.program), ("workspace", found.workspace)):
        if not _PLAIN.fullmatch(text):
            raise UsageError(
                f"{what} {text}: expected a path of letters, digits and /._+@-, which alone stand"
                " in units as they are; move it to such a path"
            )
    if not _USER.fullmatch(found.user):
        raise UsageError(f"expected the name of a user, found {found.user!r}; name it with --user")
    return found


def unit_texts(installation: Installation) -> dict[str, str]:
    """Write every unit for an installation, by its name."""
    return {name: _filled(text, installation) for name, text in sorted(_shipped("systemd").items())}


def cron_texts(installation: Installation) -> dict[str, str]:
    """Write the cron file for an installation, by its name in /etc/cron.d."""
    return {name: _filled_cron(text, installation) for name, text in _shipped("cron").items()}


def write_for(
    place: Workspace, folder: Path, *, is_cron: bool = False, user: str = "", may_replace: bool
) -> Written:
    """Write the units, or the cron file, of a workspace into a folder. Errors: as `write_units`."""
    installation = installation_of(place, user)
    texts = cron_texts(installation) if is_cron else unit_texts(installation)
    return write_units(folder, texts, installation, may_replace=may_replace)


def write_units(
    folder: Path, texts: dict[str, str], installation: Installation, *, may_replace: bool
) -> Written:
    """Put files in place, each whole.

    Errors: UsageError before anything is written where a file stands there that differs.
    """
    found = {name: _read(folder / name) for name in texts}
    changed = [name for name, text in found.items() if text not in (None, texts[name])]
    if changed and not may_replace:
        raise UsageError(
            f"{folder}: expected no other unit of the same name, found {', '.join(changed)} with"
            " other lines; `polyarb doctor` names them; repeat with --replace to write them anew"
        )
    written = [name for name, text in found.items() if text != texts[name]]
    with store_faults("write", folder):
        ensure_directory(REAL, folder)
        for name in written:
            replace_durably(REAL, folder / name, texts[name].encode())
    return Written(
        folder=str(folder),
        installation=installation,
        written=tuple(written),
        unchanged=tuple(name for name in texts if name not in written),
        doubts=installation.doubts,
    )


def differences(installed: dict[str, str], expected: dict[str, str]) -> tuple[Difference, ...]:
    """Compare units by digest, those that differ line by line."""
    return tuple(
        Difference(name=name, lines=_differing(text, expected[name]))
        for name, text in installed.items()
        if name in expected and _digest(text) != _digest(expected[name])
    )


def missing_units(installed: dict[str, str]) -> tuple[str, ...]:
    """Name the units that installed ones start and that are not there."""
    wanted = {name.replace(".timer", ".service") for name in installed if name.endswith(".timer")}
    for text in installed.values():
        wanted |= set(re.findall(r"^OnFailure=(polyarb-\S+)", text, re.MULTILINE))
    return tuple(sorted(wanted - set(installed)))


def installed_units(folder: Path) -> dict[str, str]:
    """Read the units of polyarb in a folder. Errors: OSError where one cannot be read."""
    found = sorted(path for path in folder.glob("polyarb-*") if path.suffix in _SUFFIXES)
    return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in found}


def _shipped(kind: str) -> dict[str, str]:
    """Read what is shipped: in the wheel, or in the source checkout."""
    folder = shipped_templates().joinpath("scripts", kind)
    if not folder.is_dir():
        raise StoreError(
            f"expected the shipped scripts/{kind} beside the package, found none; install polyarb"
            " again"
        )
    return {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.is_file()
    }


def _filled(text: str, to: Installation) -> str:
    """Put an installation into a unit, and open what its places need and no more."""
    lines = [line for text_line in text.splitlines() for line in _line(text_line, to)]
    return "\n".join([*lines, ""])


def _line(line: str, to: Installation) -> Iterator[str]:
    match line.partition("=")[0]:
        case "User":
            yield f"User={to.user}"
        case "StateDirectory" if to.workspace != SHIPPED_WORKSPACE:
            yield f"ReadWritePaths={to.workspace}"
        case "StateDirectoryMode" if to.workspace != SHIPPED_WORKSPACE:
            return
        case "ProtectHome" if _is_at_home(to):
            yield "ProtectHome=read-only"
        case _:
            places = {SHIPPED_PROGRAM: to.program, SHIPPED_WORKSPACE: to.workspace}
            yield _replaced(line, places)


def _filled_cron(text: str, to: Installation) -> str:
    places = {
        _SHIPPED_SCRIPT: _BACKUP,
        str(Path(SHIPPED_PROGRAM).parent): str(Path(to.program).parent),
        SHIPPED_WORKSPACE: to.workspace,
        f"  {SHIPPED_USER}  ": f"  {to.user}  ",
    }
    return _replaced(text, places)


def _replaced(text: str, places: dict[str, str]) -> str:
    """Replace in one pass: what was put in is not looked at again."""
    pattern = "|".join(re.escape(one) for one in places)
    return re.sub(pattern, lambda found: places[found[0]], text)


def _is_at_home(to: Installation) -> bool:
    places = (Path(to.program), Path(to.interpreter), Path(to.workspace))
    return any(place.is_relative_to(home) for place in places for home in _HOMES)


def _differing(found: str, expected: str) -> tuple[str, ...]:
    lines = ndiff(expected.splitlines(), found.splitlines())
    return tuple(f"{line[0]}{line[2:]}" for line in lines if line[0] in "+-")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _read(path: Path) -> str | None:
    with store_faults("read", path):
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else None


def _program() -> str:
    """Find the command of this installation: beside its Python, else where the shell finds it."""
    beside = Path(sys.executable).parent / "polyarb"
    return str(beside) if beside.exists() else which("polyarb") or str(beside)


def _owner(folder: Path) -> str:
    """Name the owner of a folder, by number where it has no name."""
    try:
        return folder.owner()
    except KeyError:
        return str(folder.stat().st_uid)

"""config/operators.yaml: the people who may sign, with role and public key."""

import re
from pathlib import Path

from pydantic import Field

from polyarb.config.document import read_document
from polyarb.config.faults import Fault, nearest, refuse
from polyarb.config.figures import Id, Text
from polyarb.config.nodes import Items, Layer, Node, Origin, Section, describe
from polyarb.config.schema import Keys
from polyarb.config.validate import validate
from polyarb.domain.errors import UsageError
from polyarb.rollout.signing import Operator
from polyarb.store.filesystem import REAL, ensure_directory, replace_durably, store_faults
from polyarb.store.workspace import Workspace

OPERATORS_KEY = "operators"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_ROLE = re.compile(r"[A-Za-z][A-Za-z0-9 _-]{0,63}")
_PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")
_HEADER = """\
# Who may sign: one person, one name, one key. The private keys are with their people, mode 600.
operators:
"""


class OperatorKeys(Keys):
    """One person."""

    name: Id = Field(description="lower-case name, unique")
    role: Text = Field(description="what the person answers for")
    public_key: Id = Field(description="Ed25519, 64 hex digits")


def operators_file(workspace: Workspace) -> Path:
    """Say where the operators are listed."""
    return workspace.root / "config" / "operators.yaml"


def load_operators(workspace: Workspace) -> tuple[Operator, ...]:
    """Load who may sign; without the file nobody may.

    Errors: UsageError with the line of everything wrong, a name or key that stands twice included.
    """
    path = operators_file(workspace)
    if not path.exists():
        return ()
    root = read_document(path, Origin(Layer.CONFIG, workspace.shown(path)))
    faults = [
        Fault(node.origin.place, key, nearest(key, (OPERATORS_KEY,)), "an unknown key")
        for key, node in root.entries.items()
        if key != OPERATORS_KEY
    ]
    found: list[Operator] = []
    for index, node in enumerate(_nodes(root)):
        operator = _read(f"{OPERATORS_KEY}[{index}]", node, faults)
        if operator is None:
            continue
        for key in ("name", "public_key"):
            if getattr(operator, key) in [getattr(other, key) for other in found]:
                told = f"the {key.replace('_', ' ')} of {operator.name} twice"
                faults.append(Fault(node.origin.place, key, "one person, one name, one key", told))
        found.append(operator)
    if faults:
        refuse(faults)
    return tuple(found)


def list_operator(workspace: Workspace, operator: Operator) -> None:
    """Add a person to the file; who is there already stays as written.

    Errors: UsageError for a name that is taken or is none.
    """
    _refuse_spelling(operator)
    taken = [one.name for one in load_operators(workspace)]
    if operator.name in taken:
        raise UsageError(f"expected a new name, found {operator.name} in config/operators.yaml")
    path = operators_file(workspace)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    entry = (
        f"  - name: {operator.name}\n"
        f"    role: {operator.role}\n"
        f'    public_key: "{operator.public_key}"\n'
    )
    kept = text if taken else _HEADER
    with store_faults("write", path):
        ensure_directory(REAL, path.parent)
        gap = "" if kept.endswith("\n") else "\n"
        replace_durably(REAL, path, f"{kept}{gap}{entry}".encode())


def _refuse_spelling(operator: Operator) -> None:
    if not _NAME.fullmatch(operator.name):
        raise UsageError(
            f"expected a name such as alice (lower-case letters, digits, - and _),"
            f" found {operator.name!r}"
        )
    if not _ROLE.fullmatch(operator.role):
        raise UsageError(f"--role: expected a few plain words, found {operator.role!r}")


def _nodes(root: Section) -> tuple[Node, ...]:
    node = root.entries.get(OPERATORS_KEY)
    if isinstance(node, Items):
        return node.nodes
    if node is not None:
        refuse([Fault(node.origin.place, OPERATORS_KEY, "a list", describe(node))])
    return ()


def _read(key: str, node: Node, faults: list[Fault]) -> Operator | None:
    if not isinstance(node, Section):
        faults.append(Fault(node.origin.place, key, "a section", describe(node)))
        return None
    keys, found = validate(OperatorKeys, node)
    faults += found
    if keys is None:
        return None
    for name, pattern, expected in (
        ("name", _NAME, "a lower-case name"),
        ("public_key", _PUBLIC_KEY, "64 hex digits"),
    ):
        text = getattr(keys, name)
        if not pattern.fullmatch(text):
            faults.append(Fault(node.entries[name].origin.place, name, expected, text))
    return Operator(name=keys.name, role=keys.role, public_key=keys.public_key)

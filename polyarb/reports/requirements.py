"""The matrix from requirement to test to evidence: what is built, and what this workspace shows.

A row is no better than its evidence: what the tests prove and the workspace does not show, or
contradicts, is met in part only.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec

from polyarb.reports.completeness import Completeness
from polyarb.reports.drill_log import Drills
from polyarb.reports.exposure import Use
from polyarb.reports.wording import count, duration


class Standing(StrEnum):
    """How far a requirement is met."""

    PROVEN = "proven"
    PARTLY = "partly"
    NOT_BUILT = "not yet built"


class Showing(StrEnum):
    """What of a workspace shows that a requirement is met."""

    JOURNAL = "journal"
    ORDERS = "orders"
    ENVELOPE = "envelope"
    LEDGER = "ledger"
    DIGESTS = "digests"
    DRILL_BREAKER = "drill breaker"
    DRILL_FEED_LOSS = "drill feed-loss"
    DRILL_HALT = "drill halt"
    DRILL_KILL = "drill kill"
    DRILL_RESTORE = "drill restore"
    DRILL_ALERT = "drill alert-delivery"
    DRILL_WATCHDOG = "drill watchdog"


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement: what is asked, what polyarb does, which tests prove it.

    Shape: tests as path::name; missing says what is not built, empty where nothing is.
    """

    id: str
    asks: str
    does: str
    tests: tuple[str, ...] = ()
    showings: tuple[Showing, ...] = ()
    missing: str = ""

    @property
    def standing(self) -> Standing:
        """Tell how far it is built, whatever a workspace shows."""
        if not self.tests:
            return Standing.NOT_BUILT
        return Standing.PARTLY if self.missing else Standing.PROVEN


class MatrixRow(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement with the evidence of a workspace; open lists what is still owed."""

    requirement: Requirement
    evidence: tuple[str, ...]
    open: tuple[str, ...]
    standing: Standing


class Workings(msgspec.Struct, frozen=True, kw_only=True):
    """What the evidence of a workspace is read from."""

    completeness: Completeness
    transactions: int
    uses: tuple[Use, ...]
    drills: Drills
    violations: int


Shown = tuple[str, str]
"""What is shown, or else what is owed; one of them is empty."""


def match_row(requirement: Requirement, workings: Workings) -> MatrixRow:
    """Hold one requirement against a workspace."""
    found = [SHOWINGS[showing](workings) for showing in requirement.showings]
    owed = tuple(owed for _, owed in found if owed)
    missing = (requirement.missing,) if requirement.missing else ()
    standing = requirement.standing
    if standing is Standing.PROVEN and owed:
        standing = Standing.PARTLY
    return MatrixRow(
        requirement=requirement,
        evidence=tuple(shown for shown, _ in found if shown),
        open=(*missing, *owed),
        standing=standing,
    )


def _journal(workings: Workings) -> Shown:
    found = workings.completeness
    if not found.is_chain_verified:
        return "", "a check of the journal's hash chain"
    if not found.is_whole:
        return "", "a journal without holes"
    return f"records {found.sequence_first} to {found.sequence_last}, hash chain verified", ""


def _orders(workings: Workings) -> Shown:
    if not workings.transactions:
        return "", "an order in the time"
    return f"{count(workings.transactions)} orders, each with intent, family, phase and run", ""


def _envelope(workings: Workings) -> Shown:
    if any(use.is_kept is None for use in workings.uses):
        return "", "the recipe of the last run, which holds the envelope"
    broken = [use.name for use in workings.uses if use.is_kept is False]
    if broken:
        return "", f"the envelope kept: beyond it in {', '.join(broken)}"
    return "the most that was seen lies within every figure of the envelope", ""


def _ledger(workings: Workings) -> Shown:
    if workings.violations:
        return "", f"a sound ledger: {workings.violations} invariants broken"
    return "every invariant of the ledger holds", ""


def _digests(workings: Workings) -> Shown:
    runs = workings.completeness.runs
    if not runs or any(not run.code_digest or not run.config_digest for run in runs):
        return "", "digests of every run"
    codes = len({run.code_digest for run in runs})
    configs = len({run.config_digest for run in runs})
    return f"{len(runs)} runs name their digests: {codes} of code, {configs} of configuration", ""


def _drill(name: str) -> Callable[[Workings], Shown]:
    def show(workings: Workings) -> Shown:
        found = next((one for one in workings.drills.last if one.outcome.name == name), None)
        if found is None:
            return "", f"the drill {name}"
        if not found.outcome.passed:
            return "", f"a pass of the drill {name}, the last one failed"
        if not found.is_of_this_code:
            return "", f"the drill {name} with the code that ran"
        return f"drill {name} passed, {duration(found.age_ns)} old", ""

    return show


SHOWINGS: Mapping[Showing, Callable[[Workings], Shown]] = {
    Showing.JOURNAL: _journal,
    Showing.ORDERS: _orders,
    Showing.ENVELOPE: _envelope,
    Showing.LEDGER: _ledger,
    Showing.DIGESTS: _digests,
    **{
        showing: _drill(showing.removeprefix("drill "))
        for showing in Showing
        if showing.startswith("drill ")
    },
}
"""How each showing is read off a workspace."""

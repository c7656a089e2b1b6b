"""The 22 go/no-go checks: what each asks, how much it weighs, what is to be done about it.

The list is the product's; looking is done elsewhere and comes back as a `CheckResult`.
"""

from enum import StrEnum

import msgspec

from polyarb.domain.limits import Phase


class CheckId(StrEnum):
    """Every check: security, system, records, operation, attestation."""

    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S4 = "S4"
    S5 = "S5"
    Y1 = "Y1"
    Y2 = "Y2"
    Y3 = "Y3"
    Y4 = "Y4"
    Y5 = "Y5"
    Y6 = "Y6"
    Y7 = "Y7"
    Y8 = "Y8"
    Y9 = "Y9"
    Y10 = "Y10"
    D1 = "D1"
    D2 = "D2"
    D3 = "D3"
    O1 = "O1"
    O2 = "O2"
    O3 = "O3"
    A1 = "A1"


class Member(StrEnum):
    """The parts of the attestation A1."""

    O4 = "O4"
    O5 = "O5"
    O6 = "O6"
    O7 = "O7"


class Priority(StrEnum):
    """How much a check weighs: P0 critical, P1 strongly advised, P2 advised, P3 optional."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


class Status(StrEnum):
    """What a check, or evidence that a phase requires, came to."""

    PASS = "PASS"
    FAIL = "FAIL"
    ERROR = "ERROR"
    INSUFFICIENT = "INSUFFICIENT"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class CheckSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One check.

    Shape: inspects holds for every phase unless in_shadow says what is looked at there instead;
    moot_in_shadow is why it does not apply there, and empty where it does.
    """

    check_id: CheckId
    priority: Priority
    title: str
    inspects: str
    remedy: str
    in_shadow: str = ""
    moot_in_shadow: str = ""

    def looks_at(self, phase: Phase) -> str:
        """Say what is inspected in a phase."""
        return self.in_shadow if phase is Phase.SHADOW and self.in_shadow else self.inspects

    def may_be_moot(self, phase: Phase) -> bool:
        """Tell whether the check may be not applicable in a phase; a live phase has none."""
        return phase is Phase.SHADOW and bool(self.moot_in_shadow)


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found. Shape: remedy is empty where nothing is to be done."""

    check_id: CheckId
    status: Status
    evidence: tuple[str, ...]
    remedy: str
    took_ms: int


_NO_MONEY = "shadow holds no money and sends nothing to the chain"

CHECKS: tuple[CheckSpec, ...] = (
    CheckSpec(
        check_id=CheckId.S1,
        priority=Priority.P0,
        title="isolated production wallet",
        inspects="the wallet's address, balance and history on chain against the phase's capital",
        moot_in_shadow=_NO_MONEY,
        remedy="make a wallet of its own for the phase and fund it with the phase's capital only",
    ),
    CheckSpec(
        check_id=CheckId.S2,
        priority=Priority.P0,
        title="minimal allowance",
        inspects="the allowance on chain against the phase's; unlimited is refused",
        moot_in_shadow=_NO_MONEY,
        remedy="set the allowance to the phase's figure, never to unlimited",
    ),
    CheckSpec(
        check_id=CheckId.S3,
        priority=Priority.P0,
        title="keys and secrets are ours alone",
        inspects="the modes of .env and of every file in data/keys/; configuration, journal, logs,"
        " audit and reports are searched for key material and for the values of .env",
        remedy="chmod 600 the file that is named; whatever leaked counts as stolen: replace it",
    ),
    CheckSpec(
        check_id=CheckId.S4,
        priority=Priority.P1,
        title="two trusted RPC endpoints on chain 137",
        inspects="each endpoint's answer to eth_chainId (0x89) and its height against the others'",
        moot_in_shadow="shadow asks no chain",
        remedy="configure two RPC endpoints of different providers",
    ),
    CheckSpec(
        check_id=CheckId.S5,
        priority=Priority.P1,
        title="the venue's own stream, encrypted, reconnects",
        inspects="the stream's address is the venue's own, its certificate is verified by a"
        " handshake, and the drill feed-loss has passed",
        remedy="take the stream's address out of config.yaml; run `polyarb drill feed-loss`",
    ),
    CheckSpec(
        check_id=CheckId.Y1,
        priority=Priority.P0,
        title="config.yaml loads and is of the phase",
        inspects="every setting loads, the phase's profile trades live, and the chain is 137",
        in_shadow="every setting loads and the phase's profile only simulates",
        remedy="mend what is named; docs/CONFIGURATION.md explains every key",
    ),
    CheckSpec(
        check_id=CheckId.Y2,
        priority=Priority.P0,
        title="the four phase profiles hold their figures",
        inspects="every phase's profile loads, no figure is looser than the phase allows, and a"
        " legal set can be placed",
        remedy="mend the profile that is named; `polyarb profiles check` shows the arithmetic",
    ),
    CheckSpec(
        check_id=CheckId.Y3,
        priority=Priority.P0,
        title="the alert rules are there",
        inspects="config/alerts.production.yaml loads and holds every required rule",
        remedy="restore the rules that are named from the shipped file",
    ),
    CheckSpec(
        check_id=CheckId.Y4,
        priority=Priority.P0,
        title="the key signs for its address",
        inspects="the key is loaded, signs a probe, and the signature's address is the wallet's",
        in_shadow="no key is set in .env, environment or workspace, and no signer is loaded",
        remedy="live: import the phase's key; shadow: take every key out of .env and environment",
    ),
    CheckSpec(
        check_id=CheckId.Y5,
        priority=Priority.P0,
        title="start commands call the gate",
        inspects="the shipped start scripts can be executed, and `start --phase micro-live`, run"
        " in a copy of this workspace without its records, refuses with exit code 3",
        remedy="chmod +x the script that is named; install polyarb again if the refusal is missing",
    ),
    CheckSpec(
        check_id=CheckId.Y6,
        priority=Priority.P0,
        title="backup works",
        inspects="the newest backup of this workspace, verified file by file",
        remedy="run `polyarb backup create`",
    ),
    CheckSpec(
        check_id=CheckId.Y7,
        priority=Priority.P0,
        title="the gate tells right from wrong",
        inspects="the rule itself on made-up results: all well is 0, each known-bad one is 1,"
        " missing evidence is 5",
        remedy="install polyarb again: the code is not what was released",
    ),
    CheckSpec(
        check_id=CheckId.Y8,
        priority=Priority.P1,
        title="the daily report is written",
        inspects="the report of the journal's last day is built and rendered in every format; of a"
        " journal above 64 MiB, one was written within 26 hours",
        in_shadow="the report of the journal's last day, or of a made-up one before the first run,"
        " is built and rendered in every format; of a journal above 64 MiB, one was written within"
        " 26 hours",
        remedy="run `polyarb report daily` and mend what it names",
    ),
    CheckSpec(
        check_id=CheckId.Y9,
        priority=Priority.P0,
        title="records can be written",
        inspects="a block is written and made durable in every folder that runs write to",
        remedy="give the workspace to the user who runs polyarb; free the disk",
    ),
    CheckSpec(
        check_id=CheckId.Y10,
        priority=Priority.P0,
        title="the log can be written, with room",
        inspects="the log is opened for appending and synced; the disk has more than 1 GiB free",
        remedy="free the disk; give data/polyarb-x.log to the user who runs polyarb",
    ),
    CheckSpec(
        check_id=CheckId.D1,
        priority=Priority.P1,
        title="the journal is whole",
        inspects="every record's hash, or that of a whole finished segment which was verified"
        " before, and the places of it that status and earlier go/no-go"
        " records name; without any record there is no evidence",
        in_shadow="every record's hash, or that of a whole finished segment which was verified"
        " before, and the places of it that status and earlier go/no-go"
        " records name; before the first run there is nothing to check",
        remedy="stop every run, keep a copy of data/, run `polyarb ledger verify`",
    ),
    CheckSpec(
        check_id=CheckId.D2,
        priority=Priority.P1,
        title="the audit files are whole",
        inspects="every line of every file in data/audit/ is a record",
        remedy="restore the file that is named from a backup",
    ),
    CheckSpec(
        check_id=CheckId.D3,
        priority=Priority.P0,
        title="fresh backup, restore tested",
        inspects="the age of the newest verified backup, and the drill restore has passed",
        remedy="run `polyarb backup create` and `polyarb drill restore`",
    ),
    CheckSpec(
        check_id=CheckId.O1,
        priority=Priority.P1,
        title="the machine has room",
        inspects="load below half of the processors, more than 2 GiB of memory and 1 GiB of disk",
        remedy="stop what else runs on this machine, or take a larger one",
    ),
    CheckSpec(
        check_id=CheckId.O2,
        priority=Priority.P0,
        title="venue and chain answer, the clock is right",
        inspects="REST and stream of the venue, its version and whether it trades with us, the"
        " clock against time servers and the venue, the RPC endpoints",
        in_shadow="REST and stream of the venue, its version, the clock against time servers and"
        " the venue",
        remedy="run `polyarb doctor`: it names the stage that fails and what is to be done",
    ),
    CheckSpec(
        check_id=CheckId.O3,
        priority=Priority.P1,
        title="alerts reach somebody",
        inspects="the rules load, and the drill alert-delivery has passed",
        remedy="run `polyarb drill alert-delivery`",
    ),
    CheckSpec(
        check_id=CheckId.A1,
        priority=Priority.P1,
        title="people are ready",
        inspects="signed attestations: plan read (O4), runbook read (O5), owner on call (O6),"
        " contacts, rollback and withdrawal known (O7); O4 and O6 must be there",
        remedy="run `polyarb go-no-go --attest MEMBER --sign NAME` for what is missing",
    ),
)

SPECS: dict[CheckId, CheckSpec] = {spec.check_id: spec for spec in CHECKS}

"""The table of what `polyarb doctor` looks at, and what is to be done about each."""

from enum import StrEnum

import msgspec

from polyarb.host.baseline import baseline_rows
from polyarb.host.checkup import Check, Finding, Result
from polyarb.host.reach import ReachStage


class CheckName(StrEnum):
    """Every check, in the order it is told."""

    INTERPRETER = "interpreter"
    SQLITE = "sqlite"
    FILES = "open-files"
    DISK = "disk"
    PERMISSIONS = "permissions"
    CONFIG = "config"
    ALERTS = "alerts"
    WALLET = "wallet"
    JOURNAL = "journal"
    AUDIT = "audit"
    LEASE = "lease"
    LOCK = "lock"
    HALT = "halt"
    BACKUP = "backup"
    DRILLS = "drills"
    LOG = "log"
    WATCH = "watch"
    UNITS = "units"
    TIME_SERVERS = "time-servers"
    VENUE_CLOCK = "venue-clock"
    GAMMA = "gamma"
    CLOB = "clob"
    STREAM = "stream"
    GEOBLOCK = "geoblock"
    VERSION = "venue-version"


class CheckKind(msgspec.Struct, frozen=True, kw_only=True):
    """A check: what it asks, when it warns and fails, what is to be done then."""

    name: CheckName
    asks: str
    warns: str
    fails: str
    remedy: str


CHECKS: tuple[CheckKind, ...] = (
    CheckKind(
        name=CheckName.INTERPRETER,
        asks="Which Python runs polyarb?",
        warns="it is not CPython",
        fails="it is older than 3.11",
        remedy="install CPython 3.11 or later and polyarb in it",
    ),
    CheckKind(
        name=CheckName.SQLITE,
        asks="Can the SQLite that Python is linked with corrupt a database?",
        warns="it has the WAL-reset fault (3.7.0 to 3.51.2), or was withdrawn (3.52.0)",
        fails="it has the fault and data/polyarb.db is in WAL mode; or it is older than 3.24",
        remedy="use a Python with SQLite 3.51.3 or later; never switch data/polyarb.db to WAL:"
        " it can be deleted and is built anew from the journal",
    ),
    CheckKind(
        name=CheckName.FILES,
        asks="May enough files and sockets be open at once?",
        warns="less than twice what is needed",
        fails="less than what is needed",
        remedy="raise the limit of open files: ulimit -n 4096, or LimitNOFILE= of the unit",
    ),
    CheckKind(
        name=CheckName.DISK,
        asks="Is there room in data/, and how soon is a write safe?",
        warns="less than 5 GiB free; a write safe only after 10 ms",
        fails="less than 1 GiB free; a write safe only after 100 ms; nothing can be written",
        remedy="free space or move the workspace to a local disk that syncs fast",
    ),
    CheckKind(
        name=CheckName.PERMISSIONS,
        asks="Can the workspace be written, and can nobody else read .env?",
        warns="others may read an .env that holds no secret",
        fails="a folder cannot be written; others may read an .env with secrets",
        remedy="give the workspace to the user who runs polyarb; chmod 600 .env",
    ),
    CheckKind(
        name=CheckName.CONFIG,
        asks="Do config.yaml, every profile and the constraints load?",
        warns="",
        fails="anything in them is wrong",
        remedy="mend what is named, then run `polyarb profiles check`",
    ),
    CheckKind(
        name=CheckName.ALERTS,
        asks="Do the alert rules and channels load, and does somebody hear of them?",
        warns="no channel, or only the console where the profile in use trades",
        fails="anything in them is wrong, or a channel that is used lacks its secret",
        remedy="mend what is named in config/alerts.production.yaml, config/alert_channels.yaml or"
        " .env, then run `polyarb alerts test`",
    ),
    CheckKind(
        name=CheckName.WALLET,
        asks="Does the wallet's key lie where it belongs, and no wallet's secret anywhere else?",
        warns="the profile in use trades, and there is no key, or another secret is set",
        fails="a secret is set, and the profile in use only watches; others may read the key or"
        " its folder; there are two keys; it is not of the configured wallet",
        remedy="take it out of .env and the environment; chmod 600 what is named; move the funds to"
        " a new wallet if somebody else may have read it; docs/KEYS.md tells how",
    ),
    CheckKind(
        name=CheckName.JOURNAL,
        asks="Can the end of the journal be read?",
        warns="it holds something but no whole record",
        fails="it cannot, or its chain does not hold",
        remedy="stop every run, keep a copy of data/, run `polyarb ledger verify`",
    ),
    CheckKind(
        name=CheckName.AUDIT,
        asks="Is every line of data/audit/ a record?",
        warns="",
        fails="one is not, or a file cannot be read",
        remedy="restore the file from a backup, or move it away to begin anew",
    ),
    CheckKind(
        name=CheckName.LEASE,
        asks="Who may write the workspace, and did one end without a word within a day?",
        warns="a run crashed within 24 hours; a journal is there and no lease",
        fails="the lease or the record of crashes cannot be read",
        remedy="read the end of data/polyarb-x.log and the system's journal for why it ended; the"
        " next start begins halted and reconciles",
    ),
    CheckKind(
        name=CheckName.LOCK,
        asks="Does a process hold the workspace?",
        warns="",
        fails="it cannot be told",
        remedy="give data/lock to the user who runs polyarb",
    ),
    CheckKind(
        name=CheckName.HALT,
        asks="Is a halt latched?",
        warns="it is",
        fails="the latch cannot be read",
        remedy="look why it was halted, then run `polyarb resume`",
    ),
    CheckKind(
        name=CheckName.BACKUP,
        asks="How old is the newest backup that was found whole?",
        warns="more than 24 hours; there is none, and something to lose",
        fails="the records of backups cannot be read",
        remedy="run `polyarb backup create`, then `polyarb backup verify --latest`",
    ),
    CheckKind(
        name=CheckName.DRILLS,
        asks="Does the evidence of drills that the profile in use needs still count?",
        warns="a drill has not run for this code and configuration, or is too old",
        fails="the last run of a drill failed; the evidence cannot be read",
        remedy="run `polyarb drill`",
    ),
    CheckKind(
        name=CheckName.LOG,
        asks="Can the log be written?",
        warns="",
        fails="it cannot",
        remedy="give data/polyarb-x.log to the user who runs polyarb",
    ),
    CheckKind(
        name=CheckName.WATCH,
        asks="Does somebody watch the process that runs?",
        warns="a process runs and the watch looked last more than 10 s ago, or never",
        fails="the watch's sign of life cannot be read",
        remedy="start `polyarb watch`, or: systemctl enable --now polyarb-watch",
    ),
    CheckKind(
        name=CheckName.UNITS,
        asks="Are the installed systemd units those of this version and installation?",
        warns="a line differs; a unit is missing that another one starts",
        fails="one cannot be read",
        remedy="sudo polyarb units --into /etc/systemd/system --replace;"
        " sudo systemctl daemon-reload",
    ),
    CheckKind(
        name=CheckName.TIME_SERVERS,
        asks="How far is our clock from several time servers?",
        warns="more than 100 ms; no majority of servers answers alike",
        fails="more than 500 ms",
        remedy="run one time daemon (chrony, systemd-timesyncd); allow UDP port 123",
    ),
    CheckKind(
        name=CheckName.VENUE_CLOCK,
        asks="How far is our clock from the venue's?",
        warns="more than 100 ms; it cannot be told to within 500 ms",
        fails="more than 500 ms; the venue does not tell the time",
        remedy="if the time servers agree with us, wait: the venue's clock is off; else run one"
        " time daemon (chrony, systemd-timesyncd)",
    ),
    CheckKind(
        name=CheckName.GAMMA,
        asks="Does the catalogue's host answer?",
        warns="",
        fails="it cannot be reached or does not answer as it should",
        remedy="see the stages below",
    ),
    CheckKind(
        name=CheckName.CLOB,
        asks="Does the order book's host answer?",
        warns="",
        fails="it cannot be reached or does not answer as it should",
        remedy="see the stages below",
    ),
    CheckKind(
        name=CheckName.STREAM,
        asks="Does the stream's host open a WebSocket?",
        warns="",
        fails="it cannot be reached or refuses the handshake",
        remedy="see the stages below",
    ),
    CheckKind(
        name=CheckName.GEOBLOCK,
        asks="Does the venue trade with where we are?",
        warns="it does not, and the profile in use only watches",
        fails="it does not, and the profile in use trades; the question is not answered",
        remedy="run only the shadow phase from here; the terms forbid to go around it",
    ),
    CheckKind(
        name=CheckName.VERSION,
        asks="Is the venue's protocol the one that polyarb speaks?",
        warns="",
        fails="it is not version 2, or is not told",
        remedy="do not trade; install the version of polyarb that knows the new protocol",
    ),
)

STAGE_REMEDIES: dict[ReachStage, str] = {
    ReachStage.DNS: "check the name server (/etc/resolv.conf) and the address in config.yaml",
    ReachStage.TCP: "check the network and the firewall: outgoing TCP to the port must be allowed",
    ReachStage.TLS: "check the clock and the certificates of this machine; a proxy that opens"
    " encrypted traffic is refused",
    ReachStage.ANSWER: "the host is reached: look at the venue's status page and try again later",
}

CONFIGURATION = frozenset(
    {CheckName.CONFIG, CheckName.PERMISSIONS, CheckName.ALERTS, CheckName.WALLET}
)
"""What fails here is the operator's to write differently, not the world's fault."""
NETWORK = tuple(CheckName)[tuple(CheckName).index(CheckName.TIME_SERVERS) :]
"""What is left out offline."""

_REMEDIES = {kind.name: kind.remedy for kind in CHECKS}


def as_check(name: CheckName, finding: Finding) -> Check:
    """Give a finding its name and, where something is to be done, its remedy."""
    is_well = finding.result in (Result.OK, Result.SKIPPED)
    return Check(
        name=name,
        result=finding.result,
        found=finding.found,
        remedy="" if is_well else finding.remedy or _REMEDIES[name],
        measured=finding.measured,
    )


def doctor_reference() -> str:
    """Write docs/DOCTOR.md from the tables."""
    rows = "".join(
        f"| `{kind.name}` | {kind.asks} | {kind.warns or 'never'} | {kind.fails} |"
        f" {kind.remedy} |\n"
        for kind in CHECKS
    )
    stages = "".join(f"| `{stage}` | {text} |\n" for stage, text in STAGE_REMEDIES.items())
    named = [f"`{name}`" for name in CheckName if name in CONFIGURATION]
    ours = f"{', '.join(named[:-1])} or {named[-1]}"
    return _PAGE.format(rows=rows, stages=stages, ours=ours, baseline=baseline_rows())


_PAGE = """\
# What `polyarb doctor` looks at

Written from the tables of the code by `python scripts/generate_docs.py`; do not edit.

Every check is `ok`, `warn`, `fail` or `skipped`, says what it found and, unless all is well, what
is to be done. All run at once, each within a deadline. With `--offline` nothing leaves the machine.
The exit code is 2 when {ours} fails, else 4 when another one fails, else 0.

| check | asks | warns when | fails when | remedy |
|---|---|---|---|---|
{rows}
`wallet` goes by names such as PRIVATE_KEY and MNEMONIC wherever they stand. What only looks like a
private key (64 hex digits) counts as one under any name in .env; in the environment, where digests
of other programs look the same, its name must allow it, such as KEY, SECRET, PRIV, SEED, PHRASE,
WALLET, SIGNER, ACCOUNT, OWNER, PASS, TOKEN, CREDENTIAL, POLY, or the word PK, SK, ETH or EOA.

A host is reached in stages; the first one that fails decides what is to be done:

| stage | remedy |
|---|---|
{stages}
## The machine: `polyarb doctor --host`

It needs no rights, changes nothing, and works in a container; what a system does not tell is
`skipped`, with the reason. The exit code is 4 when a check fails, else 0.

| check | asks | why it matters | warns when | fails when | advice |
|---|---|---|---|---|---|
{baseline}"""

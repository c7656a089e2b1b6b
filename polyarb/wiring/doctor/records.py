"""What `polyarb doctor` finds of the operation: alerts, audit, lease, backups, drills, log, watch.

Each check takes the moment it is made at; none writes anything.
"""

import msgspec

from polyarb.config.alert_channels import load_alert_channels
from polyarb.config.alerts import load_alerts
from polyarb.config.environment import PRIVATE_KEY_NAME
from polyarb.config.secrets import secret_values, wallet_secrets
from polyarb.domain.drills import DrillOutcome
from polyarb.domain.errors import StoreError
from polyarb.domain.limits import Phase
from polyarb.host.checkup import Finding, fail, ok, skipped, warn
from polyarb.host.system_files import whole_number
from polyarb.rollout.attestations import Attestation
from polyarb.rollout.checks import Status
from polyarb.rollout.drills import DAY_NS, required_drills
from polyarb.store.audit import ConfigChange
from polyarb.store.backup.register import BackupRecord
from polyarb.store.evidence import drill_outcomes
from polyarb.store.lease import crashes, read_lease
from polyarb.store.lines import LineFile
from polyarb.store.locks import find_holder
from polyarb.store.reading import read_anchor
from polyarb.store.workspace import Workspace
from polyarb.wiring.backups.listing import newest_verified
from polyarb.wiring.drills.digests import evidence_digests

BACKUP_AGE_NS_MAX = DAY_NS
"""Source: go/no-go check D3."""
WATCH_AGE_NS_MAX = 10 * 10**9
"""The watch looks every second."""
AUDIT_KINDS: dict[str, type[msgspec.Struct]] = {
    "attestations": Attestation,
    "backups": BackupRecord,
    "config_changes": ConfigChange,
    "drills": DrillOutcome,
}
"""What the lines of each file are; those of another file are any record."""
MAKE_KEY = "make a key with `polyarb keys new`, or take one over with `polyarb keys import`"
_HOUR_NS = 3_600 * 10**9
_NS_PER_S = 10**9


class _Record(msgspec.Struct, frozen=True):
    """A record of which only its form is known."""


def check_alerts(place: Workspace, phase: Phase | None) -> Finding:
    """Load rules and channels; secrets are named, never shown."""
    rules, channels = load_alerts(place).rules, load_alert_channels(place)
    used = [
        name
        for name, channel in (
            ("console", channels.console),
            ("webhook", channels.webhook),
            ("telegram", channels.telegram),
            ("apprise", channels.apprise),
        )
        if channel is not None
    ]
    told = f"{len(rules)} rules load; channels: {', '.join(used) or 'none'}"
    secrets = _channel_secrets(place)
    if secrets:
        told += f"; set: {', '.join(secrets)}"
    if not used or (used == ["console"] and phase not in (None, Phase.SHADOW)):
        told += "; nobody is told who does not look at the console"
        return warn(told, rules=len(rules), channels=len(used))
    return ok(told, rules=len(rules), channels=len(used))


def _channel_secrets(place: Workspace) -> list[str]:
    """Name the secrets that are set and that the channels' file speaks of."""
    file = place.alert_channels_file
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    found = {f"{one.name} in {one.place}" for one in secret_values(place) if one.name in text}
    return sorted(found)


def check_wallet(place: Workspace, phase: Phase | None) -> Finding:
    """Look for the wallet's key where it belongs, and for secrets of wallets anywhere else."""
    found = wallet_secrets(place)
    if phase in (None, Phase.SHADOW):
        if found:
            return fail(f"set: {', '.join(found)}; the shadow phase holds no key")
        return ok("no wallet's secret is set in .env or the environment")
    from polyarb.wiring.keys.looking import look_at_key  # shadow loads nothing that signs

    seen = look_at_key(place)
    strays = [name for name in found if name != f"{PRIVATE_KEY_NAME} in .env"]
    if seen.faults:
        return fail("; ".join(seen.faults))
    if strays:
        return warn(f"{seen.found}; set, and read by nothing: {', '.join(strays)}")
    return ok(seen.found) if seen.has_key else warn(seen.found, MAKE_KEY)


def check_audit(place: Workspace) -> Finding:
    """Read every line of every file of the audit."""
    counted: dict[str, int] = {}
    for path in sorted(place.audit_dir.glob("*.jsonl")):
        kind = AUDIT_KINDS.get(path.stem, _Record)
        counted[path.stem] = sum(1 for _ in LineFile[msgspec.Struct](path, kind).stream())
    told = ", ".join(f"{count} in {name}" for name, count in counted.items())
    if not told:
        return ok("nothing was recorded yet", records=0)
    return ok(f"every line is a record: {told}", records=sum(counted.values()))


def check_lease(place: Workspace, now_ns: int) -> Finding:
    """Look at the epoch, and how often a holder ended without a word within a day."""
    lease, past = read_lease(place.lease_file), crashes(place.lease_file).read()
    if lease is None:
        if place.journal_file.exists():
            return warn("a journal is there and no lease: the next epoch would begin at 1 again")
        return ok("no run has taken it yet", epoch=0)
    is_crashed = not lease.released_ns and find_holder(place.lock_file) is None
    recent = sum(1 for one in past if one.found_ns > now_ns - DAY_NS) + is_crashed
    told = f"epoch {lease.epoch} of process {lease.pid} on {lease.host}"
    if is_crashed:
        told += ", which ended without releasing it"
    if recent:
        told += f"; {recent} crashes within 24 hours"
        return warn(told, epoch=lease.epoch, crashes=recent)
    return ok(f"{told}; no crash within 24 hours", epoch=lease.epoch, crashes=0)


def check_backup(place: Workspace) -> Finding:
    """Look how old the newest backup is that was found whole."""
    newest = newest_verified(place)
    if newest is None:
        if not read_anchor(place.journal_file, place.journal_dir).sequence:
            return ok("no backup yet, and no run to lose")
        return warn("no backup was ever found whole")
    told = f"{newest.name} was found whole, {newest.age_ns // _HOUR_NS} hours old"
    if newest.age_ns < 0:
        told = f"{newest.name} lies in the future: the clock was set"
    is_fresh = 0 <= newest.age_ns <= BACKUP_AGE_NS_MAX
    return (ok if is_fresh else warn)(told, age_ns=newest.age_ns)


def check_drills(place: Workspace, phase: Phase | None, now_ns: int) -> Finding:
    """Judge the evidence of drills that the phase needs, as the gate does."""
    outcomes = drill_outcomes(place).read()
    found = required_drills(phase or Phase.SHADOW, outcomes, evidence_digests(place), now_ns)
    told = "; ".join(f"{one.name}: {one.evidence}" for one in found)
    failed = [one for one in found if one.status is Status.FAIL]
    missing = [one for one in found if one.status not in (Status.PASS, Status.FAIL)]
    if failed:
        return fail(told, failed[0].remedy, missing=len(missing), failed=len(failed))
    return (warn if missing else ok)(told, missing=len(missing), failed=0)


def check_log(place: Workspace) -> Finding:
    """Look whether the processes can write what they say of themselves."""
    log = place.log_file
    if not log.exists():
        return ok(f"{place.shown(log)} is not there yet")
    with log.open("ab") as stream:
        size = stream.tell()
    return ok(f"{place.shown(log)} can be appended to, {size >> 10} KiB", size_bytes=size)


def check_watch(place: Workspace, now_ns: int) -> Finding:
    """Look when the watch looked last, and whether there is something to watch."""
    holder, file = find_holder(place.lock_file), place.watch_file
    runs = "nothing runs" if holder is None else f"process {holder} runs"
    if not file.exists():
        told = f"no watch has ever looked, {runs}"
        return skipped(told) if holder is None else warn(told)
    text = file.read_text(encoding="utf-8", errors="replace").strip()
    looked_ns = whole_number(text)
    if looked_ns is None:
        raise StoreError(f"{place.shown(file)}: expected unix nanoseconds, found {text[:40]!r}")
    age_ns = now_ns - looked_ns
    told = f"the watch looked {age_ns / _NS_PER_S:.0f} s ago, {runs}"
    is_late = holder is not None and age_ns > WATCH_AGE_NS_MAX
    if age_ns < -WATCH_AGE_NS_MAX:
        return warn(f"the watch looked {-age_ns // _NS_PER_S} s in the future", age_ns=age_ns)
    return (warn if is_late else ok)(told, age_ns=age_ns)

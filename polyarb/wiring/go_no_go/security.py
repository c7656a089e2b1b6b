"""Go/no-go checks of security: wallet, allowance, secrets, RPC, stream, key."""

import sys
from collections.abc import Iterator
from pathlib import Path

from polyarb.config.secrets import secret_values, wallet_secrets
from polyarb.domain.errors import RefusedError
from polyarb.domain.limits import Phase
from polyarb.domain.venue import VenueHosts
from polyarb.host.checkup import Result
from polyarb.rollout.checks import SPECS, CheckId, Status
from polyarb.rollout.drills import DrillName
from polyarb.store.backup.canaries import CanaryScan, refuse_told_secrets
from polyarb.store.keys import open_mode
from polyarb.store.workspace import Workspace
from polyarb.wiring.doctor.checks import CheckName
from polyarb.wiring.doctor.venue import Findings
from polyarb.wiring.go_no_go.context import (
    Seen,
    Sight,
    failed,
    missing,
    moot,
    no_live_execution,
    passed,
    weigh,
)

SEARCHED = ("config", "data", "reports", "logs")
"""Where key material must not stand."""
SEARCHED_BYTES_MAX = 512 << 20
"""What is searched at most, the newest first: more does not fit into the deadline."""
WRITTEN = frozenset({".yaml", ".yml", ".md", ".log", ".txt", ".toml", ".html", ".csv"})
"""Files in words, where a secret is known by its name or shape too."""
SUSPECT = (b"private", b"mnemonic", b"seed_phrase")
"""Words, in whatever case, for which any other file is read as words, too."""
SIGNER_MODULES = ("eth_account", "coincurve", "web3", "eth_keys")
_PIECE = 1 << 20
_LEFT_OUT = ("samples", "tape", "keys")
"""Folders of data/: what the venue sent holds nothing of ours, and keys are where they belong."""


def check_wallet(sight: Sight) -> Seen:
    """S1: an isolated production wallet."""
    if sight.phase is Phase.SHADOW:
        return moot(SPECS[CheckId.S1].moot_in_shadow)
    return no_live_execution(CheckId.S1, "no wallet is configured")


def check_allowance(sight: Sight) -> Seen:
    """S2: a minimal allowance."""
    if sight.phase is Phase.SHADOW:
        return moot(SPECS[CheckId.S2].moot_in_shadow)
    return no_live_execution(CheckId.S2, "no wallet is configured whose allowance could be read")


def check_secrets(sight: Sight) -> Seen:
    """S3: private files are ours alone, and no secret stands anywhere else."""
    place = sight.place
    private = _private_files(place)
    loose = [
        f"others may read {place.shown(path)}: its mode is {mode:03o}"
        for path in private
        if (mode := open_mode(path))
    ]
    canaries = secret_values(place)
    scan = CanaryScan(canaries)
    searched, size, left_out = 0, 0, 0
    leaks: list[str] = []
    for path in _searchable(place):
        if size > SEARCHED_BYTES_MAX:
            left_out += 1
            continue
        searched += 1
        size += path.stat().st_size
        leaks += _leaks(scan, place, path)
    told = (
        f"{len(private)} private files are mode 600",
        f"{searched} files, {size >> 10} KiB, hold none of {len(canaries)} secrets and no key",
    )
    if left_out and not loose and not leaks:
        return missing(*told, f"{left_out} older files were not searched: too much for one check")
    return weigh([*loose, *leaks], *told)


def check_endpoints(sight: Sight) -> Seen:
    """S4: two RPC endpoints on chain 137."""
    if sight.phase is Phase.SHADOW:
        return moot(SPECS[CheckId.S4].moot_in_shadow)
    return no_live_execution(CheckId.S4, "no RPC endpoint is configured")


def check_stream(sight: Sight, found: Findings) -> Seen:
    """S5: the venue's own stream, its certificate, and that it reconnects."""
    address, official = sight.settings.hosts.stream, VenueHosts().stream
    finding, drill = found[CheckName.STREAM], sight.drill(DrillName.FEED_LOSS)
    faults = [f"the stream is {address}, not the venue's own"] if address != official else []
    if finding.result is not Result.OK:
        faults.append(finding.found)
    elif "tls_ns" not in finding.measured:
        faults.append(f"{address} is not encrypted")
    if drill.status is Status.FAIL:
        faults.append(f"{drill.name}: {drill.evidence}")
    if faults:
        return failed(*faults, remedy=finding.remedy)
    told = (f"{finding.found}, certificate verified", f"{drill.name}: {drill.evidence}")
    return passed(*told) if drill.status is Status.PASS else missing(*told, remedy=drill.remedy)


def check_key(sight: Sight) -> Seen:
    """Y4: the key signs for its address; in shadow, there is no key and no signer."""
    if sight.phase is not Phase.SHADOW:
        return _prove(sight)
    secrets = wallet_secrets(sight.place)
    loaded = [name for name in SIGNER_MODULES if name in sys.modules]
    stores = [sight.place.shown(path) for path in _keystores(sight.place)]
    faults = [f"a wallet's secret is set: {name}" for name in secrets]
    faults += [f"a keystore lies in {path}" for path in stores]
    faults += [f"the signing library {name} is loaded" for name in loaded]
    return weigh(
        faults,
        "no wallet's secret is set in .env or environment",
        "no keystore lies in the workspace",
        "no signing library is loaded: no signer can be built",
    )


def _prove(sight: Sight) -> Seen:
    """Let the key sign a probe, and hold its address against the configured wallet."""
    # Only who may hold a key loads what signs.
    from polyarb.wiring.keys.looking import prove_key
    from polyarb.wiring.keys.passphrases import CREDENTIAL, Unlock

    seen = prove_key(sight.place, Unlock(file=sight.passphrase_file))
    if seen.faults or seen.proven:
        return weigh(seen.faults, seen.found)
    return missing(
        seen.found,
        "nobody gave its passphrase, so that it was not opened",
        remedy="run `polyarb go-no-go` with --passphrase-file, or as a service with the"
        f" credential {CREDENTIAL}",
    )


def _private_files(place: Workspace) -> list[Path]:
    found = {place.env_file, *place.keys_dir.glob("*"), *_keystores(place)}
    return sorted(path for path in found if path.is_file())


def _keystores(place: Workspace) -> list[Path]:
    """Find Web3 keystores by their usual names and places."""
    folders = (place.root, place.root / "config", place.data_dir, place.root / "keystore")
    patterns = ("UTC--*", "*keystore*.json", "*.keystore")
    found = {path for one in folders for name in patterns for path in one.glob(name)}
    return sorted(found | ({place.keystore_file} if place.keystore_file.exists() else set()))


def _searchable(place: Workspace) -> list[Path]:
    """List the files that are searched, newest first."""
    found = [
        path
        for folder in SEARCHED
        for path in (place.root / folder).rglob("*")
        if path.is_file() and not _is_left_out(place, path)
    ]
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _is_left_out(place: Workspace, path: Path) -> bool:
    parts = path.relative_to(place.root).parts
    return parts[0] == "data" and len(parts) > 1 and parts[1] in _LEFT_OUT


def _leaks(scan: CanaryScan, place: Workspace, path: Path) -> list[str]:
    """Search one file; what was found is named, never shown."""
    name = place.shown(path)
    feed = scan.begin(name)
    is_suspect = path.suffix in WRITTEN
    try:
        for piece in _pieces(path):
            feed(piece)
            is_suspect = is_suspect or any(word in piece.lower() for word in SUSPECT)
        if is_suspect:
            refuse_told_secrets(name, path.read_bytes())
    except RefusedError as fault:
        return [str(fault)]
    return []


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece

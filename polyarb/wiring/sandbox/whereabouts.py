"""Where a running sandbox is reached and what it gives away: one JSON file, written and read."""

from decimal import Decimal
from pathlib import Path

import msgspec

from polyarb.domain.errors import VenueError
from polyarb.domain.units import MICRO, format_micros
from polyarb.domain.venue import VenueHosts
from polyarb.store.filesystem import store_faults
from polyarb.store.private import replace_privately
from polyarb.store.workspace import Workspace
from polyarb.venue.sandbox.flow.founding import Founded
from polyarb.venue.sandbox.server.serving import Places
from polyarb.venue.sandbox.terms.settings import POLYGON_CHAIN_ID

SERVE = "start one with `polyarb sandbox serve`"
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class GivenAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A funded throw-away account. Units: pusd in USD; the key guards nothing but play money."""

    address: str
    private_key: str
    pusd: Decimal


class GivenMarket(msgspec.Struct, frozen=True, kw_only=True):
    """A market that can be traded. Units: tick_size in USD, as the venue writes it."""

    condition_id: str
    yes_token: str
    no_token: str
    tick_size: str
    neg_risk: bool
    event_id: str


class Whereabouts(msgspec.Struct, frozen=True, kw_only=True):
    """What `--info` writes. Shape: base addresses without a slash at their end."""

    clob: str
    gamma: str
    data: str
    ws_market: str
    ws_user: str
    rpc: str
    relayer: str
    admin: str
    chain_id: int = POLYGON_CHAIN_ID
    accounts: tuple[GivenAccount, ...]
    markets: tuple[GivenMarket, ...]
    scenario: str
    seed: int

    @property
    def hosts(self) -> VenueHosts:
        """Return where a run finds the public side of this venue."""
        return VenueHosts(
            gamma=self.gamma,
            clob=self.clob,
            stream=self.ws_market,
            geoblock=f"{self.gamma}/api/geoblock",
        )


def whereabouts_of(founded: Founded, places: Places, *, seed: int) -> Whereabouts:
    """Say where a founded sandbox is reached, with everything that it gives away."""
    return Whereabouts(
        **msgspec.structs.asdict(places),
        accounts=tuple(
            GivenAccount(
                address=account.address,
                private_key=account.private_key.reveal(),
                pusd=Decimal(account.pusd) / MICRO,
            )
            for account in founded.accounts
        ),
        markets=tuple(
            GivenMarket(
                condition_id=market.condition_id,
                yes_token=market.yes,
                no_token=market.no,
                tick_size=format_micros(market.tick),
                neg_risk=market.is_neg_risk,
                event_id=market.event_id,
            )
            for market in founded.listing.markets
        ),
        scenario=founded.scenario.name,
        seed=seed,
    )


def write_whereabouts(path: Path, found: Whereabouts) -> None:
    """Write the file at once and whole, for its owner's eyes. Errors: StoreError."""
    replace_privately(path, _ENCODER.encode(found) + b"\n")


def withdraw_whereabouts(path: Path, found: Whereabouts) -> None:
    """Remove the file unless another sandbox has written its own meanwhile."""
    with store_faults("remove", path):
        if path.is_file() and path.read_bytes() == _ENCODER.encode(found) + b"\n":
            path.unlink()


def find_sandbox(workspace: Workspace, info: Path | None) -> Whereabouts:
    """Read where the sandbox is: from a file that is named, else the workspace's own.

    Errors: VenueError where there is no such file or it is none.
    """
    path = info if info is not None else workspace.sandbox_file
    try:
        return msgspec.json.decode(path.read_bytes(), type=Whereabouts)
    except FileNotFoundError:
        raise VenueError(
            f"{workspace.shown(path)}: expected a running sandbox, found none; {SERVE}"
        ) from None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise VenueError(
            f"{workspace.shown(path)}: expected what `polyarb sandbox serve --info` writes, found"
            f" {fault}; {SERVE}"
        ) from fault

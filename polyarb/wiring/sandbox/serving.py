"""`polyarb sandbox serve`: a scenario founded, its services around it, until somebody stops it."""

import asyncio
import hmac
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
from starlette.types import ASGIApp

from polyarb.domain.errors import StoreError
from polyarb.host.clock import SystemClock
from polyarb.store.workspace import Workspace
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.server.admin.app import admin_app
from polyarb.venue.sandbox.server.channels.channel import Channel
from polyarb.venue.sandbox.server.channels.market import MarketChannel
from polyarb.venue.sandbox.server.channels.user import Credentials, UserChannel
from polyarb.venue.sandbox.server.clob.app import clob_app
from polyarb.venue.sandbox.server.clob.venue import ClobSettings
from polyarb.venue.sandbox.server.data_api.app import data_app
from polyarb.venue.sandbox.server.gamma.app import gamma_app
from polyarb.venue.sandbox.server.gates import gated
from polyarb.venue.sandbox.server.keys import ApiKeys, KeyKind
from polyarb.venue.sandbox.server.limits import AddressLimits, LimitSettings, TierName
from polyarb.venue.sandbox.server.relayer.app import relayer_app
from polyarb.venue.sandbox.server.rpc_app import rpc_app
from polyarb.venue.sandbox.server.serving import (
    LOOPBACK,
    Bound,
    Sandbox,
    ServiceName,
    bind,
    places_of,
)
from polyarb.venue.sandbox.server.state import SandboxState
from polyarb.venue.sandbox.server.telling import ToldExchange, telling
from polyarb.venue.sandbox.terms.trades import Fill
from polyarb.venue.sandbox.wire.gamma import market_number
from polyarb.wiring.sandbox.scenarios import scenario_home
from polyarb.wiring.sandbox.staging import stage_of
from polyarb.wiring.sandbox.whereabouts import (
    Whereabouts,
    whereabouts_of,
    withdraw_whereabouts,
    write_whereabouts,
)

Tell = Callable[[Whereabouts, Sequence[Path]], None]
"""Hears where a sandbox is, and in which files that is written."""
DEFAULT_SCENARIO = "default"
DEFAULT_SEED = 1
PATHS = {ServiceName.WS_MARKET: MarketChannel.path, ServiceName.WS_USER: UserChannel.path}
_USER_KEYS = frozenset({KeyKind.TRADING, KeyKind.READ_ONLY})
"""What opens the user channel: keys that may at least read orders and trades."""


class ServeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `sandbox serve` was asked for.

    Shape: port 0 is any; info is a file or none; with a tier of the venue its limits of addresses
    hold, too.
    """

    scenario: str = DEFAULT_SCENARIO
    seed: int = DEFAULT_SEED
    host: str = LOOPBACK
    port: int = 0
    info: Path | None = None
    tier: TierName = TierName.GENEROUS


def serve(workspace: Workspace | None, options: ServeOptions, tell: Tell) -> None:
    """Serve a scenario or tape until SIGINT or SIGTERM; `tell` hears of it once all answers.

    Errors: UsageError of the scenario or the port, RefusedError for an address that others can
    reach, VenueError for a port that is taken.
    """
    stage = stage_of(options.scenario, scenario_home(workspace))
    bound = bind(options.host, options.port)
    try:
        faults = FaultBoard(options.seed)
        clock = SystemClock()
        founded = stage(seed=options.seed, starts_ns=clock.now_ns(), faults=faults)
        state = SandboxState(
            founded.world,
            clock,
            accounts=founded.accounts,
            keys=ApiKeys(options.seed),
            flow=founded.flow,
        )
        whereabouts = whereabouts_of(founded, places_of(bound, PATHS), seed=options.seed)
        files = [path for path in (options.info, _own_file(workspace)) if path is not None]
        settings = ClobSettings(
            exchange=founded.scenario.exchange,
            limits=LimitSettings(
                tier=options.tier, is_address_limited=options.tier is not TierName.GENEROUS
            ),
        )
        sandbox = Sandbox(state, apps=_apps(state, faults, settings), channels=_channels(state))
        asyncio.run(_serve(sandbox, bound, _Publication(whereabouts, files, tell)))
    finally:
        bound.close()


class _Publication:
    """The files that say where a sandbox is, for as long as it answers."""

    def __init__(self, whereabouts: Whereabouts, files: list[Path], tell: Tell) -> None:
        self._whereabouts = whereabouts
        self._files = files
        self._tell = tell

    def publish(self) -> None:
        """Write the files, then tell."""
        for path in self._files:
            write_whereabouts(path, self._whereabouts)
        self._tell(self._whereabouts, self._files)

    def withdraw(self) -> None:
        """Remove what was written."""
        for path in self._files:
            withdraw_whereabouts(path, self._whereabouts)


async def _serve(sandbox: Sandbox, bound: Bound, publication: _Publication) -> None:
    """Serve until a signal; a file that cannot be written ends it as one fault."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, sandbox.stop)
    unwritten: list[StoreError] = []
    try:
        await sandbox.run(bound, publication.publish)
    except* StoreError as faults:
        unwritten += [fault for fault in faults.exceptions if isinstance(fault, StoreError)]
    finally:
        publication.withdraw()
    for fault in unwritten:
        raise fault


def _apps(
    state: SandboxState, faults: FaultBoard, settings: ClobSettings
) -> dict[ServiceName, ASGIApp]:
    """Build every app; faults and limits stand before all of them but the admin's."""
    limits = AddressLimits(settings.limits)
    public = {
        ServiceName.CLOB: clob_app(state, settings),
        ServiceName.GAMMA: gamma_app(state),
        ServiceName.DATA: data_app(state),
        ServiceName.RELAYER: relayer_app(state),
        ServiceName.RPC: rpc_app(state),
    }
    return {
        ServiceName.ADMIN: admin_app(state, faults),
        **{service: gated(app, state, service, limits) for service, app in public.items()},
    }


def _channels(state: SandboxState) -> dict[ServiceName, Channel]:
    """Build both channels; they hear of everything that happens."""
    world = state.world
    market = MarketChannel(
        ToldExchange(world.exchange, state.skew_ns),
        world.faults,
        now_ns=lambda: world.now_ns,
        market_id=market_number,
    )
    user = UserChannel(
        partial(_is_key, state.keys),
        world.faults,
        now_ns=lambda: world.now_ns,
        outcome_index=partial(_outcome_index, state),
    )
    state.listen(telling(market.announce, state.skew_ns))
    state.listen(telling(user.announce, state.skew_ns))
    return {ServiceName.WS_MARKET: market, ServiceName.WS_USER: user}


def _is_key(keys: ApiKeys, shown: Credentials) -> bool:
    """Tell whether somebody shows the credentials of a key that may read orders."""
    found = keys.find(shown.api_key)
    if found is None or found.kind not in _USER_KEYS:
        return False
    pairs = (
        (found.credentials.secret, shown.secret),
        (found.credentials.passphrase, shown.passphrase),
    )
    return all(hmac.compare_digest(kept.reveal().encode(), told.encode()) for kept, told in pairs)


def _outcome_index(state: SandboxState, fill: Fill) -> int:
    condition_id = state.world.exchange.condition_of(fill.token_id)
    market = None if condition_id is None else state.world.exchange.market(condition_id)
    return int(market is not None and market.no == fill.token_id)


def _own_file(workspace: Workspace | None) -> Path | None:
    return None if workspace is None else workspace.sandbox_file

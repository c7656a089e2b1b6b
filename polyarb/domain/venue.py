"""Where the venue is reached, how it is listened to, and which of its markets a run looks at."""

from enum import StrEnum

import msgspec

POLYMARKET = "polymarket"
"""The name of the real venue."""
SANDBOX = "sandbox"
"""The name of the local venue: what runs there is a rehearsal and shows nothing of the real one."""
TAPE = "tape"
"""The name of recorded frames: what is played shows nothing of the venue that they came from."""


class VenueHosts(msgspec.Struct, frozen=True, kw_only=True):
    """The public addresses of the venue. Source: polymarket.md 1, hosts."""

    gamma: str = "https://gamma-api.polymarket.com"
    clob: str = "https://clob.polymarket.com"
    stream: str = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
    geoblock: str = "https://polymarket.com/api/geoblock"


class VenueSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the public side of the venue is used; an operator may change it in config.yaml.

    Units: milliseconds; counts. connect_ms_max is how long a start waits for the first true books
    before it gives up; stream_copies how many independent connections tell the same assets;
    sync_minutes how long a run waits before it reads the instruments anew, 0 for never.
    """

    hosts: VenueHosts = VenueHosts()
    request_ms_max: int = 5_000
    connect_ms_max: int = 30_000
    assets_per_socket_max: int = 200
    stream_copies: int = 1
    ping_ms: int = 10_000
    pong_ms_max: int = 30_000
    silence_ms_max: int = 30_000
    poll_ms: int = 2_000
    check_ms: int = 5_000
    sync_minutes: int = 60


class VenueMode(StrEnum):
    """What the venue accepts at the moment, as far as its public answers tell."""

    OK = "ok"
    POST_ONLY = "post-only"
    CANCEL_ONLY = "cancel-only"
    DOWN = "down"


class Universe(msgspec.Struct, frozen=True, kw_only=True):
    """Which markets of the catalogue a run looks at.

    Units: micros of a USD; minutes before the end of a market from which it is left alone. allow
    and deny hold condition ids, group ids or slugs; deny wins, allow overrides the figures but
    never what makes a market untradable. Empty fee_rates is every known rate (micros of
    one: 40_000 is 0.04).
    """

    markets_max: int = 500
    volume_24h_min: int = 0
    liquidity_min: int = 0
    expiry_blackout_min: int = 60
    fee_rates: tuple[int, ...] = ()
    groups_only: bool = False
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

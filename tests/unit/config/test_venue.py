"""How the venue is reached and which markets are watched, as config.yaml and profiles say it."""

from collections.abc import Callable

import pytest
from polyarb.config import (
    config_digest,
    load_clock,
    load_effective,
    load_profile,
    load_recording,
    load_venue,
    load_written,
)
from polyarb.domain.errors import UsageError
from polyarb.domain.surroundings import ClockSettings, RecordingSettings
from polyarb.domain.venue import Universe, VenueHosts, VenueSettings
from polyarb.host.time_servers import TIME_SERVERS
from polyarb.store.workspace import Workspace

Edit = Callable[[str, str, str], Workspace]
SAFE = "live_safe_atomic_v1"
HOSTS = """\
venue:
  hosts:
    gamma: {gamma}
  request_ms_max: 5000
"""


def with_universe(workspace: Workspace, text: str) -> str:
    """Write a custom profile that adds a universe to a shipped one and return its name."""
    shipped = (workspace.profiles_dir / f"{SAFE}.yaml").read_text()
    path = workspace.custom_profiles_dir / "mine.yaml"
    path.write_text(f"{shipped}universe:\n{text}", encoding="utf-8")
    return "custom/mine"


def test_the_shipped_venue_is_the_default(workspace: Workspace) -> None:
    assert load_venue(workspace) == VenueSettings()


def test_without_the_section_the_venue_is_the_default(edit: Edit) -> None:
    workspace = edit("config.yaml", "venue:", "breaker2:")
    path = workspace.config_file
    path.write_text(path.read_text().partition("breaker2:")[0])
    assert load_venue(workspace) == VenueSettings()


def test_every_figure_and_host_of_the_venue_can_be_set(edit: Edit) -> None:
    workspace = edit(
        "config.yaml",
        "  request_ms_max: 5000\n  connect_ms_max: 30000\n  assets_per_socket_max: 200\n"
        "  stream_copies: 1\n",
        "  hosts:\n    gamma: http://127.0.0.1:8080\n    clob: http://localhost:1\n"
        "    stream: ws://[::1]:2/ws/market\n    geoblock: https://here.example/geo\n"
        "  request_ms_max: 1\n  connect_ms_max: 2\n  assets_per_socket_max: 500\n"
        "  stream_copies: 2\n  ping_ms: 3\n  pong_ms_max: 4\n  silence_ms_max: 5\n"
        "  poll_ms: 6\n  check_ms: 7\n",
    )
    assert load_venue(workspace) == VenueSettings(
        hosts=VenueHosts(
            gamma="http://127.0.0.1:8080",
            clob="http://localhost:1",
            stream="ws://[::1]:2/ws/market",
            geoblock="https://here.example/geo",
        ),
        request_ms_max=1,
        connect_ms_max=2,
        assets_per_socket_max=500,
        stream_copies=2,
        ping_ms=3,
        pong_ms_max=4,
        silence_ms_max=5,
        poll_ms=6,
        check_ms=7,
    )


@pytest.mark.parametrize(
    "address",
    [
        "http://gamma-api.polymarket.com",
        "http://127.0.0.1.example",
        "http://203.0.113.7",
        "http://localhost.example:80",
        "wss://gamma-api.polymarket.com",
        "ftp://gamma-api.polymarket.com",
        "https://gamma-api.polymarket.com/",
        "https://",
        "https://:443",
        "https://name@gamma-api.polymarket.com",
        "https://gamma-api.polymarket.com?a=b",
        "https://gamma-api.polymarket.com#a",
        "https://gamma-api.polymarket.com:0",
        "https://gamma-api.polymarket.com:99999",
        "https://[::1",
        "gamma-api.polymarket.com",
        "5",
        "null",
        "[a]",
    ],
)
def test_an_address_that_is_none_or_not_encrypted_is_told_with_its_line(
    edit: Edit, address: str
) -> None:
    old = "venue:\n  request_ms_max: 5000\n"
    workspace = edit("config.yaml", old, HOSTS.format(gamma=f'"{address}"'))
    with pytest.raises(
        UsageError, match=r"config.yaml:\d+: venue.hosts.gamma: expected an (add|id)"
    ):
        load_venue(workspace)


def test_the_stream_takes_no_web_address(edit: Edit) -> None:
    text = "venue:\n  hosts: {stream: https://here.example}\n"
    workspace = edit("config.yaml", "venue:\n", text)
    with pytest.raises(UsageError, match=r"venue.hosts.stream: expected an address such as wss://"):
        load_venue(workspace)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("assets_per_socket_max: 200", "assets_per_socket_max: 501", "from 1 to 500, found"),
        ("stream_copies: 1", "stream_copies: 3", "from 1 to 2, found the number 3"),
        ("stream_copies: 1", "stream_copies: 0", "from 1 to 2, found the number 0"),
        ("request_ms_max: 5000", "request_ms_max: 0", "from 1 to 600000"),
        ("request_ms_max: 5000", "request_ms: 5000", "venue.request_ms: expected request_ms_max"),
        ("connect_ms_max: 30000", "hosts: 5", "venue.hosts: expected a section"),
    ],
)
def test_a_wrong_figure_of_the_venue_is_told_by_every_loader(
    edit: Edit, old: str, new: str, told: str
) -> None:
    workspace = edit("config.yaml", old, new)
    for load in (load_venue, load_profile):
        with pytest.raises(UsageError, match=told):
            load(workspace)


def test_the_shipped_limits_of_recordings_and_clock(workspace: Workspace) -> None:
    recording = load_recording(workspace)
    assert recording == RecordingSettings(disk_gib_max=50_000_000, days_max=0, replay_days_min=7)
    assert recording.bytes_max == 50 * 2**30
    assert load_clock(workspace) == ClockSettings(servers=TIME_SERVERS)


def test_without_their_sections_recordings_stay_for_ever_and_the_clock_is_watched(
    workspace: Workspace,
) -> None:
    path = workspace.config_file
    path.write_text(path.read_text().partition("recording:")[0])
    assert load_recording(workspace) == RecordingSettings()
    assert load_recording(workspace).bytes_max == 0
    assert load_clock(workspace) == ClockSettings(servers=TIME_SERVERS)


def test_every_figure_of_recordings_and_clock_can_be_set(workspace: Workspace) -> None:
    path = workspace.config_file
    path.write_text(
        path.read_text().partition("recording:")[0]
        + "recording:\n  disk_gib_max: 0.5\n  days_max: 30\n  replay_days_min: 0\n"
        + "clock:\n  offset_ms_max: 250\n  check_minutes: 5\n"
        + "  servers: [time.example, 127.0.0.1:1123]\n"
    )
    recording = load_recording(workspace)
    assert recording == RecordingSettings(disk_gib_max=500_000, days_max=30, replay_days_min=0)
    assert recording.bytes_max == 2**29
    assert load_clock(workspace) == ClockSettings(
        servers=("time.example", "127.0.0.1:1123"), offset_ms_max=250, check_minutes=5
    )
    path.write_text(path.read_text().replace("[time.example, 127.0.0.1:1123]", "[]"))
    assert load_clock(workspace).servers == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("disk_gib_max: 50", "disk_gib_max: -1", "from 0 to 1000000, found"),
        ("disk_gib_max: 50", "disk_gb_max: 50", "recording.disk_gb_max: expected disk_gib_max"),
        ("days_max: 0", "days_max: 1.5", "from 0 to 36500, found"),
        ("offset_ms_max: 100", "offset_ms_max: 0", "from 1 to 86400000, found"),
        ("check_minutes: 10", "check_minutes: 0", "from 1 to 1440, found"),
        ("check_minutes: 10", "servers: a", "clock.servers: expected a list of texts"),
        ("check_minutes: 10", "servers: [a, a]", "clock.servers: expected each entry once"),
        ("check_minutes: 10", "servers: ['a b']", "expected HOST or HOST:PORT"),
        ("check_minutes: 10", "servers: ['https://a']", "expected HOST or HOST:PORT"),
        ("check_minutes: 10", "port: 1", "clock.port: expected one of"),
    ],
)
def test_a_wrong_figure_of_recordings_or_clock_is_told_by_every_loader(
    edit: Edit, old: str, new: str, told: str
) -> None:
    workspace = edit("config.yaml", old, new)
    for load in (load_recording, load_clock, load_venue, load_profile):
        with pytest.raises(UsageError, match=told):
            load(workspace)


def test_a_profile_falls_back_to_the_universe_of_the_base(workspace: Workspace) -> None:
    assert load_profile(workspace, SAFE).universe == Universe(
        markets_max=500,
        volume_24h_min=1_000_000_000,
        liquidity_min=500_000_000,
        expiry_blackout_min=60,
    )


def test_every_key_of_the_universe_can_be_set_in_a_profile(workspace: Workspace) -> None:
    name = with_universe(
        workspace,
        "  markets_max: 7\n  volume_24h_usd_min: 0.5\n  liquidity_usd_min: 0\n"
        "  expiry_blackout_min: 0\n  fee_rates: [0.07, 0, 0.04]\n  groups_only: true\n"
        "  allow: [0xaa, some-slug]\n  deny: [0xbb]\n",
    )
    written = load_written(workspace, name)
    assert written.profile.universe == Universe(
        markets_max=7,
        volume_24h_min=500_000,
        liquidity_min=0,
        expiry_blackout_min=0,
        fee_rates=(0, 40_000, 70_000),
        groups_only=True,
        allow=("0xaa", "some-slug"),
        deny=("0xbb",),
    )
    told = {value.key: value.value for value in written.values}
    assert told["universe.fee_rates"] == "[0, 0.04, 0.07]"
    assert told["universe.groups_only"] == "true"
    assert told["universe.deny"] == "[0xbb]"
    assert told["universe.volume_24h_usd_min"] == "0.5"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "fee_rates: 0.04",
            "universe.fee_rates: expected a list: each a plain decimal from 0 to 1",
        ),
        ("fee_rates: [0.04, 0.040]", "universe.fee_rates: expected each entry once"),
        ("fee_rates: [2]", "universe.fee_rates: expected a plain decimal from 0 to 1"),
        ("groups_only: yes", "universe.groups_only: expected true or false"),
        ('groups_only: "true"', "universe.groups_only: expected true or false"),
        ("groups_only: 1", "universe.groups_only: expected true or false"),
        ("allow: 0xaa", "universe.allow: expected a list of ids"),
        ("deny: [a, a]", "universe.deny: expected each entry once"),
        ("expiry_blackout_min: 525601", "from 0 to 525600"),
        ("markets_max: 0", "from 1 to 1000000"),
    ],
)
def test_a_wrong_value_of_the_universe_is_told(workspace: Workspace, text: str, told: str) -> None:
    name = with_universe(workspace, f"  {text}\n")
    with pytest.raises(UsageError) as caught:
        load_profile(workspace, name)
    assert told in str(caught.value)


def test_the_digest_follows_the_universe(workspace: Workspace) -> None:
    before = load_profile(workspace, SAFE)
    after = load_effective(workspace, SAFE, {"universe.markets_max": "499"}).profile
    assert config_digest(before, {}) != config_digest(after, {})

"""Where a sandbox is: what is written, found, and taken away again."""

import json
import socket
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from polyarb.domain.errors import VenueError
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from polyarb.wiring.sandbox.faults import AdminPort
from polyarb.wiring.sandbox.origin import sandbox_origin
from polyarb.wiring.sandbox.whereabouts import (
    GivenAccount,
    GivenMarket,
    Whereabouts,
    find_sandbox,
    withdraw_whereabouts,
    write_whereabouts,
)


def closed_port() -> str:
    """Return an address at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


def whereabouts(base: str = "http://127.0.0.1:9", *, seed: int = 1) -> Whereabouts:
    return Whereabouts(
        clob=base,
        gamma=base,
        data=base,
        ws_market="ws://127.0.0.1:9/ws/market",
        ws_user="ws://127.0.0.1:9/ws/user",
        rpc=base,
        relayer=base,
        admin=base,
        accounts=(GivenAccount(address="0xa", private_key="0xk", pusd=Decimal("100.5")),),
        markets=(
            GivenMarket(
                condition_id="0xc",
                yes_token="1",
                no_token="2",
                tick_size="0.01",
                neg_risk=False,
                event_id="3",
            ),
        ),
        scenario="quiet",
        seed=seed,
    )


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    create_workspace(tmp_path, shipped_templates())
    return open_workspace(tmp_path)


def test_what_is_written_is_one_json_object_that_is_found_again(place: Workspace) -> None:
    told = whereabouts()
    write_whereabouts(place.sandbox_file, told)
    read = json.loads(place.sandbox_file.read_bytes())
    assert read["accounts"] == [{"address": "0xa", "private_key": "0xk", "pusd": 100.5}]
    assert read["chain_id"] == 137
    assert find_sandbox(place, None) == told
    hosts = told.hosts
    assert hosts.geoblock == "http://127.0.0.1:9/api/geoblock"
    assert (hosts.stream, hosts.clob) == (told.ws_market, told.clob)


def test_only_the_own_file_is_taken_away(place: Workspace) -> None:
    first, second = whereabouts(), whereabouts(seed=2)
    write_whereabouts(place.sandbox_file, first)
    write_whereabouts(place.sandbox_file, second)
    withdraw_whereabouts(place.sandbox_file, first)
    assert find_sandbox(place, None) == second
    withdraw_whereabouts(place.sandbox_file, second)
    assert not place.sandbox_file.exists()
    withdraw_whereabouts(place.sandbox_file, second)


@pytest.mark.parametrize("content", ["", "{}", "[1", '{"clob": 1}'], ids=range(4))
def test_a_file_that_says_something_else_is_no_sandbox(place: Workspace, content: str) -> None:
    path = place.root / "x.json"
    path.write_text(content)
    with pytest.raises(VenueError, match="polyarb sandbox serve"):
        find_sandbox(place, path)


def test_nobody_who_answers_is_no_sandbox(place: Workspace) -> None:
    told = msgspec.structs.replace(whereabouts(), clob=closed_port(), admin=closed_port())
    write_whereabouts(place.sandbox_file, told)
    with pytest.raises(VenueError, match="nobody who answers"):
        sandbox_origin(place, None)
    with pytest.raises(VenueError, match="nobody who answers"):
        AdminPort(place, None).arm(Fault(kind=FaultKind.DISCONNECT))


def test_without_a_file_there_is_no_sandbox(place: Workspace) -> None:
    with pytest.raises(VenueError, match=r"data/sandbox\.json: expected a running sandbox"):
        find_sandbox(place, None)

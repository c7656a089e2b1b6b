"""The chain's JSON-RPC on the wire: one path, bounded bodies, batches, faults of the chain."""

from tests.face_cases import Faces

CHAIN = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
HEAD = {"jsonrpc": "2.0", "id": 2, "method": "eth_blockNumber", "params": []}


def test_a_request_and_a_batch_are_answered() -> None:
    faces = Faces()
    assert faces.ask("rpc", "POST", "/", json=CHAIN).json() == {
        "jsonrpc": "2.0",
        "id": 1,
        "result": "0x89",
    }
    both = faces.ask("rpc", "POST", "/", json=[CHAIN, HEAD]).json()
    assert [each["id"] for each in both] == [1, 2]


def test_the_chain_is_moved_to_the_clock_before_it_answers() -> None:
    faces = Faces()
    faces.clock.pass_ms(10_000)
    assert faces.ask("rpc", "POST", "/", json=HEAD).json()["result"] == "0x5"


def test_an_armed_lag_shows_older_blocks() -> None:
    faces = Faces()
    faces.clock.pass_ms(10_000)
    armed = faces.ask(
        "admin", "POST", "/faults", json={"kind": "rpc-lag", "scope": "rpc", "amount": 2}
    )
    assert armed.status_code == 200
    assert faces.ask("rpc", "POST", "/", json=HEAD).json()["result"] == "0x3"


def test_what_is_no_json_gets_a_parse_error() -> None:
    answer = Faces().ask("rpc", "POST", "/", content=b"{")
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, -32_700)


def test_an_oversized_body_and_another_path_are_refused() -> None:
    faces = Faces()
    assert faces.ask("rpc", "POST", "/", content=b"x" * 1_100_000).status_code == 413
    assert faces.ask("rpc", "POST", "/other", json=CHAIN).status_code == 404
    assert faces.ask("rpc", "GET", "/").status_code == 405

"""The admin port: every act, what is refused, and who is kept out."""

import pytest
from polyarb.domain.ids import condition_key
from polyarb.venue.sandbox.server.keys import KeyKind
from polyarb.venue.sandbox.terms.faults import FaultKind
from polyarb.venue.sandbox.terms.orders import ExchangeMode
from tests.face_cases import MICRO, Faces, shares

STRANGER = "0x" + "12" * 20


def act(faces: Faces, path: str, body: object = None) -> object:
    """Do something that must be done."""
    answer = faces.ask("admin", "POST", path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def of(faces: Faces, slug: str, what: str) -> str:
    """Name an act on a market."""
    return f"/markets/{faces.market(slug).condition_id}/{what}"


def test_the_status_tells_how_everything_stands() -> None:
    faces = Faces()
    faces.pass_s(2)
    found = faces.read("admin", "/status")
    assert isinstance(found, dict)
    assert (found["mode"], found["now_ns"]) == ("open", faces.clock.time_ns)
    assert (found["open_settlements"], found["armed_faults"], found["block"]) == (0, 0, 1)
    rain = next(market for market in found["markets"] if market["slug"] == "rain")
    assert (rain["tick"], rain["is_accepting"], rain["payouts"]) == (10_000, True, None)
    assert found["accounts"][0] == {"address": faces.traders[0].address, "pusd": 1_000 * MICRO}
    assert "private_key" not in str(found)


def test_a_fault_is_armed_listed_strikes_and_is_cleared() -> None:
    faces = Faces()
    armed = act(faces, "/faults", {"kind": "slow-response", "scope": "clob", "amount": 5})
    assert armed == {"fault_id": "fault-1"}
    assert faces.faults.strike(FaultKind.SLOW_RESPONSE, "clob GET /book ")
    listed = faces.read("admin", "/faults")
    assert isinstance(listed, dict)
    (one,) = listed["faults"]
    assert (one["fault_id"], one["strikes"], one["fault"]["amount"]) == ("fault-1", 1, 5)
    act(faces, "/faults", {"kind": "disconnect"})
    answer = faces.ask("admin", "DELETE", "/faults/fault-1")
    assert answer.json() == {"cleared": ["fault-1"]}
    assert faces.ask("admin", "DELETE", "/faults/fault-1").status_code == 404
    assert faces.ask("admin", "DELETE", "/faults").json() == {"cleared": ["fault-2"]}
    assert faces.faults.armed() == ()


@pytest.mark.parametrize("mode", ExchangeMode)
def test_the_engine_takes_what_it_is_told_to_take(mode: ExchangeMode) -> None:
    faces = Faces()
    assert act(faces, "/mode", {"mode": mode.value}) == {"is_done": True}
    assert faces.world.exchange.mode is mode


def test_a_restart_ends_by_itself() -> None:
    faces = Faces()
    act(faces, "/restart")
    assert faces.world.exchange.mode is ExchangeMode.RESTARTING
    faces.pass_s(91)
    assert faces.world.exchange.mode is ExchangeMode.POST_ONLY
    faces.pass_s(121)
    assert faces.world.exchange.mode is ExchangeMode.OPEN


def test_a_market_is_closed_reopened_and_its_tick_changed() -> None:
    faces = Faces()
    rain = faces.market("rain").condition_id

    def standing() -> tuple[int, bool]:
        found = faces.world.exchange.standing(rain)
        assert found is not None
        return found.tick, found.is_closed

    act(faces, of(faces, "rain", "close"))
    assert standing() == (10_000, True)
    act(faces, of(faces, "rain", "reopen"))
    assert standing() == (10_000, False)
    act(faces, of(faces, "rain", "tick"), {"tick": 1_000})
    assert standing() == (1_000, False)


@pytest.mark.parametrize("payouts", [[MICRO, 0], [0, MICRO], [MICRO // 2, MICRO // 2]], ids=str)
def test_a_market_is_resolved_on_the_exchange_and_on_chain(payouts: list[int]) -> None:
    faces = Faces()
    rain = faces.market("rain")
    act(faces, of(faces, "rain", "resolve"), {"payouts": payouts})
    standing = faces.world.exchange.standing(rain.condition_id)
    assert standing is not None and standing.payouts == tuple(payouts)
    faces.pass_s(3)
    assert faces.world.chain.state.read(("denominator", rain.condition_id)) > 0
    again = faces.ask("admin", "POST", of(faces, "rain", "resolve"), json={"payouts": payouts})
    assert again.status_code == 409
    assert faces.ask("admin", "POST", of(faces, "rain", "reopen")).status_code == 409


def test_one_question_of_a_group_resolves_to_yes_and_none_to_half() -> None:
    faces = Faces()
    before = faces.image()
    half = {"payouts": [MICRO // 2, MICRO // 2]}
    refused = faces.ask("admin", "POST", of(faces, "ada", "resolve"), json=half)
    assert refused.status_code == 409 and faces.image() == before
    act(faces, of(faces, "ada", "resolve"), {"payouts": [MICRO, 0]})
    second = faces.ask("admin", "POST", of(faces, "ben", "resolve"), json={"payouts": [MICRO, 0]})
    assert second.status_code == 409 and "ada" in second.json()["error"]
    act(faces, of(faces, "ben", "resolve"), {"payouts": [0, MICRO]})


def test_an_account_is_given_money_and_sets_by_the_next_block() -> None:
    faces = Faces()
    act(faces, "/accounts/fund", {"address": STRANGER, "pusd": 7 * MICRO, "is_approved": True})
    rain = faces.market("rain")
    act(
        faces,
        "/accounts/endow",
        {"address": STRANGER, "condition_id": rain.condition_id, "sets": shares(3)},
    )
    faces.pass_s(3)
    wallet = next(iter({STRANGER}))
    found = faces.read("data", "/v2/positions", user=wallet)
    assert isinstance(found, dict)
    assert [row["current_size"] for row in found["data"]] == [3, 3]
    address = found["data"][0]["proxy_wallet"]
    assert faces.world.chain.collateral(address) == 7 * MICRO
    assert all(faces.world.chain.share_approvals(address).values())


def test_a_key_for_the_relayer_is_issued() -> None:
    faces = Faces()
    made = act(faces, "/accounts/keys", {"address": STRANGER, "kind": "relayer"})
    assert isinstance(made, dict)
    found = faces.state.keys.find(made["key"])
    assert found is not None and found.kind is KeyKind.RELAYER
    assert found.credentials.secret.reveal() == made["secret"]


def test_the_last_blocks_are_undone() -> None:
    faces = Faces()
    faces.world.chain.send(faces.traders[0].address, STRANGER, b"")  # type: ignore[arg-type]
    faces.pass_s(4)
    before = faces.world.chain.head.hash
    act(faces, "/chain/reorg", {"depth": 1})
    assert faces.world.chain.head.hash != before


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/faults", {"kind": "slow-response"}, 400),
        ("/faults", {"kind": "magic"}, 400),
        ("/faults", [], 400),
        ("/mode", {"mode": "fast"}, 400),
        ("/mode", {}, 400),
        ("/mode", {"mode": "open", "for": 5}, 400),
        ("/markets/0x12/close", None, 404),
        ("/markets/rain/resolve", {"payouts": [MICRO, 0]}, 404),
        ("RAIN/tick", {"tick": 20_000}, 400),
        ("RAIN/tick", {"tick": "0.01"}, 400),
        ("RAIN/resolve", {"payouts": [MICRO, MICRO]}, 400),
        ("RAIN/resolve", {"payouts": [1, 2, 3]}, 400),
        ("RAIN/resolve", {}, 400),
        ("/accounts/fund", {"address": "0x1", "pusd": 5}, 400),
        ("/accounts/fund", {"address": STRANGER, "pusd": 0}, 400),
        ("/accounts/fund", {"address": STRANGER, "pusd": 10**30}, 400),
        ("/accounts/endow", {"address": STRANGER, "condition_id": "0x1", "sets": 5}, 404),
        ("/accounts/keys", {"address": STRANGER, "kind": "trading"}, 400),
        ("/accounts/keys", {"address": "x", "kind": "relayer"}, 400),
        ("/chain/reorg", {"depth": 0}, 400),
        ("/chain/reorg", {"depth": 99}, 400),
        ("/nothing", {}, 404),
    ],
    ids=str,
)
def test_an_order_that_makes_no_sense_changes_nothing(path: str, body: object, status: int) -> None:
    faces = Faces()
    faces.pass_s(4)
    before = faces.image()
    rain = faces.market("rain").condition_id
    answer = faces.ask("admin", "POST", path.replace("RAIN", f"/markets/{rain}"), json=body)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert faces.image() == before


def test_a_condition_is_named_in_any_letter_case() -> None:
    faces = Faces()
    named = faces.market("rain").condition_id.upper().replace("0X", "0x")
    assert condition_key(named) == faces.market("rain").condition_id
    act(faces, f"/markets/{named}/close")


@pytest.mark.parametrize(
    "path", ["/mode", "/restart", "/accounts/fund", "/chain/reorg", "/accounts/keys"]
)
def test_nothing_changes_by_a_get(path: str) -> None:
    faces = Faces()
    before = faces.image()
    assert faces.ask("admin", "GET", path).status_code == 405
    assert faces.ask("admin", "GET", of(faces, "rain", "close")).status_code == 405
    assert faces.image() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8080"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[::1"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_a_page_of_another_place_is_kept_out(headers: dict[str, str]) -> None:
    faces = Faces()
    before = faces.image()
    for method, path in (("GET", "/status"), ("POST", "/restart"), ("DELETE", "/faults")):
        answer = faces.ask("admin", method, path, headers=headers)
        assert answer.status_code == 403
        assert answer.json() == {"error": "this port answers this machine only"}
    assert faces.image() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost:9000"},
        {"Host": "127.0.0.1:1"},
        {"Host": "[::1]:9000"},
        {"Origin": "http://localhost:3000"},
    ],
    ids=str,
)
def test_this_machine_is_answered_by_every_name(headers: dict[str, str]) -> None:
    assert Faces().ask("admin", "GET", "/status", headers=headers).status_code == 200


def test_an_oversized_body_is_refused() -> None:
    faces = Faces()
    assert faces.ask("admin", "POST", "/faults", content=b"x" * 70_000).status_code == 413

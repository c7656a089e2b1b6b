"""The relayer on the wire: gasless actions, who may ask for them, what the chain does."""

import json
from uuid import UUID

import httpx
import pytest
from eth_abi.abi import encode
from polyarb.venue.polymarket.signing import relays
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.mac import request_mac
from polyarb.venue.polymarket.signing.relays import (
    Call,
    ProxyTransaction,
    SafeTransaction,
    WalletBatch,
)
from polyarb.venue.polymarket.signing.signatures import Signer
from polyarb.venue.polymarket.signing.wallets import wallets_of
from polyarb.venue.polymarket.signing.words import address_word, uint_word
from polyarb.venue.sandbox.server.keys import KeyKind
from polyarb.venue.sandbox.server.relayer.desk import SUBMITS_PER_MINUTE
from polyarb.venue.sandbox.server.relayer.submissions import RELAY
from tests.face_cases import MICRO, Faces

APPROVE = bytes.fromhex("095ea7b3")
TRANSFER = bytes.fromhex("a9059cbb")
MULTI_SEND = keccak256(b"multiSend(bytes)")[:4]
PROXY = keccak256(b"proxy((uint8,address,uint256,bytes)[])")[:4]
ZERO = "0x" + "00" * 20


def approval(amount: int, spender: str = CONTRACTS.exchange) -> Call:
    """Let a spender take pUSD."""
    return Call(target=CONTRACTS.pusd, data=APPROVE + address_word(spender) + uint_word(amount))


def transfer(amount: int) -> Call:
    """Send pUSD to nobody in particular."""
    return Call(target=CONTRACTS.pusd, data=TRANSFER + address_word(RELAY) + uint_word(amount))


class Office(Faces):
    """A sandbox whose first account has a relayer's key and a deposit wallet."""

    def __init__(self, *, is_deployed: bool = True) -> None:
        super().__init__()
        self.signer: Signer = self.traders[0].signer
        self.wallets = wallets_of(self.signer.address)
        self.wallet = self.wallets.beacon
        key = self.state.keys.issue(self.signer.address, KeyKind.RELAYER)
        self.key = {"RELAYER_API_KEY": key.key, "RELAYER_API_KEY_ADDRESS": self.signer.address}
        for wallet in (self.wallet, self.wallets.safe, self.wallets.proxy):
            self.world.chain.found(wallet, pusd=100 * MICRO, is_approved=False)
        self.pass_s(3)
        if is_deployed:
            assert self.submit(self.creation()).status_code == 200
            self.pass_s(3)

    def submit(self, body: object, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.ask(
            "relayer",
            "POST",
            "/submit",
            json=body,
            headers=self.key if headers is None else headers,
        )

    def creation(self) -> dict[str, object]:
        return {
            "type": "WALLET-CREATE",
            "from": self.signer.address,
            "to": CONTRACTS.deposit_wallet_factory,
            "metadata": "",
        }

    def batch(
        self, *calls: Call, nonce: int = 0, deadline_s: int | None = None
    ) -> dict[str, object]:
        batch = WalletBatch(
            wallet=self.wallet,
            nonce=nonce,
            deadline_s=self.now_s + 600 if deadline_s is None else deadline_s,
            calls=calls,
        )
        return {
            "type": "WALLET",
            "from": self.signer.address,
            "to": CONTRACTS.deposit_wallet_factory,
            "nonce": str(nonce),
            "signature": "0x" + relays.sign_batch(self.signer, batch).hex(),
            "metadata": "",
            "depositWalletParams": {
                "depositWallet": self.wallet,
                "deadline": str(batch.deadline_s),
                "calls": [
                    {"target": c.target, "value": str(c.value), "data": "0x" + c.data.hex()}
                    for c in calls
                ],
            },
        }

    def safe(self, call: Call, *, operation: int = 0, nonce: int = 0) -> dict[str, object]:
        transaction = SafeTransaction(
            safe=self.wallets.safe, call=call, operation=operation, nonce=nonce
        )
        return {
            "type": "SAFE",
            "from": self.signer.address,
            "to": call.target,
            "proxyWallet": self.wallets.safe,
            "data": "0x" + call.data.hex(),
            **({"value": str(call.value)} if call.value else {}),
            "nonce": str(nonce),
            "signature": "0x" + relays.sign_safe(self.signer, transaction).hex(),
            "metadata": "",
            "signatureParams": {
                "baseGas": "0",
                "gasPrice": "0",
                "gasToken": ZERO,
                "operation": str(operation),
                "refundReceiver": ZERO,
                "safeTxnGas": "0",
            },
        }

    def proxy(self, *calls: Call, nonce: int = 0) -> dict[str, object]:
        rows = [(1, call.target, call.value, call.data) for call in calls]
        data = PROXY + encode(["(uint8,address,uint256,bytes)[]"], [rows])
        transaction = ProxyTransaction(
            owner=self.signer.address,
            to=CONTRACTS.proxy_factory,
            data=data,
            nonce=nonce,
            gas_limit=200_000,
            relay=RELAY,
        )
        return {
            "type": "PROXY",
            "from": self.signer.address,
            "to": CONTRACTS.proxy_factory,
            "proxyWallet": self.wallets.proxy,
            "data": "0x" + data.hex(),
            "nonce": str(nonce),
            "signature": "0x" + relays.sign_proxy(self.signer, transaction).hex(),
            "metadata": "",
            "signatureParams": {
                "gasLimit": "200000",
                "gasPrice": "0",
                "relay": RELAY,
                "relayHub": CONTRACTS.relay_hub,
                "relayerFee": "0",
            },
        }

    def state_of(self, submitted: httpx.Response) -> dict[str, object]:
        assert submitted.status_code == 200, submitted.text
        action_id = submitted.json()["transactionID"]
        answer = self.ask(
            "relayer", "GET", f"/v1/account/transactions/{action_id}", headers=self.key
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        assert found["transaction_id"] == action_id
        return found

    def nonce(self, kind: str) -> str:
        query = {"address": self.signer.address, "type": kind}
        path = "/relay-payload" if kind == "PROXY" else "/v1/account/transactions/params"
        answer = self.ask("relayer", "GET", path, params=query, headers=self.key)
        assert answer.json()["address"] == (RELAY if kind == "PROXY" else self.signer.address)
        found: str = answer.json()["nonce"]
        return found

    def allowance(self, wallet: str, spender: str = CONTRACTS.exchange) -> int:
        return self.world.chain.state.read((CONTRACTS.pusd, wallet, spender))


def refused(answer: httpx.Response, status: int, text: str) -> None:
    assert answer.status_code == status, answer.text
    assert text in answer.json()["error"], answer.text


def multi_send(*calls: Call) -> Call:
    packed = b"".join(
        b"\0"
        + bytes.fromhex(call.target[2:])
        + uint_word(0)
        + uint_word(len(call.data))
        + call.data
        for call in calls
    )
    return Call(target=CONTRACTS.safe_multisend, data=MULTI_SEND + encode(["bytes"], [packed]))


def test_a_deposit_wallet_is_deployed_once_its_creation_is_mined() -> None:
    office = Office(is_deployed=False)
    query = {"address": office.wallet, "type": "WALLET"}
    assert office.read("relayer", "/deployed", **query) == {"deployed": False}
    created = office.submit(office.creation())
    assert created.json()["state"] == "STATE_NEW" and created.json()["transactionHash"] == ""
    UUID(created.json()["transactionID"])
    assert office.read("relayer", "/deployed", **query) == {"deployed": False}
    office.pass_s(3)
    assert office.read("relayer", "/deployed", **query) == {"deployed": True}
    refused(office.submit(office.creation()), 400, "wallet already deployed")


def test_an_action_is_executed_mined_and_confirmed_by_the_chain() -> None:
    office = Office()
    submitted = office.submit(office.batch(approval(7)))
    assert office.state_of(submitted)["state"] == "STATE_EXECUTED"
    assert office.allowance(office.wallet) == 0
    states = []
    for _ in range(20):
        office.pass_s(0.5)
        found = office.state_of(submitted)
        states.append(found["state"])
    assert list(dict.fromkeys(states)) == ["STATE_EXECUTED", "STATE_MINED", "STATE_CONFIRMED"]
    assert str(found["transaction_hash"]).startswith("0x") and found["error_msg"] is None
    assert office.allowance(office.wallet) == 7


def test_a_batch_happens_whole_or_not_at_all() -> None:
    office = Office()
    submitted = office.submit(office.batch(approval(7), transfer(101 * MICRO)))
    office.pass_s(10)
    found = office.state_of(submitted)
    assert found["state"] == "STATE_FAILED" and "execution reverted" in str(found["error_msg"])
    assert office.allowance(office.wallet) == 0
    assert office.nonce("WALLET") == "0"
    both = office.submit(office.batch(approval(7), transfer(MICRO)))
    office.pass_s(10)
    assert office.state_of(both)["state"] == "STATE_CONFIRMED"
    assert office.allowance(office.wallet) == 7
    assert office.world.chain.collateral(office.wallet) == 99 * MICRO


def test_a_safe_acts_alone_and_by_multisend() -> None:
    office = Office()
    assert office.read("relayer", "/deployed", address=office.wallets.safe, type="SAFE") == {
        "deployed": True
    }
    assert office.nonce("SAFE") == "0"
    assert office.submit(office.safe(approval(7))).status_code == 200
    office.pass_s(3)
    assert office.allowance(office.wallets.safe) == 7
    assert office.nonce("SAFE") == "1"
    many = multi_send(approval(8), approval(9, CONTRACTS.neg_risk_exchange))
    assert office.submit(office.safe(many, operation=1, nonce=1)).status_code == 200
    office.pass_s(3)
    assert office.allowance(office.wallets.safe) == 8
    assert office.allowance(office.wallets.safe, CONTRACTS.neg_risk_exchange) == 9


def test_a_proxy_acts_through_its_factory() -> None:
    office = Office()
    assert office.nonce("PROXY") == "0"
    calls = (approval(7), approval(9, CONTRACTS.neg_risk_exchange))
    assert office.submit(office.proxy(*calls)).status_code == 200
    office.pass_s(3)
    assert office.nonce("PROXY") == "1"
    assert office.allowance(office.wallets.proxy) == 7
    assert office.allowance(office.wallets.proxy, CONTRACTS.neg_risk_exchange) == 9


def test_a_nonce_is_good_once() -> None:
    office = Office()
    office.submit(office.batch(approval(7)))
    office.pass_s(3)
    assert office.nonce("WALLET") == "1"
    refused(
        office.submit(office.batch(approval(8))),
        400,
        "batch nonce 0 does not match on-chain nonce 1",
    )
    refused(
        office.submit(office.batch(approval(8), nonce=2)),
        400,
        "batch nonce 2 does not match on-chain nonce 1",
    )
    assert office.submit(office.batch(approval(8), nonce=1)).status_code == 200


def test_a_wallet_has_one_action_at_a_time() -> None:
    office = Office()
    assert office.submit(office.batch(approval(7))).status_code == 200
    refused(office.submit(office.batch(approval(8))), 400, "wallet has in-flight action")
    assert office.submit(office.safe(approval(8))).status_code == 200


def test_a_wallet_must_be_deployed_before_it_acts() -> None:
    office = Office(is_deployed=False)
    refused(office.submit(office.batch(approval(7))), 400, "wallet not deployed")


def test_an_old_deadline_is_refused() -> None:
    office = Office()
    late = office.batch(approval(7), deadline_s=office.now_s - 1)
    refused(office.submit(late), 400, "batch deadline has passed")


@pytest.mark.parametrize(
    "call",
    [
        Call(target=RELAY, data=b""),
        Call(target=CONTRACTS.exchange, data=b"\x01\x02\x03\x04"),
        Call(target=CONTRACTS.pusd, value=1, data=b""),
    ],
    ids=["stranger", "exchange", "value"],
)
def test_a_call_that_the_policy_does_not_know_is_blocked(call: Call) -> None:
    office = Office()
    refused(office.submit(office.batch(call)), 400, "call blocked")
    refused(office.submit(office.safe(call)), 400, "call blocked")
    refused(office.submit(office.proxy(call)), 400, "call blocked")


def test_a_safe_may_only_delegate_to_the_multisend() -> None:
    office = Office()
    refused(office.submit(office.safe(approval(7), operation=1)), 400, "call blocked")
    refused(office.submit(office.safe(approval(7), operation=2)), 400, "call blocked")


@pytest.mark.parametrize("kind", ["batch", "safe", "proxy"])
def test_a_signature_of_somebody_else_is_refused(kind: str) -> None:
    office = Office()
    before = office.image()
    body = getattr(office, kind)(approval(7))
    other = Faces().traders[1].signer
    stranger = wallets_of(other.address)
    forged = {**body, "from": other.address}
    text = "does not belong to from"
    refused(office.submit(forged), 400, text)
    if kind == "batch":
        params = {**body["depositWalletParams"], "depositWallet": stranger.beacon}
        refused(office.submit({**forged, "depositWalletParams": params}), 400, "invalid signature")
        changed = {**body["depositWalletParams"], "deadline": str(office.now_s + 601)}
        refused(office.submit({**body, "depositWalletParams": changed}), 400, "invalid signature")
    else:
        wallet = stranger.safe if kind == "safe" else stranger.proxy
        refused(office.submit({**forged, "proxyWallet": wallet}), 400, "invalid signature")
        refused(office.submit({**body, "nonce": "1"}), 400, "invalid signature")
    assert office.image() == before


def test_a_submission_needs_a_builders_or_a_relayers_key() -> None:
    office = Office()
    body = office.batch(approval(7))
    trading = office.trader().credentials
    assert trading is not None
    wrong: list[dict[str, str]] = [
        {},
        {"RELAYER_API_KEY": "none", "RELAYER_API_KEY_ADDRESS": office.signer.address},
        {**office.key, "RELAYER_API_KEY_ADDRESS": RELAY},
        {"RELAYER_API_KEY": trading.key, "RELAYER_API_KEY_ADDRESS": office.signer.address},
    ]
    for headers in wrong:
        answer = office.submit(body, headers)
        assert (answer.status_code, answer.json()) == (
            401,
            {"error": "Unauthorized/Invalid api key"},
        )
    assert office.nonce("WALLET") == "0"
    params = {"address": office.signer.address, "type": "WALLET"}
    path = "/v1/account/transactions/params"
    assert office.ask("relayer", "GET", path, params=params).status_code == 401
    assert office.ask("relayer", "GET", "/v1/account/transactions/1").status_code == 401


def test_a_builder_signs_its_submission() -> None:
    office = Office()
    key = office.state.keys.issue(office.signer.address, KeyKind.BUILDER)
    content = json.dumps(office.batch(approval(7))).encode()

    def headers(body: bytes) -> dict[str, str]:
        stamp = str(office.now_s)
        mac = request_mac(key.secret, stamp, method="POST", path="/submit", body=body)
        return {
            "POLY_BUILDER_API_KEY": key.key,
            "POLY_BUILDER_PASSPHRASE": key.passphrase.reveal(),
            "POLY_BUILDER_TIMESTAMP": stamp,
            "POLY_BUILDER_SIGNATURE": mac,
        }

    other = office.ask("relayer", "POST", "/submit", content=content, headers=headers(b"{}"))
    assert other.status_code == 401
    answer = office.ask("relayer", "POST", "/submit", content=content, headers=headers(content))
    assert answer.status_code == 200


def test_submissions_of_one_caller_are_limited_by_the_minute() -> None:
    office = Office(is_deployed=False)
    body = office.batch(approval(7))
    for _ in range(SUBMITS_PER_MINUTE):
        assert office.submit(body).status_code == 400
    answer = office.submit(body)
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) >= 1
    office.pass_s(61)
    assert office.submit(body).status_code == 400


def test_after_a_reorg_an_action_is_executed_anew() -> None:
    office = Office()
    submitted = office.submit(office.batch(approval(7)))
    office.pass_s(3)
    assert office.state_of(submitted)["state"] == "STATE_MINED"
    office.world.chain.reorg(3)
    assert office.state_of(submitted)["state"] == "STATE_EXECUTED"
    office.pass_s(12)
    assert office.state_of(submitted)["state"] == "STATE_CONFIRMED"
    assert office.allowance(office.wallet) == 7


def test_an_action_that_is_not_known_is_not_found() -> None:
    office = Office()
    answer = office.ask("relayer", "GET", "/v1/account/transactions/none", headers=office.key)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"type": "MAGIC"}, "invalid request payload"),
        ({"from": "0x12"}, "from: expected"),
        ({"to": RELAY}, "to: expected"),
        ({"nonce": "-1"}, "nonce: expected"),
        ({"nonce": "1" * 79}, "nonce: expected"),
        ({"signature": "0x12"}, "invalid signature"),
        ({"signature": "hello"}, "signature: expected"),
        ({"metadata": "x" * 501}, "metadata must be at most"),
        ({"depositWalletParams": 5}, "invalid request payload"),
    ],
    ids=str,
)
def test_a_submission_that_makes_no_sense_is_refused(change: dict[str, object], text: str) -> None:
    office = Office()
    before = office.image()
    refused(office.submit({**office.batch(approval(7)), **change}), 400, text)
    assert office.image() == before


@pytest.mark.parametrize(
    "data", ["0x", "0x34ee9791", "0x8d80ff0a", "0x8d80ff0a" + "00" * 31 + "20" + "00" * 32]
)
def test_calls_that_cannot_be_read_are_refused(data: str) -> None:
    office = Office()
    content = bytes.fromhex(data[2:])
    safe = office.safe(Call(target=CONTRACTS.safe_multisend, data=content), operation=1)
    refused(office.submit(safe), 400, "data: expected")
    proxy = ProxyTransaction(
        owner=office.signer.address,
        to=CONTRACTS.proxy_factory,
        data=content,
        nonce=0,
        gas_limit=200_000,
        relay=RELAY,
    )
    signature = "0x" + relays.sign_proxy(office.signer, proxy).hex()
    body = {**office.proxy(approval(7)), "data": data, "signature": signature}
    refused(office.submit(body), 400, "data: expected")
    refused(office.submit(office.batch()), 400, "calls: expected 1 to 100")


@pytest.mark.parametrize("path", ["/deployed", "/deployed?address=0x1", "/relay-payload?type=SAFE"])
def test_a_question_without_an_address_is_refused(path: str) -> None:
    assert Office().ask("relayer", "GET", path).status_code == 400


def test_an_oversized_body_is_refused() -> None:
    office = Office()
    answer = office.ask("relayer", "POST", "/submit", content=b"x" * 300_000, headers=office.key)
    assert answer.status_code == 413

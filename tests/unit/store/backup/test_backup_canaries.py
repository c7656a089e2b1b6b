from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.errors import RefusedError
from polyarb.domain.secret import Secret
from polyarb.store.backup.canaries import Canary, CanaryScan, refuse_told_secrets

VALUE = 'hunter2-"quoted"-canary'


def scan(value: str = VALUE) -> CanaryScan:
    return CanaryScan([Canary("BOT_TOKEN", ".env", Secret(value))])


@given(st.binary(max_size=80), st.binary(max_size=80), st.lists(st.integers(0, 200), max_size=6))
def test_a_value_is_found_wherever_a_stream_is_cut(
    before: bytes, after: bytes, cuts: list[int]
) -> None:
    content = before + VALUE.encode() + after
    feed = scan().begin("file")
    edges = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    with pytest.raises(RefusedError, match="BOT_TOKEN"):
        for begin, end in pairwise(edges):
            feed(content[begin:end])


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_nothing_is_found_where_the_value_is_not(pieces: list[bytes]) -> None:
    feed = scan("a value that is not drawn").begin("file")
    for piece in pieces:
        feed(piece)
    assert b"a value that is not drawn" not in b"".join(pieces)


def test_a_value_is_found_as_json_spells_it_too() -> None:
    with pytest.raises(RefusedError):
        scan().begin("file")(b'{"a":"hunter2-\\"quoted\\"-canary"}')


def test_a_finding_names_the_secret_and_the_file_and_never_the_value() -> None:
    with pytest.raises(RefusedError) as caught:
        scan().begin("data/events.jsonl")(VALUE.encode())
    assert "data/events.jsonl" in str(caught.value)
    assert "BOT_TOKEN (.env)" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_short_value_stands_anywhere_by_chance_and_is_not_looked_for() -> None:
    scan("1234567").begin("file")(b"1234567")
    with pytest.raises(RefusedError):
        scan("12345678").begin("file")(b"x12345678x")


def test_one_file_does_not_go_on_where_another_ended() -> None:
    looking = scan("canary-in-two-halves")
    looking.begin("a")(b"canary-in-")
    looking.begin("b")(b"two-halves")
    with pytest.raises(RefusedError):
        looking.begin("c")(b"canary-in-two-halves")


TOLD = {
    "yaml": "private_key: 0xabc123abc",
    "prefixed": "  wallet_private_key: 'abc'",
    "flow": "signer: {kind: local, api_secret: s3cr3ts3cr3t}",
    "json": '{"password":"pa55word"}',
    "escaped json": '{"text":"{\\"api_key\\":\\"abcdef\\"}"}',
    "upper case": "TELEGRAM_BOT_TOKEN=abcdef",
    "mnemonic": "mnemonic: legal winner thank year",
    "digits": "password: 1234567890",
    "pem": "key: |\n  -----BEGIN EC PRIVATE KEY-----",
    "bot": "url: https://api.example.org/bot123456789:" + "A" * 35 + "/send",
    "address": "rpc: https://me:pw@node.example.org/",
    "slack": "to: https://hooks.slack.com/services/T0/B0/x",
}
HARMLESS = {
    "reference": "bot_token: ${TELEGRAM_BOT_TOKEN}",
    "bare reference": "bot_token: $TELEGRAM_BOT_TOKEN",
    "name of a variable": "token_env: TELEGRAM_BOT_TOKEN",
    "null": "api_key: null",
    "nothing": "api_key:",
    "stars": '{"secret":"***"}',
    "comment": "# private_key: put it into .env",
    "market's token": '{"token":"123456","tokens":["1","2"],"token_id":"71321045679252"}',
    "public key": "public_key: " + "a" * 64,
    "condition": "condition_id: 0x" + "a" * 64,
    "address": "rpc: https://node.example.org:8545/a@b",
    "reference in an address": "rpc: https://${USER}:${PASSWORD}@node.example.org/",
    "time": '{"timestamp":"2026-06-07T01:40:00.123456Z"}',
    "count": "secrets: 3",
}


@pytest.mark.parametrize("text", TOLD.values(), ids=TOLD)
def test_a_secret_that_is_told_by_name_or_shape_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match=r"file\.yaml:\d: expected no secret") as caught:
        refuse_told_secrets("file.yaml", text.encode())
    for value in ("0xabc123abc", "s3cr3ts3cr3t", "pa55word", "abcdef", "winner", "A" * 35, "pw@"):
        assert value not in str(caught.value)


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_a_name_a_reference_or_nothing_is_no_secret(text: str) -> None:
    assert refuse_told_secrets("file.yaml", text.encode()) is None


def test_the_line_of_a_told_secret_is_named() -> None:
    with pytest.raises(RefusedError, match=r"a\.yaml:3: .*found a value for api_key"):
        refuse_told_secrets("a.yaml", b"a: 1\nb: \xff\napi_key: abcdefgh\n")

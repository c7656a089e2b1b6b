"""SNTP packets: four times into an offset, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.host.sntp import (
    ROOT_DISTANCE_NS_MAX,
    Exchange,
    Reading,
    Refusal,
    ntp_stamp,
    read_answer,
    request,
    unix_ns,
)
from tests.time_server import Lie, TimeServer, packet

NS = 1_000_000_000
NOW_NS = 1_795_000_000 * NS
NONCE = 0x1234_5678_9ABC_DEF1
ERA_NS = (1 << 32) * NS
BEGIN_2036_NS = (4_294_967_296 - 2_208_988_800) * NS
"""2036-02-07 06:28:16 UTC, when the count of seconds begins anew."""

times = st.integers(0, 2 * ERA_NS)
milliseconds = st.integers(0, 400 * 1_000_000)


def exchange(elapsed_ns: int, *, sent_ns: int = NOW_NS) -> Exchange:
    return Exchange(server="one", nonce=NONCE, sent_ns=sent_ns, elapsed_ns=elapsed_ns)


def answer(received_ns: int, sent_ns: int, **fields: int) -> bytes:
    return packet(NONCE, received=ntp_stamp(received_ns), sent=ntp_stamp(sent_ns), **fields)


def test_a_request_is_a_client_packet_of_version_4_that_carries_only_the_number() -> None:
    asked = request(NONCE)
    assert len(asked) == 48
    assert asked[0] == 0b00_100_011
    assert asked[1:40] == bytes(39)
    assert asked[40:] == NONCE.to_bytes(8, "big")


@given(st.integers(-(10**13), 10**13), milliseconds, milliseconds, milliseconds)
def test_the_offset_is_within_the_uncertainty_and_exact_on_an_even_way(
    offset_ns: int, there_ns: int, held_ns: int, back_ns: int
) -> None:
    arrived_ns = NOW_NS + there_ns + offset_ns
    found = read_answer(
        answer(arrived_ns, arrived_ns + held_ns), exchange(there_ns + held_ns + back_ns)
    )
    assert isinstance(found, Reading)
    assert found.delay_ns == there_ns + back_ns
    assert abs(found.offset_ns - offset_ns) <= found.uncertainty_ns
    if there_ns == back_ns:
        assert found.offset_ns == offset_ns


def test_four_times_give_the_offset_and_delay_of_the_rfc() -> None:
    # Ours is 10:00:00.000 and .100; the server says 10:00:05.040 and .060.
    found = read_answer(
        answer(NOW_NS + 5_040_000_000, NOW_NS + 5_060_000_000), exchange(100_000_000)
    )
    assert isinstance(found, Reading)
    assert (found.offset_ns, found.delay_ns) == (5_000_000_000, 80_000_000)


@given(times, st.integers(-(ERA_NS // 2) + NS, ERA_NS // 2 - NS))
def test_a_stamp_is_read_back_in_the_era_nearest_to_our_time(time_ns: int, error_ns: int) -> None:
    assert unix_ns(ntp_stamp(time_ns), near_ns=time_ns + error_ns) == time_ns


@pytest.mark.parametrize("offset_ns", [-90 * NS, -1, 0, 1, 90 * NS])
@pytest.mark.parametrize("sent_ns", [BEGIN_2036_NS - 1, BEGIN_2036_NS, BEGIN_2036_NS + 40 * NS])
def test_the_new_count_of_2036_changes_nothing(sent_ns: int, offset_ns: int) -> None:
    time_ns = sent_ns + offset_ns
    found = read_answer(answer(time_ns, time_ns), exchange(0, sent_ns=sent_ns))
    # A stamp of nothing but zeros means that there is no time, even in the moment it is right.
    if time_ns == BEGIN_2036_NS:
        assert found is Refusal.NO_TIME
    else:
        assert isinstance(found, Reading)
        assert found.offset_ns == offset_ns


@pytest.mark.parametrize(
    ("lie", "refusal"),
    [
        (Lie.SHORT, Refusal.SHORT),
        (Lie.GARBAGE, Refusal.NOT_AN_ANSWER),
        (Lie.OF_A_CLIENT, Refusal.NOT_AN_ANSWER),
        (Lie.WRONG_ORIGIN, Refusal.WRONG_ORIGIN),
        (Lie.KISS_OF_DEATH, Refusal.KISS_OF_DEATH),
        (Lie.STRATUM_16, Refusal.UNSYNCHRONISED),
        (Lie.UNSYNCHRONISED, Refusal.UNSYNCHRONISED),
        (Lie.FAR, Refusal.TOO_FAR),
        (Lie.NO_TIME, Refusal.NO_TIME),
        (Lie.BACKWARDS, Refusal.IMPOSSIBLE),
    ],
)
def test_a_wrong_answer_is_refused_for_what_is_wrong(lie: Lie, refusal: Refusal) -> None:
    server = TimeServer(lie, now_ns=lambda: NOW_NS)
    (told,) = server.answers(request(NONCE))
    server._socket.close()
    assert read_answer(told, exchange(0)) is refusal


@pytest.mark.parametrize("version", [0, 5, 7])
def test_an_unknown_version_is_no_answer(version: int) -> None:
    told = answer(NOW_NS, NOW_NS, version=version)
    assert read_answer(told, exchange(0)) is Refusal.NOT_AN_ANSWER


@pytest.mark.parametrize("version", [1, 3, 4])
def test_an_older_server_is_understood(version: int) -> None:
    assert isinstance(read_answer(answer(NOW_NS, NOW_NS, version=version), exchange(0)), Reading)


@pytest.mark.parametrize("stratum", [1, 15])
def test_every_synchronised_stratum_is_taken(stratum: int) -> None:
    found = read_answer(answer(NOW_NS, NOW_NS, stratum=stratum), exchange(0))
    assert isinstance(found, Reading)
    assert found.stratum == stratum


def test_a_packet_with_extensions_is_read_by_its_head() -> None:
    assert isinstance(read_answer(answer(NOW_NS, NOW_NS) + bytes(20), exchange(0)), Reading)


def test_the_distance_to_a_reference_clock_is_half_the_delay_and_the_dispersion() -> None:
    told = answer(NOW_NS, NOW_NS, root_delay=1 << 16, root_dispersion=1 << 15)
    found = read_answer(told, exchange(10))
    assert isinstance(found, Reading)
    assert found.root_distance_ns == NS
    assert found.uncertainty_ns == NS + 5


def test_the_farthest_reference_clock_is_still_taken() -> None:
    told = answer(NOW_NS, NOW_NS, root_dispersion=3 << 15)
    found = read_answer(told, exchange(0))
    assert isinstance(found, Reading)
    assert found.root_distance_ns == ROOT_DISTANCE_NS_MAX


def test_a_server_that_held_the_question_longer_than_the_round_trip_took_is_refused() -> None:
    told = answer(NOW_NS, NOW_NS + 3_000_000)
    assert read_answer(told, exchange(1_999_999)) is Refusal.IMPOSSIBLE


def test_clocks_that_tick_unevenly_make_no_delay_negative() -> None:
    found = read_answer(answer(NOW_NS, NOW_NS + 3_000_000), exchange(2_500_000))
    assert isinstance(found, Reading)
    assert found.delay_ns == 0


@given(st.binary(max_size=80))
def test_no_packet_whatever_breaks_the_reader(told: bytes) -> None:
    assert isinstance(read_answer(told, exchange(1_000)), Reading | Refusal)

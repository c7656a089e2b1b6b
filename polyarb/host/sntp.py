"""SNTP packets: what is asked, what an answer says, and which answers are refused and why.

No clock, no I/O. A request carries a random number where its time would stand, so that nobody who
has not seen it can answer. Source: RFC 5905 and RFC 4330.
"""

from enum import StrEnum
from struct import Struct

import msgspec

PORT = 123
PACKET_BYTES = 48
ROOT_DISTANCE_NS_MAX = 1_500_000_000
"""A server farther than this from a reference clock is of no use. Source: RFC 5905, MAXDIST."""
_FIELDS = Struct("!BBbbIIIQQQQ")
_VERSION, _CLIENT, _SERVER = 4, 3, 4
_UNSYNCHRONISED = 3
_STRATUM_MAX = 15
_UNIX_EPOCH_S = 2_208_988_800
"""From 1900 to 1970."""
_ERA_S = 1 << 32
_NS = 1_000_000_000
_SHORT_FRACTION = 1 << 16
_BACKWARDS_NS_MAX = 1_000_000
"""Two clocks that tick unevenly may make a delay negative by this much, not by more."""


class Refusal(StrEnum):
    """Why a time server gave no reading."""

    NO_NAME = "its name was not found"
    UNREACHABLE = "it could not be reached"
    SILENT = "no answer in time"
    SHORT = "the answer is too short"
    NOT_AN_ANSWER = "the answer is not one of a server"
    WRONG_ORIGIN = "the answer is to another question"
    KISS_OF_DEATH = "it asks to be left alone"
    UNSYNCHRONISED = "its own clock is not synchronised"
    TOO_FAR = "it is too far from a reference clock"
    NO_TIME = "the answer holds no time"
    IMPOSSIBLE = "its times contradict the round trip"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one server said of our clock: offset is what must be added to ours. Units: ns."""

    server: str
    offset_ns: int
    delay_ns: int
    root_distance_ns: int
    stratum: int

    @property
    def uncertainty_ns(self) -> int:
        """Bound the error: either way may have taken the whole delay."""
        return -(-self.delay_ns // 2) + self.root_distance_ns


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What we know of one round trip: the number asked with and our own times of it.

    Units: unix nanoseconds; elapsed is from a clock that never steps.
    """

    server: str
    nonce: int
    sent_ns: int
    elapsed_ns: int


def request(nonce: int) -> bytes:
    """Write a client's packet. Shape: nonce is 64 random bits, not zero."""
    return _FIELDS.pack(_VERSION << 3 | _CLIENT, 0, 0, 0, 0, 0, 0, 0, 0, 0, nonce)


def read_answer(packet: bytes, exchange: Exchange) -> Reading | Refusal:
    """Read a server's packet as the answer to an exchange."""
    if len(packet) < PACKET_BYTES:
        return Refusal.SHORT
    fields = _FIELDS.unpack_from(packet)
    flags, stratum, _, _, root_delay, root_dispersion, _, _, origin, received, sent = fields
    leap, version, mode = flags >> 6, flags >> 3 & 7, flags & 7
    if mode != _SERVER or not 1 <= version <= _VERSION:
        return Refusal.NOT_AN_ANSWER
    if origin != exchange.nonce:
        return Refusal.WRONG_ORIGIN
    if stratum == 0:
        return Refusal.KISS_OF_DEATH
    if leap == _UNSYNCHRONISED or stratum > _STRATUM_MAX:
        return Refusal.UNSYNCHRONISED
    if not received or not sent:
        return Refusal.NO_TIME
    distance_ns = _short_ns(root_delay) // 2 + _short_ns(root_dispersion)
    if distance_ns > ROOT_DISTANCE_NS_MAX:
        return Refusal.TOO_FAR
    told = _Told(received, sent, distance_ns, stratum)
    return _measure(told, exchange)


class _Told(msgspec.Struct, frozen=True):
    received: int
    sent: int
    distance_ns: int
    stratum: int


def _measure(told: _Told, exchange: Exchange) -> Reading | Refusal:
    """Compute offset and delay from the four times. Source: RFC 5905, section 8."""
    arrived_ns = exchange.sent_ns + exchange.elapsed_ns
    received_ns = unix_ns(told.received, near_ns=arrived_ns)
    answered_ns = unix_ns(told.sent, near_ns=received_ns)
    delay_ns = exchange.elapsed_ns - (answered_ns - received_ns)
    if answered_ns < received_ns or delay_ns < -_BACKWARDS_NS_MAX:
        return Refusal.IMPOSSIBLE
    return Reading(
        server=exchange.server,
        offset_ns=((received_ns - exchange.sent_ns) + (answered_ns - arrived_ns)) // 2,
        delay_ns=max(delay_ns, 0),
        root_distance_ns=told.distance_ns,
        stratum=told.stratum,
    )


def unix_ns(stamp: int, *, near_ns: int) -> int:
    """Read a 64-bit NTP time in the era nearest to a moment: the count begins anew in 2036."""
    seconds = (stamp >> 32) - _UNIX_EPOCH_S
    fraction_ns = (stamp & 0xFFFFFFFF) * _NS >> 32
    era = (near_ns // _NS - seconds + _ERA_S // 2) // _ERA_S
    return (seconds + era * _ERA_S) * _NS + fraction_ns


def ntp_stamp(time_ns: int) -> int:
    """Write unix nanoseconds as a 64-bit NTP time of its era, rounded up."""
    seconds, rest_ns = divmod(time_ns, _NS)
    fraction = -(-(rest_ns << 32) // _NS)
    return ((seconds + _UNIX_EPOCH_S << 32) + fraction) & 0xFFFFFFFFFFFFFFFF


def _short_ns(value: int) -> int:
    return value * _NS // _SHORT_FRACTION

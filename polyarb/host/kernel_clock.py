"""What the kernel knows of its clock: whether something keeps it, how far off, how it is steered.

Read with adjtimex(2), which changes nothing when it is asked for nothing and needs no rights.
"""

import ctypes
import os

import msgspec

_UNSYNCHRONISED = 0x0040
_NANOSECONDS = 0x2000
_PPB_PER_UNIT = 1_000 / (1 << 16)
"""The kernel counts millionths in 16 binary places. Source: adjtimex(2)."""


class KernelClock(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the clock. Units: ns; steered is what is added to its rate, in billionths."""

    is_synchronised: bool
    offset_ns: int
    error_ns_max: int
    steered_ppb: int


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    )
    """The fields that are read; the rest is longer than any system's."""


def read_kernel_clock() -> KernelClock | None:
    """Ask the kernel; None where there is no such question.

    Errors: OSError where asking is forbidden.
    """
    ask = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
    if ask is None:
        return None
    found = _Timex()
    if ask(ctypes.byref(found)) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return kernel_clock(found.status, found.offset, found.maxerror, found.freq)


def kernel_clock(status: int, offset: int, error_us_max: int, frequency: int) -> KernelClock:
    """Read what the kernel answered."""
    return KernelClock(
        is_synchronised=not status & _UNSYNCHRONISED,
        offset_ns=offset if status & _NANOSECONDS else offset * 1_000,
        error_ns_max=error_us_max * 1_000,
        steered_ppb=round(frequency * _PPB_PER_UNIT),
    )

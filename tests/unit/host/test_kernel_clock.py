"""The kernel's word on its clock, as adjtimex(2) gives it."""

import ctypes
import sys

import pytest
from polyarb.host import kernel_clock as module
from polyarb.host.kernel_clock import KernelClock, kernel_clock, read_kernel_clock


def test_status_units_and_frequency_are_read_as_the_manual_says() -> None:
    in_micros = kernel_clock(0x0001, -250, 16_000, -(20 << 16))
    assert in_micros == KernelClock(
        is_synchronised=True, offset_ns=-250_000, error_ns_max=16_000_000, steered_ppb=-20_000
    )
    in_nanos = kernel_clock(0x2041, 250, 16, 3 << 15)
    assert in_nanos == KernelClock(
        is_synchronised=False, offset_ns=250, error_ns_max=16_000, steered_ppb=1_500
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has adjtimex")
def test_this_kernel_answers_within_what_it_may() -> None:
    found = read_kernel_clock()
    if found is not None:
        assert found.error_ns_max >= 0
        assert abs(found.steered_ppb) <= 500_000


def test_where_there_is_no_such_question_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.ctypes, "CDLL", lambda *_args, **_options: object())
    assert read_kernel_clock() is None


def test_a_question_that_is_forbidden_is_a_fault_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Forbidding:
        @staticmethod
        def adjtimex(_asked: object) -> int:
            ctypes.set_errno(1)
            return -1

    monkeypatch.setattr(module.ctypes, "CDLL", lambda *_args, **_options: Forbidding)
    with pytest.raises(PermissionError, match="not permitted"):
        read_kernel_clock()

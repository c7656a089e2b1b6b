"""The exit code of `replay verify`: only runs that were all made again are a yes."""

from functools import reduce

import pytest
from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.replay import tell, worse
from polyarb.research.replay import Comparison, Difference
from polyarb.wiring.replay import RunVerification


def verification(fate: str) -> RunVerification:
    difference = Difference(sequence=7, expected="a", found="b") if fate == "different" else None
    comparison = Comparison(
        run_id="run", events=3, compared=2, is_whole=True, difference=difference
    )
    return RunVerification(
        run_id="run",
        sequence=1,
        is_same_code=True,
        comparison=None if fate == "lost" else comparison,
        reason="no recipe" if fate == "lost" else "",
    )


@pytest.mark.parametrize(
    ("fates", "code"),
    [
        ("", ExitCode.INSUFFICIENT),
        ("same same", ExitCode.DONE),
        ("different same", ExitCode.NO),
        ("same different", ExitCode.NO),
        ("lost", ExitCode.NO),
        ("same lost", ExitCode.NO),
        ("lost same", ExitCode.NO),
    ],
)
def test_one_run_that_was_not_made_again_is_a_no(fates: str, code: ExitCode) -> None:
    found = reduce(worse, map(verification, fates.split()), ExitCode.INSUFFICIENT)
    assert found is code


def test_a_run_that_cannot_be_compared_is_told_with_its_reason() -> None:
    assert tell(verification("lost")) == "run: not comparable: no recipe"

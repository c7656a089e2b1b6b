"""Who is at work has a name, whatever the system knows of them."""

import os
import pwd

import pytest
from polyarb.host.login import login_name

_VARIABLES = ("LOGNAME", "USER", "LNAME", "USERNAME")


def test_the_login_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    assert login_name() == "ada"


def test_a_user_that_is_a_number_alone_is_named_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in _VARIABLES:
        monkeypatch.delenv(variable, raising=False)

    def unknown(number: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert login_name() == f"uid-{os.getuid()}"

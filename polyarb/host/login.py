"""Who is at work: the name that records of deeds carry."""

import getpass
import os


def login_name() -> str:
    """Return the login name of this process's user, its number where the system knows no name.

    A container often runs as a number alone; that must not keep anybody from halting.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"

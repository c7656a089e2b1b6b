"""Tests of polyarb: a package of this name, so that no other of the name `tests` is found first."""

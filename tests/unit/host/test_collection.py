"""While a run is live garbage is collected rarely, and afterwards as before."""

import gc

import pytest
from polyarb.host.collection import YOUNG_OBJECTS, rare_collection


def test_collection_is_rare_inside_and_as_before_outside() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with rare_collection():
        assert gc.get_threshold()[0] == YOUNG_OBJECTS
        assert gc.get_freeze_count() > frozen
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_a_fault_inside_changes_nothing_for_good() -> None:
    before = gc.get_threshold()
    with pytest.raises(KeyError), rare_collection():
        raise KeyError
    assert gc.get_threshold() == before

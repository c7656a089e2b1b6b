"""Adapters of the venue: the real one, its tapes and the shadow that only measures."""

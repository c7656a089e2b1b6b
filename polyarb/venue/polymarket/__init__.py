"""Polymarket's own dialect: the wire, its translation to domain events, and the catalogue."""

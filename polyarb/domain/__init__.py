"""Nouns: units, ids, markets, books, plans, orders, limits, messages. No clock, no I/O."""

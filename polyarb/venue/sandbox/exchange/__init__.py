"""PURE: the sandbox's matching engine: one book a market, its orders, commitments and times."""

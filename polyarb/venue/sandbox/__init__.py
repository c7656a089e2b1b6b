"""A local venue that speaks Polymarket's wire; its world (exchange and chain) is pure."""

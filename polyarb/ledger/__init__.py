"""Double entry folded from the journal: what was expected, matched, settled and seen on chain."""

"""How a phase is won and lost: feasibility, evidence, gates, promotion. No clock, no I/O."""

"""Who trades in the sandbox beside us: scenarios, their founding, seeded agents, recorded books."""

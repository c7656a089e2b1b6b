"""The decision engine: books, detect, size, risk, execute, settle, in order. No clock, no I/O."""

"""Reports: folds of the journal, and the strings that show them; no clock, no I/O."""

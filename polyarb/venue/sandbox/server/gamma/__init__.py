"""The Gamma API: events, markets and search."""

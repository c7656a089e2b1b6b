"""The Data API: positions, trades and activity of an address."""

"""Connections to the market channel: opened, kept alive, opened again."""

"""Backups: what belongs into one, how it is made, verified, restored, and when it may go."""

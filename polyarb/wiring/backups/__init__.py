"""Backups of a workspace: made, verified, restored, drilled."""

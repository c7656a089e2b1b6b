"""Drills: a fault is injected in a temporary workspace and the reaction is looked at."""

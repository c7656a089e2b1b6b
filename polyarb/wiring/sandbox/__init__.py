"""The sandbox around its commands: founded, served, found again, and its faults switched."""

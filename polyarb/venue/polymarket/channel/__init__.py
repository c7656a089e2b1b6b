"""The market channel: its messages, their numerals, and what they are as domain events."""

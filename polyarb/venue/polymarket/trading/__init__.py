"""The venue's private side: orders, cancels, reads and the user channel; answers are values."""

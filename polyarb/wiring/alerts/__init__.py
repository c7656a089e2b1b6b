"""Alerts inside a trader and beside it: sampled, judged, acted on, told."""

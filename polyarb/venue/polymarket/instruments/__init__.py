"""What the venue lists: markets and groups, read from its hosts or from sidecar files."""

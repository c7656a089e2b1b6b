"""Several sources of the same books: which one is believed, and when it no longer is."""

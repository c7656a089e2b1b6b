"""What earlier runs left behind, and how the next one goes on with it."""

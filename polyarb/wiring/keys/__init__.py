"""The wallet's key: where it lies, how it is opened, and what it may sign."""

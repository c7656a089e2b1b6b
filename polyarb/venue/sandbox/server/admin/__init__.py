"""The admin port: what only a sandbox can do."""

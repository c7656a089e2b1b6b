"""The chain of the sandbox: tokens, adapters, blocks and its JSON-RPC face. No clock, no I/O."""

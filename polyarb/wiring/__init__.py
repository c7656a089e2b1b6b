"""Phase x venue -> adapters. The only package that knows all of them; one module a kind of run."""

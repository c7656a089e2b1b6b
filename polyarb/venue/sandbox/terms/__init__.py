"""PURE: the nouns of the sandbox, shared by its exchange, its chain and its servers."""

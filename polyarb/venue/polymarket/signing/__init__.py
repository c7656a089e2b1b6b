"""What is signed and how: order digests, login messages, wallets, contracts. Pure arithmetic."""

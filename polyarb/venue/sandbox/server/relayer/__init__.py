"""The relayer: transactions of wallets that others pay the gas of."""

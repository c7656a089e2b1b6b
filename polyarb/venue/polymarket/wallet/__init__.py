"""What the wallet holds and does on chain: truth is what the chain says, never what was sent.

web3 talks to the node (`node.py`), its codec eth-abi writes and reads calls; its `eth` calls do
not serve: a null in a batch raises there, and only a batch is one node's view of one moment.
Transactions are signed by our own `Signer`: web3 would hold the key in the open.
"""

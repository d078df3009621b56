"""What callers install: the contract, an async client and the `carina` command."""

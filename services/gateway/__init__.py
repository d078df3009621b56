"""HTTP in front of the contract: uploads, live events, results."""

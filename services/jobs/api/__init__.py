"""The contract's side of the service: calls in, answers out."""

"""The gRPC contract: requests in, responses out."""

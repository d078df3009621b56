"""NATS JetStream: one client that publishes, consumes and sets up streams (decision 16)."""

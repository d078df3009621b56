"""NATS JetStream: one client for publishing, consuming and setting up streams."""

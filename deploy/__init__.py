"""How Carina is brought to a machine."""

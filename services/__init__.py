"""The four services of Carina, one process each."""

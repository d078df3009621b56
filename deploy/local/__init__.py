"""The whole system on one Linux machine, without Docker and without root."""

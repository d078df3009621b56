"""Measures throughput, latency and memory: `make bench` writes `bench/report.md`."""

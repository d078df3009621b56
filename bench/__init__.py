"""What is claimed of speed and memory is measured here: `make bench` writes `bench/report.md`."""

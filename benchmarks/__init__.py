"""How fast srbench is, in ratios made in one run: `python -m benchmarks`."""

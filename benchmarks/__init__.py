"""The speed of srbench as ratios measured in one run: `python -m benchmarks`."""

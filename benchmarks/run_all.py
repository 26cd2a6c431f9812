"""`srbench run-all`, first and repeated: the cost of a run with a full cache.

    python benchmarks/run_all.py --data DATA --weights WEIGHTS

Set5 with nearest, bicubic and ESPCN, each time as a command in a new process.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def seconds(command: list[str]) -> float:
    """Wall time of a command that must succeed."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    """Print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    given = parser.parse_args()
    srbench = [sys.executable, "-m", "srbench"]
    with tempfile.TemporaryDirectory() as folder:
        run = [
            *srbench, "run-all", "--data", str(given.data), "--weights", str(given.weights),
            "--datasets", "Set5", "--methods", "nearest,bicubic,espcn", "--border", "replicate",
            "--device", "cpu", "--out", str(Path(folder) / "results"),
        ]  # fmt: skip
        helped = min(seconds([*srbench, "--help"]) for _ in range(3))
        cold = seconds(run)
        warm = min(seconds(run) for _ in range(3))
    print(f"cold {cold:.1f} s, repeated {warm:.2f} s, --help {helped:.2f} s")
    print(f"ratio repeated run-all, against cold: {cold / warm:.1f} (bar 5)")


if __name__ == "__main__":
    main()

"""Every benchmark that prints a ratio, each in its own process, as one table.

    python -m benchmarks --data DATA --weights WEIGHTS [--only metrics,inference]

A ratio says how many times faster ours is; the bar is our target. Both sides of a ratio are
measured alternately in one run, so that other load affects both, but a quiet machine is still
better. Study latency is in seconds with upper bars, and is left out without Chromium.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# Measure this checkout, installed or not.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parent)}
# An installed package is compiled: without this, each run would compile this checkout again.
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    what: str
    value: float
    bar: float | None
    """The target; None if the row only shows the distance from a limit."""
    below: bool = False
    """Whether the value must be below the bar."""

    def __str__(self) -> str:
        value = f"{round(self.value, 2):g}"
        if self.bar is None:
            return f"| {self.what} | {value} | — | — |"
        met = self.value <= self.bar if self.below else self.value >= self.bar
        bar = f"{'≤' if self.below else '≥'} {self.bar:g}"
        return f"| {self.what} | {value} | {bar} | {'yes' if met else '**no**'} |"


def rows_of(name: str, out: str) -> list[Row]:
    """The ratios in the output of a benchmark."""
    rows = [
        Row(what, float(value), float(bar))
        for what, value, bar in re.findall(r"^ratio (.+): ([\d.]+) \(bar ([\d.]+)\)$", out, re.M)
    ]
    if name == "metrics":
        found = re.findall(r"^(PSNR|LPIPS)(.+?) +([\d.]+) +([\d.]+) +\S+$", out, re.M)
        rows += [Row(a + b.rstrip(), float(value), float(bar)) for a, b, value, bar in found]
    if name == "inference":
        found = re.findall(r": ([\d.]+) times", out)
        rows += [Row("SRResNet inference, plain eager network", float(v), 1.6) for v in found]
        found = re.findall(r": ([\d.]+) of the limit", out)
        rows += [Row("SRResNet inference, fp32 convolution limit", float(v), None) for v in found]
    if name == "training":
        found = re.findall(r"^ratio ([\d.]+) .*\nbar ([\d.]+)", out, re.M)
        rows += [Row("training step, plain fp32 eager", float(v), float(bar)) for v, bar in found]
        found = re.findall(r"the step reaches (\d+)%", out)
        rows += [Row("training step, bf16 convolution limit", int(v) / 100, None) for v in found]
    if name == "rating_statistics":
        found = re.findall(r"^\| (.+) \| (.+) \| (\d+) \|$", out, re.M)
        rows += [Row(f"{what}, {against}", float(v), 1.0) for against, what, v in found]
        large = re.findall(r"^\| ([\d,]+) \| ([\d.]+) \|$", out, re.M)
        if large:
            count, cost = large[-1]
            rows.append(
                Row(f"statistics: cost per rating, {count} to 29,328", float(cost), 1.0, True)
            )
    if name == "study_load":
        for name, bar in (("median", 0.4), ("95_percent", 1.5)):
            found = re.search(rf'"next_picture_{name}_s": ([\d.]+)', out)
            if found:
                what = f"seconds until the next picture appears, {name.replace('_percent', ' %')}"
                rows.append(Row(what, float(found[1]), bar, True))
    return rows


def arguments(name: str, data: str, weights: str, folder: Path) -> list[str]:
    """The arguments of a benchmark; creates the files that it needs."""
    if name in ("metrics", "run_all", "whole"):
        images = ["--images", "12"] if name == "metrics" else []
        return ["--data", data, "--weights", weights, *images]
    if name == "rating_statistics":
        return ["--largest", "120000"]
    if name == "study_load":
        results, study = folder / "results", folder / "study"
        srbench = [sys.executable, "-m", "srbench"]
        for command in (
            ["run-all", "--datasets", "sample", "--methods", "nearest,bicubic", "--no-lpips",
             "--out", str(results)],
            ["study", "new", "--from", str(results), "--out", str(study)],
        ):  # fmt: skip
            subprocess.run([*srbench, *command], check=True, capture_output=True, env=ENVIRONMENT)
        return [str(study), "--browsers", "8", "--votes", "8"]
    return []


def main() -> None:
    """Run them and print the table."""
    names = [
        "metrics",
        "inference",
        "training",
        "run_all",
        "whole",
        "rating_statistics",
        "study_load",
    ]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--data", required=True, help="root of the data sets")
    parser.add_argument("--weights", required=True, help="folder of backbone weights")
    parser.add_argument("--only", help=f"comma-separated, of {', '.join(names)}")
    given = parser.parse_args()
    wanted = given.only.split(",") if given.only else names
    if unknown := sorted(set(wanted) - set(names)):
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(names)}")
    print("| ours against | ratio | bar | met |\n|---|---|---|---|", flush=True)
    notes: list[str] = []
    for name in wanted:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                more = arguments(name, given.data, given.weights, Path(folder))
                command = [sys.executable, str(HERE / f"{name}.py"), *more]
                done = subprocess.run(
                    command, check=True, capture_output=True, text=True, env=ENVIRONMENT
                )
                rows = rows_of(name, done.stdout)
            except subprocess.CalledProcessError as error:
                last = (error.stderr or "").strip().splitlines()[-1:]
                rows, done = [], None
                notes.append(f"{name}: left out ({' '.join(last)})")
        if done is not None:
            notes.append(f"{name}: {time.monotonic() - begun:.0f} s")
            if not rows:
                notes.append(f"{name} printed no ratio: {done.stdout.strip()[-200:]}")
        for row in rows:
            print(row, flush=True)
    print("\n" + "; ".join(notes))


if __name__ == "__main__":
    main()
